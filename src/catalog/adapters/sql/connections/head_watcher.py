"""Watches the log's head on a separate connection, so that other reads do not delay it. Uses notifications where available."""

import asyncio
from contextlib import suppress
from time import monotonic

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.connections.driver_pool import DriverPool, PooledConnection
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.schema.tables import THE_HEAD, log_head
from catalog.domain.changes.log import LogHead
from catalog.domain.errors import SchemaOutdated

EMPTY_LOG_HEAD = "The table log_head is empty; restore it from a backup."


class HeadWatcher:
    """Reads the log's head and waits for commits. Connects on first use, and reconnects when the connection is lost."""

    def __init__(self, engine: AsyncEngine, dialect: SqlDialect, *, timeout: float) -> None:
        """Watch through an engine, which needs one connection; callers wait up to `timeout` seconds for it."""
        self._pool = DriverPool(engine, dialect.is_disconnect, timeout=timeout, on_connect=self._subscribe)
        self._dialect = dialect
        self._select_head = CompiledStatement(select(log_head.c.log, log_head.c.seq).where(THE_HEAD), engine.dialect)
        self._notified_head = 0
        self._notification = asyncio.Event()
        self._last_counter: object = None
        self._is_subscribed = False

    async def head(self) -> LogHead:
        """Read the head. Raises SchemaOutdated if its row is missing."""
        rows = await self._pool.run(lambda pooled: self._dialect.fetch(pooled.driver, self._select_head.sql, []))
        if not rows:
            raise SchemaOutdated(EMPTY_LOG_HEAD)
        return LogHead(*rows[0])

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait up to `seconds` for a commit beyond entry `seq`. May return early."""
        if not self._is_subscribed:
            await self._poll(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._notified_head <= seq:
                    self._notification.clear()
                    await self._notification.wait()

    async def _subscribe(self, pooled: PooledConnection) -> None:
        """Subscribe to the database's notifications on a new connection, if it has them."""
        self._is_subscribed = await self._dialect.watch(pooled.driver, self._on_head)

    async def _poll(self, seconds: float) -> None:
        """Poll the change counter until it changes, for up to `seconds`."""
        deadline = monotonic() + seconds
        while (remaining := deadline - monotonic()) > 0:
            await asyncio.sleep(min(self._dialect.poll_seconds, remaining))
            ((counter,),) = await self._pool.run(
                lambda pooled: self._dialect.fetch(pooled.driver, self._dialect.change_counter, [])
            )
            if counter != self._last_counter:
                self._last_counter = counter
                return

    async def close(self) -> None:
        """Close the connection."""
        await self._pool.close()

    def _on_head(self, head: int) -> None:
        self._notified_head = max(self._notified_head, head)
        self._notification.set()
