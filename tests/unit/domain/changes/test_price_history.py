"""Price periods, and the prior price of a reduction."""

from datetime import UTC, datetime, timedelta

import pytest

from catalog.domain.change import Change
from catalog.domain.changes.log import LogEntry
from catalog.domain.changes.price_history import (
    PricePeriod,
    lowest_price,
    price_before_reduction,
    price_in_force,
    price_periods,
)
from catalog.domain.items.item import Item
from tests.making import NOON, TESTER, certain, item


def history(*steps: tuple[float, str | None]) -> list[LogEntry]:
    """Make log entries from days after NOON and the price from then on (None: no price; "deleted": the item is deleted)."""
    entries: list[LogEntry] = []
    current: Item | None = None
    for day, price in steps:
        at = NOON + timedelta(days=day)
        change: Change[Item] | None
        if current is not None and price == "deleted":
            change = current.delete(now=at)
        elif current is None:
            change = Change("item.created", None, item(1, at, price=_money(price)), at)
        else:
            change = current.update({"price": _money(price), "description": str(day)}, now=at)
        change = certain(change)
        current = change.after
        entries.append(LogEntry(len(entries) + 1, change, TESTER))
    return entries


def _money(price: str | None) -> dict[str, str] | None:
    if price is None:
        return None
    amount, _, currency = price.partition(" ")
    return {"amount": amount, "currency": currency or "EUR"}


def at(day: float) -> datetime:
    """Return the time that many days after NOON."""
    return NOON + timedelta(days=day)


def summary(periods: list[PricePeriod]) -> list[tuple[str, float, float | None, int | None]]:
    """Return the amount, the start and end in days, and the log entry of each period."""
    day = timedelta(days=1)
    return [
        (
            period.price.amount,
            (period.since - NOON) / day,
            None if period.until is None else (period.until - NOON) / day,
            period.seq,
        )
        for period in periods
    ]


def test_each_price_has_its_period() -> None:
    """Other changes do not split a period; times without a price are left out."""
    entries = history((0, "10"), (1, "10"), (2, "8"), (3, None), (5, "8"), (6, "9 USD"), (7, "deleted"))
    assert summary(price_periods(None, entries)) == [
        ("10.00", 0, 2, 1),
        ("8.00", 2, 3, 3),
        ("8.00", 5, 6, 5),
        ("9.00", 6, 7, 6),
    ]
    assert summary(price_periods(None, history((0, None)))) == []
    assert price_periods(None, []) == []


def test_a_price_from_before_the_log_starts_at_the_last_change() -> None:
    """This applies if the first entries were pruned."""
    entries = history((0, "10"), (1, "10"), (2, "8"))
    initial = entries[1].change.before
    assert isinstance(initial, Item)
    assert summary(price_periods(initial, entries[1:])) == [("10.00", 0, 2, None), ("8.00", 2, None, 3)]
    assert summary(price_periods(item(1, price=None), [])) == []


def test_the_price_in_force_at_a_time() -> None:
    """A price is in force from its start until just before the start of the next one."""
    prices = price_periods(None, history((0, "10"), (2, "8"), (3, None), (4, "7")))
    found = [price_in_force(prices, at(day)) for day in (-1, 0, 1.9, 2, 3, 4, 99)]
    assert [period and period.price.amount for period in found] == [None, "10.00", "10.00", "8.00", None, "7.00", "7.00"]


@pytest.mark.parametrize(
    ("steps", "day", "low", "prior"),
    [
        (((0, "10"),), 5, "10.00", None),
        (((0, "10"), (10, "8")), 10, "8.00", "10.00"),
        # Raised before it is reduced: the lowest price of the 30 days before counts.
        (((0, "10"), (10, "15"), (20, "12")), 25, "10.00", "10.00"),
        (((0, "10"), (10, "15"), (41, "12")), 41, "12.00", "15.00"),
        # A price that ends exactly at the start of the window does not count; one that ends within it does.
        (((0, "5"), (10, "15"), (40, "12")), 40, "12.00", "15.00"),
        (((0, "5"), (10, "15"), (39.9, "12")), 39.9, "5.00", "5.00"),
        # A price increase is not a reduction.
        (((0, "10"), (10, "8"), (20, "9")), 20, "8.00", None),
        # Prices in other currencies do not count.
        (((0, "5 USD"), (10, "8")), 10, "8.00", None),
        (((0, "8"), (1, "5 USD"), (2, "9"), (3, "8.50")), 3, "8.00", "8.00"),
        # No price is in force.
        (((0, "10"), (1, None)), 2, None, None),
        # After a time without a price, a lower price is not a reduction.
        (((0, "10"), (1, None), (2, "9")), 2, "9.00", None),
    ],
)
def test_the_lowest_price_and_the_prior_one(
    steps: tuple[tuple[float, str | None], ...], day: float, low: str | None, prior: str | None
) -> None:
    """The lowest price is of the 30 days up to a time, the prior price of the 30 days before the reduction."""
    prices = price_periods(None, history(*steps))
    found = lowest_price(prices, at(day)), price_before_reduction(prices, at(day))
    assert tuple(period and period.price.amount for period in found) == (low, prior)


def test_of_equal_lowest_prices_the_oldest_is_returned() -> None:
    """Its start is the time since which the lowest price applies."""
    prices = price_periods(None, history((0, "8"), (1, "9"), (2, "8")))
    found = lowest_price(prices, at(3))
    assert found is not None
    assert found.seq == 1


def test_the_minimum_and_maximum_datetime_work() -> None:
    """Times outside the range of datetime are not computed."""
    maximum, minimum = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    prices = price_periods(None, history((0, "8"), (1, "9")))
    found = lowest_price(prices, maximum)
    assert found is not None
    assert found.price.amount == "9.00"
    assert lowest_price(prices, minimum) is None
    early = PricePeriod(found.price, minimum, None, 1)
    assert lowest_price([early], minimum) == lowest_price([early], minimum + timedelta(days=1)) == early
    assert price_before_reduction([early], minimum) is None
