"""Which items are missing from a file: hashes of keys, changes by others, and files that may be incomplete."""

import asyncio
import io
from collections.abc import Sequence
from contextlib import suppress

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.system import RandomIds
from catalog.application.files.row_source import RowSource
from catalog.application.imports.concurrent_changes import ConcurrentChanges
from catalog.application.imports.key_hashes import KeyHashes
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import MAX_DELETES, ImportPlan
from catalog.application.imports.report import ImportProgress, ImportReport
from catalog.application.imports.revisions import Revisions
from catalog.application.imports.rows import SLICE_ROWS
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import EVERY_ENTRY, ChangeSet, LogFilter, LogPage
from catalog.domain.errors import InvalidQuery
from tests.making import TESTER, FixedClock, category, commit, create_items, creation, item, revision
from tests.tables import table


class ReadLog(MemoryStorage):
    """A store that remembers which parts of the log were read, and whose commits take a while to return."""

    def __init__(self) -> None:
        """Start without items."""
        super().__init__()
        self.read: list[tuple[int, int]] = []

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Remember the part."""
        self.read.append((after, limit))
        return await super().changes(after=after, limit=limit, log_filter=log_filter)

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Commit, and return later."""
        outcomes = await super().commit(batch, prepared)
        await asyncio.sleep(0.01)
        return outcomes


class Stopped(Exception):
    """The import was stopped."""


class StopAfter:
    """Stops an import after a number of checks."""

    def __init__(self, checks: int) -> None:
        """Allow this many checks."""
        self.left = checks

    async def __call__(self) -> None:
        """Raise an exception when no check is left."""
        if not self.left:
            raise Stopped
        self.left -= 1


async def _run(storage: MemoryStorage, source: RowSource | str, stop: StopAfter | None = None) -> list[ImportReport]:
    """Import a file that is the whole truth, and return the report after each slice."""
    plan = ImportPlan(on_conflict="update", delete_missing=True, max_deletes=10**6)
    pipeline = ImportPipeline(storage, FixedClock(), RandomIds())
    reports: list[ImportReport] = []
    source = table(source, "csv") if isinstance(source, str) else source
    slices = pipeline.run(source, plan, TESTER, ImportProgress(), before_slice=stop or StopAfter(10**6))
    with suppress(Stopped):
        async for committed in slices:
            reports += [committed.report]
    return reports


@given(st.lists(st.lists(st.text())), st.lists(st.text()))
def test_key_hashes_contain_what_was_added(added: Sequence[Sequence[str]], others: Sequence[str]) -> None:
    """Keys may be added after others were looked up."""
    hashes, keys = KeyHashes(), set[str]()
    for some in added:
        hashes.update(some)
        keys.update(some)
        assert all((key in hashes) == (key in keys) for key in (*some, *others))


def test_keys_with_the_same_hash_are_one() -> None:
    """So an item that is missing may stay, but none is deleted that is not missing."""
    hashes = KeyHashes()
    hashes.update([5, "a"])
    assert hash(5 + 2**61 - 1) == hash(5)
    assert 5 + 2**61 - 1 in hashes
    assert 6 not in hashes


def test_revisions_are_returned_in_slices() -> None:
    """With their versions, in order."""
    revisions = Revisions()
    items = [item(number) for number in range(1, 6)]
    revisions.extend(items)
    assert len(revisions) == 5
    slices = list(revisions.slices(2))
    assert [len(part) for part in slices] == [2, 2, 1]
    assert [pair for part in slices for pair in part.items()] == [(item.id, 1) for item in items]


async def test_only_changes_of_others_are_read_from_the_log() -> None:
    """Entries of the import are left out, and parts that were read are not read again."""
    storage = ReadLog()
    items = await create_items(storage, *range(1, 11))
    changes = ConcurrentChanges(storage, 2)
    for seqs in (range(4, 6), range(0), range(6, 8), range(10, 11)):
        changes.exclude(seqs)
    await changes.read()
    assert storage.read == [(2, 1), (7, 2)]
    assert [number for number, item in enumerate(items, 1) if item in changes] == [3, 8, 9]
    await commit(storage, category("lamps"), revision(items[0], name="New"))
    await changes.read()
    assert storage.read[2:] == [(10, 2)]
    assert items[0] in changes


