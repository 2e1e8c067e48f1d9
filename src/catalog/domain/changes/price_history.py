"""The price history of an item: which price was in force when, and the lowest price of a time span.

Directive 98/6/EC, article 6a (of Directive (EU) 2019/2161), requires that a price reduction is announced with the
prior price: the lowest price applied in the 30 days before the reduction.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from catalog.domain.changes.log import LogEntry
from catalog.domain.items.item import Item
from catalog.domain.values.money import Money

WINDOW = timedelta(days=30)
"""The time span before a reduction in which the lowest price counts."""


_MIN_TIME = datetime.min.replace(tzinfo=UTC)


class PricePeriod(NamedTuple):
    """A price that was in force from `since` until just before `until` (None: it still is), set by log entry `seq`.

    If `seq` is None, the price was set by an entry that has been pruned, and was in force at `since` or earlier.
    """

    price: Money
    since: datetime
    until: datetime | None
    seq: int | None

    def in_force_after(self, moment: datetime) -> bool:
        """Return whether the price was still in force after a moment."""
        return self.until is None or self.until > moment


def price_periods(initial: Item | None, entries: Iterable[LogEntry]) -> list[PricePeriod]:
    """Return the price periods of an item, oldest first, without times at which it had no price.

    `initial` is the item before the first of `entries`, or None if they start with its creation.
    """
    current = None if initial is None else initial.price
    periods = [] if initial is None or current is None else [PricePeriod(current, initial.updated_at, None, None)]
    for entry in entries:
        after = entry.change.after
        price = after.price if isinstance(after, Item) else None
        if price == current:
            continue
        if current is not None:
            periods[-1] = periods[-1]._replace(until=entry.at)
        if price is not None:
            periods.append(PricePeriod(price, entry.at, None, entry.seq))
        current = price
    return periods


def price_in_force(periods: Sequence[PricePeriod], moment: datetime) -> PricePeriod | None:
    """Return the price that was in force at a moment."""
    return next(
        (period for period in reversed(periods) if period.since <= moment and (period.until is None or moment < period.until)),
        None,
    )


def lowest_price(periods: Sequence[PricePeriod], moment: datetime) -> PricePeriod | None:
    """Return the lowest price of the 30 days up to a moment, in the currency of that moment. None if there is no price then."""
    current = price_in_force(periods, moment)
    if current is None:
        return None
    return _lowest((period for period in periods if period.since <= moment), current.price.currency, moment)


def price_before_reduction(periods: Sequence[PricePeriod], moment: datetime) -> PricePeriod | None:
    """Return the prior price: the lowest of the 30 days before the reduction to the price in force at a moment.

    None if that price is not a reduction: it was raised, or is the first price.
    """
    current = price_in_force(periods, moment)
    if current is None:
        return None
    currency = current.price.currency
    previous = next((period for period in periods if period.until == current.since and period.price.currency == currency), None)
    if previous is None or previous.price.minor_units < current.price.minor_units:
        return None
    # If a clock was set back, both periods start at the same time and the previous one has no duration.
    return _lowest((period for period in periods if period.since < current.since), currency, current.since) or previous


def _lowest(periods: Iterable[PricePeriod], currency: str, end: datetime) -> PricePeriod | None:
    """Return the lowest price in force in the 30 days before a moment; the oldest of equal ones."""
    start = max(end, _MIN_TIME + WINDOW) - WINDOW  # datetime cannot represent earlier times
    candidates = [period for period in periods if period.price.currency == currency and period.in_force_after(start)]
    return min(candidates, key=lambda period: period.price.minor_units, default=None)
