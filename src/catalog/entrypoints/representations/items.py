"""JSON representations of items, lists and categories."""

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
"""All fields of an item, without additions such as the category."""

_encoder = msgspec.json.Encoder()


class MoneyBody(msgspec.Struct):
    """A price. The amount is a decimal string with all decimal places of the currency (ISO 4217)."""

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
    """A category in the path from the root to another category."""

    slug: str
    name: str


class CategoryBody(msgspec.Struct):
    """A category. `path` starts at the root; `item_count` includes the items of descendants."""

    slug: str
    name: str
    parent: str | None
    position: int
    version: int
    path: list[CategoryStepBody] | msgspec.UnsetType = msgspec.UNSET
    item_count: int | msgspec.UnsetType = msgspec.UNSET
    children: list["CategoryBody"] | msgspec.UnsetType = msgspec.UNSET


class CategoriesBody(msgspec.Struct):
    """All categories: either flat, each followed by its children, or the roots with nested children."""

    categories: list[CategoryBody]


class IncludedBody(msgspec.Struct):
    """Resources that the item refers to."""

    category: CategoryBody | None


class HighlightsBody(msgspec.Struct):
    """Matching texts as HTML, with <mark> around the matches. None for a field without matches."""

    name: str | None
    description: str | None


class FacetValueBody(msgspec.Struct):
    """A value and the number of items that have it."""

    value: str | int | float | bool
    count: int


class FacetBody(msgspec.Struct):
    """The most frequent values of a field."""

    values: list[FacetValueBody]
    truncated: bool


class SuggestionBody(msgspec.Struct):
    """An item that a misspelled search may have meant."""

    id: UUID
    sku: str
    name: str


class ItemPageBody(msgspec.Struct):
    """A page of items, the cursors of its neighbours, and the requested counts, facets and suggestions."""

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
    """Encode an item with the fields and additions that the presentation selects."""
    return _encoder.encode(_to_body(item, presentation, lineage, None))


def encode_page(result: ListResult, request: ListRequest) -> bytes:
    """Encode a page of items with the requested counts, facets, highlights and suggestions."""
    page, count, presentation = result.page, result.count, request.presentation
    search = request.query.search if request.highlight else None
    body = ItemPageBody(
        [_to_body(item, presentation, result.lineages.get(item.category or "", ()), search) for item in page.items],
        page.next_cursor,
        page.prev_cursor,
    )
    if count is not None:
        body.count, body.count_kind = count.value, "exact" if count.exact else "estimated"
    if not page.ranked:
        body.ranked = False
    if result.facets is not None:
        body.facets = {
            name: FacetBody([FacetValueBody(value, item_count) for value, item_count in facet.values], facet.truncated)
            for name, facet in result.facets.items()
        }
    if result.partial:
        body.partial = True
    if result.suggestions:
        body.suggestions = [SuggestionBody(item.id, item.sku, item.name) for item in result.suggestions]
    return _encoder.encode(body)


def _to_body(item: Item, presentation: Presentation, lineage: Sequence[Category], search: SearchQuery | None) -> Any:  # noqa: ANN401 - any encodable value
    """Return the selected fields of an item, with its category and highlights if requested."""
    body = to_item_body(item)
    if presentation == EVERYTHING and search is None:
        return body
    fields: dict[str, Any] = {name: getattr(body, name) for name in presentation.fields or ITEM_FIELDS}
    if presentation.with_category:
        fields["included"] = IncludedBody(_to_category_with_path(lineage) if lineage else None)
    if search is not None:
        fields["highlights"] = HighlightsBody(highlight(item.name, search), highlight(item.description, search))
    return fields


def encode_category(lineage: Sequence[Category], item_count: int | None = None) -> bytes:
    """Encode the last category of a lineage, with its path."""
    return _encoder.encode(_to_category_with_path(lineage, {} if item_count is None else {lineage[-1].slug: item_count}))


def encode_categories(tree: Tree, totals: Mapping[str, int] | None = None, *, nested: bool = False) -> bytes:
    """Encode all categories, with item counts if `totals` is given."""
    bodies = {category.slug: to_category_body(category, totals or {}) for category in tree}
    if not nested:
        return _encoder.encode(CategoriesBody(list(bodies.values())))
    for slug, body in bodies.items():
        body.children = [bodies[child.slug] for child in tree.children(slug)]
    return _encoder.encode(CategoriesBody([bodies[root.slug] for root in tree.children(None)]))


def _to_category_with_path(lineage: Sequence[Category], totals: Mapping[str, int] | None = None) -> CategoryBody:
    body = to_category_body(lineage[-1], totals or {})
    body.path = [CategoryStepBody(step.slug, step.name) for step in lineage]
    return body


def to_category_body(category: Category, totals: Mapping[str, int] = MappingProxyType({})) -> CategoryBody:
    """Return the body of a category, with its item count if `totals` has one."""
    return CategoryBody(
        slug=category.slug,
        name=category.name,
        parent=category.parent,
        position=category.position,
        version=category.version,
        item_count=totals.get(category.slug, msgspec.UNSET),
    )


def to_item_body(item: Item) -> ItemBody:
    """Return the body of an item."""
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
    """Return the body of a price."""
    return MoneyBody(price.amount, price.currency)
