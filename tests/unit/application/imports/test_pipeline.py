"""Importing: what goes in, what is refused, and what is said about it."""

import asyncio
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.categories.categories import Categories
from catalog.application.files.readers import READERS, read_csv, read_json_array, read_json_lines
from catalog.application.imports.pipeline import ImportPipeline, ImportReport
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.rows import SLICE_ROWS, Refusal
from catalog.application.imports.sample_data import SAMPLE_SIZE, SampleData, sample_rows
from catalog.application.writes.commit import MAX_ATTEMPTS
from catalog.domain.categories.tree import Tree
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import InvalidFile, InvalidQuery, SkuTaken, StaleVersion
from catalog.domain.items.item import Item
from tests.making import TESTER, CountedIds, FixedClock, category, commit, creation, sets

DATA = Path(__file__).parents[3] / "data"
Import = Callable[..., "object"]


class Trial:
    """A store, and imports into it."""

    def __init__(self, storage: MemoryStorage | None = None) -> None:
        """Begin with an empty store, or this one."""
        self.storage = storage or MemoryStorage()
        self.importing = ImportPipeline(self.storage, FixedClock(), CountedIds())
        self.refusals: list[Refusal] = []

    async def csv(self, text: str, plan: ImportPlan | None = None) -> ImportReport:
        """Import CSV."""
        table = read_csv(io.BytesIO(text.encode(errors="surrogateescape")))
        return await self.importing.run(table, plan or ImportPlan(), TESTER, on_refusal=self.refusals.append)

    async def json(self, values: object, plan: ImportPlan | None = None) -> ImportReport:
        """Import a JSON array."""
        table = read_json_array(io.BytesIO(json.dumps(values).encode()), "none")
        return await self.importing.run(table, plan or ImportPlan(), TESTER, on_refusal=self.refusals.append)

    async def item(self, sku: str) -> Item:
        """Return an item."""
        return (await self.storage.items_by_sku([sku]))[sku]

    @property
    def told(self) -> list[tuple[int, str, str]]:
        """Return line, field and code of all that was refused."""
        return [(one.line, one.field, one.code) for one in self.refusals]


@pytest.fixture
def trial() -> Trial:
    """A fresh store."""
    return Trial()


async def test_columns_of_the_fields_names_are_taken_and_others_are_named(trial: Trial) -> None:
    """Flat names, attributes as attr.NAME."""
    report = await trial.csv("sku,name,price,currency,attr.pages,shelf\na-1,Book,12.50,eur,300,7\n")
    assert (report.rows, report.created, report.refused, report.ignored) == (1, 1, 0, ["shelf"])
    book = await trial.item("A-1")
    assert (book.name, book.price and book.price.minor_units, dict(book.attributes)) == ("Book", 1250, {"pages": "300"})


async def test_other_columns_are_mapped_values_are_set_and_types_are_given(trial: Trial) -> None:
    """As on the command line."""
    plan = ImportPlan.parse(
        ["sku=id", "name=title", "attr.pages=p", "attr.weight=w", "attr.new=n"],
        ["price=9.90", "currency=EUR", "attr.kind=book"],
        ["attr.pages=integer", "attr.weight=number", "attr.new=boolean"],
    )
    report = await trial.csv("id,title,name,p,w,n\n1,Emma,x,300,1.5,Yes\n2,Ulysses,x,,2,0\n", plan)
    assert (report.created, report.ignored) == (2, ["name"])
    emma, ulysses = await trial.item("1"), await trial.item("2")
    assert dict(emma.attributes) == {"kind": "book", "new": True, "pages": 300, "weight": 1.5}
    assert {name: type(value) for name, value in ulysses.attributes.items()} == {"kind": str, "new": bool, "weight": int}
    assert (emma.name, emma.price and emma.price.amount) == ("Emma", "9.90")


async def test_a_bad_row_is_refused_with_every_fault_and_the_rest_goes_in(trial: Trial) -> None:
    """By line, flat field name and code."""
    plan = ImportPlan.parse(types=["attr.n=integer"])
    text = (
        "sku,name,price,currency,attr.n,attributes\n"
        "A,,1.234,EUR,1.5,{}\n"
        ",Name,1,XXX,,\n"
        "B b,,,,,\n"
        "C,Name,5,,,{\n"
        "D,Name,5,EUR,x,[1]\n"
        "E,\udcff,,,,\n"
        "F\n"
        'G,Good,5,EUR,5,"{""a"": true}"\n'
    )
    report = await trial.csv(text, plan)
    assert (report.rows, report.created, report.refused) == (8, 1, 7)
    assert trial.told == [
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
        (8, "", "malformed"),
    ]
    assert dict((await trial.item("G")).attributes) == {"a": True, "n": 5}


