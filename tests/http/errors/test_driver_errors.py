"""A store that fails: callers are told in plain words, the log has the driver's, and nothing of those reaches a caller."""

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from catalog.domain.errors import StoreUnavailable
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.log_config import configure
from catalog.entrypoints.settings import CacheSettings, LogSettings, Settings, StorageSettings
from tests.conftest import Databases
from tests.http.conftest import asked
from tests.servers import UNSAFE_BUT_FAST, free_port, postgres

ITEMS = "/api/v1/items"
ROLE, DATABASE, PASSWORD = "role-of-ours", "database-of-ours", "secret-of-ours"
SECRETS = (
    ROLE,
    DATABASE,
    PASSWORD,
    "127.0.0.1",
    "host-of-ours",
    "catalog_test_",
    "asyncpg",
    "sqlite3",
    "aiosqlite",
    ".db",
    "Error",
)


@pytest.fixture
async def role(postgres_url: str) -> AsyncIterator[str]:
    """A role that may log in once at a time, and nothing else."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE ROLE \"{ROLE}\" LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 1")
    yield ROLE
    await connection.execute(f'DROP OWNED BY "{ROLE}"')
    await connection.execute(f'DROP ROLE "{ROLE}"')
    await connection.close()


async def answers(logs: pytest.CaptureFixture[str], url: str, pragma: str | None) -> list[tuple[httpx.Response, str]]:
    """Ask for a list, for an item, and for a write; return each answer, and what the log has about it."""
    configure(LogSettings(format="json"))
    container = Container(settings=Settings(storage=StorageSettings(url=url, migrate=False), cache=CacheSettings(ttl_seconds=0)))
    found: list[tuple[httpx.Response, str]] = []
    if pragma is not None:
        storage = container.storage()
        await storage._writing.run(lambda held: held.driver.execute(pragma))  # type: ignore[attr-defined]
    async with asked(create_app(container)) as client:
        for ask in (
            client.get(ITEMS),
            client.get(f"{ITEMS}/S-1"),
            client.post(ITEMS, json={"name": "x", "sku": "X", "description": "x" * 5_000}),
        ):
            logs.readouterr()
            response = await ask
            found.append((response, logs.readouterr().err))
    await container.storage().close()
    return found


async def are_plain(
    logs: pytest.CaptureFixture[str], url: str, says: str, logged: str, *, writes_only: bool = False, pragma: str | None = None
) -> None:
    """Check every answer of a store that fails."""
    for response, log in (await answers(logs, url, pragma))[2 if writes_only else 0 :]:
        expected = (507, "out_of_space") if "is full" in says else (503, "store_unavailable")
        assert (response.status_code, response.json()["code"]) == expected, response.text
        assert says in response.json()["detail"]
        assert not [secret for secret in (*SECRETS, logged) if secret in response.text], response.text
        assert logged in log
        assert PASSWORD not in log


async def test_a_role_that_is_not_there(capsys: pytest.CaptureFixture[str], databases: Databases) -> None:
    """SQLSTATE 28000."""
    parts = urlsplit(databases.server)
    await are_plain(capsys, f"postgresql://{ROLE}@127.0.0.1:{parts.port}/postgres", "refuses the connection", "does not exist")


async def test_a_database_that_is_not_there(capsys: pytest.CaptureFixture[str], databases: Databases) -> None:
    """SQLSTATE 3D000."""
    await are_plain(capsys, databases.url(DATABASE), "refuses the connection", "does not exist")


async def test_a_wrong_password(capsys: pytest.CaptureFixture[str]) -> None:
    """SQLSTATE 28P01; on a server that asks for passwords."""
    with postgres(UNSAFE_BUT_FAST) as server:
        connection = await asyncpg.connect(server.url())
        await connection.execute(f"CREATE ROLE \"{ROLE}\" LOGIN PASSWORD 'another'")
        access = server.home / "data" / "pg_hba.conf"
        access.write_text(f'host all "{ROLE}" 127.0.0.1/32 scram-sha-256\n{access.read_text()}')
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
        url = server.url().replace("catalog@", f"{ROLE}:{PASSWORD}@")
        await are_plain(capsys, url, "refuses the connection", "password authentication failed")


async def test_too_many_connections(capsys: pytest.CaptureFixture[str], databases: Databases, role: str) -> None:
    """SQLSTATE 53300."""
    url = databases.url("postgres").replace("catalog@", f"{role}@")
    holder = await asyncpg.connect(url)
    await are_plain(capsys, url, "out of resources", "too many connections")
    await holder.close()


async def test_a_role_that_may_not_read(
    capsys: pytest.CaptureFixture[str], databases: Databases, postgres_template: str, role: str, postgres_url: str
) -> None:
    """SQLSTATE 42501."""
    name = await databases.create(postgres_template)
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f'ALTER ROLE "{role}" CONNECTION LIMIT 10')
    await are_plain(capsys, databases.url(name).replace("catalog@", f"{role}@"), "does not permit", "permission denied for")
    await admin.close()
    await databases.drop(name)


async def test_a_database_that_takes_no_writes(
    capsys: pytest.CaptureFixture[str], databases: Databases, postgres_template: str, postgres_url: str
) -> None:
    """SQLSTATE 25006: a standby, or one that was set to read only."""
    name = await databases.create(postgres_template)
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await are_plain(capsys, databases.url(name), "does not accept writes", "read-only transaction", writes_only=True)
    await admin.close()
    await databases.drop(name)


async def test_a_server_that_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody listens at its port."""
    await are_plain(capsys, f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{free_port()}/{DATABASE}", "cannot be reached", "Connect")


async def test_a_host_that_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    """No name server knows it."""
    await are_plain(capsys, f"postgresql://{ROLE}:{PASSWORD}@host-of-ours.invalid/{DATABASE}", "cannot be reached", "rror(")


@asynccontextmanager
async def broken(kind: str, template: Path, folder: Path) -> AsyncIterator[str]:
    """Make a file that SQLite cannot work with, and return its path."""
    path = folder / "catalog.db"
    async with AsyncExitStack() as after:
        if kind == "no directory":
            path = folder / "nowhere" / "catalog.db"
        elif kind == "a directory":
            path.mkdir()
        elif kind == "no database":
            path.write_text("This is text.\n" * 1_000)
        elif kind == "damaged":
            shutil.copy(template, path)
            with path.open("r+b") as file:
                file.seek(4_096)
                file.write(os.urandom(path.stat().st_size - 4_096))
        elif kind == "locked":
            shutil.copy(template, path)
            holder = sqlite3.connect(path, isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            after.callback(holder.close)
        yield str(path)


@pytest.mark.parametrize(
    ("kind", "says", "logged", "writes_only"),
    [
        ("no directory", "cannot be opened", "unable to open database file", False),
        ("a directory", "cannot be opened", "unable to open database file", False),
        ("no database", "is not a SQLite database", "file is not a database", False),
        ("damaged", "is damaged", "malformed", False),
        ("locked", "has locked it", "database is locked", True),
    ],
)
async def test_a_file_that_sqlite_cannot_work_with(  # noqa: PLR0913 - fixtures and a table of cases
    capsys: pytest.CaptureFixture[str],
    sqlite_template: Path,
    tmp_path: Path,
    kind: str,
    says: str,
    logged: str,
    *,
    writes_only: bool,
) -> None:
    """Each in its own words."""
    async with broken(kind, sqlite_template, tmp_path) as path:
        await are_plain(capsys, f"sqlite:///{path}", says, logged, writes_only=writes_only)


@pytest.mark.parametrize(
    ("pragma", "says", "logged"),
    [
        ("PRAGMA max_page_count = 1", "SQLite file is full", "database or disk is full"),
        ("PRAGMA query_only = ON", "is read-only", "attempt to write a readonly database"),
    ],
)
async def test_a_file_that_sqlite_cannot_write(
    capsys: pytest.CaptureFixture[str], sqlite_template: Path, tmp_path: Path, pragma: str, says: str, logged: str
) -> None:
    """A full disk, and a file that may only be read: as root can see them too."""
    shutil.copy(sqlite_template, tmp_path / "catalog.db")
    await are_plain(capsys, f"sqlite:///{tmp_path / 'catalog.db'}", says, logged, writes_only=True, pragma=pragma)


def test_an_operator_is_told_the_drivers_words() -> None:
    """What doctor may print; where the driver said nothing, the kind of its error."""
    for cause, reason in ((None, None), (OSError("no route to host"), "no route to host"), (TimeoutError(), "TimeoutError")):
        error = StoreUnavailable("PostgreSQL cannot be reached.")
        error.__cause__ = cause
        assert error.reason == reason
