"""SQLite checkpoints run only under the write lock, which rules out the WAL-reset bug before 3.51.3 (ADR 19)."""

import ast
import asyncio
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import catalog
from catalog.adapters.sql.storage import SqlStorage
from catalog.adapters.sqlite import wal_checkpoints
from catalog.adapters.sqlite.wal_checkpoints import WritingConnection
from catalog.adapters.system import RandomIds, SystemClock
from catalog.application.items.items import Items
from catalog.domain.change import Origin
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions

PROCESSES, CREATES = 4, 30

WRITER_PROGRAM = """
import asyncio, sys
from catalog.adapters.sqlite import wal_checkpoints
wal_checkpoints.PAGES = 1
from catalog.adapters.system import RandomIds, SystemClock
from catalog.application.items.items import Items
from catalog.domain.change import Origin
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions

async def main(url, name, creates):
    storage = open_store(StorageOptions(url, deadline=60))
    items = Items(storage, SystemClock(), RandomIds())
    for number in range(creates):
        await items.create({"sku": f"{name}-{number}", "name": f"Thing {number}", "description": "x" * 5000}, Origin("test"))
        if number % 10 == 9:  # closing the last connection checkpoints too
            await storage.close()
            storage = open_store(StorageOptions(url, deadline=60))
            items = Items(storage, SystemClock(), RandomIds())
    await storage.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    """A database file with the schema."""
    path = tmp_path / "catalog.db"
    shutil.copy(sqlite_template, path)
    return path


@pytest.fixture
def outsider(file: Path) -> Iterator[sqlite3.Connection]:
    """Another connection, so that the store's connection is not the last one to close."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=0)
    connection.execute("SELECT * FROM alembic_version").fetchall()
    yield connection
    connection.close()


def _open_storage(file: Path) -> SqlStorage:
    storage = open_store(StorageOptions(f"sqlite:///{file}"))
    assert isinstance(storage, SqlStorage)
    return storage


def _items(storage: SqlStorage) -> Items:
    return Items(storage, SystemClock(), RandomIds())


def _wal_size(file: Path) -> int:
    return Path(f"{file}-wal").stat().st_size


def _pages_to_checkpoint(outsider: sqlite3.Connection) -> int:
    """Return the number of pages in the WAL that are not in the database file yet."""
    _, logged, copied = outsider.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(logged - copied)


async def test_no_connection_checkpoints_automatically(file: Path) -> None:
    """Automatic checkpoints are off on every connection, because they run without the write lock."""
    storage = _open_storage(file)
    engines = storage._engines
    for engine in (engines.reading, engines.writing, engines.watching, engines.streaming, engines.migrating()):
        async with engine.connect() as connection:
            assert (await connection.exec_driver_sql("PRAGMA wal_autocheckpoint")).scalar() == 0
        await engine.dispose()
    await storage.close()


async def test_every_writing_connection_checkpoints_under_the_lock(file: Path) -> None:
    """The writer and migrations use connections that checkpoint under the write lock."""
    storage = _open_storage(file)
    for engine in (storage._engines.writing, storage._engines.migrating()):
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            assert isinstance(driver._conn, WritingConnection)
        await engine.dispose()
    await storage.close()


def test_no_other_connection_can_write_during_a_checkpoint(
    file: Path, outsider: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint excludes writes, because a write could restart the WAL, and a restart during a checkpoint damages the file."""
    monkeypatch.setattr(wal_checkpoints, "PAGES", 1)
    attempts: list[str] = []

    def try_to_write(statement: str) -> None:
        try:
            outsider.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            attempts.append(f"{statement}: {error}")
        else:
            outsider.execute("ROLLBACK")
            attempts.append(f"{statement}: another connection could write")

    connection = WritingConnection(str(file), isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    for _ in range(2):
        connection.begin()
        connection.execute("UPDATE log_head SET seq = seq")
        connection.execute("COMMIT")
    assert connection._checkpointer is not None
    connection._checkpointer.set_trace_callback(try_to_write)
    connection.begin()
    connection.execute("UPDATE log_head SET seq = seq")
    connection.execute("COMMIT")
    connection.close()
    assert attempts == ["PRAGMA wal_checkpoint(PASSIVE): database is locked"] * 2
    assert outsider.execute("BEGIN IMMEDIATE") is not None


def test_only_one_module_runs_checkpoints() -> None:
    """Only the module that holds the write lock runs checkpoints."""
    source = Path(catalog.__file__).parent
    modules = [
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and "wal_checkpoint" in str(node.value)
    ]
    assert modules == ["adapters/sqlite/wal_checkpoints.py"]


async def test_the_wal_does_not_grow_without_limit(file: Path, outsider: sqlite3.Connection) -> None:
    """The WAL is checkpointed about every thousand pages, and then restarts."""
    storage = _open_storage(file)
    for number in range(400):
        await _items(storage).create({"sku": f"A-{number}", "name": "Chair"}, Origin("test"))
    assert _wal_size(file) < 2 * wal_checkpoints.PAGES * 4096
    await storage.close()
    assert _pages_to_checkpoint(outsider) == 0


async def test_closing_a_store_checkpoints_its_writes(file: Path, outsider: sqlite3.Connection) -> None:
    """Closing a store checkpoints its writes.

    Otherwise a thousand commands beside an idle service would leave gigabytes in the WAL.
    """
    storage = _open_storage(file)
    await _items(storage).create({"sku": "A-1", "name": "Chair"}, Origin("test"))
    await storage.close()
    _, logged, copied = outsider.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert logged == copied > 0
    outsider.execute("BEGIN IMMEDIATE")
    outsider.execute("UPDATE log_head SET seq = seq")
    outsider.execute("COMMIT")
    assert _wal_size(file) <= (logged + 1) * (4096 + 24) + 32


async def test_a_failing_checkpoint_does_not_fail_a_write(
    file: Path, outsider: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write succeeds even if its checkpoint fails, because the WAL still has it."""
    monkeypatch.setattr(wal_checkpoints, "PAGES", 1)

    def fail(self: WritingConnection) -> None:
        message = "disk I/O error"
        raise sqlite3.OperationalError(message)

    monkeypatch.setattr(WritingConnection, "_checkpoint", fail)
    storage = _open_storage(file)
    for number in range(3):
        await _items(storage).create({"sku": f"A-{number}", "name": "Chair"}, Origin("test"))
    await storage.close()
    assert outsider.execute("SELECT count(*) FROM items").fetchone() == (3,)


async def test_four_processes_can_write_and_checkpoint_one_file(file: Path) -> None:
    """Each process checkpoints at every write and reopens the file repeatedly. No write is lost, and the file stays intact."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER_PROGRAM, f"sqlite:///{file}", f"P{number}", str(CREATES)
        )
        for number in range(PROCESSES)
    ]
    assert [await process.wait() for process in processes] == [0] * PROCESSES
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT count(*) FROM items").fetchone() == (PROCESSES * CREATES,)
    assert connection.execute("SELECT seq FROM log_head").fetchone() == (PROCESSES * CREATES,)
    connection.close()
