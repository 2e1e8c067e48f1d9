"""Partial files on every store: price lists, empty cells, rows of unknown SKUs."""

from pathlib import Path

import pytest

from catalog.adapters.system import RandomIds
from catalog.application.categories.categories import Categories
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.report import ImportProgress, ImportReport
from catalog.domain.items.item import Item
from catalog.ports.storage import Storage
from tests.making import TESTER, FixedClock
from tests.tables import table

DATA = Path(__file__).parents[2] / "data"
UPDATE = ImportPlan(on_conflict="update")


class Imports:
    """Imports into a store."""

    def __init__(self, storage: Storage) -> None:
        """Start without items."""
        self.storage = storage
        self.refused: list[tuple[int, str]] = []

    async def run(self, data: bytes | str, plan: ImportPlan | None = None) -> ImportReport:
        """Import a CSV file."""
        pipeline = ImportPipeline(self.storage, FixedClock(), RandomIds())
        self.refused = []
        report = ImportReport()
        async for committed in pipeline.run(table(data, "csv"), plan or ImportPlan(), TESTER, ImportProgress()):
            report = committed.progress.report
            self.refused += [(refusal.line, refusal.code) for refusal in committed.refusals]
        return report

    async def item(self, sku: str) -> Item:
        """Return an item."""
        return (await self.storage.items_by_sku([sku]))[sku]


@pytest.fixture
def imports(storage: Storage) -> Imports:
    """Imports into an empty store."""
    return Imports(storage)


def _data(name: str) -> bytes:
    return (DATA / name).read_bytes()


async def test_a_price_list_updates_what_is_there(imports: Imports) -> None:
    """A row of an unknown SKU without a name is refused by line, in a dry run too."""
    await imports.run(_data("update-blank.csv"))
    dry = await imports.run(_data("price-only.csv"), ImportPlan(on_conflict="update", dry_run=True))
    assert (dry.updated, imports.refused) == (1, [(3, "item_not_found")])
    report = await imports.run(_data("price-only.csv"), UPDATE)
    assert (report.updated, report.refused, imports.refused) == (1, 1, [(3, "item_not_found")])
    item = await imports.item("UB-1")
    assert item.price is not None
    assert (item.name, item.description, str(item.price.amount)) == ("Chair", "Oak", "12.00")


async def test_without_create_unknown_skus_are_refused(imports: Imports) -> None:
    """Known ones are updated."""
    await imports.run("sku,name\nA,Old\n")
    report = await imports.run("sku,name\nA,New\nB,Other\n", ImportPlan.parse(on_conflict="update", create=False))
    assert (report.updated, report.created, imports.refused) == (1, 0, [(3, "item_not_found")])


async def test_an_empty_cell_leaves_or_clears_the_field(imports: Imports) -> None:
    """The name cannot be cleared. Columns that the file does not have are left."""
    await imports.run(_data("update-blank.csv"))
    assert (await imports.run(_data("update-blank-2.csv"), UPDATE)).unchanged == 1
    clear = ImportPlan.parse(on_conflict="update", empty="clear")
    assert (await imports.run(_data("update-blank-2.csv"), clear)).updated == 1
    item = await imports.item("UB-1")
    assert (item.name, item.description, item.price) == ("Chair", None, None)
    await imports.run("sku,name,attr.a,attr.b,description\nA,X,1,2,text\n")
    await imports.run("sku,attr.a,attr.b\nA,,3\n", clear)
    item = await imports.item("A")
    assert (dict(item.attributes), item.description) == ({"b": "3"}, "text")
    await imports.run("sku,attributes\nA,\n", clear)
    assert dict((await imports.item("A")).attributes) == {}
    assert (await imports.run("sku,name\nA,\n", clear)).refused == 1
    assert (await imports.run("sku,name,attributes,attr.a\nA,X,[1],\n", clear)).refused == 1


async def test_a_dry_run_updates_what_it_would_create(imports: Imports) -> None:
    """A row without a name may follow the one that creates the item, even in a later slice."""
    filler = "".join(f"F{number},x\n" for number in range(500))
    report = await imports.run(f"sku,name\nA,X\n{filler}A,\n", ImportPlan(on_conflict="update", dry_run=True))
    assert (report.created, report.updated, report.refused) == (501, 1, 0)


