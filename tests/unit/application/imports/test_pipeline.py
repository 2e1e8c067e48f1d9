"""The import pipeline: what is imported, what is refused, and what is reported."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.categories.categories import Categories
from catalog.application.files.detection import FileDetection
from catalog.application.files.row_source import Row, RowSource
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import Refusal
from catalog.application.imports.report import ImportProgress, ImportReport
from catalog.application.imports.rows import SLICE_ROWS
from catalog.application.imports.sample_data import SAMPLE_SIZE, SampleData, sample_rows
from catalog.application.writes.commit import MAX_ATTEMPTS
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import CatalogError, InvalidFile, InvalidQuery, SkuTaken, StaleVersion, StoreUnavailable
from catalog.domain.items.item import Item
from catalog.domain.values.decimal_literal import DecimalLiteral
from tests.making import NOON, TESTER, CountedIds, FixedClock, category, commit, creation, sets
from tests.tables import table

DATA = Path(__file__).parents[3] / "data"


class Trial:
    """A store with an import pipeline. Collects the refusals, and the report after each slice."""

    def __init__(self, storage: MemoryStorage | None = None) -> None:
        """Use `storage`, or an empty store."""
        self.storage = storage or MemoryStorage()
        self.pipeline = ImportPipeline(self.storage, FixedClock(), CountedIds())
        self.refusals: list[Refusal] = []
        self.reports: list[ImportReport] = []

    async def run(
        self, source: RowSource, plan: ImportPlan | None = None, before_slice: Callable[[], Awaitable[None]] | None = None
    ) -> ImportReport:
        """Import a file."""
        options = {} if before_slice is None else {"before_slice": before_slice}
        slices = self.pipeline.run(source, plan or ImportPlan(), TESTER, ImportProgress(), **options)
        report = (await anext(slices)).report
        async for committed in slices:
            report = committed.report
            self.reports.append(report)
            self.refusals += committed.refusals
        return report

    async def csv(self, text: str, plan: ImportPlan | None = None) -> ImportReport:
        """Import CSV."""
        source = table(text, "csv", encoding="utf-8")
        return await self.run(source, plan)

    async def json(self, values: object, plan: ImportPlan | None = None) -> ImportReport:
        """Import a JSON array."""
        source = table(json.dumps(values), "json", policy="ignore")
        return await self.run(source, plan)

    async def item(self, sku: str) -> Item:
        """Return an item."""
        return (await self.storage.items_by_sku([sku]))[sku]

    @property
    def refused(self) -> list[tuple[int, str, str]]:
        """Return line, field and code of every refusal."""
        return [(refusal.line, refusal.field, refusal.code) for refusal in self.refusals]


@pytest.fixture
def trial() -> Trial:
    """Return a trial with an empty store."""
    return Trial()


async def test_columns_named_like_fields_are_imported_and_others_reported(trial: Trial) -> None:
    """Fields have flat names; attributes are attr.NAME."""
    report = await trial.csv("sku,name,price,currency,attr.pages,shelf\na-1,Book,12.50,eur,300,7\n")
    assert (report.rows, report.created, report.refused, list(report.ignored)) == (1, 1, 0, ["shelf"])
    book = await trial.item("A-1")
    assert (book.name, book.price and book.price.minor_units, dict(book.attributes)) == ("Book", 1250, {"pages": "300"})


async def test_columns_are_mapped_values_set_and_types_converted(trial: Trial) -> None:
    """The options are those of the command line."""
    plan = ImportPlan.parse(
        ["sku=id", "name=title", "attr.pages=p", "attr.weight=w", "attr.new=n"],
        ["price=9.90", "currency=EUR", "attr.kind=book"],
        ["attr.pages=integer", "attr.weight=number", "attr.new=boolean"],
    )
    report = await trial.csv("id,title,name,p,w,n\n1,Emma,x,300,1.5,Yes\n2,Ulysses,x,,2,0\n", plan)
    assert (report.created, list(report.ignored)) == (2, ["name"])
    emma, ulysses = await trial.item("1"), await trial.item("2")
    assert dict(emma.attributes) == {"kind": "book", "new": True, "pages": 300, "weight": 1.5}
    assert {name: type(value) for name, value in ulysses.attributes.items()} == {"kind": str, "new": bool, "weight": int}
    assert (emma.name, emma.price and emma.price.amount) == ("Emma", "9.90")


async def test_an_invalid_row_is_refused_with_every_error_and_the_rest_imported(trial: Trial) -> None:
    """Refusals have line, flat field name and code."""
    plan = ImportPlan.parse(types=["attr.n=integer"])
    text = (
        "sku,name,price,currency,attr.n,attributes\n"
        "A,,1.2345,EUR,1.5,{}\n"
        ",Name,1,XXX,,\n"
        "B\tb,,,,,\n"
        "C,Name,5,,,{\n"
        "D,Name,5,EUR,x,[1]\n"
        "E,\udcff,,,,\n"
        "F\n"
        'G,Good,5,EUR,5,"{""a"": true}"\n'
    )
    report = await trial.csv(text, plan)
    assert (report.rows, report.created, report.refused) == (8, 1, 7)
    assert trial.refused == [
        (2, "attr.n", "wrong_type"),
        (2, "name", "required"),
        (2, "price", "too_many_decimals"),
        (3, "sku", "required"),
        (3, "currency", "unknown_currency"),
        (4, "sku", "invalid_sku"),
        (4, "name", "required"),
        (5, "attributes", "malformed"),
        (5, "currency", "required"),
        (6, "attributes", "wrong_type"),
        (7, "", "malformed"),
        (8, "name", "required"),
    ]
    assert dict((await trial.item("G")).attributes) == {"a": True, "n": 5}


@pytest.mark.parametrize("value", ["maybe", "[1]", "1.5"])
async def test_a_cell_that_is_not_of_its_type_is_refused(trial: Trial, value: str) -> None:
    """Types are never guessed."""
    plan = ImportPlan.parse(types=["attr.a=integer", "attr.b=boolean"])
    await trial.csv(f"sku,name,attr.a,attr.b\nA,x,{value},{value}\n", plan)
    assert trial.refused == [(2, "attr.a", "wrong_type"), (2, "attr.b", "wrong_type")]


async def test_an_existing_sku_is_refused_skipped_or_updated(trial: Trial) -> None:
    """An empty cell leaves the field unchanged; a row without changes writes nothing."""
    await trial.csv("sku,name,description,attr.a\nA,Old,text,1\nB,Same,,\n")
    again = "sku,name,description,attr.b\nA,New,,2\nB,Same,,\nC,Fresh,,\n"
    report = await trial.csv(again)
    assert (report.created, report.refused, trial.refused) == (1, 2, [(2, "sku", "sku_taken"), (3, "sku", "sku_taken")])
    report = await trial.csv(again, ImportPlan(on_conflict="skip"))
    assert (report.skipped, (await trial.item("A")).name) == (3, "Old")
    report = await trial.csv(again, ImportPlan(on_conflict="update"))
    assert (report.updated, report.unchanged, report.created) == (1, 2, 0)
    changed = await trial.item("A")
    assert (changed.name, changed.description, dict(changed.attributes), changed.version) == (
        "New",
        "text",
        {"a": "1", "b": "2"},
        2,
    )
    report = await trial.csv("sku,name\nA,\nA,\nB," + "x" * 201 + "\n", ImportPlan(on_conflict="update"))
    assert (report.unchanged, report.refused) == (2, 1)


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_repeated_sku_in_a_file_is_an_existing_one(trial: Trial, *, dry_run: bool) -> None:
    """In the same slice or a later one, and in a dry run too."""
    filler = "".join(f"F-{number},x\n" for number in range(SLICE_ROWS))
    text = f"sku,name\nA,One\nA,Two\n{filler}A,Three\n"
    report = await trial.csv(text, ImportPlan(dry_run=dry_run))
    assert (report.created, report.refused) == (SLICE_ROWS + 1, 2)
    assert [line for line, *_ in trial.refused] == [3, SLICE_ROWS + 4]
    report = await trial.csv(text.replace("A,", "B,"), ImportPlan(on_conflict="update", dry_run=dry_run))
    assert report.updated == 2
    report = await trial.csv(text.replace("A,", "C,"), ImportPlan(on_conflict="skip", dry_run=dry_run))
    assert report.skipped >= 2
    assert (await trial.storage.items_by_sku(["A", "B", "C"]) == {}) is dry_run


async def test_json_rows_may_have_flat_names_or_the_shape_of_an_item(trial: Trial) -> None:
    """JSON values keep their types."""
    rows = [
        {"sku": "A", "name": "x", "price": 1.5, "currency": "EUR", "attr.n": 5, "more": 1},
        {"sku": "B", "name": "x", "price": {"amount": "2", "currency": "JPY"}, "attributes": {"n": 1.5}, "other": [1]},
        {"sku": "C", "name": "x", "attr.list": [1]},
        {"sku": 5, "name": "x"},
    ]
    report = await trial.json(rows, ImportPlan.parse(["attr.m=more"]))
    assert (report.created, list(report.ignored)) == (2, ["other"])
    assert sorted(trial.refused) == [(1, "attr.list", "wrong_type"), (1, "sku", "wrong_type")]
    first, second = await trial.item("A"), await trial.item("B")
    assert (first.price and first.price.amount, dict(first.attributes)) == ("1.50", {"m": 1, "n": 5})
    assert (second.price and second.price.amount, dict(second.attributes)) == ("2", {"n": 1.5})


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
async def test_slices_of_large_rows_have_fewer_rows(trial: Trial, kind: str) -> None:
    """A slice is in memory as a whole."""
    cells = {f"attr.a{number}": "y" * 100_000 for number in range(10)}
    rows = [{"sku": f"S-{number}", "name": "x"} | cells for number in range(12)]
    texts = {
        "csv": "".join(",".join(line) + "\n" for line in (rows[0], *(row.values() for row in rows))),
        "json": json.dumps(rows),
        "jsonl": "\n".join(map(json.dumps, rows)),
    }
    source = table(texts[kind], kind)
    await trial.run(source)
    assert [report.rows for report in trial.reports] == [5, 10, 12]


async def test_each_json_row_is_read_by_its_own_columns(trial: Trial) -> None:
    """Also with very long names. Only the first 100 ignored columns are reported."""
    shapes = [{"sku": f"S-{number}", "name": "x", f"attr.a{number}": number, f"other{number}": 1} for number in range(150)]
    report = await trial.json([*shapes, {"sku": "LONG", "name": "x", "y" * 20_000: 1}, *reversed(shapes[:3])])
    assert (report.created, report.refused, len(report.ignored)) == (151, 3, 100)
    for number in range(150):
        assert dict((await trial.item(f"S-{number}")).attributes) == {f"a{number}": number}


async def test_values_that_have_a_type_keep_it(trial: Trial) -> None:
    """A JSON number is not converted; text of type text stays text."""
    plan = ImportPlan.parse(types=["attr.a=integer", "attr.b=text"])
    assert (await trial.json([{"sku": "A", "name": "A", "attr.a": 5, "attr.b": "6"}], plan)).created == 1
    assert dict((await trial.item("A")).attributes) == {"a": 5, "b": "6"}


async def test_progress_is_reported_after_each_slice(trial: Trial) -> None:
    """Here with JSON Lines."""
    lines = "\n".join(json.dumps({"sku": f"S-{number}", "name": "x"}) for number in range(SLICE_ROWS + 1))
    await trial.run(table(lines, "jsonl"))
    assert [report.rows for report in trial.reports] == [SLICE_ROWS, SLICE_ROWS + 1]


class Rival(MemoryStorage):
    """A store in which another writer creates the same SKU first, or every commit conflicts."""

    def __init__(self, *, stubborn: bool = False) -> None:
        """Conflict once, or with `stubborn` always."""
        super().__init__()
        self.stubborn = stubborn
        self.done = False

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Commit the rival's change first, or report a conflict."""
        if self.stubborn:
            return [StaleVersion(change_set.changes[0].subject.id) for change_set in batch]
        if not self.done:
            self.done = True
            await super().commit(sets(creation(7_777, sku="A", name="Rival")))
        return await super().commit(batch, prepared)