async def test_an_import_alone_does_not_read_the_log() -> None:
    """Its own changes are no reason to keep an item."""
    storage = ReadLog()
    await create_items(storage, 1, 2)
    rows = "".join(f"N-{number},New\n" for number in range(3 * SLICE_ROWS))
    report = (await _run(storage, f"sku,name\nS-1,New\n{rows}"))[-1]
    assert (report.created, report.deleted, storage.read) == (3 * SLICE_ROWS, 1, [])


async def test_many_changes_of_others_are_read_in_pages() -> None:
    """A page has up to 500 entries."""
    storage = ReadLog()
    await create_items(storage, *range(1, 1202))
    changes = ConcurrentChanges(storage, 0)
    await changes.read()
    assert storage.read == [(0, 500), (500, 500), (1000, 201)]
    assert item(1201) in changes


@pytest.mark.parametrize("filler", [0, 1_500])
async def test_rows_that_a_cell_may_have_swallowed_are_not_deleted(filler: int) -> None:
    """Wherever in the file the quote is missing."""
    storage = MemoryStorage()
    await create_items(storage, 1, 2)
    rows = "".join(f"F-{number},x,y\n" for number in range(filler))
    text = f'sku,name,description\n{rows}A,a,"Shelf 19\nS-1,b,1\nC,c,2\nD,d,3\nE,e,19"\nS-2,f,x\n'
    report = (await _run(storage, table(text, "csv", delimiter=",")))[-1]
    assert report.deleted == 0
    assert "were read as one row" in report.deletion_refused


async def test_sheets_that_were_not_read_delete_nothing() -> None:
    """Unless the caller has chosen a sheet."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        for name, sku in (("Lamps", "S-1"), ("Chairs", "S-2")):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["sku", "name"])
            sheet.write_row(1, 0, [sku, "New"])
    storage = MemoryStorage()
    await create_items(storage, 1, 2)
    report = (await _run(storage, table(file.getvalue())))[-1]
    assert (report.updated, report.deleted) == (1, 0)
    assert "Others with rows: Chairs; set sheet to read one." in report.deletion_refused
    assert (await _run(storage, table(file.getvalue(), sheet="Chairs")))[-1].deleted == 1


async def test_an_import_can_be_stopped_while_items_are_compared() -> None:
    """It has imported its rows by then."""
    storage = MemoryStorage()
    await commit(storage, *(creation(number) for number in range(1, 25_001)))
    reports = await _run(storage, "sku,name\nS-1,New\n", StopAfter(2))
    assert [report.updated for report in reports] == [0, 1]
    assert (await storage.head()).seq == 25_001


async def test_a_stopped_import_keeps_what_it_has_deleted() -> None:
    """It is stopped before a slice of deletions."""
    storage = MemoryStorage()
    await create_items(storage, *range(1, 2 * SLICE_ROWS + 2))
    reports = await _run(storage, "sku,name\nS-1,New\n", StopAfter(2))
    assert reports[-1].deleted == SLICE_ROWS
    assert (await storage.head()).seq == 3 * SLICE_ROWS + 2


async def test_a_cancelled_import_finishes_the_deletion_under_way() -> None:
    """And reports it before the task ends."""
    storage = MemoryStorage()
    await create_items(storage, 1, 2)
    reports: list[ImportReport] = []
    pipeline = ImportPipeline(storage, FixedClock(), RandomIds())

    async def run() -> None:
        plan = ImportPlan(on_conflict="update", delete_missing=True)
        async for committed in pipeline.run(table("sku,name\nS-1,New\n", "csv"), plan, TESTER, ImportProgress()):
            reports.append(committed.report)
            if committed.report.missing:
                asyncio.get_running_loop().call_soon(task.cancel)

    task = asyncio.create_task(run())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reports[-1].deleted == (await storage.head()).seq - 3


@pytest.mark.parametrize("text", ["-1", "²", "1.5", "", "1000000000"])
def test_the_maximum_is_an_integer(text: str) -> None:
    """From 0, with up to nine digits. Without `delete_missing`, it has no effect: generated clients send defaults."""
    with pytest.raises(InvalidQuery) as caught:
        ImportPlan.parse(max_deletes=text)
    assert [error.code for error in caught.value.errors] == ["invalid_integer"]
    assert ImportPlan.parse(max_deletes="5").max_deletes == 5


def test_the_default_maximum_is_100() -> None:
    """With or without the option."""
    assert ImportPlan.parse(delete_missing=True).max_deletes == MAX_DELETES == 100
    assert ImportPlan.parse(delete_missing=True, max_deletes=0).max_deletes == 0
