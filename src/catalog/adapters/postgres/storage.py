"""The Postgres store: a pool that reads, one connection a process that writes and one that watches, each with deadlines."""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from catalog.adapters.postgres.flavour import PostgresFlavour
from catalog.adapters.sql.storage import STREAMS, Engines, SqlStorage
from catalog.ports.storage import StorageOptions

STREAMING = 60.0
"""Seconds that a step of a long answer may take: the first may put a million rows in order."""


def open_postgres(options: StorageOptions) -> SqlStorage:
    """Make the store for `postgresql://user:password@host/database`.

    Raises ValueError when the URL cannot be read.
    """
    try:
        url = make_url(options.url).set(drivername="postgresql+asyncpg")
    except (ArgumentError, ValueError):
        message = "The URL cannot be read; it has the form postgresql://user:password@host:5432/database"
        raise ValueError(message) from None
    engines = Engines(
        reading=_engine(
            url,
            options.deadline,
            pool_size=options.pool_size,
            max_overflow=options.pool_overflow,
        ),
        writing=_engine(url, options.deadline, pool_size=1, max_overflow=0),
        watching=_engine(url, options.deadline, pool_size=1, max_overflow=0),
        streaming=_engine(url, STREAMING, pool_size=0, max_overflow=STREAMS, pool_timeout=options.deadline),
        migrating=lambda: create_async_engine(url),
        deadline=2 * options.deadline,
        kept=options.pool_size,
        limit=options.pool_size + options.pool_overflow,
        wait=options.deadline,
    )
    return SqlStorage(engines, PostgresFlavour(), queue=options.queue)


def _engine(url: URL, deadline: float, **pool: float) -> AsyncEngine:
    """Make an engine whose every wait ends: for a connection, for a statement here, and for one at the server."""
    arguments = {
        "timeout": deadline / 2,
        "command_timeout": deadline,
        "server_settings": {
            "application_name": "catalog",
            "statement_timeout": str(int(deadline * 1000)),
            # Whoever takes no rows any more gives the server's snapshot back.
            "idle_in_transaction_session_timeout": str(int(STREAMING * 1000)),
            # Every statement has an index. A plan that was made while a table was small, and is kept with the prepared
            # statement, must not go on to read the whole of it.
            "enable_seqscan": "off",
        },
    }
    return create_async_engine(url, connect_args=arguments, isolation_level="AUTOCOMMIT", **pool)
