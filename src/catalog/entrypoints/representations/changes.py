"""JSON representations of changes and prices, and the events of the live feed."""

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
    """A log entry. Category changes have a `slug` instead of `item_id` and `sku`."""

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
    """A page of the log, oldest first. `next_after` is `after` for the next page; `head` is the log's last number."""

    changes: list[ChangeBody]
    next_after: int | None
    head: int
    known_since: datetime | msgspec.UnsetType | None = msgspec.UNSET


class PricePeriodBody(msgspec.Struct, rename={"since": "from"}):
    """A price and the time span during which it was in force."""

    price: MoneyBody
    since: datetime
    until: datetime | None
    seq: int | None


class LowestBody(msgspec.Struct):
    """The lowest price of a time span, and when it came into force."""

    amount: str
    currency: str
    at: datetime


class PricesBody(msgspec.Struct):
    """The price history of an item, oldest first."""

    prices: list[PricePeriodBody]
    lowest_30_days: LowestBody | None
    before_reduction: LowestBody | None
    known_since: datetime | None


def encode_changes(page: LogPage) -> bytes:
    """Encode a page of the log."""
    return _encoder.encode(_to_changes_body(page))


def encode_history(history: ItemHistory) -> bytes:
    """Encode a page of an item's history."""
    body = _to_changes_body(history.page)
    body.known_since = history.known_since
    return _encoder.encode(body)


def encode_prices(prices: PriceHistory) -> bytes:
    """Encode an item's price history."""
    body = PricesBody(
        [PricePeriodBody(to_money_body(period.price), period.since, period.until, period.seq) for period in prices.prices],
        _to_lowest_body(prices.lowest),
        _to_lowest_body(prices.before_reduction),
        prices.known_since,
    )
    return _encoder.encode(body)


def encode_lines(entries: Iterable[LogEntry]) -> bytes:
    """Encode log entries as JSON Lines."""
    return b"".join(_encoder.encode(_to_change_body(entry)) + b"\n" for entry in entries)


def encode_event(entry: LogEntry) -> bytes:
    """Encode a log entry as a server-sent event (WHATWG HTML). The event id is the entry's number."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (entry.seq, entry.change.kind.encode(), _encoder.encode(_to_change_body(entry)))


def encode_heartbeat(position: int) -> bytes:
    """Encode a heartbeat: a comment, and the event id from which a reconnecting client resumes."""
    return b": alive\nid: %d\n\n" % position


def _to_changes_body(page: LogPage) -> ChangesBody:
    return ChangesBody([_to_change_body(entry) for entry in page.entries], page.next_after, page.head)


def _to_change_body(entry: LogEntry) -> ChangeBody:
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
        before=_to_state(change.before),
        after=_to_state(change.after),
    )
    if isinstance(subject, Category):
        body.slug = subject.slug
    return body


def _to_state(subject: Item | Category | None) -> Any:  # noqa: ANN401 - any encodable value
    if subject is None:
        return None
    return to_item_body(subject) if isinstance(subject, Item) else to_category_body(subject)


def _to_lowest_body(period: PricePeriod | None) -> LowestBody | None:
    return None if period is None else LowestBody(period.price.amount, period.price.currency, period.since)
