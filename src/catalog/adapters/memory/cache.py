"""The cache in this process: the least recently used goes first, when the bytes are used up."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from catalog.ports.cache import CachedResponse

_OVERHEAD = 600
"""Bytes that Python needs around an answer, its key and its place, beside their content (measured: 530 to 610)."""


class _Entry(NamedTuple):
    cached: CachedResponse
    expires_at: float
    size: int


class MemoryCache:
    """A dictionary in the order of last use."""

    def __init__(self, *, max_bytes: int, ttl: float, clock: Callable[[], float] = monotonic) -> None:
        """Keep up to `max_bytes`, each answer for `ttl` seconds."""
        self._max_bytes = max_bytes
        self._ttl = ttl
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self.size = 0

    async def get(self, key: str) -> CachedResponse | None:
        """Look it up, and note that it was used."""
        kept = self._entries.get(key)
        if kept is None:
            return None
        if kept.expires_at < self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return kept.cached

    async def put(self, key: str, cached: CachedResponse) -> None:
        """Keep it, and let go of what has not been used for longest. What would take a tenth of the room is not kept."""
        self._drop(key)
        size = cached.content.size + sum(map(len, cached.dependencies)) + 2 * len(key) + _OVERHEAD
        if size * 10 > self._max_bytes:
            return
        self._entries[key] = _Entry(cached, self._clock() + self._ttl, size)
        self.size += size
        while self.size > self._max_bytes:
            self._drop(next(iter(self._entries)))

    async def failure(self) -> str | None:
        """Memory always answers."""
        return None

    async def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.size = 0

    async def close(self) -> None:
        """Forget everything."""
        await self.clear()

    def _drop(self, key: str) -> None:
        kept = self._entries.pop(key, None)
        if kept is not None:
            self.size -= kept.size