@pytest.mark.parametrize("value", ["maybe", "[1]", "1.5"])
async def test_a_cell_that_is_not_of_its_type_is_refused(trial: Trial, value: str) -> None:
    """And never guessed."""
    plan = ImportPlan.parse(types=["attr.a=integer", "attr.b=boolean"])
    await trial.csv(f"sku,name,attr.a,attr.b\nA,x,{value},{value}\n", plan)
    assert trial.told == [(2, "attr.a", "wrong_type"), (2, "attr.b", "wrong_type")]


async def test_a_sku_that_is_there_is_refused_skipped_or_updated(trial: Trial) -> None:
    """An empty cell leaves what is there; what is the same leaves no trace."""
    await trial.csv("sku,name,description,attr.a\nA,Old,text,1\nB,Same,,\n")
    again = "sku,name,description,attr.b\nA,New,,2\nB,Same,,\nC,Fresh,,\n"
    report = await trial.csv(again)
    assert (report.created, report.refused, trial.told) == (1, 2, [(2, "sku", "sku_taken"), (3, "sku", "sku_taken")])
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
async def test_a_sku_twice_in_a_file_meets_itself(trial: Trial, *, dry_run: bool) -> None:
    """In one slice or far apart, and in a dry run too."""
    filler = "".join(f"F-{number},x\n" for number in range(SLICE_ROWS))
    text = f"sku,name\nA,One\nA,Two\n{filler}A,Three\n"
    report = await trial.csv(text, ImportPlan(dry_run=dry_run))
    assert (report.created, report.refused) == (SLICE_ROWS + 1, 2)
    assert [line for line, *_ in trial.told] == [3, SLICE_ROWS + 4]
    report = await trial.csv(text.replace("A,", "B,"), ImportPlan(on_conflict="update", dry_run=dry_run))
    assert report.updated == 2
    report = await trial.csv(text.replace("A,", "C,"), ImportPlan(on_conflict="skip", dry_run=dry_run))
    assert report.skipped >= 2
    assert (await trial.storage.items_by_sku(["A", "B", "C"]) == {}) is dry_run


async def test_json_rows_may_have_flat_names_or_the_shape_of_an_item(trial: Trial) -> None:
    """And keep their types."""
    rows = [
        {"sku": "A", "name": "x", "price": 1.5, "currency": "EUR", "attr.n": 5, "more": 1},
        {"sku": "B", "name": "x", "price": {"amount": "2", "currency": "JPY"}, "attributes": {"n": 1.5}, "other": [1]},
        {"sku": "C", "name": "x", "attr.list": [1]},
        {"sku": 5, "name": "x"},
    ]
    report = await trial.json(rows, ImportPlan.parse(["attr.m=more"]))
    assert (report.created, report.ignored) == (2, ["other"])
    assert sorted(trial.told) == [(1, "attr.list", "wrong_type"), (1, "sku", "wrong_type")]
    first, second = await trial.item("A"), await trial.item("B")
    assert (first.price and first.price.amount, dict(first.attributes)) == ("1.50", {"m": 1, "n": 5})
    assert (second.price and second.price.amount, dict(second.attributes)) == ("2", {"n": 1.5})


@pytest.mark.parametrize("kind", sorted(READERS))
async def test_slices_of_large_rows_have_fewer(trial: Trial, kind: str) -> None:
    """For they are in memory as a whole."""
    cells = {f"attr.a{number}": "y" * 100_000 for number in range(10)}
    rows = [{"sku": f"S-{number}", "name": "x"} | cells for number in range(12)]
    texts = {
        "csv": "".join(",".join(line) + "\n" for line in (rows[0], *(row.values() for row in rows))),
        "json": json.dumps(rows),
        "jsonl": "\n".join(map(json.dumps, rows)),
    }
    table = READERS[kind](io.BytesIO(texts[kind].encode()))
    seen: list[int] = []
    await trial.importing.run(table, ImportPlan(), TESTER, on_progress=lambda report: seen.append(report.rows))
    assert seen == [5, 10, 12]


