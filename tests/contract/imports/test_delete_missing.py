"""Items that a file does not have are deleted, on every store; what others change meanwhile stays."""

import io
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from uuid import UUID

import pytest

from catalog.adapters.system import RandomIds
from catalog.application.imports.jobs import ImportJobs, ImportSource
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.report import ImportProgress, ImportReport
from catalog.application.imports.rows import SLICE_ROWS
from catalog.domain.change import Origin
from catalog.domain.errors import InvalidFile, InvalidInput
from catalog.domain.items.item import DELETED, Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.ports.storage import Storage
from tests.making import TESTER, FixedClock, commit, create_items, creation, removal, revision
from tests.tables import table

FEED = Origin("feed", "import-1")
Step = Callable[[], Awaitable[object]]


class Pipe(io.BytesIO):
    """A file that can be read once."""

    def seekable(self) -> bool:
        """Return False."""
        return False


class Imports:
    """Imports files that are the whole truth."""

    def __init__(self, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        """Import into `storage`."""
        self.storage = storage
        self.pipeline = ImportPipeline(storage, FixedClock(), RandomIds())
        self.monkeypatch = monkeypatch
        self.reports: list[ImportReport] = []

    async def run(self, file: str | Pipe, before_slice: Step | None = None, **options: object) -> ImportReport:
        """Import a CSV file with `delete_missing`."""
        values: dict[str, object] = {"delete_missing": True, "on_conflict": "update", "max_deletes": 10_000} | options
        plan = ImportPlan(**values)  # type: ignore[arg-type]
        self.reports = []

        async def step() -> None:
            if before_slice is not None:
                await before_slice()

        slices = self.pipeline.run(table(file, "csv"), plan, FEED, ImportProgress(), before_slice=step)
        async for committed in slices:
            self.reports.append(committed.report)
        return self.reports[-1]

    async def skus(self) -> set[str]:
        """Return the SKUs of all items."""
        return {item.sku async for items in self.storage.stream(ItemQuery.parse({})) for item in items}

    def during_scan(self, step: Step) -> None:
        """Run a step before the items are compared with the file."""
        stream = self.storage.stream

        async def interfered(query: ItemQuery) -> AsyncGenerator[Sequence[Item], None]:
            await step()
            async for items in stream(query):
                yield items

        self.monkeypatch.setattr(self.storage, "stream", interfered)

    def before_commit(self, step: Step) -> None:
        """Run a step once, after the items to delete were read for the last time."""
        items_by_id = self.storage.items_by_id
        steps = [step]

        async def interfered(ids: Collection[UUID]) -> Mapping[UUID, Item]:
            items = await items_by_id(ids)
            if steps:
                await steps.pop()()
            return items

        self.monkeypatch.setattr(self.storage, "items_by_id", interfered)


@pytest.fixture
def imports(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Imports:
    """Imports into an empty store."""
    return Imports(storage, monkeypatch)


def _file(*numbers: int, name: str = "New") -> str:
    return "sku,name\n" + "".join(f"S-{number},{name}\n" for number in numbers)


async def test_items_that_are_not_in_the_file_are_deleted(imports: Imports) -> None:
    """The log has each deletion, by the origin of the import, and its last version can be restored."""
    items = await create_items(imports.storage, *range(1, SLICE_ROWS + 4))
    report = await imports.run("sku,name\ns-1,New\nOTHER,Other\n")
    assert (report.updated, report.created, report.missing, report.deleted, report.kept) == (
        1,
        1,
        SLICE_ROWS + 2,
        SLICE_ROWS + 2,
        0,
    )
    assert (report.deletion_refused, len(report.missing_skus)) == ("", 10)
    assert await imports.skus() == {"S-1", "OTHER"}
    entry = await imports.storage.find_entry(items[1].id)
    assert entry is not None
    assert (entry.change.kind, entry.change.before, entry.change.version, entry.origin) == (DELETED, items[1], 2, FEED)
    assert [report.deleted for report in imports.reports] == [0, 0, 0, SLICE_ROWS, SLICE_ROWS + 2]


async def test_a_file_that_has_all_items_deletes_nothing(imports: Imports) -> None:
    """Nothing is missing from it."""
    await create_items(imports.storage, 1, 2)
    report = await imports.run(_file(1, 2))
    assert (report.missing, report.deleted, report.deletion_refused) == (0, 0, "")
    assert await imports.skus() == {"S-1", "S-2"}


@pytest.mark.parametrize("atomic", [False, True])
async def test_a_dry_run_counts_and_names_what_would_be_deleted(imports: Imports, *, atomic: bool) -> None:
    """Items that it would create are not missing, and nothing is written."""
    await create_items(imports.storage, *range(1, 13))
    report = await imports.run(_file(20, 1), dry_run=True, atomic=atomic)
    assert (report.created, report.missing, report.deleted, report.kept) == (1, 11, 11, 0)
    assert set(report.missing_skus) < {f"S-{number}" for number in range(2, 13)}
    assert len(report.missing_skus) == 10
    assert len(await imports.skus()) == 12
    assert (await imports.storage.head()).seq == 12


@pytest.mark.parametrize("dry_run", [False, True])
async def test_more_than_the_maximum_deletes_nothing(imports: Imports, *, dry_run: bool) -> None:
    """All or none. The report counts what is missing, and names the option."""
    await create_items(imports.storage, *range(1, 6))
    report = await imports.run(_file(1, 9), max_deletes=3, dry_run=dry_run)
    assert (report.created, report.missing, report.deleted, len(report.missing_skus)) == (1, 4, 0, 4)
    assert "4 items are not in the file, more than max_deletes=3" in report.deletion_refused
    assert "set max_deletes=4" in report.deletion_refused
    assert len(await imports.skus()) == (5 if dry_run else 6)
    assert (await imports.run(_file(1, 9), max_deletes=4)).deleted == 4
    assert await imports.skus() == {"S-1", "S-9"}


async def test_refused_rows_count_as_in_the_file_if_their_sku_can_be_read(imports: Imports) -> None:
    """Nothing is deleted because of a wrong price or an unknown category."""
    await create_items(imports.storage, 1, 2, 3, 4)
    text = "sku,name,price,currency,category\n's-1,New,1.2345,EUR,\ns-2,New,1,EUR,nowhere\n S-3 ,New,1,XYZ,\n"
    report = await imports.run(text)
    assert (report.refused, report.deleted) == (3, 1)
    assert await imports.skus() == {"S-1", "S-2", "S-3"}


async def test_skipped_rows_count_as_in_the_file(imports: Imports) -> None:
    """So do rows that are refused because the SKU exists."""
    await create_items(imports.storage, 1, 2, 3)
    assert (await imports.run(_file(1, 2), on_conflict="skip")).deleted == 1
    report = await imports.run(_file(1), on_conflict="fail")
    assert (report.refused, report.deleted) == (1, 1)
    assert await imports.skus() == {"S-1"}


@pytest.mark.parametrize(
    ("row", "line"),
    [(",No SKU", 3), ("S\t9,Name", 3), ("4.00639E+12,Rounded", 3), ("a,b,c", 3), ('S-9,"unclosed\n', 3)],
)
async def test_if_the_sku_of_a_row_cannot_be_read_nothing_is_deleted(imports: Imports, row: str, line: int) -> None:
    """The other rows are imported, and the report says which row it was."""
    await create_items(imports.storage, 1, 2)
    report = await imports.run(f"{_file(1)}{row}\n")
    assert (report.updated, report.refused, report.missing, report.deleted) == (1, 1, 0, 0)
    assert f"1 rows could not be read or have no valid SKU, the first in line {line}." in report.deletion_refused
    assert await imports.skus() == {"S-1", "S-2"}


async def test_a_changed_export_deletes_nothing(imports: Imports) -> None:
    """The proof does not match, which is noticed only at the end of a pipe."""
    await create_items(imports.storage, 1, 2)
    report = await imports.run(Pipe(f"id,sku,name\n,S-1,New\n_end,1,{'0' * 64}\n".encode()))
    assert (report.updated, report.deleted) == (1, 0)
    assert "the first in line 3" in report.deletion_refused
    assert await imports.skus() == {"S-1", "S-2"}


@pytest.mark.parametrize("atomic", [False, True])
async def test_a_file_without_rows_is_refused(imports: Imports, *, atomic: bool) -> None:
    """It would delete everything."""
    await create_items(imports.storage, 1)
    with pytest.raises(InvalidFile, match="The file has no rows"):
        await imports.run("sku,name\n", atomic=atomic)
    assert await imports.skus() == {"S-1"}


async def test_a_file_of_nothing_but_categories_has_no_rows(imports: Imports) -> None:
    """Its categories are imported or refused, but nothing is deleted."""
    await create_items(imports.storage, 1)
    with pytest.raises(InvalidFile, match="The file has no rows"):
        await imports.run("id,sku,name,version\n_category,lamps,Lamps,0\n_category,x,Bad,\n", create_categories=True)
    assert await imports.skus() == {"S-1"}


async def test_what_others_change_while_the_import_runs_stays(imports: Imports) -> None:
    """Created, updated and restored items; those that others delete are gone."""
    items = await create_items(imports.storage, *range(1, 8))
    times = 0

    async def others() -> None:
        nonlocal times
        times += 1
        if times == 1:
            await commit(imports.storage, creation(50), revision(items[1], name="Mine"), removal(items[2]))
            await commit(imports.storage, items[2].restore(deleted_version=2, now=items[2].updated_at))
        if times == 2:
            await commit(imports.storage, creation(51), revision(items[3], sku="RENAMED"), removal(items[4]))

    report = await imports.run(_file(*range(1000, 1000 + SLICE_ROWS), 1, 4), others, max_deletes=2)
    assert (report.missing, report.deleted, report.kept) == (7, 2, 5)
    assert {sku for sku in await imports.skus() if not sku.startswith("S-1")} == {"S-2", "S-3", "RENAMED", "S-4", "S-50", "S-51"}


async def test_what_others_change_while_items_are_compared_stays(imports: Imports) -> None:
    """It is in the snapshot with its new version already."""
    items = await create_items(imports.storage, 1, 2, 3)
    imports.during_scan(lambda: commit(imports.storage, revision(items[1], name="Mine")))
    report = await imports.run(_file(1))
    assert (report.missing, report.deleted, report.kept) == (2, 1, 1)
    assert (await imports.storage.items_by_sku(["S-2"]))["S-2"].version == 2


@pytest.mark.parametrize("atomic", [False, True])
async def test_a_conflict_keeps_the_item(imports: Imports, *, atomic: bool) -> None:
    """An item that others change just before the commit is kept, one that they delete is not counted, the others are deleted."""
    items = await create_items(imports.storage, 1, 2, 3, 4)
    imports.before_commit(lambda: commit(imports.storage, revision(items[1], name="Mine"), removal(items[3])))
    report = await imports.run(_file(1), atomic=atomic)
    assert (report.updated, report.missing, report.deleted, report.kept) == (1, 3, 1, 2)
    assert await imports.skus() == {"S-1", "S-2"}
    assert (await imports.storage.items_by_sku(["S-2"]))["S-2"].name == "Mine"


async def test_an_atomic_import_deletes_in_the_same_commit(imports: Imports) -> None:
    """The entries of the log are in one change set; if a row or the deletion is refused, nothing is written."""
    await create_items(imports.storage, 1, 2, 3)
    refused = await imports.run("sku,name,price\nS-1,New,x\n", atomic=True)
    assert (refused.refused, refused.missing, refused.deleted) == (1, 2, 0)
    bounded = await imports.run(_file(1, 9), atomic=True, max_deletes=1)
    assert (bounded.rows, bounded.updated, bounded.created, bounded.missing, bounded.deleted) == (2, 0, 0, 2, 0)
    assert (bounded.is_refused, bounded.kept) == (True, 0)
    assert "max_deletes=1" in bounded.deletion_refused
    with pytest.raises(InvalidInput, match="takes up to 2 rows and deletions"):
        await imports.run(_file(1), atomic=True, max_atomic_rows=2)
    assert (await imports.storage.head()).seq == 3
    report = await imports.run(_file(1), atomic=True, max_atomic_rows=3)
    assert (report.updated, report.deleted, len(imports.reports)) == (1, 2, 2)
    assert await imports.skus() == {"S-1"}


async def test_if_the_log_was_pruned_meanwhile_nothing_is_deleted(imports: Imports) -> None:
    """What others changed cannot be known then."""
    items = await create_items(imports.storage, 1, 2)

    async def others() -> None:
        await commit(imports.storage, revision(items[1], name="Mine"))
        await imports.storage.prune((await imports.storage.head()).seq)

    steps = [others]

    async def once() -> None:
        if steps:
            await steps.pop()()

    report = await imports.run(_file(1), once)
    assert (report.deleted, report.missing) == (0, 0)
    assert "The change log was pruned" in report.deletion_refused
    assert await imports.skus() == {"S-1", "S-2"}


async def test_a_preserved_id_counts_as_in_the_file(imports: Imports) -> None:
    """A row with the id of an item and another SKU is refused, and its item stays. So is one that is refused for more reasons."""
    items = await create_items(imports.storage, 1, 2, 3)
    time = "2026-11-20T12:00:00Z"
    rows = "".join(
        f"{item.id},OTHER-{item.sku},Name,{price},1,{time},{time}\n" for item, price in zip(items, ("", "x"), strict=False)
    )
    text = f"id,sku,name,price,version,created_at,updated_at\n{rows}"
    report = await imports.run(text, preserve=True)
    assert (report.refused, report.deleted) == (2, 1)
    assert await imports.skus() == {"S-1", "S-2"}


async def test_an_import_job_stores_what_was_deleted(imports: Imports) -> None:
    """The state of the import has the counts, also when it is read from the store."""
    await create_items(imports.storage, 1, 2, 3)
    clock, ids = FixedClock(), RandomIds()
    jobs = ImportJobs(imports.pipeline, imports.storage, clock, ids)
    plan = ImportPlan.parse(on_conflict="update", delete_missing=True, max_deletes="1")
    finished = await jobs.run(ImportSource(lambda: table(_file(1), "csv"), lambda: 0), plan, TESTER)
    assert finished.state.status == "done"
    assert (await ImportJobs(imports.pipeline, imports.storage, clock, ids).get(finished.state.id)) == finished.state
    assert finished.state.report.missing_skus == ("S-2", "S-3")
    atomic = ImportPlan.parse(on_conflict="update", delete_missing=True, max_deletes=1, atomic=True)
    refused = await jobs.run(ImportSource(lambda: table(_file(1), "csv"), lambda: 0), atomic, TESTER)
    assert refused.state.status == "refused"
