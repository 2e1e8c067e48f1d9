"""Engines for a SQLite file in WAL mode, with many reading connections and one writing connection for each database object."""

import asyncio
import sqlite3
import time
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from catalog.adapters.sql.database import MAX_STREAMS, Engines, SqlDatabase
from catalog.adapters.sqlite.aiosqlite_internals import connect
from catalog.adapters.sqlite.dialect import SqliteDialect
from catalog.adapters.sqlite.wal_checkpoints import WritingConnection
from catalog.ports.storage import StorageOptions

_MIGRATION_WAIT = 60.0
"""Seconds to wait for the write lock when migrating."""


class SqliteDatabase(NamedTuple):
    """A database and its dialect."""

    database: SqlDatabase
    dialect: SqliteDialect


def open_database(options: StorageOptions) -> SqliteDatabase:
    """Return the database for `sqlite:///catalog.db` (relative path) or `sqlite:////srv/catalog.db` (absolute path).

    Raises: ValueError if the URL names no file.
    """
    path = options.url.partition(":///")[2]
    if not path or path == ":memory:":
        message = "SQLite needs a file, for example sqlite:///catalog.db. For a temporary catalog use memory://"
        raise ValueError(message)
    if "?" in path:
        message = "SQLite URLs have no parameters; remove the question mark and everything after it"
        raise ValueError(message)
    engines = Engines(
        reading=_engine(path, options.deadline, read_only=True, pool_size=options.pool_size, max_overflow=options.pool_overflow),
        writing=_engine(path, options.deadline, read_only=False, pool_size=1, max_overflow=0),
        watching=_engine(path, options.deadline, read_only=True, pool_size=1, max_overflow=0),
        streaming=_engine(
            path, options.deadline, read_only=True, pool_size=0, max_overflow=MAX_STREAMS, pool_timeout=options.deadline
        ),
        migrating=lambda: _migrating_engine(path),
        deadline=None,
        keep_idle=options.pool_size,
        limit=options.pool_size + options.pool_overflow,
        wait=options.deadline,
    )
    dialect = SqliteDialect()
    return SqliteDatabase(SqlDatabase(engines, dialect), dialect)


def _engine(path: str, wait: float, *, read_only: bool, **pool: float) -> AsyncEngine:
    """Create an engine whose connections autocommit outside explicit transactions. `wait` is the busy timeout in seconds."""
    engine = create_async_engine(
        _url(path),
        async_creator=lambda: connect(path, sqlite3.Connection if read_only else WritingConnection),
        isolation_level="AUTOCOMMIT",
        pool_reset_on_return=None,
        **pool,
    )
    _configure_connections(engine, wait=wait, read_only=read_only)
    return engine


def _migrating_engine(path: str) -> AsyncEngine:
    """Create the engine for migrations. BEGIN IMMEDIATE waits for the write lock; asking for it later fails without waiting."""
    engine = create_async_engine(_url(path), async_creator=lambda: connect(path, WritingConnection), pool_size=1, max_overflow=0)
    _configure_connections(engine, wait=_MIGRATION_WAIT, read_only=False)

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _url(path: str) -> URL:
    return URL.create("sqlite+aiosqlite", database=path)


def _configure_connections(engine: AsyncEngine, *, wait: float, read_only: bool) -> None:
    """Set the pragmas of each new connection."""

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's signature
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
        _enable_wal(connection, cursor, wait)
        # An automatic checkpoint runs without the write lock, which is unsafe before SQLite 3.51.3 (see wal_checkpoints).
        cursor.execute("PRAGMA wal_autocheckpoint = 0")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA cache_size = -4096")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()


def _enable_wal(connection: Any, cursor: Any, wait: float) -> None:  # noqa: ANN401 - SQLAlchemy's adapters
    """Switch to WAL mode. If several processes do so at the same time, SQLite reports busy without waiting, so retry."""
    deadline = time.monotonic() + wait
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            connection.run_async(lambda _: asyncio.sleep(0.01))
        else:
            return
