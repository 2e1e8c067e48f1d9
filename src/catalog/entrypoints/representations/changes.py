"""What the log looks like outside: the JSON of changes and prices, and the frames of the live feed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from catalog.application.changes.history import ItemHistory, PriceHistory
from catalog.domain.categories.category import Category
from catalog.domain.changes.log import LogEntry, LogPage
from catalog.domain.changes.price_history import PricePeriod
from catalog.domain.items.item import Item
from catalog.entrypoints.representations.items import MoneyBody, to_category_body, to_item_body, to_money_body

_encoder = msgspec.json.Encoder()


class ChangeBody(msgspec.Struct):
    """An entry of the log. What happened to a category has its `slug` instead of an item's id and SKU."""

    seq: int
    kind: str
    item_id: UUID | None
    sku: str | None
    version: int
    at: datetime
    actor: str
    request_id: str | None
    before: Any
    after: Any
    slug: str | msgspec.UnsetType = msgspec.UNSET


class ChangesBody(msgspec.Struct):
    """A stretch of the log, oldest first: `next_after` says where it goes on, `head` where it ends."""

    changes: list[ChangeBody]
    next_after: int | None
    head: int
    known_since: datetime | msgspec.UnsetType | None = msgspec.UNSET


class PricePeriodBody(msgspec.Struct, rename={"since": "from"}):
    """A price, and when it was in force."""

    price: MoneyBody
    since: datetime
    until: datetime | None
    seq: int | None


class LowestBody(msgspec.Struct):
    """The lowest price of a time, and since when it was in force."""

    amount: str
    currency: str
    at: datetime


class PricesBody(msgspec.Struct):
    """The prices of an item, oldest first."""

    prices: list[PricePeriodBody]
    lowest_30_days: LowestBody | None
    before_reduction: LowestBody | None
    known_since: datetime | None


def encode_changes(page: LogPage) -> bytes:
    """Write a stretch of the log."""
    return _encoder.encode(_changes(page))


def encode_history(life: ItemHistory) -> bytes:
    """Write a stretch of an item's history."""
    body = _changes(life.page)
    body.known_since = life.known_since
    return _encoder.encode(body)


def encode_prices(prices: PriceHistory) -> bytes:
    """Write prices."""
    body = PricesBody(
        [PricePeriodBody(to_money_body(one.price), one.since, one.until, one.seq) for one in prices.prices],
        _lowest(prices.lowest),
        _lowest(prices.before_reduction),
        prices.known_since,
    )
    return _encoder.encode(body)


def encode_lines(entries: Iterable[LogEntry]) -> bytes:
    """Write entries as JSON Lines."""
    return b"".join(_encoder.encode(_change(entry)) + b"\n" for entry in entries)


def encode_event(entry: LogEntry) -> bytes:
    """Write an entry as an event of a stream (WHATWG HTML, server-sent events); its id is the entry's number."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (entry.seq, entry.change.kind.encode(), _encoder.encode(_change(entry)))


def encode_heartbeat(position: int) -> bytes:
    """Write a sign of life: no event, but an id by which a reader goes on from here."""
    return b": alive\nid: %d\n\n" % position


def _changes(page: LogPage) -> ChangesBody:
    return ChangesBody([_change(entry) for entry in page.entries], page.next_after, page.head)


def _change(entry: LogEntry) -> ChangeBody:
    change, subject = entry.change, entry.change.subject
    body = ChangeBody(
        seq=entry.seq,
        kind=change.kind,
        item_id=subject.id if isinstance(subject, Item) else None,
        sku=subject.sku if isinstance(subject, Item) else None,
        version=change.version,
        at=entry.at,
        actor=entry.origin.actor,
        request_id=entry.origin.request_id,
        before=_state(change.before),
        after=_state(change.after),
    )
    if isinstance(subject, Category):
        body.slug = subject.slug
    return body


def _state(subject: Item | Category | None) -> Any:  # noqa: ANN401 - for the encoder
    if subject is None:
        return None
    return to_item_body(subject) if isinstance(subject, Item) else to_category_body(subject)


def _lowest(one: PricePeriod | None) -> LowestBody | None:
    return None if one is None else LowestBody(one.price.amount, one.price.currency, one.since)
