"""Coalesced reads: what many ask for at about the same time becomes one query.

A query is started only after the last of those it serves has asked, so nobody is answered with a state older than his
question. An idle store is asked at once; while enough queries are under way, further questions gather for the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

from catalog.adapters.sql.connections.futures import set_exception, set_result

K = TypeVar("K")
V = TypeVar("V")

MAX_CONCURRENT = 2
"""Queries under way at a time: one that the database works on, and one whose rows are being read."""


class Coalescer(Generic[K, V]):
    """Fetches values by their keys, for many callers in one go."""

    def __init__(
        self, fetch: Callable[[Collection[K]], Awaitable[Mapping[K, V]]], on_idle: Callable[[], object] = lambda: None
    ) -> None:
        """Fetch with `fetch`, which returns those of the keys that are there; call `on_idle` when nobody waits any more."""
        self._fetch = fetch
        self._on_idle = on_idle
        self._waiting: list[tuple[Collection[K], asyncio.Future[Mapping[K, V]]]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def get(self, keys: Collection[K]) -> Mapping[K, V]:
        """Return those of the values that are there. A caller that is cancelled does not cut the query off."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Mapping[K, V]] = loop.create_future()
        self._waiting.append((keys, answer))
        if not self._scheduled and len(self._running) < MAX_CONCURRENT:
            self._scheduled = True
            # Not now, but once this turn of the loop is over: whoever asks in it comes along.
            loop.call_soon(self._start)
        return await answer

    async def close(self) -> None:
        """Let what is under way end."""
        while self._running or self._scheduled:
            await asyncio.gather(*self._running, asyncio.sleep(0), return_exceptions=True)

    def _start(self) -> None:
        """Begin a query for everything that was asked."""
        self._scheduled = False
        asked, self._waiting = self._waiting, []
        task = asyncio.create_task(self._serve(asked))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Begin the next query, where somebody waits for it."""
        self._running.discard(task)
        if self._waiting and not self._scheduled:
            self._start()
        elif not self._running and not self._scheduled:
            self._on_idle()

    async def _serve(self, asked: list[tuple[Collection[K], asyncio.Future[Mapping[K, V]]]]) -> None:
        """Fetch, and answer each with his own."""
        wanted = asked[0][0] if len(asked) == 1 else {key for keys, _ in asked for key in keys}
        try:
            found = await self._fetch(wanted)
        except Exception as error:  # noqa: BLE001 - whatever it was, it goes to those who asked
            for _, answer in asked:
                set_exception(answer, error)
        else:
            for keys, answer in asked:
                set_result(answer, {key: found[key] for key in keys if key in found})
