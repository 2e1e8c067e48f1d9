"""Watching the log's head, on a connection of its own: not hindered by other reads, and told of commits where that can be."""

import asyncio
from contextlib import suppress
from time import monotonic

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.adapters.sql.compiled_statement import Direct
from catalog.adapters.sql.connections.driver_pool import Held, Kept
from catalog.adapters.sql.dialect import Flavour
from catalog.adapters.sql.schema.tables import THE_HEAD, log_head
from catalog.domain.changes.log import LogHead
from catalog.domain.errors import SchemaOutdated

EMPTY = "The table log_head is empty; restore it from a backup."


class Watching:
    """Connects when it is first asked, and again after the connection was lost."""

    def __init__(self, engine: AsyncEngine, flavour: Flavour, *, wait: float) -> None:
        """Watch through an engine that holds one connection; wait for it up to `wait` seconds."""
        self._kept = Kept(engine, flavour.lost, wait=wait, prepare=self._prepare)
        self._flavour = flavour
        self._select = Direct(select(log_head.c.log, log_head.c.seq).where(THE_HEAD), engine.dialect)
        self._heard = 0
        self._news = asyncio.Event()
        self._seen: object = None
        self._told = False

    async def head(self) -> LogHead:
        """Read the head."""
        rows = await self._kept.run(lambda held: self._flavour.fetch(held.driver, self._select.sql, []))
        if not rows:
            raise SchemaOutdated(EMPTY)
        return LogHead(*rows[0])

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for news of an entry beyond `seq`, up to so many seconds."""
        if not self._told:
            await self._ask(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._heard <= seq:
                    self._news.clear()
                    await self._news.wait()

    async def _prepare(self, held: Held) -> None:
        """Begin to watch on a new connection."""
        self._told = await self._flavour.watch(held.driver, self._wake)

    async def _ask(self, seconds: float) -> None:
        """Ask again and again, for so many seconds, whether there is news."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            await asyncio.sleep(min(self._flavour.poll, left))
            ((number,),) = await self._kept.run(lambda held: self._flavour.fetch(held.driver, self._flavour.news, []))
            if number != self._seen:
                self._seen = number
                return

    async def close(self) -> None:
        """Let the connection go."""
        await self._kept.close()

    def _wake(self, head: int) -> None:
        self._heard = max(self._heard, head)
        self._news.set()
