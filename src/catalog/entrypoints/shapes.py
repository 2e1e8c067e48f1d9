"""What an item looks like outside: the JSON that HTTP answers with, and that the command line prints."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from catalog.domain.category import Category
from catalog.domain.item import Item
from catalog.domain.query import Page
from catalog.domain.tree import Tree

_encoder = msgspec.json.Encoder()


class MoneyBody(msgspec.Struct):
    """A price: the amount as decimal digits, with all the decimals of the currency (ISO 4217)."""

    amount: str
    currency: str


class ItemBody(msgspec.Struct):
    """An item."""

    id: UUID
    sku: str
    name: str
    description: str | None
    category: str | None
    price: MoneyBody | None
    attributes: dict[str, str | int | float | bool]
    version: int
    created_at: datetime
    updated_at: datetime


class CategoryStepBody(msgspec.Struct):
    """A category on the way to another."""

    slug: str
    name: str


class CategoryBody(msgspec.Struct):
    """A category; `path` is the way from the root, `item_count` counts the items of its descendants as well."""

    slug: str
    name: str
    parent: str | None
    position: int
    version: int
    path: list[CategoryStepBody] | msgspec.UnsetType = msgspec.UNSET
    item_count: int | msgspec.UnsetType = msgspec.UNSET
    children: list["CategoryBody"] | msgspec.UnsetType = msgspec.UNSET


class CategoriesBody(msgspec.Struct):
    """All categories: from the roots down, each followed by its children; or the roots, with their children in them."""

    categories: list[CategoryBody]


class ItemPageBody(msgspec.Struct):
    """Some items, and where to go on."""

    items: list[ItemBody]
    next_cursor: str | None
    count: int | None = None
    count_kind: str | None = None


def encode_item(item: Item) -> bytes:
    """Write an item."""
    return _encoder.encode(_item(item))


def encode_page(page: Page) -> bytes:
    """Write a page of items."""
    return _encoder.encode(ItemPageBody([_item(item) for item in page.items], page.next_cursor))


def encode_category(lineage: Sequence[Category], item_count: int | None = None) -> bytes:
    """Write a category, the last of a lineage, with the way to it."""
    body = _category(lineage[-1], {} if item_count is None else {lineage[-1].slug: item_count})
    body.path = [CategoryStepBody(each.slug, each.name) for each in lineage]
    return _encoder.encode(body)


def encode_categories(tree: Tree, totals: Mapping[str, int] | None = None, *, nested: bool = False) -> bytes:
    """Write all categories, each with its count where there are counts."""
    flat = {category.slug: _category(category, totals or {}) for category in tree}
    if not nested:
        return _encoder.encode(CategoriesBody(list(flat.values())))
    for slug, body in flat.items():
        body.children = [flat[child.slug] for child in tree.children(slug)]
    return _encoder.encode(CategoriesBody([flat[root.slug] for root in tree.children(None)]))


def _category(category: Category, totals: Mapping[str, int]) -> CategoryBody:
    return CategoryBody(
        slug=category.slug,
        name=category.name,
        parent=category.parent,
        position=category.position,
        version=category.version,
        item_count=totals.get(category.slug, msgspec.UNSET),
    )


def _item(item: Item) -> ItemBody:
    return ItemBody(
        id=item.id,
        sku=item.sku,
        name=item.name,
        description=item.description,
        category=item.category,
        price=None if item.price is None else MoneyBody(item.price.amount, item.price.currency),
        attributes=dict(item.attributes.items()),
        version=item.version,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )
