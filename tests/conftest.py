"""What all tests share: settings out of the environment's reach, and a fresh store of each kind."""

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck, settings

from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.servers import UNSAFE_BUT_FAST, postgres

STORES = ("memory", "sqlite", "postgres")

# Deterministic in CI and at the desk; no test is judged by its time.
settings.register_profile("catalog", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("catalog")

_POSTGRES_URL = "CATALOG_TEST_POSTGRES_URL"
_numbers = count(1)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the machine's settings, and files like .env, away from the tests."""
    for name in os.environ:
        if name.startswith("CATALOG_") and not name.startswith("CATALOG_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Take back what a test set up for logging: it may write to a stream that is closed by now."""
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a Postgres: the one that CATALOG_TEST_POSTGRES_URL names, else one from the wheel."""
    given = os.environ.get(_POSTGRES_URL)
    if given:
        yield given
        return
    with postgres(UNSAFE_BUT_FAST) as server:
        yield server.url()


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _migrate(url: str) -> None:
    storage = open_store(StorageOptions(url))
    await storage.migrate()
    await storage.close()


@dataclass(frozen=True, slots=True)
class Databases:
    """Makes databases on a Postgres: empty ones, or with the schema."""

    server: str

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"{self.server.rpartition('/')[0]}/{name}"

    async def create(self, template: str = "template0") -> str:
        """Create a database, and return its name."""
        name = f"catalog_test_{os.getpid()}_{next(_numbers)}"
        # Copying its files takes a sixth of the time that writing them through the log takes.
        await _execute(self.server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    async def drop(self, name: str) -> None:
        """Drop it, whoever is connected still."""
        await _execute(self.server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def databases(postgres_url: str) -> Databases:
    """The Postgres, to make databases on."""
    return Databases(postgres_url)


@pytest.fixture(scope="session")
def postgres_template(databases: Databases) -> Iterator[str]:
    """A migrated database, to copy from."""
    name = asyncio.run(databases.create())
    asyncio.run(_migrate(databases.url(name)))
    yield name
    asyncio.run(databases.drop(name))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to copy from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """Each kind of store in turn."""
    kind: str = request.param
    return kind


@pytest.fixture
def store_url(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh store, with its schema."""
    if store == "memory":
        yield "memory://"
    elif store == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "catalog.db")
        yield f"sqlite:///{tmp_path / 'catalog.db'}"
    else:
        databases: Databases = request.getfixturevalue("databases")
        name = asyncio.run(databases.create(request.getfixturevalue("postgres_template")))
        yield databases.url(name)
        asyncio.run(databases.drop(name))


@pytest.fixture
async def storage(store_url: str) -> AsyncIterator[Storage]:
    """A fresh store, open."""
    opened = open_store(StorageOptions(store_url))
    await opened.open()
    yield opened
    await opened.close()
