"""Watching the log's head, on a connection of its own: not hindered by other reads, and told of commits where that can be."""

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

NO_SCHEMA = "The table log_head is empty; restore it from a backup."


class HeadWatcher:
    """Connects when it is first asked, and again after the connection was lost."""

    def __init__(self, engine: AsyncEngine, flavour: SqlDialect, *, wait: float) -> None:
        """Watch through an engine that holds one connection; wait for it up to `wait` seconds."""
        self._pool = DriverPool(engine, flavour.is_disconnect, wait=wait, prepare=self._prepare)
        self._flavour = flavour
        self._select = CompiledStatement(select(log_head.c.log, log_head.c.seq).where(THE_HEAD), engine.dialect)
        self._notified = 0
        self._change_counter = asyncio.Event()
        self._seen: object = None
        self._head_moved = False

    async def head(self) -> LogHead:
        """Read the head."""
        rows = await self._pool.run(lambda held: self._flavour.fetch(held.driver, self._select.sql, []))
        if not rows:
            raise SchemaOutdated(NO_SCHEMA)
        return LogHead(*rows[0])

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for news of an entry beyond `seq`, up to so many seconds."""
        if not self._head_moved:
            await self._poll(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._notified <= seq:
                    self._change_counter.clear()
                    await self._change_counter.wait()

    async def _prepare(self, held: PooledConnection) -> None:
        """Begin to watch on a new connection."""
        self._head_moved = await self._flavour.watch(held.driver, self._wake)

    async def _poll(self, seconds: float) -> None:
        """Ask again and again, for so many seconds, whether there is news."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            await asyncio.sleep(min(self._flavour.poll_seconds, left))
            ((number,),) = await self._pool.run(lambda held: self._flavour.fetch(held.driver, self._flavour.change_counter, []))
            if number != self._seen:
                self._seen = number
                return

    async def close(self) -> None:
        """Let the connection go."""
        await self._pool.close()

    def _wake(self, head: int) -> None:
        self._notified = max(self._notified, head)
        self._change_counter.set()
