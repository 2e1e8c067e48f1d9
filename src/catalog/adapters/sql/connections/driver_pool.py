"""Connections that are kept in hand between uses.

Taking one from a pool, asking it whether it lives and giving it back cost more than the query that it is taken for. So here
a connection on which something failed is not used again; and one that was kept may have died meanwhile, which shows only
when it is used: what comes first is then tried again on a fresh one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

A = TypeVar("A")
T = TypeVar("T")


class Held(NamedTuple):
    """A connection, and the driver's own beneath it."""

    connection: AsyncConnection
    driver: Any


async def _nothing(_held: Held) -> None:
    """Leave a new connection as it is."""


class Kept:
    """Takes connections from an engine, and keeps some of them."""

    def __init__(
        self,
        engine: AsyncEngine,
        lost: Callable[[Exception], bool],
        *,
        most: int = 1,
        limit: int = 1,
        wait: float,
        prepare: Callable[[Held], Awaitable[None]] = _nothing,
    ) -> None:
        """Keep up to `most`, and use up to `limit` at a time, which the engine must be able to give.

        Beyond those, wait for one up to `wait` seconds. `lost` tells the failures of a connection that died, `prepare`
        is called with each new one.
        """
        self._engine = engine
        self._lost = lost
        self._most = most
        self._prepare = prepare
        # The waiting is done here: who waits for the engine would never hear of a connection that is kept.
        self._room = asyncio.Semaphore(limit)
        self._wait = wait
        self._idle: list[Held] = []
        self.in_use = 0

    async def run(self, first: Callable[[Held], Awaitable[T]]) -> T:
        """Use a connection. `first` may be called twice. Raises TimeoutError when none is free in time."""
        return await self.run_two(first, _same)

    async def run_two(self, first: Callable[[Held], Awaitable[A]], then: Callable[[Held, A], Awaitable[T]]) -> T:
        """Use a connection for two things after each other. `first` may be called twice, `then` is called once at most."""
        if self._room.locked():
            async with asyncio.timeout(self._wait):
                await self._room.acquire()
        else:
            await self._room.acquire()
        self.in_use += 1
        try:
            while True:
                fresh = not self._idle
                held = await self._connect() if fresh else self._idle.pop()
                begun = False
                try:
                    found = await first(held)
                    begun = True
                    done = await then(held, found)
                except BaseException as error:
                    await _give_up(held)
                    if fresh or begun or not isinstance(error, Exception) or not self._lost(error):
                        raise
                    await self.close()  # the others are as old
                else:
                    await self._keep(held)
                    return done
        finally:
            self.in_use -= 1
            self._room.release()

    async def close(self) -> None:
        """Let go of what is kept."""
        while self._idle:
            await _give_up(self._idle.pop())

    async def _connect(self) -> Held:
        connection = await self._engine.connect()
        try:
            held = Held(connection, (await connection.get_raw_connection()).driver_connection)
            await self._prepare(held)
        except BaseException:
            await connection.invalidate()
            await connection.close()
            raise
        return held

    async def _keep(self, held: Held) -> None:
        if len(self._idle) < self._most:
            self._idle.append(held)
        else:
            await held.connection.close()


async def _same(_held: Held, found: T) -> T:
    return found


async def _give_up(held: Held) -> None:
    """Close a connection for good; why it failed is told already."""
    with suppress(Exception):
        await held.connection.invalidate()
        await held.connection.close()
