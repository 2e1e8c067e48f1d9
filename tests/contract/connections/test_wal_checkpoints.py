"""Checkpoints of a SQLite file happen only under its write lock, which rules the WAL-reset bug before 3.51.3 out (ADR 19)."""

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

WRITING = """
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
        if number % 10 == 9:  # the last connection to close checkpoints too
            await storage.close()
            storage = open_store(StorageOptions(url, deadline=60))
            items = Items(storage, SystemClock(), RandomIds())
    await storage.close()

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    """A file with the schema."""
    path = tmp_path / "catalog.db"
    shutil.copy(sqlite_template, path)
    return path


@pytest.fixture
def outsider(file: Path) -> Iterator[sqlite3.Connection]:
    """Another connection, which keeps the store's from being the last one."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=0)
    connection.execute("SELECT * FROM alembic_version").fetchall()
    yield connection
    connection.close()


def _open(file: Path) -> SqlStorage:
    storage = open_store(StorageOptions(f"sqlite:///{file}"))
    assert isinstance(storage, SqlStorage)
    return storage


def _items(storage: SqlStorage) -> Items:
    return Items(storage, SystemClock(), RandomIds())


def _size(file: Path) -> int:
    return Path(f"{file}-wal").stat().st_size


def _left(outsider: sqlite3.Connection) -> int:
    """Return the pages of the log that are not in the file yet."""
    _, logged, copied = outsider.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(logged - copied)


async def test_no_connection_checkpoints_by_itself(file: Path) -> None:
    """Automatic checkpoints run without the write lock."""
    storage = _open(file)
    engines = storage._database.engines
    for engine in (engines.reading, engines.writing, engines.watching, engines.streaming, engines.migrating()):
        async with engine.connect() as connection:
            assert (await connection.exec_driver_sql("PRAGMA wal_autocheckpoint")).scalar() == 0
        await engine.dispose()
    await storage.close()


async def test_whoever_writes_is_a_connection_that_checkpoints_under_the_lock(file: Path) -> None:
    """Both the writer and the migrations."""
    storage = _open(file)
    for engine in (storage._database.engines.writing, storage._database.engines.migrating()):
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            assert isinstance(driver._conn, WritingConnection)
        await engine.dispose()
    await storage.close()


def test_nobody_can_write_while_a_checkpoint_runs(
    file: Path, outsider: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a write restarts the log, and a restart during a checkpoint is what damages the file."""
    monkeypatch.setattr(wal_checkpoints, "PAGES", 1)
    seen: list[str] = []

    def rival(statement: str) -> None:
        try:
            outsider.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            seen.append(f"{statement}: {error}")
        else:
            outsider.execute("ROLLBACK")
            seen.append(f"{statement}: another connection could write")

    writing = WritingConnection(str(file), isolation_level=None)
    writing.execute("PRAGMA wal_autocheckpoint = 0")
    for _ in range(2):
        writing.begin()
        writing.execute("UPDATE log_head SET seq = seq")
        writing.execute("COMMIT")
    assert writing._checkpointer is not None
    writing._checkpointer.set_trace_callback(rival)
    writing.begin()
    writing.execute("UPDATE log_head SET seq = seq")
    writing.execute("COMMIT")
    writing.close()
    assert seen == ["PRAGMA wal_checkpoint(PASSIVE): database is locked"] * 2
    assert outsider.execute("BEGIN IMMEDIATE") is not None


def test_a_checkpoint_is_asked_for_in_one_place_only() -> None:
    """Where the lock is held."""
    source = Path(catalog.__file__).parent
    asking = [
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and "wal_checkpoint" in str(node.value)
    ]
    assert asking == ["adapters/sqlite/wal_checkpoints.py"]


async def test_the_log_does_not_grow_without_end(file: Path, outsider: sqlite3.Connection) -> None:
    """It is checkpointed about every thousand pages, and begins anew then."""
    storage = _open(file)
    for number in range(400):
        await _items(storage).create({"sku": f"A-{number}", "name": "Chair"}, Origin("test"))
    assert _size(file) < 2 * wal_checkpoints.PAGES * 4096
    await storage.close()
    assert _left(outsider) == 0


async def test_what_a_short_command_wrote_is_checkpointed_as_it_ends(file: Path, outsider: sqlite3.Connection) -> None:
    """Else a thousand commands beside an idle service would make a log of gigabytes."""
    storage = _open(file)
    await _items(storage).create({"sku": "A-1", "name": "Chair"}, Origin("test"))
    await storage.close()
    _, logged, copied = outsider.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert logged == copied > 0
    outsider.execute("BEGIN IMMEDIATE")
    outsider.execute("UPDATE log_head SET seq = seq")
    outsider.execute("COMMIT")
    assert _size(file) <= (logged + 1) * (4096 + 24) + 32


async def test_a_failing_checkpoint_fails_no_write(
    file: Path, outsider: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log still has everything."""
    monkeypatch.setattr(wal_checkpoints, "PAGES", 1)

    def fails(self: WritingConnection) -> None:
        message = "disk I/O error"
        raise sqlite3.OperationalError(message)

    monkeypatch.setattr(WritingConnection, "_checkpoint", fails)
    storage = _open(file)
    for number in range(3):
        await _items(storage).create({"sku": f"A-{number}", "name": "Chair"}, Origin("test"))
    await storage.close()
    assert outsider.execute("SELECT count(*) FROM items").fetchone() == (3,)


async def test_four_processes_write_and_checkpoint_one_file_without_harm(file: Path) -> None:
    """Each checkpoints at every write, opens and closes the file, and loses nothing."""
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", WRITING, f"sqlite:///{file}", f"P{number}", str(CREATES))
        for number in range(PROCESSES)
    ]
    assert [await process.wait() for process in processes] == [0] * PROCESSES
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT count(*) FROM items").fetchone() == (PROCESSES * CREATES,)
    assert connection.execute("SELECT seq FROM log_head").fetchone() == (PROCESSES * CREATES,)
    connection.close()
