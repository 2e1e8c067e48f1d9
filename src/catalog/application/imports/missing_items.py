"""The last stage of an import with `delete_missing`: decides to delete the items that the file does not have.

Nothing is deleted unless all rows of the file were read. An item counts as in the file if any row has its SKU, even a refused
one. Items that others create or change while the import runs stay.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID

from catalog.application.files.errors import invalid_file
from catalog.application.files.row_source import RowSource
from catalog.application.imports.concurrent_changes import ConcurrentChanges, LogPruned
from catalog.application.imports.decide import DecidedSlice
from catalog.application.imports.file_keys import FileKeys
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.report import MAX_NAMED, ImportReport
from catalog.application.imports.revisions import Revisions
from catalog.application.imports.rows import SLICE_ROWS, Slice
from catalog.domain.change import Change
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.ports.clock import Clock
from catalog.ports.storage import Storage

_ITEMS_PER_CHECK = 10_000
"""Items that are read between two checks whether the import was cancelled."""

_OLDEST_FIRST = ItemQuery.parse({"sort": "created_at"})

_EMPTY = (
    "The file has no rows. With delete_missing=true, all items would be missing from it, so nothing is deleted. "
    "Check that it is the right file."
)
_PRUNED = (
    "The change log was pruned while the import ran and does not show what others changed, so nothing is deleted. "
    "Import the file again."
)


@dataclass(frozen=True, slots=True)
class FoundItems:
    """The items to delete, and the report about all that are missing."""

    report: ImportReport
    revisions: Revisions


class MissingItems:
    """Finds and deletes what one file does not have. The other stages say which rows were read, and what was committed."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        plan: ImportPlan,
        source: RowSource,
        changes: ConcurrentChanges,
        before_slice: Callable[[], Awaitable[None]],
    ) -> None:
        """Compare `storage` with the file. `changes` are those since the import began; `before_slice` may raise to stop."""
        self._storage = storage
        self._clock = clock
        self._plan = plan
        self._source = source
        self._changes = changes
        self._before_slice = before_slice
        self._keys = FileKeys()
        self._to_delete: Iterator[Mapping[UUID, int]] | None = None

    @classmethod
    async def start(
        cls, storage: Storage, clock: Clock, plan: ImportPlan, source: RowSource, before_slice: Callable[[], Awaitable[None]]
    ) -> Self:
        """Begin before the first slice: what others change from now on stays."""
        changes = ConcurrentChanges(storage, (await storage.head()).seq)
        return cls(storage, clock, plan, source, changes, before_slice)

    def add(self, row_slice: Slice) -> None:
        """Add the rows of a slice of the file."""
        self._keys.add(row_slice)

    def exclude(self, seqs: Sequence[range]) -> None:
        """Exclude log entries of the import from what others changed."""
        for numbers in seqs:
            self._changes.exclude(numbers)

    async def decide_next(self) -> DecidedSlice | None:
        """Return what was found, then slices of deletions, then None. Call this first after the commit of the last row.

        Raises: InvalidFile if the file has no rows.
        """
        if self._to_delete is None:
            found = await self.find()
            self._to_delete = found.revisions.slices(SLICE_ROWS)
            return DecidedSlice(found.report)
        revisions = next(self._to_delete, None)
        if revisions is None:
            return None
        await self._before_slice()
        return await self.decide(revisions)

    async def find(self) -> FoundItems:
        """Find the items to delete.

        Raises: InvalidFile if the file has no rows.
        """
        if self._keys.is_empty:
            raise invalid_file(_EMPTY)
        refused = self._doubt()
        if refused:
            return FoundItems(ImportReport(deletion_refused=refused), Revisions())
        try:
            await self._changes.read()
            found = await self._scan()
            await self._changes.read()  # up to the moment of the scan or later
        except LogPruned:
            return FoundItems(ImportReport(deletion_refused=_PRUNED), Revisions())
        return found

    async def decide(self, revisions: Mapping[UUID, int]) -> DecidedSlice:
        """Decide to delete items, unless they have another version now."""
        items = (await self._storage.items_by_id(revisions)).values()
        unchanged = [item for item in items if item.version == revisions[item.id] and item not in self._changes]
        now = self._clock.now()
        report = ImportReport(deleted=len(unchanged), kept=len(revisions) - len(unchanged))
        return DecidedSlice(report, deletions=[item.delete(now=now) for item in unchanged])

    async def decide_all(self, found: FoundItems) -> DecidedSlice:
        """Decide all deletions together."""
        report = found.report
        deletions: list[Change[Item]] = []
        for revisions in found.revisions.slices(SLICE_ROWS):
            decided = await self.decide(revisions)
            report += decided.report
            deletions += decided.deletions
        return DecidedSlice(report, deletions=deletions)

    def _doubt(self) -> str:
        """Say why items may seem to be missing that are not."""
        if self._keys.unread:
            return (
                f"{self._keys.unread} rows could not be read or have no valid SKU, the first in line {self._keys.first_unread}. "
                "Their items would seem to be missing, so nothing is deleted. Correct the file and import it again."
            )
        if self._source.doubts:
            return f"Rows of the file may not have been read, so nothing is deleted. {self._source.doubts[0]}"
        return ""

    async def _scan(self) -> FoundItems:
        """Compare all items with the file, from one snapshot of the store."""
        report, revisions, unchecked = ImportReport(), Revisions(), 0
        async with aclosing(self._storage.stream(_OLDEST_FIRST)) as batches:
            async for items in batches:
                missing = [item for item in items if item not in self._keys]
                deletable = [item for item in missing if item not in self._changes]
                revisions.extend(deletable[: self._plan.max_deletes - len(revisions)])
                named = tuple(item.sku for item in deletable[: MAX_NAMED - len(report.missing_skus)])
                report += ImportReport(missing=len(missing), kept=len(missing) - len(deletable), missing_skus=named)
                unchecked += len(items)
                if unchecked >= _ITEMS_PER_CHECK:
                    unchecked = 0
                    await self._before_slice()
        return self._conclude(report, revisions)

    def _conclude(self, report: ImportReport, revisions: Revisions) -> FoundItems:
        """Delete nothing if too much is missing."""
        count = report.missing - report.kept
        if count > self._plan.max_deletes:
            message = (
                f"{count} items are not in the file, more than max_deletes={self._plan.max_deletes}, so nothing is deleted. "
                f"If all of them should be, set max_deletes={count}."
            )
            return FoundItems(replace(report, deletion_refused=message), Revisions())
        return FoundItems(report, revisions)
