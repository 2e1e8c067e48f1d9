"""The Postgres store: a pool that reads, one connection a process that writes and one that watches, each with deadlines."""

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.adapters.postgres.dialect import PostgresDialect
from catalog.adapters.postgres.dsn import Dsn, read_dsn
from catalog.adapters.postgres.sessions import MIGRATING, STREAMING, Sessions, serving
from catalog.adapters.sql.storage import MAX_STREAMS, Engines, SqlStorage
from catalog.ports.storage import StorageOptions

_DRIVER = URL.create("postgresql+asyncpg")  # without an address: asyncpg reads that from the URL itself


def open_postgres(options: StorageOptions) -> SqlStorage:
    """Make the store for `postgresql://user:password@host/database`.

    Raises ValueError when the URL cannot be read.
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
        streaming=_engine(sessions, dsn, STREAMING, pool_size=0, max_overflow=MAX_STREAMS, pool_timeout=options.deadline),
        migrating=lambda: sessions.engine(_DRIVER, MIGRATING, dsn.arguments),
        deadline=2 * options.deadline,
        keep_idle=options.pool_size,
        limit=options.pool_size + options.pool_overflow,
        wait=options.deadline,
    )
    return SqlStorage(engines, PostgresDialect(sessions, options.deadline), queue=options.max_pending_writes)


def _engine(sessions: Sessions, dsn: Dsn, deadline: float, **pool: float) -> AsyncEngine:
    """Make an engine whose every wait ends: for a connection, for a statement here, and for one at the server."""
    arguments = {**dsn.arguments, "timeout": dsn.connect_timeout or deadline / 2, "command_timeout": deadline}
    return sessions.engine(_DRIVER, serving(deadline), arguments, isolation_level="AUTOCOMMIT", **pool)
