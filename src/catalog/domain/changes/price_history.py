"""The history of an item's price: which was in force when, and the lowest of a time.

Directive 98/6/EC, article 6a (of Directive (EU) 2019/2161), wants a price reduction to be announced with the prior price: the
lowest that was applied in the 30 days before the reduction.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from catalog.domain.changes.log import LogEntry
from catalog.domain.items.item import Item
from catalog.domain.values.money import Money

WINDOW = timedelta(days=30)
"""The time before a reduction whose lowest price counts."""


_FIRST = datetime.min.replace(tzinfo=UTC)


class PricePeriod(NamedTuple):
    """A price that was in force from `since` until just before `until` (None: it is in force), by entry `seq` of the log.

    Without a number it is older than what the log knows, and was in force since then at the latest.
    """

    price: Money
    since: datetime
    until: datetime | None
    seq: int | None

    def in_force_after(self, begin: datetime) -> bool:
        """Whether it was still in force after a moment."""
        return self.until is None or self.until > begin


def price_periods(first: Item | None, entries: Iterable[LogEntry]) -> list[PricePeriod]:
    """Return the prices of an item, oldest first; times without a price are left out.

    `first` is the item before the `entries` of its life, where those that brought it are pruned.
    """
    current = None if first is None else first.price
    found = [] if first is None or current is None else [PricePeriod(current, first.updated_at, None, None)]
    for entry in entries:
        after = entry.change.after
        price = after.price if isinstance(after, Item) else None
        if price == current:
            continue
        if current is not None:
            found[-1] = found[-1]._replace(until=entry.at)
        if price is not None:
            found.append(PricePeriod(price, entry.at, None, entry.seq))
        current = price
    return found


def prices_in_force(prices: Sequence[PricePeriod], moment: datetime) -> PricePeriod | None:
    """Return the price that was in force at a moment."""
    return next((one for one in reversed(prices) if one.since <= moment and (one.until is None or moment < one.until)), None)


def lowest_prices(prices: Sequence[PricePeriod], moment: datetime) -> PricePeriod | None:
    """Return the lowest price of the 30 days up to a moment, in the currency of that moment; None when it had no price."""
    now = prices_in_force(prices, moment)
    if now is None:
        return None
    return _lowest((one for one in prices if one.since <= moment), now.price.currency, moment)


def prices_before_reduction(prices: Sequence[PricePeriod], moment: datetime) -> PricePeriod | None:
    """Return the prior price: the lowest of the 30 days before the price of a moment was reduced to what it is.

    None when the price was not reduced, but raised, or is the first.
    """
    now = prices_in_force(prices, moment)
    if now is None:
        return None
    before = next((one for one in prices if one.until == now.since and one.price.currency == now.price.currency), None)
    if before is None or before.price.minor_units < now.price.minor_units:
        return None
    # Where a clock was put back, both prices have the same time, and the one before was in force for none of it.
    return _lowest((one for one in prices if one.since < now.since), now.price.currency, now.since) or before


def _lowest(prices: Iterable[PricePeriod], currency: str, end: datetime) -> PricePeriod | None:
    """Return the lowest of some prices that was in force in the 30 days before a moment; of equal ones the oldest."""
    begin = max(end, _FIRST + WINDOW) - WINDOW  # time has a beginning
    among = [one for one in prices if one.price.currency == currency and one.in_force_after(begin)]
    return min(among, key=lambda one: one.price.minor_units, default=None)
