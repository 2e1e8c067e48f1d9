"""The Postgres store: a pool that reads, one connection a process that writes and one that watches, each with deadlines."""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.adapters.postgres.flavour import PostgresFlavour
from catalog.adapters.postgres.sessions import MIGRATING, STREAMING, Sessions, serving
from catalog.adapters.sql.storage import STREAMS, Engines, SqlStorage
from catalog.ports.storage import StorageOptions


def open_postgres(options: StorageOptions) -> SqlStorage:
    """Make the store for `postgresql://user:password@host/database`.

    Raises ValueError when the URL cannot be read.
    """
    try:
        url = make_url(options.url).set(drivername="postgresql+asyncpg")
    except (ArgumentError, ValueError):
        message = "The URL cannot be read; it has the form postgresql://user:password@host:5432/database"
        raise ValueError(message) from None
    sessions = Sessions(options.pooler)
    engines = Engines(
        reading=_engine(
            sessions,
            url,
            options.deadline,
            pool_size=options.pool_size,
            max_overflow=options.pool_overflow,
        ),
        writing=_engine(sessions, url, options.deadline, pool_size=1, max_overflow=0),
        watching=_engine(sessions, url, options.deadline, pool_size=1, max_overflow=0),
        streaming=_engine(sessions, url, STREAMING, pool_size=0, max_overflow=STREAMS, pool_timeout=options.deadline),
        migrating=lambda: sessions.engine(url, MIGRATING, {}),
        deadline=2 * options.deadline,
        kept=options.pool_size,
        limit=options.pool_size + options.pool_overflow,
        wait=options.deadline,
    )
    return SqlStorage(engines, PostgresFlavour(sessions, options.deadline), queue=options.queue)


def _engine(sessions: Sessions, url: URL, deadline: float, **pool: float) -> AsyncEngine:
    """Make an engine whose every wait ends: for a connection, for a statement here, and for one at the server."""
    arguments = {"timeout": deadline / 2, "command_timeout": deadline}
    return sessions.engine(url, serving(deadline), arguments, isolation_level="AUTOCOMMIT", **pool)
