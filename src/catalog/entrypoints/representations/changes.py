"""JSON representations of changes and prices, and the events of the live feed."""

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.application.changes.history import KINDS, ItemHistory, PriceHistory
from catalog.domain.categories.category import Category
from catalog.domain.changes.log import LogEntry, LogPage
from catalog.domain.changes.price_history import PricePeriod
from catalog.domain.items.item import Item
from catalog.entrypoints.representations.categories import to_category_body
from catalog.entrypoints.representations.fields import Amount, Currency, Sku, Slug, Timestamp, Version
from catalog.entrypoints.representations.items import PriceBody, to_item_body, to_price_body

_encoder = msgspec.json.Encoder()


_Subject = Annotated[
    Any,
    Meta(
        extra_json_schema={
            "anyOf": [
                {"$ref": "#/components/schemas/ItemBody"},
                {"$ref": "#/components/schemas/CategoryBody"},
                {"type": "null"},
            ]
        }
    ),
]
"""An ItemBody, a CategoryBody or None. msgspec allows unions of structs only with tags."""

_KnownSince = Annotated[Timestamp | None, Meta(description="Start of the log, if the item is older because the log was pruned.")]


class ChangeBody(msgspec.Struct):
    """A log entry. Category changes have a `slug` instead of `item_id` and `sku`."""

    seq: Annotated[int, Meta(description="The number of the entry: 1, 2, 3, … in commit order, without gaps.")]
    kind: Annotated[str, Meta(title="ChangeKind", extra_json_schema={"enum": list(KINDS)})]
    item_id: UUID | None
    sku: Sku | None
    version: Annotated[Version, Meta(description="The version that the change created.")]
    at: Timestamp
    actor: str
    request_id: str | None
    before: _Subject
    after: _Subject
    slug: Annotated[Slug | UnsetType, Meta(description="The slug of the category; only for changes of categories.")] = UNSET


class ChangesBody(msgspec.Struct):
    """A page of the change log, oldest entry first."""

    changes: list[ChangeBody]
    next_after: Annotated[int | None, Meta(description="Pass it as `after` to get the next page; null on the last page.")]
    head: Annotated[int, Meta(description="The number of the newest entry in the log.")]


class HistoryBody(ChangesBody):
    """A page of the changes of one item, oldest first."""

    known_since: _KnownSince


class PricePeriodBody(msgspec.Struct, rename={"since": "from"}):
    """A price and the time span during which it was in force."""

    price: PriceBody
    since: Timestamp
    until: Timestamp | None
    seq: Annotated[int | None, Meta(description="The entry that set the price; null if it is older than the log.")]


class LowestPriceBody(msgspec.Struct):
    """The lowest price of a time span, and when it came into force."""

    amount: Amount
    currency: Currency
    at: Timestamp


class PricesBody(msgspec.Struct):
    """The price history of an item, oldest first."""

    prices: list[PricePeriodBody]
    lowest_30_days: LowestPriceBody | None
    before_reduction: LowestPriceBody | None
    known_since: _KnownSince


def encode_changes(page: LogPage) -> bytes:
    """Encode a page of the log."""
    return _encoder.encode(ChangesBody(_to_change_bodies(page), page.next_after, page.head))


def encode_history(history: ItemHistory, *, with_actors: bool = True) -> bytes:
    """Encode a page of an item's history. Guests get it without the actors."""
    page = history.page
    changes = _to_change_bodies(page)
    if not with_actors:
        for change in changes:
            change.actor = UNSET  # type: ignore[assignment] # a type of its own would be the same but for this
    return _encoder.encode(HistoryBody(changes, page.next_after, page.head, history.known_since))


def encode_prices(prices: PriceHistory) -> bytes:
    """Encode an item's price history."""
    body = PricesBody(
        [PricePeriodBody(to_price_body(period.price), period.since, period.until, period.seq) for period in prices.prices],
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


def _to_change_bodies(page: LogPage) -> list[ChangeBody]:
    return [_to_change_body(entry) for entry in page.entries]


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


def _to_lowest_body(period: PricePeriod | None) -> LowestPriceBody | None:
    return None if period is None else LowestPriceBody(period.price.amount, period.price.currency, period.since)
