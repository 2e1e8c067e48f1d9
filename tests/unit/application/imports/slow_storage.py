"""A store with slow commits, and files that fill the slices that it commits."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.imports.rows import SLICE_ROWS
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.items.item import Item


class SlowStorage(MemoryStorage):
    """A store with slow commits, which serves reads meanwhile."""

    def __init__(self, error: Exception | None = None) -> None:
        """Start empty. With an error, each commit fails."""
        super().__init__()
        self.error = error
        self.commits = 0
        self.read_skus: set[str] = set()
        self.read_meanwhile: set[str] = set()

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Commit after the event loop has had time to read and decide a slice."""
        self.commits += 1
        before = set(self.read_skus)
        for _ in range(2 * SLICE_ROWS):
            await asyncio.sleep(0)
        self.read_meanwhile |= self.read_skus - before
        if self.error is not None:
            raise self.error
        return await super().commit(batch, prepared)

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Record the SKUs that are read."""
        self.read_skus.update(skus)
        return await super().items_by_sku(skus)


def two_slices(first: str, second: str) -> str:
    """Return CSV: the header and first lines of `first`, filled up to a full slice, then `second` as the next slice."""
    header, *lines = first.splitlines()
    lines += [f"F-{number},x" + "," * (header.count(",") - 1) for number in range(SLICE_ROWS - len(lines))]
    return "\n".join((header, *lines, second))
