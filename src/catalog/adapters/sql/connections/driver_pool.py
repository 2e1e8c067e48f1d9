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


class PooledConnection(NamedTuple):
    """A connection, and the driver's own beneath it."""

    connection: AsyncConnection
    driver: Any


async def _no_setup(_held: PooledConnection) -> None:
    """Leave a new connection as it is."""


class DriverPool:
    """Takes connections from an engine, and keeps some of them."""

    def __init__(
        self,
        engine: AsyncEngine,
        is_lost: Callable[[Exception], bool],
        *,
        keep: int = 1,
        limit: int = 1,
        wait: float,
        prepare: Callable[[PooledConnection], Awaitable[None]] = _no_setup,
    ) -> None:
        """Keep up to `most`, and use up to `limit` at a time, which the engine must be able to give.

        Beyond those, wait for one up to `wait` seconds. `lost` tells the failures of a connection that died, `prepare`
        is called with each new one.
        """
        self._engine = engine
        self._is_lost = is_lost
        self._keep_idle = keep
        self._prepare = prepare
        # The waiting is done here: who waits for the engine would never hear of a connection that is kept.
        self._slots = asyncio.Semaphore(limit)
        self._wait = wait
        self._idle: list[PooledConnection] = []
        self.in_use = 0

    async def run(self, first: Callable[[PooledConnection], Awaitable[T]]) -> T:
        """Use a connection. `first` may be called twice. Raises TimeoutError when none is free in time."""
        return await self.run_two(first, _return_first)

    async def run_two(
        self, first: Callable[[PooledConnection], Awaitable[A]], then: Callable[[PooledConnection, A], Awaitable[T]]
    ) -> T:
        """Use a connection for two things after each other. `first` may be called twice, `then` is called once at most."""
        if self._slots.locked():
            async with asyncio.timeout(self._wait):
                await self._slots.acquire()
        else:
            await self._slots.acquire()
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
                    await _discard(held)
                    if fresh or begun or not isinstance(error, Exception) or not self._is_lost(error):
                        raise
                    await self.close()  # the others are as old
                else:
                    await self._release(held)
                    return done
        finally:
            self.in_use -= 1
            self._slots.release()

    async def close(self) -> None:
        """Let go of what is kept."""
        while self._idle:
            await _discard(self._idle.pop())

    async def _connect(self) -> PooledConnection:
        connection = await self._engine.connect()
        try:
            held = PooledConnection(connection, (await connection.get_raw_connection()).driver_connection)
            await self._prepare(held)
        except BaseException:
            await connection.invalidate()
            await connection.close()
            raise
        return held

    async def _release(self, connection: PooledConnection) -> None:
        if len(self._idle) < self._keep_idle:
            self._idle.append(connection)
        else:
            await connection.connection.close()


async def _return_first(_held: PooledConnection, found: T) -> T:
    return found


async def _discard(held: PooledConnection) -> None:
    """Close a connection for good; why it failed is told already."""
    with suppress(Exception):
        await held.connection.invalidate()
        await held.connection.close()