async def test_a_row_that_conflicts_is_decided_again() -> None:
    """It is decided on what the other writer committed."""
    trial = Trial(Rival())
    report = await trial.csv("sku,name\nA,Mine\n", ImportPlan(on_conflict="update"))
    assert (report.updated, (await trial.item("A")).name) == (1, "Mine")
    trial = Trial(Rival())
    assert (await trial.csv("sku,name\nA,Mine\n")).refused == 1
    assert trial.refused == [(2, "sku", "sku_taken")]


async def test_a_row_is_not_retried_forever() -> None:
    """It is refused after MAX_ATTEMPTS."""
    trial = Trial(Rival(stubborn=True))
    assert (await trial.csv("sku,name\nA,Mine\n")).refused == 1
    assert trial.refused == [(2, "", "contended")]
    assert MAX_ATTEMPTS > 1


class Slow(MemoryStorage):
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


def _slices(first: str, second: str) -> str:
    """Return CSV: the header and first lines of `first`, filled up to a full slice, then `second` as the next slice."""
    header, *lines = first.splitlines()
    lines += [f"F-{number},x" + "," * (header.count(",") - 1) for number in range(SLICE_ROWS - len(lines))]
    return "\n".join((header, *lines, second))


async def test_a_slice_is_decided_while_the_previous_one_is_committed() -> None:
    """They have different items."""
    trial = Trial(store := Slow())
    report = await trial.csv(_slices("sku,name\nA,One\n", "B,Two\n"))
    assert (report.created, report.refused, store.commits) == (SLICE_ROWS + 1, 0, 2)
    assert store.read_meanwhile == {"B"}


