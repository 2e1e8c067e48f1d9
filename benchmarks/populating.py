"""A deterministic catalog of any size, to measure how reads scale with it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from catalog.domain.categories.category import Category
from catalog.domain.change import Change, Origin
from catalog.domain.changes.log import AnyChange, ChangeSet
from catalog.domain.items.attributes import Attributes
from catalog.domain.items.item import CREATED, Item
from catalog.domain.values.money import Money
from catalog.ports.storage import Storage

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LEAVES = 1_000
RARE = "quetzal"
"""A word in ten names, whatever the size of the catalog."""
COMMON = "chair"
"""A word in every fourth name."""

_SLICE = 2_000
_KINDS = ("chair", "table", "lamp", "shelf")
_MAKERS = ("Ålesund", "Brückner", "Cortázar", "Dvořák", "Évian", "Fjällby", "Göteborg", "Hōseki", "Ibón", "Jökull", "Łódź")
_COLOURS = ("anthracite", "blue", "cream", "green", "mustard", "red", "sand", "white")
_ORIGIN = Origin("benchmark")


def item_id(number: int) -> UUID:
    """Return the id of the item with this number."""
    return UUID(int=(0x7 << 76) | (0x2 << 62) | number)


def leaf(number: int) -> str:
    """Return the slug of the category of the item with this number."""
    return f"c-{number * 7 % LEAVES:03}"


async def populate(storage: Storage, size: int) -> None:
    """Fill an empty store with a category tree and `size` items."""
    await storage.commit([ChangeSet(tuple(_categories()), _ORIGIN)])
    changes: list[AnyChange] = []
    for number in range(size):
        changes.append(Change(CREATED, None, item(number, size), BEGIN + timedelta(seconds=number)))
        if len(changes) == _SLICE or number == size - 1:
            await storage.commit([ChangeSet(tuple(changes), _ORIGIN)])
            changes.clear()


def item(number: int, size: int) -> Item:
    """Return the item with this number. Words, categories and attributes are distributed by arithmetic, not at random."""
    at = BEGIN + timedelta(seconds=number)
    kind, maker, colour = _KINDS[number % 4], _MAKERS[number // 4 % 11], _COLOURS[number // 3 % 8]
    rare = f" {RARE}" if number % max(size // 10, 1) == 0 else ""
    return Item(
        id=item_id(number),
        sku=f"S-{number:07}",
        name=f"{maker} {kind} {number * 7919 % 100_003}{rare}",
        description=f"A {kind} by {maker}, in {colour}.",
        category=leaf(number),
        price=None if number % 17 == 0 else Money(100 + number * 37 % 99_900, ("EUR", "USD", "GBP")[number % 3]),
        attributes=Attributes({"colour": colour, "size": number * 13 % 1_000, "in_stock": number % 9 != 0}),
        version=1,
        created_at=at,
        updated_at=at,
    )


def _categories() -> Iterator[Change[Category]]:
    """Yield ten root categories, ten children of each, and ten children of each of those."""
    for number in range(LEAVES + 110):
        if number < 10:
            slug, parent = f"a-{number}", None
        elif number < 110:
            slug, parent = f"b-{number - 10:02}", f"a-{(number - 10) // 10}"
        else:
            slug, parent = f"c-{number - 110:03}", f"b-{(number - 110) // 10:02}"
        category_id = UUID(int=(0x7 << 76) | (0x3 << 62) | number)
        category = Category(id=category_id, slug=slug, name=slug.title(), parent=parent, position=number, version=1)
        yield Change("category.created", None, category, BEGIN)
