"""Answers from the cache where they still hold, and one fill for all who wait where they do not."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from catalog.application.caching.freshness import Freshness
from catalog.domain.changes.log import LogHead
from catalog.ports.cache import Cache, CachedResponse, ResponseContent
from catalog.ports.storage import Storage

_log = logging.getLogger("catalog.cache")

MAX_FILLS = 100
"""Answers that are on their way to the cache that is shared; beyond, they are not brought there."""


class RenderedResponse(NamedTuple):
    """An answer that was made, and what it depends on."""

    content: ResponseContent
    dependencies: tuple[str, ...]
    shareable: bool = True
    """Whether it may be kept."""


RenderResponse = Callable[[], Awaitable[RenderedResponse]]


class _Fill(NamedTuple):
    """An answer that is being made; None when that failed."""

    as_of: int
    done: asyncio.Future[ResponseContent | None]


class CachedReads:
    """Two caches, one in this process and perhaps one that several share, and the log that says what still holds."""

    def __init__(self, freshness: Freshness, local: Cache, shared: Cache | None = None) -> None:
        """Keep answers in `near` and, where there is one, in `far`."""
        self._freshness = freshness
        self._local = local
        self._shared_cache = shared
        self._fills: dict[str, _Fill] = {}
        self._writes: set[asyncio.Task[None]] = set()

    def head(self) -> LogHead | None:
        """Tell where the log ends, as far as this process knows it from lately; None when it does not."""
        return self._freshness.head()

    async def lookup(self, key: str) -> ResponseContent | None:
        """Return the answer, if this process has it and it still holds."""
        cached = await self._local.get(key)
        if cached is None or not self._freshness.is_current() or not self._freshness.is_valid(cached):
            return None
        return cached.content

    async def get_or_render(self, key: str, render: RenderResponse) -> tuple[ResponseContent, bool]:
        """Return the answer, and whether it was there; where it was not, have it made, once for all who ask meanwhile.

        Where `make` fails for one, all others try for themselves, so that everybody gets an error of his own.
        """
        known = await self.lookup(key)
        if known is not None:
            return known, True
        fill = self._fills.get(key)
        if fill is None or not self._freshness.is_current() or fill.as_of < self._freshness.latest_seq:
            return await self._fill(key, render)
        content = await asyncio.shield(fill.done)
        return ((await render()).content if content is None else content), False

    async def _fill(self, key: str, render: RenderResponse) -> tuple[ResponseContent, bool]:
        """Fetch the answer from the shared cache, or have it made; and keep it."""
        fill = _Fill(self._freshness.latest_seq, asyncio.get_running_loop().create_future())
        self._fills[key] = fill
        cached = None
        try:
            cached = await self._read_shared(key)
            hit = cached is not None
            if cached is None:
                made = await render()
                cached = CachedResponse(fill.as_of, made.dependencies, made.content)
                if not made.shareable:
                    return cached.content, hit
                self._write_shared(key, cached)
            await self._local.put(key, cached)
            return cached.content, hit
        finally:
            fill.done.set_result(None if cached is None else cached.content)
            if self._fills.get(key) is fill:
                del self._fills[key]

    @asynccontextmanager
    async def running(self, storage: Storage) -> AsyncIterator[None]:
        """Follow the log as long as the context lasts; without that, nothing that is cached holds."""
        storage.listen(self._freshness.record_entries)
        following = asyncio.create_task(self._freshness.follow(), name="catalog-freshness")
        following.add_done_callback(_log_failure)
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, *self._writes, return_exceptions=True)
            await self._local.close()
            if self._shared_cache is not None:
                await self._shared_cache.close()

    async def _read_shared(self, key: str) -> CachedResponse | None:
        """Ask the shared cache; what it has was dated by another process, but by the same log."""
        if self._shared_cache is None or not self._freshness.is_current():
            return None
        cached = await self._shared_cache.get(self._shared_key(key))
        return cached if cached is not None and self._freshness.is_valid(cached) else None

    def _write_shared(self, key: str, cached: CachedResponse) -> None:
        """Bring an answer to the shared cache; nobody waits for that."""
        if self._shared_cache is not None and self._freshness.log_id is not None and len(self._writes) < MAX_FILLS:
            putting = asyncio.create_task(self._shared_cache.put(self._shared_key(key), cached))
            self._writes.add(putting)
            putting.add_done_callback(self._writes.discard)

    def _shared_key(self, key: str) -> str:
        """Tell the answers of one log from those of another, where several catalogs share a cache."""
        return f"{self._freshness.log_id}:{key}"


def _log_failure(following: asyncio.Task[None]) -> None:
    """Say so when the log is followed no more for a fault of ours: nobody would notice but by the slowness."""
    if not following.cancelled():
        _log.error("The log is not followed any more, so nothing is answered from the cache.", exc_info=following.exception())