@pytest.mark.parametrize("plan", [ImportPlan(on_conflict="update"), ImportPlan(on_conflict="skip"), ImportPlan()])
async def test_a_slice_with_skus_of_the_previous_one_waits_for_it(plan: ImportPlan) -> None:
    """It is decided on the committed state, so no commit conflicts."""
    trial = Trial(store := Slow())
    report = await trial.csv(_slices("sku,name\nA,One\n", "A,Two\nB,x\n"), plan)
    updated, skipped, refused = (int(plan.on_conflict == option) for option in ("update", "skip", "fail"))
    assert (report.created, report.updated, report.skipped, report.refused) == (SLICE_ROWS + 1, updated, skipped, refused)
    assert (store.commits, "B" in store.read_meanwhile) == (2, False)
    assert (await trial.item("A")).version == 1 + updated


async def test_a_slice_waits_for_a_category_that_the_previous_one_creates() -> None:
    """It is created once."""
    trial = Trial(store := Slow())
    text = _slices("sku,name,category\nA,One,chairs\n", "B,Two,chairs\n")
    report = await trial.csv(text, ImportPlan(create_categories=True))
    assert (report.created, report.categories, report.refused, store.commits) == (SLICE_ROWS + 1, 1, 0, 2)


async def test_slices_with_preserved_ids_are_decided_one_after_another() -> None:
    """The next slice may have the same id with another SKU."""
    provenance = {"version": 1, "created_at": "2026-11-20T12:00:00Z", "updated_at": "2026-11-20T12:00:00Z"}
    skus = [*(f"F-{number}" for number in range(SLICE_ROWS)), "B", "C"]
    rows = [{"id": str(UUID(int=number)), "sku": sku, "name": "x"} | provenance for number, sku in enumerate(skus, 1)]
    rows[SLICE_ROWS]["id"] = rows[0]["id"]
    trial = Trial(store := Slow())
    report = await trial.json(rows, ImportPlan(preserve=True))
    assert (report.created, report.refused, store.commits) == (SLICE_ROWS + 1, 1, 2)
    assert trial.refused == [(1, "id", "item_exists")]


