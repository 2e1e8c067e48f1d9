"""Engines for Postgres: a pool for reads, and separate connections for writing and watching, with timeouts for all of them."""

from typing import NamedTuple

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.adapters.postgres.dialect import LOCK_LOG, PostgresDialect
from catalog.adapters.postgres.dsn import Dsn, read_dsn
from catalog.adapters.postgres.sessions import MIGRATION_SETTINGS, STREAM_SECONDS, Sessions, serving_settings
from catalog.adapters.sql.database import MAX_STREAMS, Engines, SqlDatabase
from catalog.ports.storage import StorageOptions

_DRIVER = URL.create("postgresql+asyncpg")  # without an address: asyncpg reads it from the DSN


class PostgresDatabase(NamedTuple):
    """A database and its dialect."""

    database: SqlDatabase
    dialect: PostgresDialect


def open_database(options: StorageOptions, lock: str = LOCK_LOG) -> PostgresDatabase:
    """Return the database for `postgresql://user:password@host/database`, whose transactions begin with `lock`.

    Raises: ValueError if the URL is invalid.
    """
    dsn = read_dsn(options.url)
    sessions = Sessions(options.pooler, application_name=None if dsn.application_name else "catalog")
    engines = Engines(
        reading=_engine(
            sessions,
            dsn,
            options.deadline,
            pool_size=options.pool_size,
            max_overflow=options.pool_overflow,
        ),
        writing=_engine(sessions, dsn, options.deadline, pool_size=1, max_overflow=0),
        watching=_engine(sessions, dsn, options.deadline, pool_size=1, max_overflow=0),
        streaming=_engine(sessions, dsn, STREAM_SECONDS, pool_size=0, max_overflow=MAX_STREAMS, pool_timeout=options.deadline),
        migrating=lambda: sessions.engine(_DRIVER, MIGRATION_SETTINGS, dsn.arguments),
        deadline=2 * options.deadline,
        keep_idle=options.pool_size,
        limit=options.pool_size + options.pool_overflow,
        wait=options.deadline,
    )
    dialect = PostgresDialect(sessions, options.deadline, lock)
    return PostgresDatabase(SqlDatabase(engines, dialect), dialect)


def _engine(sessions: Sessions, dsn: Dsn, deadline: float, **pool: float) -> AsyncEngine:
    """Create an engine with a timeout for each wait: for a connection, and for a statement on the client and on the server."""
    arguments = {**dsn.arguments, "timeout": dsn.connect_timeout or deadline / 2, "command_timeout": deadline}
    return sessions.engine(_DRIVER, serving_settings(deadline), arguments, isolation_level="AUTOCOMMIT", **pool)
