"""A reader of a log for tests: on a store that may be away or exchanged, with a clock that is told the time."""

import asyncio

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.caching.freshness import Freshness, item_dependencies
from catalog.domain.changes.log import LogHead
from catalog.domain.errors import StoreUnavailable
from catalog.ports.cache import CachedResponse, ResponseContent
from tests.making import creation


class Ticking:
    """A clock that counts seconds as it is told."""

    def __init__(self) -> None:
        """Begin somewhere."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


class Watched(MemoryStorage):
    """A store whose log another process writes, that may be away, or stand in another's place."""

    def __init__(self) -> None:
        """Be there."""
        super().__init__()
        self.away = False
        self.looks = 0

    async def head(self) -> LogHead:
        """Tell the head, and count."""
        self.looks += 1
        if self.away:
            message = "away"
            raise StoreUnavailable(message)
        return await super().head()

    async def wait(self, seq: int, seconds: float) -> None:  # noqa: ARG002 - let others go on, and that is all
        """Do not wait."""
        await asyncio.sleep(0)


class Following:
    """A reader of a log, with what it was told to forget."""

    def __init__(self) -> None:
        """Begin with an empty log."""
        self.storage = Watched()
        self.clock = Ticking()
        self.forgotten = 0
        self.freshness = Freshness(self.storage, self._forget, self.clock)

    async def _forget(self) -> None:
        self.forgotten += 1

    def dated(self, *subjects: str) -> CachedResponse:
        """Make an answer of now."""
        return CachedResponse(self.freshness.latest_seq, subjects, ResponseContent(b"", ()))

    def about(self, *numbers: int) -> CachedResponse:
        """Make an answer of now about the items of these numbers."""
        return self.dated(*(subject for number in numbers for subject in item_dependencies(creation(number).subject)))
