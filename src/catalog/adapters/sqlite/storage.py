"""The SQLite store: a file in WAL mode, many readers and one writing connection a process."""

import asyncio
import sqlite3
import time
from threading import Thread
from typing import Any

import aiosqlite
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from catalog.adapters.sql.storage import MAX_STREAMS, Engines, SqlStorage
from catalog.adapters.sqlite.dialect import SqliteDialect
from catalog.adapters.sqlite.wal_checkpoints import WritingConnection
from catalog.ports.storage import StorageOptions

_MIGRATION_WAIT = 60.0


def open_sqlite(options: StorageOptions) -> SqlStorage:
    """Make the store for `sqlite:///catalog.db` (a path from here) or `sqlite:////srv/catalog.db` (from the root).

    Raises ValueError when the URL names no file.
    """
    path = options.url.partition(":///")[2]
    if not path or path == ":memory:":
        message = "SQLite needs a file: sqlite:///catalog.db; a catalog that need not last is memory://"
        raise ValueError(message)
    if "?" in path:
        message = "SQLite URLs have no parameters; remove the question mark and what follows it"
        raise ValueError(message)
    engines = Engines(
        reading=_engine(path, options.deadline, read_only=True, pool_size=options.pool_size, max_overflow=options.pool_overflow),
        writing=_engine(path, options.deadline, read_only=False, pool_size=1, max_overflow=0),
        watching=_engine(path, options.deadline, read_only=True, pool_size=1, max_overflow=0),
        streaming=_engine(
            path, options.deadline, read_only=True, pool_size=0, max_overflow=MAX_STREAMS, pool_timeout=options.deadline
        ),
        migrating=lambda: _migrating(path),
        deadline=None,
        keep_idle=options.pool_size,
        limit=options.pool_size + options.pool_overflow,
        wait=options.deadline,
    )
    return SqlStorage(engines, SqliteDialect(), queue=options.max_pending_writes)


def _engine(path: str, wait: float, *, read_only: bool, **pool: float) -> AsyncEngine:
    """Make connections on which each statement is by itself, unless a transaction is begun in so many words."""
    engine = create_async_engine(
        _url(path),
        async_creator=lambda: _connected(path, read_only=read_only),
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
        **pool,
    )
    _prepare(engine, wait=wait, read_only=read_only)
    return engine


def _migrating(path: str) -> AsyncEngine:
    """Make the connection that migrates. It takes the write lock as it begins, for a late one fails at once, unwaited."""
    engine = create_async_engine(_url(path), async_creator=lambda: _connected(path, read_only=False), pool_size=1, max_overflow=0)
    _prepare(engine, wait=_MIGRATION_WAIT, read_only=False)

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _url(path: str) -> URL:
    return URL.create("sqlite+aiosqlite", database=path)


async def _connected(path: str, *, read_only: bool) -> aiosqlite.Connection:
    """Open the file. Where that fails, wait for the driver's thread to end: it would speak to a loop that is closed by then."""
    connecting = aiosqlite.connect(path, factory=sqlite3.Connection if read_only else WritingConnection)
    thread: Thread = connecting._thread  # noqa: SLF001 - as SQLAlchemy does: the process must not wait for it at its end
    thread.daemon = True
    try:
        return await connecting
    except BaseException:
        await asyncio.to_thread(thread.join)
        raise


def _prepare(engine: AsyncEngine, *, wait: float, read_only: bool) -> None:
    """Set each new connection up."""

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
        _write_ahead(connection, cursor, wait)
        # An automatic checkpoint runs without the write lock, which is unsafe before SQLite 3.51.3 (see checkpointing).
        cursor.execute("PRAGMA wal_autocheckpoint = 0")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -4096")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()


def _write_ahead(connection: Any, cursor: Any, wait: float) -> None:  # noqa: ANN401 - SQLAlchemy's adapters
    """Switch to the write-ahead log. Where several processes do so at once, SQLite says busy without waiting."""
    until = time.monotonic() + wait
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            connection.run_async(lambda _: asyncio.sleep(0.01))
        else:
            return
