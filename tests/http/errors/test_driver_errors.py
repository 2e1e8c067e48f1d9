"""Failing databases: clients get a plain sentence, the log gets the driver's message, and no detail leaks to clients."""

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
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import CacheSettings, LogSettings, StorageSettings
from tests.conftest import Databases
from tests.http.making import ITEMS, client_for
from tests.planted_secrets import planted
from tests.servers import UNSAFE_BUT_FAST, free_port, postgres

ROLE, DATABASE, PASSWORD = "role-of-ours", "database-of-ours", planted("secret-of-ours")
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
    """A role that can log in, with at most one connection, and has no other privilege."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE ROLE \"{ROLE}\" LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 1")
    yield ROLE
    await connection.execute(f'DROP OWNED BY "{ROLE}"')
    await connection.execute(f'DROP ROLE "{ROLE}"')
    await connection.close()


async def failing_responses(logs: pytest.CaptureFixture[str], url: str, pragma: str | None) -> list[tuple[httpx.Response, str]]:
    """Send a list request, a read and a write. Return each response with what was logged about it."""
    configure(LogSettings(format="json"))
    container = Container(settings=Settings(storage=StorageSettings(url=url, migrate=False), cache=CacheSettings(ttl_seconds=0)))
    results: list[tuple[httpx.Response, str]] = []
    if pragma is not None:
        storage = container.storage()
        await storage._database._writing.run(lambda connection: connection.driver.execute(pragma))  # type: ignore[attr-defined]
    async with client_for(create_app(container)) as client:
        for request in (
            client.get(ITEMS),
            client.get(f"{ITEMS}/S-1"),
            client.post(ITEMS, json={"name": "x", "sku": "X", "description": "x" * 5_000}),
        ):
            logs.readouterr()
            response = await request
            results.append((response, logs.readouterr().err))
    await container.storage().close()
    return results


async def check_failures(
    logs: pytest.CaptureFixture[str], url: str, says: str, logged: str, *, writes_only: bool = False, pragma: str | None = None
) -> None:
    """Check that each response has the expected code, contains `says` and leaks nothing, and that `logged` is in the log."""
    for response, log in (await failing_responses(logs, url, pragma))[2 if writes_only else 0 :]:
        expected = (507, "out_of_space") if "is full" in says else (503, "store_unavailable")
        assert (response.status_code, response.json()["code"]) == expected, response.text
        assert says in response.json()["detail"]
        assert not [secret for secret in (*SECRETS, logged) if secret in response.text], response.text
        assert logged in log
        assert PASSWORD not in log


async def test_an_unknown_role_is_503(capsys: pytest.CaptureFixture[str], databases: Databases) -> None:
    """SQLSTATE 28000, invalid authorization, is reported as store_unavailable."""
    parts = urlsplit(databases.server)
    await check_failures(
        capsys, f"postgresql://{ROLE}@127.0.0.1:{parts.port}/postgres", "refuses the connection", "does not exist"
    )


async def test_an_unknown_database_is_503(capsys: pytest.CaptureFixture[str], databases: Databases) -> None:
    """SQLSTATE 3D000, invalid catalog name, is reported as store_unavailable."""
    await check_failures(capsys, databases.url(DATABASE), "refuses the connection", "does not exist")


async def test_a_wrong_password_is_503(capsys: pytest.CaptureFixture[str]) -> None:
    """SQLSTATE 28P01, invalid password, is reported as store_unavailable."""
    with postgres(UNSAFE_BUT_FAST) as server:
        connection = await asyncpg.connect(server.url())
        await connection.execute(f"CREATE ROLE \"{ROLE}\" LOGIN PASSWORD 'another'")
        access = server.home / "data" / "pg_hba.conf"
        access.write_text(f'host all "{ROLE}" 127.0.0.1/32 scram-sha-256\n{access.read_text()}')
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
        url = server.url().replace("catalog@", f"{ROLE}:{PASSWORD}@")
        await check_failures(capsys, url, "refuses the connection", "password authentication failed")


async def test_too_many_connections_are_503(capsys: pytest.CaptureFixture[str], databases: Databases, role: str) -> None:
    """SQLSTATE 53300, too many connections, is reported as store_unavailable."""
    url = databases.url("postgres").replace("catalog@", f"{role}@")
    holder = await asyncpg.connect(url)
    await check_failures(capsys, url, "out of resources", "too many connections")
    await holder.close()


async def test_a_missing_privilege_is_503(
    capsys: pytest.CaptureFixture[str], databases: Databases, postgres_template: str, role: str, postgres_url: str
) -> None:
    """SQLSTATE 42501, insufficient privilege, is reported as store_unavailable."""
    name = await databases.create(postgres_template)
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f'ALTER ROLE "{role}" CONNECTION LIMIT 10')
    await check_failures(capsys, databases.url(name).replace("catalog@", f"{role}@"), "does not permit", "permission denied for")
    await admin.close()
    await databases.drop(name)


async def test_a_read_only_database_is_503_for_writes(
    capsys: pytest.CaptureFixture[str], databases: Databases, postgres_template: str, postgres_url: str
) -> None:
    """SQLSTATE 25006, read-only transaction, is what a standby or a read-only database raises."""
    name = await databases.create(postgres_template)
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await check_failures(capsys, databases.url(name), "does not accept writes", "read-only transaction", writes_only=True)
    await admin.close()
    await databases.drop(name)


async def test_a_stopped_server_is_503(capsys: pytest.CaptureFixture[str]) -> None:
    """A refused connection is reported as store_unavailable."""
    await check_failures(
        capsys, f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{free_port()}/{DATABASE}", "cannot be reached", "Connect"
    )


async def test_an_unknown_host_is_503(capsys: pytest.CaptureFixture[str]) -> None:
    """A host name that does not resolve is reported as store_unavailable."""
    await check_failures(capsys, f"postgresql://{ROLE}:{PASSWORD}@host-of-ours.invalid/{DATABASE}", "cannot be reached", "rror(")


@asynccontextmanager
async def unusable_file(kind: str, template: Path, folder: Path) -> AsyncIterator[str]:
    """Make a file that SQLite cannot use, and yield its path."""
    path = folder / "catalog.db"
    async with AsyncExitStack() as stack:
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
            locking_connection = sqlite3.connect(path, isolation_level=None)
            locking_connection.execute("BEGIN IMMEDIATE")
            stack.callback(locking_connection.close)
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
async def test_an_unusable_sqlite_file_is_503(  # noqa: PLR0913 - fixtures and a table of cases
    capsys: pytest.CaptureFixture[str],
    sqlite_template: Path,
    tmp_path: Path,
    kind: str,
    says: str,
    logged: str,
    *,
    writes_only: bool,
) -> None:
    """The detail says what is wrong with the file."""
    async with unusable_file(kind, sqlite_template, tmp_path) as path:
        await check_failures(capsys, f"sqlite:///{path}", says, logged, writes_only=writes_only)


@pytest.mark.parametrize(
    ("pragma", "says", "logged"),
    [
        ("PRAGMA max_page_count = 1", "SQLite file is full", "database or disk is full"),
        ("PRAGMA query_only = ON", "is read-only", "attempt to write a readonly database"),
    ],
)
async def test_an_unwritable_sqlite_file_is_reported_for_writes(
    capsys: pytest.CaptureFixture[str], sqlite_template: Path, tmp_path: Path, pragma: str, says: str, logged: str
) -> None:
    """A full file and a read-only one are simulated with pragmas, which also work for root."""
    shutil.copy(sqlite_template, tmp_path / "catalog.db")
    await check_failures(capsys, f"sqlite:///{tmp_path / 'catalog.db'}", says, logged, writes_only=True, pragma=pragma)


def test_the_reason_of_store_unavailable_is_the_drivers_message() -> None:
    """`reason`, which `catalog doctor` prints, is the message of the cause or, if that is empty, its type."""
    for cause, reason in ((None, None), (OSError("no route to host"), "no route to host"), (TimeoutError(), "TimeoutError")):
        error = StoreUnavailable("PostgreSQL cannot be reached.")
        error.__cause__ = cause
        assert error.reason == reason
