"""A pool of open connections that run statements on the driver directly.

Checking a connection out of SQLAlchemy's pool, pinging it and checking it in cost more than the query itself. This pool does
not ping. Instead, a connection on which something failed is not used again, and if the first step on an idle connection shows
that the connection has died, the step is retried on a new one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

A = TypeVar("A")
T = TypeVar("T")


class PooledConnection(NamedTuple):
    """A SQLAlchemy connection and the driver's connection underneath."""

    connection: AsyncConnection
    driver: Any


async def _no_setup(_pooled: PooledConnection) -> None:
    """Leave a new connection as it is."""


class DriverPool:
    """Opens connections through an engine and keeps some of them open between uses."""

    def __init__(
        self,
        engine: AsyncEngine,
        is_disconnect: Callable[[Exception], bool],
        *,
        keep_idle: int = 1,
        limit: int = 1,
        timeout: float,
        on_connect: Callable[[PooledConnection], Awaitable[None]] = _no_setup,
    ) -> None:
        """Keep up to `keep_idle` idle connections open and use up to `limit` at a time.

        The engine must allow `limit` connections. When all are in use, callers wait up to `timeout` seconds for one.
        `is_disconnect` recognizes the errors of a connection that had died. `on_connect` is called with each new connection.
        """
        self._engine = engine
        self._is_disconnect = is_disconnect
        self._keep_idle = keep_idle
        self._on_connect = on_connect
        # Callers wait here, not in the engine's pool, which would not notice when a connection becomes idle.
        self._slots = asyncio.Semaphore(limit)
        self._timeout = timeout
        self._idle: list[PooledConnection] = []
        self.in_use = 0

    async def run(self, work: Callable[[PooledConnection], Awaitable[T]]) -> T:
        """Run `work` on a connection. It may be called twice. Raises TimeoutError if no connection is free in time."""
        return await self.run_steps(work, _return_first)

    async def run_steps(
        self, first: Callable[[PooledConnection], Awaitable[A]], second: Callable[[PooledConnection, A], Awaitable[T]]
    ) -> T:
        """Run two steps on one connection. `first` may be called twice, `second` at most once. Raises TimeoutError like `run`."""
        if self._slots.locked():
            async with asyncio.timeout(self._timeout):
                await self._slots.acquire()
        else:
            await self._slots.acquire()
        self.in_use += 1
        try:
            while True:
                is_new = not self._idle
                pooled = await self._connect() if is_new else self._idle.pop()
                first_done = False
                try:
                    intermediate = await first(pooled)
                    first_done = True
                    result = await second(pooled, intermediate)
                except BaseException as error:
                    await _discard(pooled)
                    if is_new or first_done or not isinstance(error, Exception) or not self._is_disconnect(error):
                        raise
                    await self.close()  # the other idle connections are just as old
                else:
                    await self._release(pooled)
                    return result
        finally:
            self.in_use -= 1
            self._slots.release()

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await _discard(self._idle.pop())

    async def _connect(self) -> PooledConnection:
        connection = await self._engine.connect()
        try:
            pooled = PooledConnection(connection, (await connection.get_raw_connection()).driver_connection)
            await self._on_connect(pooled)
        except BaseException:
            await connection.invalidate()
            await connection.close()
            raise
        return pooled

    async def _release(self, pooled: PooledConnection) -> None:
        if len(self._idle) < self._keep_idle:
            self._idle.append(pooled)
        else:
            await pooled.connection.close()


async def _return_first(_pooled: PooledConnection, result: T) -> T:
    return result


async def _discard(pooled: PooledConnection) -> None:
    """Close a connection for good. Errors are ignored: the reason for closing it has already been raised."""
    with suppress(Exception):
        await pooled.connection.invalidate()
        await pooled.connection.close()
