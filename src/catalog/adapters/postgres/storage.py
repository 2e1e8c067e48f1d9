"""The Postgres store: a pool that reads, one connection a process that writes and one that watches, each with deadlines."""

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from catalog.adapters.postgres.dsn import Dsn, read_dsn
from catalog.adapters.postgres.flavour import PostgresFlavour
from catalog.adapters.sql.storage import STREAMS, Engines, SqlStorage
from catalog.ports.storage import StorageOptions

STREAMING = 60.0
"""Seconds that a step of a long answer may take: the first may put a million rows in order."""


_DRIVER = URL.create("postgresql+asyncpg")  # without an address: asyncpg reads that from the URL itself


def open_postgres(options: StorageOptions) -> SqlStorage:
    """Make the store for `postgresql://user:password@host/database`.

    Raises ValueError when the URL cannot be read.
    """
    dsn = read_dsn(options.url)
    engines = Engines(
        reading=_engine(
            dsn,
            options.deadline,
            pool_size=options.pool_size,
            max_overflow=options.pool_overflow,
        ),
        writing=_engine(dsn, options.deadline, pool_size=1, max_overflow=0),
        watching=_engine(dsn, options.deadline, pool_size=1, max_overflow=0),
        streaming=_engine(dsn, STREAMING, pool_size=0, max_overflow=STREAMS, pool_timeout=options.deadline),
        migrating=lambda: create_async_engine(_DRIVER, connect_args=dict(dsn.arguments)),
        deadline=2 * options.deadline,
        kept=options.pool_size,
        limit=options.pool_size + options.pool_overflow,
        wait=options.deadline,
    )
    return SqlStorage(engines, PostgresFlavour(), queue=options.queue)


def _engine(dsn: Dsn, deadline: float, **pool: float) -> AsyncEngine:
    """Make an engine whose every wait ends: for a connection, for a statement here, and for one at the server."""
    arguments = {
        **dsn.arguments,
        "timeout": dsn.connect_timeout or deadline / 2,
        "command_timeout": deadline,
        "server_settings": {
            **({} if dsn.application_name else {"application_name": "catalog"}),
            "statement_timeout": str(int(deadline * 1000)),
            # Whoever takes no rows any more gives the server's snapshot back.
            "idle_in_transaction_session_timeout": str(int(STREAMING * 1000)),
            # Every statement has an index. A plan that was made while a table was small, and is kept with the prepared
            # statement, must not go on to read the whole of it.
            "enable_seqscan": "off",
        },
    }
    return create_async_engine(_DRIVER, connect_args=arguments, isolation_level="AUTOCOMMIT", **pool)
