"""Category cells on every store: slugs, names and paths, and which missing categories are made."""

from pathlib import Path

from catalog.adapters.system import RandomIds
from catalog.application.categories.categories import Categories
from catalog.application.imports.plan import ImportPlan
from tests.contract.imports.importing import Imports
from tests.making import TESTER, FixedClock

DATA = Path(__file__).parents[2] / "data"


async def test_category_cells_are_names_or_paths(imports: Imports) -> None:
    """Missing ones are made with their names as written; of several, the first is taken. The next import finds them."""
    data = (DATA / "cat-paths.csv").read_bytes()
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


async def test_rows_with_several_categories_are_counted(imports: Imports) -> None:
    """Also those that are unchanged, but none that is skipped or refused. Surplus commas name no category."""
    await imports.run("sku,name\nOLD,Old\n")
    plan = ImportPlan(create_categories=True, on_conflict="skip")
    report = await imports.run('sku,name,category\nOLD,x,"A, B"\nA,A,"Shoes, Sale, New"\nB,B,",Hats,"\nC,,"Hats,New"\n', plan)
    assert (report.created, report.skipped, report.refused, report.other_categories) == (2, 1, 1, 1)
    assert dict((await imports.item("A")).attributes) == {"other_categories": "Sale, New"}
    hat = await imports.item("B")
    assert (hat.category, dict(hat.attributes)) == ("hats", {})
    again = 'sku,name,category,attributes\nA,A,"Shoes, Sale, New",\nB,B,"Shoes, New","{""size"": 4}"\n'
    report = await imports.run(again, ImportPlan(on_conflict="update"))
    assert (report.unchanged, report.updated, report.other_categories) == (1, 1, 2)
    assert dict((await imports.item("B")).attributes) == {"size": 4, "other_categories": "New"}


async def test_invalid_or_cleared_attributes_have_no_other_categories(imports: Imports) -> None:
    """A row is refused for invalid ones. If they are cleared, all of them are."""
    text = 'sku,name,category,attributes\nA,A,"Shoes, Sale",{}\n'
    await imports.run(f'{text}B,B,"Shoes, Sale",[1]\n', ImportPlan(create_categories=True))
    assert [line for line, _ in imports.refused] == [3]
    report = await imports.run(text.replace("{}", ""), ImportPlan(on_conflict="update", empty="clear"))
    assert (report.updated, report.other_categories, dict((await imports.item("A")).attributes)) == (1, 0, {})


async def test_an_item_that_exists_is_skipped_whatever_its_category(imports: Imports) -> None:
    """Without an error about a category that the row does not need."""
    await imports.run("sku,name\nA,A\n")
    report = await imports.run("sku,name,category\nA,A,No Such One\n", ImportPlan(on_conflict="skip"))
    assert (report.skipped, report.refused) == (1, 0)
    for plan, code in ((ImportPlan(), "sku_taken"), (ImportPlan(on_conflict="update"), "unknown_category")):
        report = await imports.run("sku,name,category\nA,A,No Such One\n", plan)
        assert (report.refused, imports.refused) == (1, [(2, code)])


async def test_paths_that_no_tree_can_have_are_refused(imports: Imports) -> None:
    """With too many names, or one that is too long or missing. None of their categories is made."""
    paths = (" > ".join(f"Level {number}" for number in range(17)), f"Top > {'x' * 201}", "Top > ")
    text = "sku,name,category\n" + "".join(f"A{number},x,{path}\n" for number, path in enumerate(paths))
    report = await imports.run(text, ImportPlan(create_categories=True))
    assert (report.created, report.categories, list(await imports.storage.categories())) == (0, 0, [])
    assert imports.refused == [(2, "category_too_deep"), (3, "too_long"), (4, "invalid_slug")]


async def test_spaces_around_a_category_do_not_matter(imports: Imports) -> None:
    """Whether it is a slug, a name or a path."""
    plan = ImportPlan(create_categories=True)
    await imports.run("sku,name,category\nA,A,Men >  Boots \nB,B, boots \nC,C,  Boots\nD,D, hats \n", plan)
    assert [(await imports.item(sku)).category for sku in "ABCD"] == ["boots", "boots", "boots", "hats"]
    await Categories(imports.storage, FixedClock(), RandomIds()).create({"slug": "kids", "name": "Children"}, TESTER)
    await imports.run("sku,name,category\nE,E,kids\nF,F, kids \n")
    assert [(await imports.item(sku)).category for sku in "EF"] == ["kids", "kids"]