async def test_rows_of_any_number_of_shapes_are_read_each_by_its_own(trial: Trial) -> None:
    """Also where names are very long; what gives nothing is told, but not without end."""
    shapes = [{"sku": f"S-{number}", "name": "x", f"attr.a{number}": number, f"other{number}": 1} for number in range(150)]
    report = await trial.json([*shapes, {"sku": "LONG", "name": "x", "y" * 20_000: 1}, *reversed(shapes[:3])])
    assert (report.created, report.refused, len(report.ignored)) == (151, 3, 100)
    for number in range(150):
        assert dict((await trial.item(f"S-{number}")).attributes) == {f"a{number}": number}


async def test_what_has_a_type_already_keeps_it(trial: Trial) -> None:
    """A JSON number is no text to be read; text that is to be text stays text."""
    plan = ImportPlan.parse(types=["attr.a=integer", "attr.b=text"])
    assert (await trial.json([{"sku": "A", "name": "A", "attr.a": 5, "attr.b": "6"}], plan)).created == 1
    assert dict((await trial.item("A")).attributes) == {"a": 5, "b": "6"}


async def test_json_lines_report_their_progress(trial: Trial) -> None:
    """Slice by slice."""
    lines = "\n".join(json.dumps({"sku": f"S-{number}", "name": "x"}) for number in range(SLICE_ROWS + 1))
    seen: list[int] = []
    table = read_json_lines(io.BytesIO(lines.encode()))
    await trial.importing.run(table, ImportPlan(), TESTER, on_progress=lambda report: seen.append(report.rows))
    assert seen == [SLICE_ROWS, SLICE_ROWS + 1]


class Rival(MemoryStorage):
    """A store in which somebody else creates the same SKU first, or changes always."""

    def __init__(self, *, stubborn: bool = False) -> None:
        """Be quicker once, or always."""
        super().__init__()
        self.stubborn = stubborn
        self.done = False

    async def commit(self, batch: Sequence[ChangeSet], ready: Sequence[object] = ()) -> Sequence[Outcome]:
        """Come first."""
        if self.stubborn:
            return [StaleVersion(change_set.changes[0].subject.id) for change_set in batch]
        if not self.done:
            self.done = True
            await super().commit(sets(creation(77, sku="A", name="Rival")))
        return await super().commit(batch, ready)


async def test_a_rival_who_was_quicker_is_met_again() -> None:
    """And the row is decided on what he left."""
    trial = Trial(Rival())
    report = await trial.csv("sku,name\nA,Mine\n", ImportPlan(on_conflict="update"))
    assert (report.updated, (await trial.item("A")).name) == (1, "Mine")
    trial = Trial(Rival())
    assert (await trial.csv("sku,name\nA,Mine\n")).refused == 1
    assert trial.told == [(2, "sku", "sku_taken")]


async def test_a_row_is_not_tried_for_ever() -> None:
    """It is refused after a bounded number of times."""
    trial = Trial(Rival(stubborn=True))
    assert (await trial.csv("sku,name\nA,Mine\n")).refused == 1
    assert trial.told == [(2, "", "contended")]
    assert MAX_ATTEMPTS > 1


