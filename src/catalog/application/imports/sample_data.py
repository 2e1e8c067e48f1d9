"""Sample data: 1,000 items in a category tree, always the same."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress

from catalog.application.categories.categories import Categories
from catalog.application.files.row_source import Row, RowSource
from catalog.application.files.trailer import CATEGORY_KEY
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.report import ImportProgress, ImportReport
from catalog.domain.change import Origin
from catalog.domain.errors import SlugTaken

SAMPLE_SIZE = 1_000

# Slug -> name and parent.
_TREE = {
    "home": ("Home", None),
    "garden": ("Garden", "home"),
    "garden-chairs": ("Garden chairs", "garden"),
    "garden-tables": ("Garden tables", "garden"),
    "lamps": ("Lamps", "home"),
    "kitchen": ("Kitchen", "home"),
    "cookware": ("Cookware", "kitchen"),
    "knives": ("Knives", "kitchen"),
    "textiles": ("Textiles", "home"),
    "bed-linen": ("Bed linen", "textiles"),
    "towels": ("Towels", "textiles"),
    "outdoors": ("Outdoors", None),
    "backpacks": ("Backpacks", "outdoors"),
    "bicycles": ("Bicycles", "outdoors"),
    "tents": ("Tents", "outdoors"),
    "desk": ("Desk and ears", None),
    "notebooks": ("Notebooks", "desk"),
    "headphones": ("Headphones", "desk"),
}

# Slug -> product names, and the base price in cents.
_CATEGORIES: dict[str, tuple[tuple[str, ...], int]] = {
    "garden-chairs": (("Folding chair", "Deck chair", "Bistro chair", "Rocking chair"), 3900),
    "garden-tables": (("Bistro table", "Picnic table", "Side table", "Folding table"), 5900),
    "lamps": (("Desk lamp", "Floor lamp", "Pendant lamp", "Reading lamp"), 2500),
    "cookware": (("Frying pan", "Saucepan", "Stockpot", "Casserole"), 1900),
    "knives": (("Chef's knife", "Bread knife", "Paring knife", "Santoku"), 2900),
    "bed-linen": (("Duvet cover", "Fitted sheet", "Pillowcase", "Blanket"), 1500),
    "towels": (("Bath towel", "Hand towel", "Sauna towel", "Tea towel"), 600),
    "backpacks": (("Daypack", "Trekking backpack", "Laptop backpack", "Roll-top backpack"), 4500),
    "bicycles": (("City bicycle", "Touring bicycle", "Cargo bicycle", "Children's bicycle"), 29900),
    "tents": (("Dome tent", "Tunnel tent", "Family tent", "Bivouac tent"), 8900),
    "notebooks": (("Dotted notebook", "Lined notebook", "Sketchbook", "Weekly planner"), 700),
    "headphones": (("On-ear headphones", "In-ear headphones", "Studio headphones", "Sports headphones"), 3500),
}
_MAKERS = ("Ålesund", "Brückner", "Cortázar", "Dvořák", "Évian", "Fjällby", "Göteborg", "Hōseki", "Ibón", "Jökull", "Łódź")
_COLOURS = ("anthracite", "blue", "cream", "forest green", "mustard", "red", "sand", "white")
_MATERIALS = ("ash", "bamboo", "cotton", "linen", "oak", "recycled plastic", "stainless steel", "wool")


class SampleData:
    """Loads the sample categories and items. Existing ones are left unchanged."""

    def __init__(self, pipeline: ImportPipeline, categories: Categories) -> None:
        """Load the data through `pipeline` and `categories`."""
        self._pipeline = pipeline
        self._categories = categories

    async def run(self, origin: Origin) -> ImportReport:
        """Load the data. The report counts new items as `created` and existing ones as `skipped`."""
        report = ImportReport()
        for slug, (name, parent) in _TREE.items():
            with suppress(SlugTaken):
                await self._categories.create({"slug": slug, "name": name, "parent": parent}, origin)
                report += ImportReport(categories=1)
        source, plan, progress = RowSource(None, sample_rows()), ImportPlan(on_conflict="skip"), ImportProgress(report=report)
        async for committed in self._pipeline.run(source, plan, origin, progress):
            progress = committed.progress
        return progress.report


def sample_file() -> bytes:
    """Return the sample data as a file (JSON Lines).

    An import that creates its categories and skips items that exist loads what `SampleData` does.
    """
    rows = [*_category_rows(), *(row.values for row in sample_rows())]
    return "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows).encode()


def _category_rows() -> Iterator[Mapping[str, object]]:
    """Yield the categories as exports have them."""
    children: Counter[str | None] = Counter()
    for slug, (name, parent) in _TREE.items():
        yield {CATEGORY_KEY: {"slug": slug, "name": name, "parent": parent, "position": children[parent]}}
        children[parent] += 1


def sample_rows() -> Iterator[Row]:
    """Generate the rows by counting, not randomly. Step sizes share no divisor with the list lengths, so all pairs occur."""
    slugs = list(_CATEGORIES)
    for number in range(SAMPLE_SIZE):
        category = slugs[number % len(slugs)]
        products, base_price = _CATEGORIES[category]
        cycle = number // len(slugs)
        product, maker = products[cycle % len(products)], _MAKERS[cycle % len(_MAKERS)]
        colour, material = _COLOURS[cycle * 5 % len(_COLOURS)], _MATERIALS[number * 3 % len(_MATERIALS)]
        cents = base_price + base_price * (cycle * 37 % 100) // 50
        values = {
            "sku": f"{category[:3].upper()}-{number + 1:04}",
            "name": f"{maker} {product}, {colour}",
            "description": f"A {product.lower()} by {maker}, in {colour}, made of {material}.",
            "category": category,
            "price": f"{cents // 100}.{cents % 100:02}",
            "currency": ("EUR", "EUR", "USD", "GBP")[cycle % 4],
            "attr.colour": colour,
            "attr.material": material,
            "attr.weight_g": 120 + number * 7 % 4000,
            "attr.in_stock": number % 9 != 0,
        }
        if number % 17 == 0:
            del values["price"], values["currency"]
        yield Row(number + 1, values)