async def test_category_cells_are_names_or_paths(imports: Imports) -> None:
    """Missing ones are made with their names as written; of several, the first is taken. The next import finds them."""
    data = _data("cat-paths.csv")
    assert (await imports.run(data)).refused > 0
    plan = ImportPlan.parse(create_categories=True, on_conflict="update")
    report = await imports.run(data, plan)
    assert (report.refused, report.created + report.updated + report.unchanged) == (0, report.rows)
    names = {category.slug: (category.name, category.parent) for category in await imports.storage.categories()}
    assert names["tshirts"] == ("Tshirts", "clothing")
    assert names["hoodies"] == ("Hoodies", "clothing")
    hoodie = await imports.item("CP-2")
    assert (hoodie.category, dict(hoodie.attributes)) == ("hoodies", {"other_categories": "Sale"})
    again = await imports.run(data, plan)
    assert (again.unchanged, again.categories) == (again.rows, 0)


async def test_categories_that_cannot_be_found_or_made_are_refused(imports: Imports) -> None:
    """A name that several categories have, one that no slug can be made from, and a row that is no item."""
    categories = Categories(imports.storage, FixedClock(), RandomIds())
    for slug in ("first", "second"):
        await categories.create({"slug": slug, "name": "Shoes Two"}, TESTER)
    await imports.run("sku,name,category\nA,A,Men > Boots Two\n", ImportPlan(create_categories=True))
    text = "sku,name,category\nC,C,Shoes Two\nD,D,日本\nE,,Men > New One\nF,F,men > Boots Two\nG,G,No Such One\n"
    report = await imports.run(text, ImportPlan(create_categories=True))
    assert report.created + report.refused == 5
    assert (3, "invalid_slug") in imports.refused
    assert (2, "ambiguous_category") in imports.refused
    assert (await imports.item("F")).category is not None
    await imports.run("sku,name,category\nH,H,Not There\n")
    assert imports.refused == [(2, "unknown_category")]


async def test_only_categories_of_written_rows_are_made(imports: Imports) -> None:
    """With their ancestors. Rows that are skipped or refused make none."""
    await imports.run("sku,name\nA,Old\n")
    text = "sku,name,category\nA,New,Men > Boots Two\nB,B,Home > Kitchen Ware > Pots\nC,,Garden > Tools Two\n,D,No Such One\n"
    for plan in (ImportPlan(create_categories=True, on_conflict="skip", dry_run=True), ImportPlan(create_categories=True)):
        report = await imports.run(text, plan)
        assert (report.created, report.skipped + report.refused, report.categories) == (1, 3, 3)
    categories = {category.slug: category.parent for category in await imports.storage.categories()}
    assert categories == {"home": None, "kitchen-ware": "home", "pots": "kitchen-ware"}
    assert (await imports.item("B")).category == "pots"


async def test_a_cell_like_a_slug_may_be_a_name(imports: Imports) -> None:
    """If no category has the slug. One that is neither is made from the slug, or refused."""
    categories = Categories(imports.storage, FixedClock(), RandomIds())
    for slug, name in {"footwear": "Shoes", "bags": "Sacks", "luggage": "Bags", "one": "Twice", "two": "Twice"}.items():
        await categories.create({"slug": slug, "name": name}, TESTER)
    text = "sku,name,category\nA,A,shoes\nB,B,bags\nC,C,twice\nD,D,garden-chairs\n"
    report = await imports.run(text)
    assert (report.created, imports.refused) == (2, [(4, "ambiguous_category"), (5, "unknown_category")])
    assert [(await imports.item(sku)).category for sku in "AB"] == ["footwear", "bags"]
    report = await imports.run(text, ImportPlan(create_categories=True, on_conflict="update"))
    assert (report.unchanged, report.created, report.categories) == (2, 1, 1)
    assert imports.refused == [(4, "ambiguous_category")]
    made = next(category for category in await imports.storage.categories() if category.slug == "garden-chairs")
    assert (made.name, made.parent, made.position) == ("Garden chairs", None, 5)


async def test_a_slug_may_be_that_of_a_path_in_another_row(imports: Imports) -> None:
    """Whichever row comes first."""
    report = await imports.run("sku,name,category\nA,A,boots\nB,B,Men > Boots\n", ImportPlan(create_categories=True))
    assert (report.created, report.categories) == (2, 2)
    assert [(await imports.item(sku)).category for sku in "AB"] == ["boots", "boots"]
