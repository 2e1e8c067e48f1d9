"""Resolving the categories of rows: how often, and what is read for it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.imports.categories import KnownCategories
from catalog.application.imports.category_paths import CategoryPaths, CellCategory
from catalog.application.imports.decide import DecidedSlice, SliceDecider
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import flat
from catalog.application.imports.rows import SLICE_ROWS, TURN_ROWS, SliceReader
from catalog.domain.categories.category import Category
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.text.normalization import fold
from tests.contract.imports.importing import Imports
from tests.making import CountedIds, FixedClock, category, commit, creation, sets
from tests.tables import table

CREATE = ImportPlan(create_categories=True)


class CountingStorage(MemoryStorage):
    """A store that counts how often the tree is read, and records which categories are read by slug."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.trees = 0
        self.slugs: list[set[str]] = []

    async def categories(self) -> Sequence[Category]:
        """Count, and return the categories."""
        self.trees += 1
        return await super().categories()

    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Record the slugs, and return the lineages."""
        self.slugs.append(set(slugs))
        return await super().lineages(slugs)


class Rival(MemoryStorage):
    """A store in which another writer creates the item A first."""

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Commit the rival's change before the first one."""
        if not await self.items_by_sku(["A"]):
            await super().commit(sets(creation(7_777, sku="A", name="Rival")))
        return await super().commit(batch, prepared)


class Slices:
    """Decides files of up to one slice on a store."""

    def __init__(self, plan: ImportPlan = CREATE) -> None:
        """Start without categories."""
        self.storage = CountingStorage()
        self.plan = plan
        self.known = KnownCategories()
        self.ids = CountedIds()
        self.decider = SliceDecider(self.storage, FixedClock(), self.ids, plan)

    async def decide(self, *cells: str) -> DecidedSlice:
        """Decide a new item for each category cell."""
        lines = "".join(f'S-{number},x,"{cell}"\n' for number, cell in enumerate(cells))
        reader = SliceReader(table(f"sku,name,category\n{lines}"), self.plan, FixedClock(), self.ids)
        decided = await self.decider.decide(await reader.parse(reader.read_rows()), self.known)
        self.known = decided.known
        return decided


def _categories(decided: DecidedSlice) -> list[str | None]:
    return [change.subject.category for _, change in decided.changes]


async def test_equal_cells_are_resolved_once_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused ones too."""
    resolved: list[str] = []
    resolve = CategoryPaths.resolve

    def count(self: CategoryPaths, cell: str) -> CellCategory:
        resolved.append(cell)
        return resolve(self, cell)

    monkeypatch.setattr(CategoryPaths, "resolve", count)
    decided = await Slices().decide(*(["Men > Boots", "\u65e5\u672c", "tools"] * 3))
    assert resolved == ["Men > Boots", "\u65e5\u672c", "tools"]
    assert (_categories(decided), len(decided.refusals)) == (["boots", "tools"] * 3, 3)


async def test_paths_of_a_slice_share_the_categories_that_they_make() -> None:
    """Siblings get consecutive positions, after those in the store."""
    slices = Slices()
    await commit(slices.storage, category("men", name="Men", position=4))
    decided = await slices.decide("Men > Boots", "men > Shoes", "Women > boots", "Women > Hats", "Hats", f"Men > {'x' * 201}")
    made = [(change.subject.slug, change.subject.parent, change.subject.position) for change in decided.new_categories]
    assert made == [("boots", "men", 0), ("shoes", "men", 1), ("women", None, 5), ("hats", "women", 0)]
    assert _categories(decided) == ["boots", "shoes", "hats", "hats"]
    refusals = [(refusal.line, refusal.field, refusal.code) for refusal in flat(decided.refusals)]
    assert refusals == [(4, "category", "invalid_slug"), (7, "category", "too_long")]


async def test_the_tree_is_not_read_for_known_slugs() -> None:
    """It is read once for others, also if several slices have them. Only unknown slugs are read again."""
    slices = Slices(ImportPlan())
    await commit(slices.storage, category("chairs", name="Seats"))
    assert _categories(await slices.decide("chairs", "")) == ["chairs", None]
    assert slices.storage.trees == 0
    for _ in range(2):
        assert _categories(await slices.decide("seats", "SEATS", "chairs", "other")) == ["chairs"] * 3
    assert (slices.storage.trees, slices.storage.slugs) == (1, [{"chairs"}, {"seats", "other"}, {"seats", "other"}])


async def test_a_tree_is_indexed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it is the same. The categories that a slice makes, and does not commit, are not in the index."""
    indexed: list[str] = []

    def count(text: str) -> str:
        indexed.append(text)
        return fold(text)

    slices = Slices()
    await commit(slices.storage, category("seats", name="Chairs"))
    monkeypatch.setattr("catalog.application.imports.category_index.fold", count)
    for number in range(3):
        decided = await slices.decide(f"New One {number}", "Chairs")
        assert _categories(decided) == [f"new-one-{number}", "seats"]
        assert [(change.subject.slug, change.subject.position) for change in decided.new_categories] == [(f"new-one-{number}", 1)]
    assert indexed.count("Chairs") == 1 + 3
    assert _categories(await slices.decide("New One 0")) == ["new-one-0"]


async def test_a_row_with_several_categories_that_conflicts_is_counted_once() -> None:
    """It is decided again. One that is refused then is not counted."""
    text = 'sku,name,category\nA,Mine,"Shoes, Sale"\n'
    for plan, counted in ((ImportPlan(create_categories=True, on_conflict="update"), 1), (CREATE, 0)):
        report = await Imports(Rival()).run(text, plan)
        assert (report.updated, report.other_categories) == (counted, counted)


async def test_resolving_gives_way_to_other_tasks() -> None:
    """For every few cells, and for every few rows."""
    slices, turns = Slices(), 0
    deciding = asyncio.create_task(slices.decide(*(f"Category {number}" for number in range(SLICE_ROWS))))
    while not deciding.done():
        await asyncio.sleep(0)
        turns += 1
    reading_and_deciding = 2 * SLICE_ROWS // TURN_ROWS
    assert turns >= reading_and_deciding + 2 * SLICE_ROWS // TURN_ROWS
    assert len(deciding.result().new_categories) == SLICE_ROWS


async def test_a_separator_may_be_what_slugs_or_lists_have() -> None:
    """A slug is still one, and a comma does not start other categories."""
    slices = Slices(ImportPlan.parse(create_categories=True, category_separator="-"))
    await commit(slices.storage, category("home"), category("garden", "home"), category("men-boots"))
    assert _categories(await slices.decide("home-garden", "men-boots", "home-boots")) == ["garden", "men-boots", "home-boots"]
    slices = Slices(ImportPlan.parse(create_categories=True, category_separator=","))
    assert _categories(await slices.decide("Home, Garden")) == ["garden"]
