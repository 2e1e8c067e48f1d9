"""Shared fixtures: isolation from the environment's settings, and a fresh store of each kind."""

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
from tests import printed_secrets
from tests.servers import UNSAFE_BUT_FAST, postgres

STORES = ("memory", "sqlite", "postgres")

# Deterministic in CI and locally; no deadline per example.
settings.register_profile("catalog", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("catalog")

_POSTGRES_URL = "CATALOG_TEST_POSTGRES_URL"
_numbers = count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Search what the tests print for secrets."""
    printed_secrets.pytest_configure(config)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests that need a browser, unless they are named."""
    is_left_out = collection_path == Path(__file__).parent / "browser" and not any("browser" in named for named in config.args)
    return True if is_left_out else None


@pytest.fixture(autouse=True)
def _isolated_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Isolate the tests from environment variables and files such as .env."""
    for name in os.environ:
        if name.startswith("CATALOG_") and not name.startswith("CATALOG_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _reset_logging() -> Iterator[None]:
    """Reset logging after each test; its handlers may write to a closed stream."""
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a Postgres server: CATALOG_TEST_POSTGRES_URL if set, else a server from the wheel."""
    url = os.environ.get(_POSTGRES_URL)
    if url:
        yield url
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
    """Creates databases on a Postgres server, empty or with the schema."""

    server: str

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"{self.server.rpartition('/')[0]}/{name}"

    async def create(self, template: str = "template0") -> str:
        """Create a database and return its name."""
        name = f"catalog_test_{os.getpid()}_{next(_numbers)}"
        # Copying the files takes a sixth of the time of writing them to the WAL.
        await _execute(self.server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    async def drop(self, name: str) -> None:
        """Drop a database, and end its open connections."""
        await _execute(self.server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def databases(postgres_url: str) -> Databases:
    """Databases on the shared Postgres server."""
    return Databases(postgres_url)


@pytest.fixture(scope="session")
def postgres_template(databases: Databases) -> Iterator[str]:
    """The name of a migrated database to copy from."""
    name = asyncio.run(databases.create())
    asyncio.run(_migrate(databases.url(name)))
    yield name
    asyncio.run(databases.drop(name))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a migrated SQLite file to copy from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store; the test runs once per kind."""
    kind: str = request.param
    return kind


@pytest.fixture
def store_url(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh store with the current schema."""
    if store in ("memory", "minimal"):
        yield f"{store}://"
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
    """A fresh, open store."""
    opened = open_store(StorageOptions(store_url))
    await opened.open()
    yield opened
    await opened.close()
