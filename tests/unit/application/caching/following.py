"""A Freshness for tests, on a store that can become unavailable or be replaced, with a manual clock."""

import asyncio

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.caching.freshness import Freshness, item_dependencies
from catalog.domain.changes.log import LogHead
from catalog.domain.errors import StoreUnavailable
from catalog.ports.cache import CachedResponse, ResponseContent
from tests.making import creation


class ManualClock:
    """A clock in seconds whose time the test sets."""

    def __init__(self) -> None:
        """Start at an arbitrary time."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class FlakyStorage(MemoryStorage):
    """A store that counts polls and can become unavailable."""

    def __init__(self) -> None:
        """Start available."""
        super().__init__()
        self.unavailable = False
        self.polls = 0

    async def head(self) -> LogHead:
        """Count the poll, and return the head."""
        self.polls += 1
        if self.unavailable:
            message = "unavailable"
            raise StoreUnavailable(message)
        return await super().head()

    async def wait(self, seq: int, seconds: float) -> None:  # noqa: ARG002 - only yields to other tasks
        """Return at once, after letting other tasks run."""
        await asyncio.sleep(0)


class Following:
    """A Freshness with its store and clock. Counts how often the cache was cleared."""

    def __init__(self) -> None:
        """Start with an empty log."""
        self.storage = FlakyStorage()
        self.clock = ManualClock()
        self.cleared = 0
        self.freshness = Freshness(self.storage, self._clear_cache, self.clock)

    async def _clear_cache(self) -> None:
        self.cleared += 1

    def response_with(self, *dependencies: str) -> CachedResponse:
        """Return a response read now, with these dependencies."""
        return CachedResponse(self.freshness.latest_seq, dependencies, ResponseContent(b"", ()))

    def response_about(self, *numbers: int) -> CachedResponse:
        """Return a response read now, about the items with these numbers."""
        return self.response_with(
            *(dependency for number in numbers for dependency in item_dependencies(creation(number).subject))
        )
