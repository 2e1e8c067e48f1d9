"""What an item looks like outside: the JSON that HTTP answers with, and that the command line prints."""

from datetime import datetime
from uuid import UUID

import msgspec

from catalog.domain.item import Item
from catalog.domain.query import Page

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