async def test_stopping_an_import_waits_for_the_slice_being_committed() -> None:
    """That slice is reported."""
    trial = Trial(Slow())
    slices, error = iter(range(2)), SkuTaken("A")

    async def stop_at_second_slice() -> None:
        if next(slices):
            raise error

    source = table(_slices("sku,name\nA,\n", "B,Two\n"))
    with pytest.raises(SkuTaken):
        await trial.run(source, before_slice=stop_at_second_slice)
    assert ([report.rows for report in trial.reports], trial.refused) == ([SLICE_ROWS], [(2, "name", "required")])


async def test_a_cancelled_import_reports_the_slice_committed_meanwhile() -> None:
    """That slice is in the store."""
    trial = Trial(store := Slow())
    source = table(_slices("sku,name\nA,One\n", "B,Two\n"))
    run = asyncio.create_task(trial.run(source))
    while "B" not in store.read_skus:  # noqa: ASYNC110 - then the next slice has been decided and waits for the first
        await asyncio.sleep(0)
    for _ in range(SLICE_ROWS // 2):
        await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert ([report.created for report in trial.reports], store.commits) == ([SLICE_ROWS], 1)
    assert (await trial.item("A")).name == "One"


async def test_a_cancelled_import_is_cancelled_even_if_its_commit_fails() -> None:
    """The failed slice is not reported."""
    trial = Trial(store := Slow(StoreUnavailable("away")))
    run = asyncio.create_task(trial.run(table("sku,name\nA,One\n")))
    while not store.commits:  # noqa: ASYNC110 - then the slice is being committed
        await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (trial.reports, await store.items_by_sku(["A"])) == ([], {})


class Deleting(Slow):
    """A slow store in which another writer deletes a category before the first commit of the import. Counts conflicts."""

    def __init__(self, doomed: Category) -> None:
        """Delete this category."""
        super().__init__()
        self.doomed: Category | None = doomed
        self.conflicts = 0

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Delete the category first, if the import commits items."""
        if self.doomed is not None and len(batch[0].changes) > 1:
            doomed, self.doomed = self.doomed, None
            await super().commit(sets(doomed.delete(now=NOON)))
        outcomes = await super().commit(batch, prepared)
        self.conflicts += len(batch) == 1 and isinstance(outcomes[0], CatalogError)
        return outcomes


async def test_categories_are_read_again_after_a_conflict() -> None:
    """Also those that the next slice does not need: the one after that meets no conflict."""
    chairs = category("chairs")
    trial = Trial(store := Deleting(chairs.subject))
    await commit(store, chairs)
    text = _slices("sku,name,category\nA,One,chairs\n", "")
    lines = "".join(f"G-{number},x,\n" for number in range(SLICE_ROWS))
    report = await trial.csv(f"{text}{lines}B,Two,chairs\n")
    assert (report.created, report.refused, store.conflicts) == (2 * SLICE_ROWS - 1, 2, 1)
    assert trial.refused == [(2, "category", "unknown_category"), (2 * SLICE_ROWS + 2, "category", "unknown_category")]


def test_every_error_of_a_plan_is_reported() -> None:
    """With the option and a code."""
    with pytest.raises(InvalidQuery) as caught:
        ImportPlan.parse(["name", "titel=x", "attr.=x", "sku=a", "sku=b"], ["price="], ["attr.a=date", "name=text"])
    assert [(error.path[0], error.code) for error in caught.value.errors] == [
        ("map", "no_pair"),
        ("map", "unknown_field"),
        ("map", "unknown_field"),
        ("map", "repeated_field"),
        ("set", "no_pair"),
        ("type", "unknown_type"),
        ("type", "unknown_type"),
    ]


async def test_a_mapped_column_must_exist(trial: Trial) -> None:
    """If the file has a header."""
    with pytest.raises(InvalidQuery, match=r"no column titel for name\. Its columns: sku, title"):
        await trial.csv("sku,title\n", ImportPlan.parse(["name=titel"]))


async def test_the_sample_data_is_always_the_same(trial: Trial) -> None:
    """A thousand plausible items in a dozen categories. Loading them again changes nothing."""
    sample_data = SampleData(trial.pipeline, Categories(trial.storage, FixedClock(), CountedIds()))
    report = await sample_data.run(TESTER)
    assert (report.created, report.refused) == (SAMPLE_SIZE, 0)
    categories = await trial.storage.categories()
    assert len(categories) == report.categories > 12
    assert max(len(Tree(categories).lineage(category.slug)) for category in categories) > 2
    rows = list(sample_rows())
    assert rows == list(sample_rows())
    assert len({row.values["category"] for row in rows}) == 12
    assert len({row.values["name"] for row in rows}) > SAMPLE_SIZE * 0.6
    report = await sample_data.run(TESTER)
    assert (report.created, report.skipped, report.categories) == (0, SAMPLE_SIZE, 0)
    assert (await trial.storage.changes(after=0, limit=1)).head == SAMPLE_SIZE + len(categories)


async def test_an_unknown_category_is_refused_or_created(trial: Trial) -> None:
    """Depending on the plan. A dry run reports what would happen."""
    text = "sku,name,category\na,A,chairs\nb,B,chairs\nc,C,lamps\nd,D,\n"
    report = await trial.csv(text)
    assert (report.created, report.refused, report.categories) == (1, 3, 0)
    assert {(refusal.field, refusal.code) for refusal in trial.refusals} == {("category", "unknown_category")}
    trial.refusals.clear()
    await commit(trial.storage, category("chair"))
    report = await trial.csv(text, ImportPlan(dry_run=True, on_conflict="skip"))
    assert (report.created, report.refused, report.skipped) == (0, 3, 1)
    assert "did you mean chair?" in trial.refusals[0].reason
    dry = await trial.csv(text, ImportPlan(dry_run=True, create_categories=True, on_conflict="skip"))
    assert (dry.created, dry.categories, dry.refused) == (3, 2, 0)
    report = await trial.csv(text, ImportPlan(create_categories=True, on_conflict="skip"))
    assert (report.created, report.categories, report.skipped) == (3, 2, 1)
    tree = Tree(await trial.storage.categories())
    assert [(node.slug, node.name, node.position) for node in tree] == [
        ("chair", "Chair", 0),
        ("chairs", "Chairs", 1),
        ("lamps", "Lamps", 2),
    ]
    assert (await trial.csv(text, ImportPlan(create_categories=True, on_conflict="update"))).categories == 0


async def test_a_header_must_have_a_sku(trial: Trial) -> None:
    """Or the plan a constant for it. The error lists the columns and suggests a fix."""
    for text, message in {
        "SKUS,title\n": r"no column sku.* Its columns: SKUS, title\. .*map=sku=SKUS",
        "\x1b]0;x\x07,b\n": r"Its columns: \\x1b\]0;x\\x07, b",
        ",".join(f"c{number}" for number in range(30)): "c19 and 10 more",
    }.items():
        with pytest.raises(InvalidFile, match=message):
            await trial.csv(text)
    report = await trial.csv("name\nA\n", ImportPlan.parse(constants=["sku=x"]))
    assert report.created == 1


async def test_ignored_columns_may_be_blank_or_repeated(trial: Trial) -> None:
    """A column without a name is named after its position. Used columns must be unique."""
    report = await trial.csv(",sku,name,x,x\n7,A,One,1,2\n", ImportPlan.parse(["attr.n=column 1"]))
    assert (report.created, list(report.ignored)) == (1, ["x"])
    assert dict((await trial.item("A")).attributes) == {"n": "7"}
    with pytest.raises(InvalidFile, match="Duplicate columns in the header: name"):
        await trial.csv("sku,name,name\n")
    with pytest.raises(InvalidFile, match="Duplicate columns in the header: id"):
        await trial.csv("sku,name,id,id\n", ImportPlan(preserve=True))


async def test_a_row_of_totals_is_not_an_item(trial: Trial) -> None:
    """Even if constants fill in its missing values. Nor is an empty row."""
    text = (DATA / "footer.csv").read_text()
    report = await trial.csv(text, ImportPlan.parse(constants=["currency=EUR", "name=Chair"]))
    assert (report.rows, report.created, report.refused) == (2, 1, 1)
    assert trial.refused == [(5, "sku", "total_row")]
    constants = ImportPlan.parse(constants=["sku=x", "name=y"])
    await trial.json([{}], constants)
    assert trial.refused[1:] == [(1, "", "empty_row")]
    assert (await trial.csv("sku,name\nTotal,Fuel\n")).created == 1


async def test_skus_that_a_spreadsheet_changed_are_mended_or_refused(trial: Trial) -> None:
    """An apostrophe is removed, a rounded number refused, and a number in a workbook is text."""
    report = await trial.csv("sku,name\n'0012,A\n4.00639E+12,B\n")
    assert (report.created, trial.refused) == (1, [(3, "sku", "rounded_sku")])
    assert (await trial.item("0012")).name == "A"
    rows = [Row(2, {"sku": 42, "name": DecimalLiteral("1.5"), "price": 5, "currency": "EUR"})]
    source = RowSource(("sku", "name", "price", "currency"), iter(rows), detected=FileDetection("xlsx", sheet="Items"))
    assert (await trial.run(source)).created == 1
    assert (await trial.item("42")).name == "1.5"


def test_a_single_column_that_has_delimiters_names_the_delimiter() -> None:
    """If the given delimiter is wrong."""
    with pytest.raises(InvalidFile, match="set the delimiter to ;"):
        ImportPlan().layout(("sku;name",))
