"""Coalesced reads: what many callers ask for at about the same time becomes one query.

A query starts only after the last of its callers has asked, so nobody gets a state older than their request. An idle store is
queried at once; while enough queries are running, further requests are collected for the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

from catalog.adapters.sql.connections.futures import set_exception, set_result

K = TypeVar("K")
V = TypeVar("V")

MAX_CONCURRENT = 2
"""Queries that run at a time: one that the database works on, and one whose rows are being read."""


class Coalescer(Generic[K, V]):
    """Fetches values by key, for many callers in one query."""

    def __init__(
        self, fetch: Callable[[Collection[K]], Awaitable[Mapping[K, V]]], on_idle: Callable[[], object] = lambda: None
    ) -> None:
        """Fetch with `fetch`, which returns the values that exist; call `on_idle` when no caller is waiting any more."""
        self._fetch = fetch
        self._on_idle = on_idle
        self._waiting: list[tuple[Collection[K], asyncio.Future[Mapping[K, V]]]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def get(self, keys: Collection[K]) -> Mapping[K, V]:
        """Return the values that exist. Cancelling the caller does not cancel the query."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Mapping[K, V]] = loop.create_future()
        self._waiting.append((keys, future))
        if not self._scheduled and len(self._running) < MAX_CONCURRENT:
            self._scheduled = True
            # Start at the end of this loop iteration, so that every caller of the same iteration is included.
            loop.call_soon(self._start_query)
        return await future

    async def close(self) -> None:
        """Wait until the running queries end."""
        while self._running or self._scheduled:
            await asyncio.gather(*self._running, asyncio.sleep(0), return_exceptions=True)

    def _start_query(self) -> None:
        """Start one query for all waiting callers."""
        self._scheduled = False
        waiters, self._waiting = self._waiting, []
        task = asyncio.create_task(self._run_query(waiters))
        self._running.add(task)
        task.add_done_callback(self._query_done)

    def _query_done(self, task: asyncio.Task[None]) -> None:
        """Start the next query if callers are waiting."""
        self._running.discard(task)
        if self._waiting and not self._scheduled:
            self._start_query()
        elif not self._running and not self._scheduled:
            self._on_idle()

    async def _run_query(self, waiters: list[tuple[Collection[K], asyncio.Future[Mapping[K, V]]]]) -> None:
        """Fetch, and give each caller the values of its keys."""
        all_keys = waiters[0][0] if len(waiters) == 1 else {key for keys, _ in waiters for key in keys}
        try:
            values = await self._fetch(all_keys)
        except Exception as error:  # noqa: BLE001 - every error is passed on to the callers
            for _, future in waiters:
                set_exception(future, error)
        else:
            for keys, future in waiters:
                set_result(future, {key: values[key] for key in keys if key in values})
