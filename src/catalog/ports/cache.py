"""The port for caching rendered responses."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ResponseContent:
    """A response that is ready to send: its body and its headers as (name, value) pairs."""

    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    @property
    def size(self) -> int:
        """The size of the body and headers in bytes."""
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers)


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """A cached response with the log position it was read at and the things it depends on.

    `as_of` is the `seq` of a log entry. The response was read after that entry was committed, so it reflects that entry and
    all earlier ones; it may or may not reflect later ones. The response is valid as long as none of its `dependencies`
    changes after `as_of` (catalog.application.caching.freshness decides that; a cache only stores them).
    """

    as_of: int
    dependencies: tuple[str, ...]
    content: ResponseContent


class Cache(Protocol):
    """Stores responses by key, up to a time to live.

    A cache may evict any response at any time. Its methods never raise: if the cache is unreachable, `get` returns None and
    `put` does nothing.
    """

    async def get(self, key: str) -> CachedResponse | None:
        """Return the response stored under `key`, or None if there is none or it has expired."""

    async def put(self, key: str, cached: CachedResponse) -> None:
        """Store a response under `key`, replacing any earlier one. A cache may decline, for example if it is too large."""

    async def failure(self) -> str | None:
        """Return why the cache is unreachable, in words for operators, or None if it works."""

    async def clear(self) -> None:
        """Drop every response held in this process. A cache shared between processes is left unchanged."""

    async def close(self) -> None:
        """Release all resources."""
