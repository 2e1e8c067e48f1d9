"""Partial files on every store: price lists, empty cells, rows of unknown SKUs."""

from pathlib import Path

from catalog.application.imports.plan import ImportPlan
from tests.contract.imports.importing import Imports

DATA = Path(__file__).parents[2] / "data"
UPDATE = ImportPlan(on_conflict="update")


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
