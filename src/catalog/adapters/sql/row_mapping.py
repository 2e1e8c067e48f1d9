"""Items and log entries as rows, and back. What comes out of the store is valid and not checked again."""

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
"""What `to_item` reads, in its order."""

CATEGORY_COLUMNS = (
    categories.c.id,
    categories.c.slug,
    categories.c.name,
    categories.c.parent,
    categories.c.position,
    categories.c.version,
)
"""What `to_category` reads, in its order."""

LOG_COLUMNS = (
    change_log.c.seq,
    change_log.c.kind,
    change_log.c.at,
    change_log.c.actor,
    change_log.c.request_id,
    change_log.c.before,
    change_log.c.after,
)
"""What `to_entry` reads, in its order."""

ITEM_ROW = tuple(its.name for its in items.c if its is not items.c.seq)
"""What `from_item` returns, in its order."""

CATEGORY_ROW = tuple(its.name for its in CATEGORY_COLUMNS)
"""What `from_category` returns, in its order."""

CHANGE_ROW = ("kind", "subject_id", "key", "version", "at", "before", "after")
"""What `from_change` returns, in its order."""

RECORD_COLUMNS = (expiring_records.c.key, expiring_records.c.content, expiring_records.c.at)
"""What `to_note` reads, in its order."""

RECORD_ROW = tuple(its.name for its in RECORD_COLUMNS)
"""What `from_note` returns, in its order."""


class _Document(msgspec.Struct, omit_defaults=True):
    """An item as the log keeps it: JSON text, so that numbers come back as they went in (jsonb would change some)."""

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
    """A category as the log keeps it."""

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


_OF_A_CATEGORY = "category."
"""How the kinds of changes begin that happen to categories."""

_encoder = msgspec.json.Encoder()
_attributes = msgspec.json.Decoder(dict[str, Any])
_document = msgspec.json.Decoder(_Document)
_category_document = msgspec.json.Decoder(_CategoryDocument)


def from_item(item: Item) -> tuple[Any, ...]:
    """Return an item's row, but for the number that ties it to its words."""
    currency, minor = _price(item)
    return (
        item.id,
        item.sku,
        item.name,
        fold(item.name),
        item.description,
        item.category,
        currency,
        minor,
        _encoder.encode(dict(item.attributes.items())).decode(),
        item.version,
        item.created_at,
        item.updated_at,
    )


def to_item(row: Sequence[Any]) -> Item:
    """Bring an item back from a row of ITEM_COLUMNS."""
    item_id, sku, name, description, category, currency, minor, attributes, version, created_at, updated_at = row
    return Item(
        id=item_id,
        sku=sku,
        name=name,
        description=description,
        category=category,
        price=None if currency is None else Money(minor, currency),
        attributes=Attributes(_attributes.decode(attributes)),
        version=version,
        created_at=created_at,
        updated_at=updated_at,
    )


def from_category(category: Category) -> tuple[Any, ...]:
    """Return a category's row."""
    return category.id, category.slug, category.name, category.parent, category.position, category.version


def to_category(row: Sequence[Any]) -> Category:
    """Bring a category back from a row of CATEGORY_COLUMNS."""
    category_id, slug, name, parent, position, version = row
    return Category(id=category_id, slug=slug, name=name, parent=parent, position=position, version=version)


def from_change(change: AnyChange) -> tuple[Any, ...]:
    """Return the row of an entry, but for its number and its origin."""
    subject = change.subject
    return (
        change.kind,
        subject.id,
        subject.sku if isinstance(subject, Item) else subject.slug,
        change.version,
        change.at,
        _from_state(change.before),
        _from_state(change.after),
    )


def to_entry(row: Sequence[Any]) -> LogEntry:
    """Bring an entry back from a row of LOG_COLUMNS."""
    kept = _LogRow(*row)
    origin = Origin(kept.actor, kept.request_id)
    if kept.kind.startswith(_OF_A_CATEGORY):
        before, after = _to_category_state(kept.before), _to_category_state(kept.after)
        return LogEntry(kept.seq, Change(kept.kind, before, after, kept.at), origin)
    return LogEntry(kept.seq, Change(kept.kind, _to_state(kept.before), _to_state(kept.after), kept.at), origin)


def from_record(note: ExpiringRecord) -> tuple[Any, ...]:
    """Return a note's row."""
    return note.key, note.content, note.created_at


def to_record(row: Sequence[Any]) -> ExpiringRecord:
    """Bring a note back from a row of NOTE_COLUMNS."""
    key, content, at = row
    return ExpiringRecord(key, content, at)


def _from_state(item: Item | Category | None) -> str | None:
    """Write an item or a category down for the log."""
    if item is None:
        return None
    if isinstance(item, Category):
        return _encoder.encode(_CategoryDocument(**dict(zip(CATEGORY_ROW, from_category(item), strict=True)))).decode()
    currency, minor = _price(item)
    document = _Document(
        id=item.id,
        sku=item.sku,
        name=item.name,
        version=item.version,
        created_at=item.created_at,
        updated_at=item.updated_at,
        description=item.description,
        category=item.category,
        currency=currency,
        price_minor=minor,
        attributes=dict(item.attributes.items()),
    )
    return _encoder.encode(document).decode()


def _to_state(text: str | None) -> Item | None:
    """Read an item from the log."""
    if text is None:
        return None
    kept = _document.decode(text)
    attributes: Mapping[str, AttributeValue] = kept.attributes
    price = None if kept.currency is None or kept.price_minor is None else Money(kept.price_minor, kept.currency)
    return Item(
        id=kept.id,
        sku=kept.sku,
        name=kept.name,
        description=kept.description,
        category=kept.category,
        price=price,
        attributes=Attributes(attributes),
        version=kept.version,
        created_at=kept.created_at,
        updated_at=kept.updated_at,
    )


def _to_category_state(text: str | None) -> Category | None:
    """Read a category from the log."""
    if text is None:
        return None
    kept = _category_document.decode(text)
    return to_category((kept.id, kept.slug, kept.name, kept.parent, kept.position, kept.version))


def _price(item: Item) -> tuple[str | None, int | None]:
    """Return the currency and the minor units of an item's price."""
    return (None, None) if item.price is None else (item.price.currency, item.price.minor_units)
