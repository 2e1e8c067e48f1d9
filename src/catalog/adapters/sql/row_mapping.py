"""Maps items, categories, log entries and expiring records to rows and back. Stored values are valid and not checked again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from catalog.adapters.sql.schema.tables import categories, change_log, expiring_records, items
from catalog.domain.categories.category import Category
from catalog.domain.change import Change, Origin
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import AnyChange, LogEntry
from catalog.domain.items.attributes import Attributes, AttributeValue
from catalog.domain.items.item import Item
from catalog.domain.text.normalization import fold
from catalog.domain.values.money import Money

ITEM_COLUMNS = (
    items.c.id,
    items.c.sku,
    items.c.name,
    items.c.description,
    items.c.category,
    items.c.currency,
    items.c.price_minor,
    items.c.attributes,
    items.c.version,
    items.c.created_at,
    items.c.updated_at,
)
"""The columns that `to_item` reads, in this order."""

CATEGORY_COLUMNS = (
    categories.c.id,
    categories.c.slug,
    categories.c.name,
    categories.c.parent,
    categories.c.position,
    categories.c.version,
)
"""The columns that `to_category` reads, in this order."""

LOG_COLUMNS = (
    change_log.c.seq,
    change_log.c.kind,
    change_log.c.at,
    change_log.c.actor,
    change_log.c.request_id,
    change_log.c.before,
    change_log.c.after,
    change_log.c.credential,
    change_log.c.address,
)
"""The columns that `to_entry` reads, in this order."""

ITEM_ROW = tuple(column.name for column in items.c if column is not items.c.seq)
"""The columns that `from_item` returns, in this order."""

CATEGORY_ROW = tuple(column.name for column in CATEGORY_COLUMNS)
"""The columns that `from_category` returns, in this order."""

CHANGE_ROW = ("kind", "subject_id", "key", "version", "at", "before", "after")
"""The columns that `from_change` returns, in this order."""

RECORD_COLUMNS = (expiring_records.c.key, expiring_records.c.content, expiring_records.c.created_at)
"""The columns that `to_record` reads, in this order."""

RECORD_ROW = tuple(column.name for column in RECORD_COLUMNS)
"""The columns that `from_record` returns, in this order."""


class _ItemDocument(msgspec.Struct, omit_defaults=True):
    """An item in the log, as JSON text. Not jsonb, which would change how some numbers are written."""

    id: UUID
    sku: str
    name: str
    version: int
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    category: str | None = None
    currency: str | None = None
    price_minor: int | None = None
    attributes: dict[str, Any] = {}


class _CategoryDocument(msgspec.Struct, omit_defaults=True):
    """A category in the log."""

    id: UUID
    slug: str
    name: str
    version: int
    parent: str | None = None
    position: int = 0


class _LogRow(NamedTuple):
    seq: int
    kind: str
    at: datetime
    actor: str
    request_id: str | None
    before: str | None
    after: str | None
    credential: str | None
    address: str | None


_CATEGORY_KIND_PREFIX = "category."
"""The prefix of the kinds of category changes."""

_encoder = msgspec.json.Encoder()
_attributes_decoder = msgspec.json.Decoder(dict[str, Any])
_item_decoder = msgspec.json.Decoder(_ItemDocument)
_category_decoder = msgspec.json.Decoder(_CategoryDocument)


def from_item(item: Item) -> tuple[Any, ...]:
    """Return the row of an item, without its `seq`."""
    currency, price_minor = _price(item)
    return (
        item.id,
        item.sku,
        item.name,
        fold(item.name),
        item.description,
        item.category,
        currency,
        price_minor,
        _encoder.encode(dict(item.attributes.items())).decode(),
        item.version,
        item.created_at,
        item.updated_at,
    )


def to_item(row: Sequence[Any]) -> Item:
    """Read an item from a row of ITEM_COLUMNS."""
    item_id, sku, name, description, category, currency, price_minor, attributes, version, created_at, updated_at = row
    return Item(
        id=item_id,
        sku=sku,
        name=name,
        description=description,
        category=category,
        price=None if currency is None else Money(price_minor, currency),
        attributes=Attributes(_attributes_decoder.decode(attributes)),
        version=version,
        created_at=created_at,
        updated_at=updated_at,
    )


def from_category(category: Category) -> tuple[Any, ...]:
    """Return the row of a category."""
    return category.id, category.slug, category.name, category.parent, category.position, category.version


def to_category(row: Sequence[Any]) -> Category:
    """Read a category from a row of CATEGORY_COLUMNS."""
    category_id, slug, name, parent, position, version = row
    return Category(id=category_id, slug=slug, name=name, parent=parent, position=position, version=version)


def from_change(change: AnyChange) -> tuple[Any, ...]:
    """Return the row of a log entry, without its number and origin."""
    subject = change.subject
    return (
        change.kind,
        subject.id,
        subject.sku if isinstance(subject, Item) else subject.slug,
        change.version,
        change.at,
        _encode_state(change.before),
        _encode_state(change.after),
    )


def to_entry(row: Sequence[Any]) -> LogEntry:
    """Read a log entry from a row of LOG_COLUMNS."""
    fields = _LogRow(*row)
    origin = Origin(fields.actor, fields.request_id, fields.credential, fields.address)
    if fields.kind.startswith(_CATEGORY_KIND_PREFIX):
        before, after = _decode_category(fields.before), _decode_category(fields.after)
        return LogEntry(fields.seq, Change(fields.kind, before, after, fields.at), origin)
    return LogEntry(fields.seq, Change(fields.kind, _decode_item(fields.before), _decode_item(fields.after), fields.at), origin)


def from_record(record: ExpiringRecord) -> tuple[Any, ...]:
    """Return the row of an expiring record."""
    return record.key, record.content, record.created_at


def to_record(row: Sequence[Any]) -> ExpiringRecord:
    """Read an expiring record from a row of RECORD_COLUMNS."""
    key, content, created_at = row
    return ExpiringRecord(key, content, created_at)


def _encode_state(item: Item | Category | None) -> str | None:
    """Encode an item or a category for the log."""
    if item is None:
        return None
    if isinstance(item, Category):
        return _encoder.encode(_CategoryDocument(**dict(zip(CATEGORY_ROW, from_category(item), strict=True)))).decode()
    currency, price_minor = _price(item)
    document = _ItemDocument(
        id=item.id,
        sku=item.sku,
        name=item.name,
        version=item.version,
        created_at=item.created_at,
        updated_at=item.updated_at,
        description=item.description,
        category=item.category,
        currency=currency,
        price_minor=price_minor,
        attributes=dict(item.attributes.items()),
    )
    return _encoder.encode(document).decode()


def _decode_item(text: str | None) -> Item | None:
    """Decode an item from the log."""
    if text is None:
        return None
    document = _item_decoder.decode(text)
    attributes: Mapping[str, AttributeValue] = document.attributes
    price = None if document.currency is None or document.price_minor is None else Money(document.price_minor, document.currency)
    return Item(
        id=document.id,
        sku=document.sku,
        name=document.name,
        description=document.description,
        category=document.category,
        price=price,
        attributes=Attributes(attributes),
        version=document.version,
        created_at=document.created_at,
        updated_at=document.updated_at,
    )


def _decode_category(text: str | None) -> Category | None:
    """Decode a category from the log."""
    if text is None:
        return None
    document = _category_decoder.decode(text)
    return to_category((document.id, document.slug, document.name, document.parent, document.position, document.version))


def _price(item: Item) -> tuple[str | None, int | None]:
    """Return the currency and the minor units of an item's price."""
    return (None, None) if item.price is None else (item.price.currency, item.price.minor_units)