class Slow(MemoryStorage):
    """A store whose commits take a while, in which others are served."""

    def __init__(self) -> None:
        """Begin with nothing committed, and nothing asked for."""
        super().__init__()
        self.commits = 0
        self.asked: set[str] = set()
        self.asked_meanwhile: set[str] = set()

    async def commit(self, batch: Sequence[ChangeSet], ready: Sequence[object] = ()) -> Sequence[Outcome]:
        """Commit when the loop went round often enough for a slice to be read and decided."""
        self.commits += 1
        before = set(self.asked)
        for _ in range(2 * SLICE_ROWS):
            await asyncio.sleep(0)
        self.asked_meanwhile |= self.asked - before
        return await super().commit(batch, ready)

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Remember what was asked for."""
        self.asked.update(skus)
        return await super().items_by_sku(skus)


def _slices(first: str, second: str) -> str:
    """Write CSV with a header: a slice that begins with these lines, filled up, and then those of the next."""
    header, *lines = first.splitlines()
    lines += [f"F-{number},x" + "," * (header.count(",") - 1) for number in range(SLICE_ROWS - len(lines))]
    return "\n".join((header, *lines, second))


async def test_a_slice_is_decided_while_the_one_before_is_committed() -> None:
    """For it tells of other items."""
    trial = Trial(store := Slow())
    report = await trial.csv(_slices("sku,name\nA,One\n", "B,Two\n"))
    assert (report.created, report.refused, store.commits) == (SLICE_ROWS + 1, 0, 2)
    assert store.asked_meanwhile == {"B"}


@pytest.mark.parametrize("plan", [ImportPlan(on_conflict="update"), ImportPlan(on_conflict="skip"), ImportPlan()])
async def test_a_slice_that_tells_of_the_one_before_waits_for_it(plan: ImportPlan) -> None:
    """It is decided on what that one leaves, and no commit is tried in vain."""
    trial = Trial(store := Slow())
    report = await trial.csv(_slices("sku,name\nA,One\n", "A,Two\nB,x\n"), plan)
    updated, skipped, refused = (int(plan.on_conflict == one) for one in ("update", "skip", "fail"))
    assert (report.created, report.updated, report.skipped, report.refused) == (SLICE_ROWS + 1, updated, skipped, refused)
    assert (store.commits, "B" in store.asked_meanwhile) == (2, False)
    assert (await trial.item("A")).version == 1 + updated


async def test_a_category_that_the_slice_before_creates_is_waited_for() -> None:
    """It is created once."""
    trial = Trial(store := Slow())
    text = _slices("sku,name,category\nA,One,chairs\n", "B,Two,chairs\n")
    report = await trial.csv(text, ImportPlan(create_categories=True))
    assert (report.created, report.categories, report.refused, store.commits) == (SLICE_ROWS + 1, 1, 0, 2)


async def test_lives_are_decided_one_slice_after_the_other() -> None:
    """An id may come under another SKU in the next slice."""
    kept = {"version": 1, "created_at": "2026-11-20T12:00:00Z", "updated_at": "2026-11-20T12:00:00Z"}
    skus = [*(f"F-{number}" for number in range(SLICE_ROWS)), "B", "C"]
    rows = [{"id": str(UUID(int=number)), "sku": sku, "name": "x"} | kept for number, sku in enumerate(skus, 1)]
    rows[SLICE_ROWS]["id"] = rows[0]["id"]
    trial = Trial(store := Slow())
    report = await trial.json(rows, ImportPlan(preserve=True))
    assert (report.created, report.refused, store.commits) == (SLICE_ROWS + 1, 1, 2)
    assert trial.told == [(1, "id", "item_exists")]


async def test_who_ends_an_import_waits_for_the_slice_that_is_committed() -> None:
    """And it is told."""
    trial = Trial(Slow())
    seen: list[int] = []
    rounds, error = iter(range(2)), SkuTaken("A")

    async def go_on() -> None:
        if next(rounds):
            raise error

    table = read_csv(io.BytesIO(_slices("sku,name\nA,\n", "B,Two\n").encode()))
    with pytest.raises(SkuTaken):
        await trial.importing.run(
            table,
            ImportPlan(),
            TESTER,
            on_refusal=trial.refusals.append,
            on_progress=lambda it: seen.append(it.rows),
            should_continue=go_on,
        )
    assert (seen, trial.told) == ([SLICE_ROWS], [(2, "name", "required")])


async def test_who_is_cancelled_is_told_of_the_slice_that_was_committed_meanwhile() -> None:
    """For it is in the store."""
    trial = Trial(store := Slow())
    seen: list[int] = []
    table = read_csv(io.BytesIO(_slices("sku,name\nA,One\n", "B,Two\n").encode()))
    run = asyncio.create_task(trial.importing.run(table, ImportPlan(), TESTER, on_progress=lambda it: seen.append(it.created)))
    while "B" not in store.asked:  # noqa: ASYNC110 - then the next slice is decided, and waits for the first
        await asyncio.sleep(0)
    for _ in range(SLICE_ROWS // 2):
        await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (seen, store.commits) == ([SLICE_ROWS], 1)
    assert (await trial.item("A")).name == "One"


def test_every_fault_of_a_plan_is_told() -> None:
    """Before anything is read."""
    with pytest.raises(InvalidQuery) as caught:
        ImportPlan.parse(["name", "titel=x", "attr.=x", "sku=a", "sku=b"], ["price="], ["attr.a=date", "name=text"])
    assert [(fault.path[0], fault.code) for fault in caught.value.errors] == [
        ("map", "no_pair"),
        ("map", "unknown_field"),
        ("map", "unknown_field"),
        ("map", "repeated_field"),
        ("set", "no_pair"),
        ("type", "unknown_type"),
        ("type", "unknown_type"),
    ]


async def test_a_mapped_column_must_be_there(trial: Trial) -> None:
    """Where there is a header that says so."""
    with pytest.raises(InvalidQuery, match="no column titel for name; it has sku, title"):
        await trial.csv("sku,title\n", ImportPlan.parse(["name=titel"]))


async def test_the_seed_is_the_same_every_time(trial: Trial) -> None:
    """A thousand plausible items in a dozen categories; a second seed changes nothing."""
    seeding = SampleData(trial.importing, Categories(trial.storage, FixedClock(), CountedIds()))
    report = await seeding.run(TESTER)
    assert (report.created, report.refused) == (SAMPLE_SIZE, 0)
    categories = await trial.storage.categories()
    assert len(categories) == report.categories > 12
    assert max(len(Tree(categories).lineage(category.slug)) for category in categories) > 2
    rows = list(sample_rows())
    assert rows == list(sample_rows())
    assert len({row.values["category"] for row in rows}) == 12
    assert len({row.values["name"] for row in rows}) > SAMPLE_SIZE * 0.6
    report = await seeding.run(TESTER)
    assert (report.created, report.skipped, report.categories) == (0, SAMPLE_SIZE, 0)
    assert (await trial.storage.changes(after=0, limit=1)).head == SAMPLE_SIZE + len(categories)


async def test_an_unknown_category_is_refused_or_created(trial: Trial) -> None:
    """As the plan has it; a dry run says what would be."""
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
    assert [(each.slug, each.name, each.position) for each in tree] == [
        ("chair", "Chair", 0),
        ("chairs", "Chairs", 1),
        ("lamps", "Lamps", 2),
    ]
    assert (await trial.csv(text, ImportPlan(create_categories=True, on_conflict="update"))).categories == 0


async def test_a_header_must_name_what_an_item_needs(trial: Trial) -> None:
    """The SKU, or a fixed value for it; what is found is named, and what may be meant."""
    for text, said in {
        "SKU,title\n": r"no column sku.* Its columns: SKU, title\. .*map sku=SKU",
        "sku;name;price\nA;B;1\n": "set the delimiter to ;",
        "sku\tname\n": "set the delimiter to tab",
        "\x1b]0;x\x07,b\n": r"Its columns: \\x1b\]0;x\\x07, b",
        ",".join(f"c{number}" for number in range(30)): "c19 and 10 more",
    }.items():
        with pytest.raises(InvalidFile, match=said):
            await trial.csv(text)
    report = await trial.csv("name\nA\n", ImportPlan.parse(constants=["sku=x"]))
    assert report.created == 1


async def test_names_that_nobody_takes_may_be_blank_or_twice(trial: Trial) -> None:
    """One without a name is called by its place; what is taken must be there once."""
    report = await trial.csv(",sku,name,x,x\n7,A,One,1,2\n", ImportPlan.parse(["attr.n=column 1"]))
    assert (report.created, report.ignored) == (1, ["x"])
    assert dict((await trial.item("A")).attributes) == {"n": "7"}
    with pytest.raises(InvalidFile, match="twice: name"):
        await trial.csv("sku,name,name\n")
    with pytest.raises(InvalidFile, match="twice: id"):
        await trial.csv("sku,name,id,id\n", ImportPlan(preserve=True))


async def test_a_row_of_sums_is_no_item(trial: Trial) -> None:
    """Also where fixed values give what it lacks; nor is a row that has nothing of its own."""
    text = (DATA / "footer.csv").read_text()
    report = await trial.csv(text, ImportPlan.parse(constants=["currency=EUR", "name=Chair"]))
    assert (report.rows, report.created, report.refused) == (2, 1, 1)
    assert trial.told == [(5, "sku", "total_row")]
    fixed = ImportPlan.parse(constants=["sku=x", "name=y"])
    await trial.json([{}], fixed)
    assert trial.told[1:] == [(1, "", "empty_row")]
    assert (await trial.csv("sku,name\nTotal,Fuel\n")).created == 1
