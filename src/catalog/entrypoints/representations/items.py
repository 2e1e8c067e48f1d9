"""What an item looks like outside: the JSON that HTTP answers with, and that the command line prints."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec

from catalog.application.items.listing import ListResult
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.domain.items.item import Item
from catalog.domain.queries.list_request import ITEM_FIELDS, ListRequest, Presentation
from catalog.domain.search.highlights import highlight
from catalog.domain.search.search import SearchQuery
from catalog.domain.values.money import Money

EVERYTHING = Presentation()
"""All fields, and nothing beside them."""

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


class IncludedBody(msgspec.Struct):
    """What an item refers to."""

    category: CategoryBody | None


class HighlightsBody(msgspec.Struct):
    """Texts in HTML, with <mark> around what was searched for; None where there is none of it."""

    name: str | None
    description: str | None


class FacetValueBody(msgspec.Struct):
    """A value, and how many items have it."""

    value: str | int | float | bool
    count: int


class FacetBody(msgspec.Struct):
    """The most frequent values of a field."""

    values: list[FacetValueBody]
    truncated: bool


class SuggestionBody(msgspec.Struct):
    """An item that a search may have meant."""

    id: UUID
    sku: str
    name: str


class ItemPageBody(msgspec.Struct):
    """Some items, where to go on, and what else was asked for."""

    items: list[Any]
    next_cursor: str | None
    prev_cursor: str | None
    count: int | None = None
    count_kind: str | None = None
    ranked: bool | msgspec.UnsetType = msgspec.UNSET
    facets: dict[str, FacetBody] | msgspec.UnsetType = msgspec.UNSET
    partial: bool | msgspec.UnsetType = msgspec.UNSET
    suggestions: list[SuggestionBody] | msgspec.UnsetType = msgspec.UNSET


def encode_item(item: Item, presentation: Presentation = EVERYTHING, lineage: Sequence[Category] = ()) -> bytes:
    """Write an item, as far as it is to be shown."""
    return _encoder.encode(_shown(item, presentation, lineage, None))


def encode_page(listed: ListResult, listing: ListRequest) -> bytes:
    """Write a page of items, and what was asked for beside it."""
    page, count, shown = listed.page, listed.count, listing.presentation
    search = listing.query.search if listing.highlight else None
    body = ItemPageBody(
        [_shown(item, shown, listed.lineages.get(item.category or "", ()), search) for item in page.items],
        page.next_cursor,
        page.prev_cursor,
    )
    if count is not None:
        body.count, body.count_kind = count.value, "exact" if count.exact else "estimated"
    if not page.ranked:
        body.ranked = False
    if listed.facets is not None:
        body.facets = {
            name: FacetBody([FacetValueBody(value, number) for value, number in facet.values], facet.truncated)
            for name, facet in listed.facets.items()
        }
    if listed.partial:
        body.partial = True
    if listed.suggestions:
        body.suggestions = [SuggestionBody(item.id, item.sku, item.name) for item in listed.suggestions]
    return _encoder.encode(body)


def _shown(item: Item, presentation: Presentation, lineage: Sequence[Category], search: SearchQuery | None) -> Any:  # noqa: ANN401 - for the encoder
    """Choose the fields, and add what is shown beside them."""
    body = to_item_body(item)
    if presentation == EVERYTHING and search is None:
        return body
    fields: dict[str, Any] = {name: getattr(body, name) for name in presentation.fields or ITEM_FIELDS}
    if presentation.with_category:
        fields["included"] = IncludedBody(_category_on_its_way(lineage) if lineage else None)
    if search is not None:
        fields["highlights"] = HighlightsBody(highlight(item.name, search), highlight(item.description, search))
    return fields


def encode_category(lineage: Sequence[Category], item_count: int | None = None) -> bytes:
    """Write a category, the last of a lineage, with the way to it."""
    return _encoder.encode(_category_on_its_way(lineage, {} if item_count is None else {lineage[-1].slug: item_count}))


def encode_categories(tree: Tree, totals: Mapping[str, int] | None = None, *, nested: bool = False) -> bytes:
    """Write all categories, each with its count where there are counts."""
    flat = {category.slug: to_category_body(category, totals or {}) for category in tree}
    if not nested:
        return _encoder.encode(CategoriesBody(list(flat.values())))
    for slug, body in flat.items():
        body.children = [flat[child.slug] for child in tree.children(slug)]
    return _encoder.encode(CategoriesBody([flat[root.slug] for root in tree.children(None)]))


def _category_on_its_way(lineage: Sequence[Category], totals: Mapping[str, int] | None = None) -> CategoryBody:
    body = to_category_body(lineage[-1], totals or {})
    body.path = [CategoryStepBody(each.slug, each.name) for each in lineage]
    return body


def to_category_body(category: Category, totals: Mapping[str, int] = MappingProxyType({})) -> CategoryBody:
    """Return a category's shape, with its count where there is one."""
    return CategoryBody(
        slug=category.slug,
        name=category.name,
        parent=category.parent,
        position=category.position,
        version=category.version,
        item_count=totals.get(category.slug, msgspec.UNSET),
    )


def to_item_body(item: Item) -> ItemBody:
    """Return an item's shape."""
    return ItemBody(
        id=item.id,
        sku=item.sku,
        name=item.name,
        description=item.description,
        category=item.category,
        price=None if item.price is None else to_money_body(item.price),
        attributes=dict(item.attributes.items()),
        version=item.version,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def to_money_body(price: Money) -> MoneyBody:
    """Return a price's shape."""
    return MoneyBody(price.amount, price.currency)
