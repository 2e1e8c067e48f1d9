"""Exports with the category tree, and imports of it."""

from collections.abc import Sequence

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.system import RandomIds
from catalog.application.categories.categories import Categories
from catalog.application.exports.columns import COLUMNS
from catalog.application.exports.formats import FORMATS
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.ports.storage import Storage
from tests.contract.exports.round_trip import export_bytes, import_bytes
from tests.making import (
    TESTER,
    CountedIds,
    FixedClock,
    commit,
    creation,
)


@pytest.mark.parametrize("atomic", [False, True])
async def test_an_export_can_include_the_category_tree(storage: Storage, *, atomic: bool) -> None:
    """Every format includes names, parents and positions. An import leaves existing categories unchanged."""
    categories = Categories(storage, FixedClock(), CountedIds())
    for slug, name, parent, position in (
        ("b", "=Bäume", None, 5),
        ("a", "Äpfel, rot", "b", 3),
        ("c", "Leer", "a", 0),
        ("d", "Drittes", None, 1),
    ):
        await categories.create({"slug": slug, "name": name, "parent": parent, "position": position}, TESTER)
    await commit(storage, creation(1000, category="a"))
    expected = [(category.slug, category.name, category.parent, category.position) for category in await categories.tree()]
    for format_name in FORMATS:
        data = await export_bytes(storage, format_name, with_categories=True)
        target = MemoryStorage()
        refusals, report = await import_bytes(target, format_name, data, atomic=atomic)
        assert (refusals, report.rows, report.created, report.categories) == ([], 1, 1, 4)
        target_categories = Categories(target, FixedClock(), CountedIds())
        assert [
            (category.slug, category.name, category.parent, category.position) for category in await target_categories.tree()
        ] == expected
        assert await export_bytes(target, format_name, with_categories=True) == data
        await target_categories.update("d", {"name": "Own"}, TESTER)
        refusals, report = await import_bytes(target, format_name, data, atomic=atomic, preserve=False)
        assert (report.categories, report.refused, (await target_categories.get("d")).name) == (0, 1, "Own")
        empty = MemoryStorage()
        refusals, report = await import_bytes(empty, format_name, data, atomic=atomic, dry_run=True)
        assert (refusals, report.created, report.categories, await empty.categories()) == ([], 1, 4, ())
        refusals, report = await import_bytes(empty, format_name, data, atomic=atomic, create_categories=False)
        assert ([refusal.code for refusal in refusals], await empty.categories()) == (["unknown_category"], ())
    without_items = await export_bytes(storage, "jsonl", with_categories=True, sku="none")
    assert without_items.count(b"_category") == 4


async def test_an_invalid_category_is_refused() -> None:
    """The errors of an invalid category are reported, and valid categories are imported."""
    columns = ",".join(COLUMNS)
    rows = "_category,Not a slug,N,,,,,,x,,\n_category,b,,,,,,,1,,\n_category,c,C,,,,,,2,,\n"
    refusals, report = await import_bytes(MemoryStorage(), "csv", f"{columns}\n{rows}".encode(), trailer_policy="ignore")
    assert (report.categories, report.created, report.refused) == (1, 0, 2)
    assert [(refusal.line, refusal.field) for refusal in refusals] == [(2, "slug"), (2, "position"), (3, "name")]


async def test_a_category_with_an_unknown_parent_is_refused(storage: Storage) -> None:
    """A category with an unknown parent is refused. Its items are still imported, into a category with that slug."""
    columns = ",".join(COLUMNS)
    rows = "_category,b,B,,nowhere,,,,1,,\n_category,c,C,,,,,,2,,\n,S,Item,,b,,,,,,\n"
    refusals, report = await import_bytes(storage, "csv", f"{columns}\n{rows}".encode(), preserve=False, trailer_policy="ignore")
    assert (report.created, report.refused, report.categories) == (1, 1, 2)
    assert [(refusal.line, refusal.sku, refusal.code) for refusal in refusals] == [(2, "b", "unknown_category")]
    assert {category.slug: category.parent for category in await storage.categories()} == {"b": None, "c": None}


class CategoryRival(MemoryStorage):
    """A store in which a rival creates one of the imported categories just before the import's commit."""

    rival_is_pending = True

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Let the rival commit first, once."""
        if self.rival_is_pending and batch[0].changes:
            self.rival_is_pending = False
            await Categories(self, FixedClock(), RandomIds()).create({"slug": "b", "name": "Theirs"}, TESTER)
        return await super().commit(batch, prepared)


async def test_a_category_that_a_rival_creates_is_left_unchanged() -> None:
    """A category that a rival creates during an import counts as an existing one, and nothing is refused."""
    columns = ",".join(COLUMNS)
    rows = "_category,b,B,,,,,,1,,\n_category,c,C,,b,,,,2,,\n,S,Item,,b,,,,,,\n"
    storage = CategoryRival()
    refusals, report = await import_bytes(storage, "csv", f"{columns}\n{rows}".encode(), preserve=False, trailer_policy="ignore")
    assert (refusals, report.created, report.categories) == ([], 1, 1)
    assert {category.slug: (category.name, category.parent) for category in await storage.categories()} == {
        "b": ("Theirs", None),
        "c": ("C", "b"),
    }
