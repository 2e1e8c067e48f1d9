"""Where answers are kept for a while, so that the same question need not be worked out again."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ResponseContent:
    """An answer, ready to be sent: its bytes, and the headers (name, value) that belong to them."""

    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers)


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """An answer with its date, and what it depends on.

    `as_of` is the number of a log entry: the answer was read after that entry had been committed, so it knows of it and of
    everything before it. What came later it may know or not. `subjects` names what must not have changed since for the
    answer to hold (catalog.application.caching.freshness); a cache only keeps it.
    """

    as_of: int
    dependencies: tuple[str, ...]
    content: ResponseContent


class Cache(Protocol):
    """Keeps answers by their keys.

    It may forget any of them at any time, and does so when they are older than its time to live. Its methods raise
    nothing: a cache that is away has nothing, and keeps nothing.
    """

    async def get(self, key: str) -> CachedResponse | None:
        """Return what was put under a key, if it is still there."""

    async def put(self, key: str, cached: CachedResponse) -> None:
        """Keep an answer, in place of an older one."""

    async def failure(self) -> str | None:
        """Say why it does not answer; None when it does. For people who look after it."""

    async def clear(self) -> None:
        """Forget everything that this process alone keeps."""

    async def close(self) -> None:
        """Give everything back."""
