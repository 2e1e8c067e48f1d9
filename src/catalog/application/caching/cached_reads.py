"""Cached reads: return a cached response if it is valid; otherwise render it once for all concurrent callers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from catalog.application.caching.freshness import Freshness
from catalog.domain.changes.log import LogHead
from catalog.ports.cache import Cache, CachedResponse, ResponseContent
from catalog.ports.storage.optional import CommitNotifications

_log = logging.getLogger("catalog.cache")

MAX_FILLS = 100
"""The maximum number of concurrent writes to the shared cache. Further responses are not written to it."""


class RenderedResponse(NamedTuple):
    """A rendered response and its dependencies."""

    content: ResponseContent
    dependencies: tuple[str, ...]
    shareable: bool = True
    """Whether the response may be cached."""


RenderResponse = Callable[[], Awaitable[RenderedResponse]]


class _Fill(NamedTuple):
    """A response that is being rendered. The result is None if rendering failed or was cancelled."""

    as_of: int
    done: asyncio.Future[ResponseContent | None]


class CachedReads:
    """Reads through a local cache and, optionally, a cache shared between processes. The log decides what is valid."""

    def __init__(self, freshness: Freshness, local: Cache, shared: Cache | None = None) -> None:
        """Cache responses in `local` and, if given, in `shared`."""
        self._freshness = freshness
        self._local = local
        self._shared_cache = shared
        self._fills: dict[str, _Fill] = {}
        self._writes: set[asyncio.Task[None]] = set()

    def head(self) -> LogHead | None:
        """Return the log's head as last seen by this process, or None if that is too long ago."""
        return self._freshness.head()

    async def lookup(self, key: str) -> ResponseContent | None:
        """Return the response from the local cache, or None if there is no valid one."""
        cached = await self._local.get(key)
        if cached is None or not self._freshness.is_current() or not self._freshness.is_valid(cached):
            return None
        return cached.content

    async def get_or_render(self, key: str, render: RenderResponse) -> tuple[ResponseContent, bool]:
        """Return the response and whether it came from a cache. If not, render it once for all concurrent callers.

        If `render` fails, every waiting caller renders the response itself, so each gets its own exception.
        """
        cached = await self.lookup(key)
        if cached is not None:
            return cached, True
        fill = self._fills.get(key)
        if fill is None or not self._freshness.is_current() or fill.as_of < self._freshness.latest_seq:
            return await self._fill(key, render)
        content = await asyncio.shield(fill.done)
        return ((await render()).content if content is None else content), False

    async def _fill(self, key: str, render: RenderResponse) -> tuple[ResponseContent, bool]:
        """Read the response from the shared cache or render it, and store it in the local cache."""
        fill = _Fill(self._freshness.latest_seq, asyncio.get_running_loop().create_future())
        self._fills[key] = fill
        cached = None
        try:
            cached = await self._read_shared(key)
            hit = cached is not None
            if cached is None:
                rendered = await render()
                cached = CachedResponse(fill.as_of, rendered.dependencies, rendered.content)
                if not rendered.shareable:
                    return cached.content, hit
                self._write_shared(key, cached)
            await self._local.put(key, cached)
            return cached.content, hit
        finally:
            fill.done.set_result(None if cached is None else cached.content)
            if self._fills.get(key) is fill:
                del self._fills[key]

    @asynccontextmanager
    async def running(self, notifications: CommitNotifications) -> AsyncIterator[None]:
        """Follow the log while the context is active. Without it, no cached response is valid."""
        notifications.listen(self._freshness.record_entries)
        follower = asyncio.create_task(self._freshness.follow(), name="catalog-freshness")
        follower.add_done_callback(_log_failure)
        try:
            yield
        finally:
            follower.cancel()
            await asyncio.gather(follower, *self._writes, return_exceptions=True)
            await self._local.close()
            if self._shared_cache is not None:
                await self._shared_cache.close()

    async def _read_shared(self, key: str) -> CachedResponse | None:
        """Return a valid response from the shared cache. Its `as_of` was set by another process, but refers to the same log."""
        if self._shared_cache is None or not self._freshness.is_current():
            return None
        cached = await self._shared_cache.get(self._shared_key(key))
        return cached if cached is not None and self._freshness.is_valid(cached) else None

    def _write_shared(self, key: str, cached: CachedResponse) -> None:
        """Write a response to the shared cache in the background."""
        if self._shared_cache is not None and self._freshness.log_id is not None and len(self._writes) < MAX_FILLS:
            write = asyncio.create_task(self._shared_cache.put(self._shared_key(key), cached))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    def _shared_key(self, key: str) -> str:
        """Return the key in the shared cache. It includes the log id, because several catalogs may share one cache."""
        return f"{self._freshness.log_id}:{key}"


def _log_failure(follower: asyncio.Task[None]) -> None:
    """Log that an unexpected error stopped the follower. Otherwise the only symptom would be slow responses."""
    if not follower.cancelled():
        _log.error("The change log is no longer followed, so the response cache is disabled.", exc_info=follower.exception())
