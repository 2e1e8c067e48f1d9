"""Answers from the cache where they still hold, and one fill for all who wait where they do not."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from catalog.application.caching.freshness import Freshness
from catalog.domain.changes.log import LogHead
from catalog.ports.cache import Cache, Cached, Content
from catalog.ports.storage import Storage

_log = logging.getLogger("catalog.cache")

MOST_UNDER_WAY = 100
"""Answers that are on their way to the cache that is shared; beyond, they are not brought there."""


class Made(NamedTuple):
    """An answer that was made, and what it depends on."""

    content: Content
    subjects: tuple[str, ...]
    lasting: bool = True
    """Whether it may be kept."""


Make = Callable[[], Awaitable[Made]]


class _Fill(NamedTuple):
    """An answer that is being made; None when that failed."""

    as_of: int
    done: asyncio.Future[Content | None]


class Caching:
    """Two caches, one in this process and perhaps one that several share, and the log that says what still holds."""

    def __init__(self, freshness: Freshness, near: Cache, far: Cache | None = None) -> None:
        """Keep answers in `near` and, where there is one, in `far`."""
        self._freshness = freshness
        self._near = near
        self._far = far
        self._fills: dict[str, _Fill] = {}
        self._putting: set[asyncio.Task[None]] = set()

    def head(self) -> LogHead | None:
        """Tell where the log ends, as far as this process knows it from lately; None when it does not."""
        return self._freshness.head()

    async def known(self, key: str) -> Content | None:
        """Return the answer, if this process has it and it still holds."""
        cached = await self._near.get(key)
        if cached is None or not self._freshness.current() or not self._freshness.holds(cached):
            return None
        return cached.content

    async def answer(self, key: str, make: Make) -> tuple[Content, bool]:
        """Return the answer, and whether it was there; where it was not, have it made, once for all who ask meanwhile.

        Where `make` fails for one, all others try for themselves, so that everybody gets an error of his own.
        """
        known = await self.known(key)
        if known is not None:
            return known, True
        fill = self._fills.get(key)
        if fill is None or not self._freshness.current() or fill.as_of < self._freshness.known:
            return await self._filled(key, make)
        content = await asyncio.shield(fill.done)
        return ((await make()).content if content is None else content), False

    async def _filled(self, key: str, make: Make) -> tuple[Content, bool]:
        """Fetch the answer from the shared cache, or have it made; and keep it."""
        fill = _Fill(self._freshness.known, asyncio.get_running_loop().create_future())
        self._fills[key] = fill
        cached = None
        try:
            cached = await self._from_far(key)
            hit = cached is not None
            if cached is None:
                made = await make()
                cached = Cached(fill.as_of, made.subjects, made.content)
                if not made.lasting:
                    return cached.content, hit
                self._to_far(key, cached)
            await self._near.put(key, cached)
            return cached.content, hit
        finally:
            fill.done.set_result(None if cached is None else cached.content)
            if self._fills.get(key) is fill:
                del self._fills[key]

    @asynccontextmanager
    async def running(self, storage: Storage) -> AsyncIterator[None]:
        """Follow the log as long as the context lasts; without that, nothing that is cached holds."""
        storage.listen(self._freshness.note)
        following = asyncio.create_task(self._freshness.follow(), name="catalog-freshness")
        following.add_done_callback(_told)
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, *self._putting, return_exceptions=True)
            await self._near.close()
            if self._far is not None:
                await self._far.close()

    async def _from_far(self, key: str) -> Cached | None:
        """Ask the shared cache; what it has was dated by another process, but by the same log."""
        if self._far is None or not self._freshness.current():
            return None
        cached = await self._far.get(self._shared(key))
        return cached if cached is not None and self._freshness.holds(cached) else None

    def _to_far(self, key: str, cached: Cached) -> None:
        """Bring an answer to the shared cache; nobody waits for that."""
        if self._far is not None and self._freshness.log is not None and len(self._putting) < MOST_UNDER_WAY:
            putting = asyncio.create_task(self._far.put(self._shared(key), cached))
            self._putting.add(putting)
            putting.add_done_callback(self._putting.discard)

    def _shared(self, key: str) -> str:
        """Tell the answers of one log from those of another, where several catalogs share a cache."""
        return f"{self._freshness.log}:{key}"


def _told(following: asyncio.Task[None]) -> None:
    """Say so when the log is followed no more for a fault of ours: nobody would notice but by the slowness."""
    if not following.cancelled():
        _log.error("The log is not followed any more, so nothing is answered from the cache.", exc_info=following.exception())
