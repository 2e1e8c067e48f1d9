"""JSON representations of items."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.domain.categories.category import Category
from catalog.domain.items.item import Item
from catalog.domain.queries.list_request import ITEM_FIELDS, Presentation
from catalog.domain.search.highlights import highlight
from catalog.domain.search.search import SearchQuery
from catalog.domain.values.money import Money
from catalog.entrypoints.representations.categories import CategoryBody, to_category_with_path
from catalog.entrypoints.representations.fields import (
    Amount,
    AttributeValues,
    Currency,
    Description,
    Name,
    Sku,
    Slug,
    Timestamp,
    Version,
)

EVERYTHING = Presentation()
"""All fields of an item, without additions such as the category."""

_encoder = msgspec.json.Encoder()


class PriceBody(msgspec.Struct):
    """A price."""

    amount: Amount
    currency: Currency


class ItemBody(msgspec.Struct):
    """An item."""

    id: UUID
    sku: Sku
    name: Name
    description: Description | None
    category: Annotated[Slug | None, Meta(description="The slug of the item's category.")]
    price: PriceBody | None
    attributes: AttributeValues
    version: Version
    created_at: Timestamp
    updated_at: Timestamp


class IncludedBody(msgspec.Struct):
    """Resources that the item refers to."""

    category: CategoryBody | None


class HighlightsBody(msgspec.Struct):
    """HTML in which <mark> encloses the matching words; null for a field without matches."""

    name: str | None
    description: str | None


class SparseItemBody(ItemBody):
    """An item with the fields that `fields` selects, and the additions that the request asks for."""

    included: Annotated[IncludedBody | UnsetType, Meta(description="With `include=category`.")] = UNSET
    highlights: Annotated[HighlightsBody | UnsetType, Meta(description="With `highlight=true`.")] = UNSET


def encode_item(item: Item, presentation: Presentation = EVERYTHING, lineage: Sequence[Category] = ()) -> bytes:
    """Encode an item with the fields and additions that the presentation selects."""
    return _encoder.encode(to_sparse_body(item, presentation, lineage, None))


def to_sparse_body(item: Item, presentation: Presentation, lineage: Sequence[Category], search: SearchQuery | None) -> Any:  # noqa: ANN401 - any encodable value
    """Return the selected fields of an item, with its category and highlights if requested."""
    body = to_item_body(item)
    if presentation == EVERYTHING and search is None:
        return body
    fields: dict[str, Any] = {name: getattr(body, name) for name in presentation.fields or ITEM_FIELDS}
    if presentation.with_category:
        fields["included"] = IncludedBody(to_category_with_path(lineage) if lineage else None)
    if search is not None:
        fields["highlights"] = HighlightsBody(highlight(item.name, search), highlight(item.description, search))
    return fields


def to_item_body(item: Item) -> ItemBody:
    """Return the body of an item."""
    return ItemBody(
        id=item.id,
        sku=item.sku,
        name=item.name,
        description=item.description,
        category=item.category,
        price=None if item.price is None else to_price_body(item.price),
        attributes=dict(item.attributes.items()),
        version=item.version,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def to_price_body(price: Money) -> PriceBody:
    """Return the body of a price."""
    return PriceBody(price.amount, price.currency)
