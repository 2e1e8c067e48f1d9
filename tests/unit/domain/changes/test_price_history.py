"""The history of a price, and the prior price of a reduction."""

from datetime import UTC, datetime, timedelta

import pytest

from catalog.domain.change import Change
from catalog.domain.changes.log import LogEntry
from catalog.domain.changes.price_history import (
    PricePeriod,
    lowest_prices,
    price_periods,
    prices_before_reduction,
    prices_in_force,
)
from catalog.domain.items.item import Item
from tests.making import NOON, TESTER, certain, item


def life(*steps: tuple[float, str | None]) -> list[LogEntry]:
    """Make a life of prices: days after noon, and the price from then on (None: none; "gone": it is removed)."""
    entries: list[LogEntry] = []
    current: Item | None = None
    for day, said in steps:
        at = NOON + timedelta(days=day)
        change: Change[Item] | None
        if current is not None and said == "gone":
            change = current.delete(now=at)
        elif current is None:
            born = item(1, at, price=_money(said))
            change = Change("item.created", None, born, at)
        else:
            change = current.update({"price": _money(said), "description": str(day)}, now=at)
        change = certain(change)
        current = change.after
        entries.append(LogEntry(len(entries) + 1, change, TESTER))
    return entries


def _money(said: str | None) -> dict[str, str] | None:
    if said is None:
        return None
    amount, _, currency = said.partition(" ")
    return {"amount": amount, "currency": currency or "EUR"}


def at(day: float) -> datetime:
    """Return a moment."""
    return NOON + timedelta(days=day)


def amounts(prices: list[PricePeriod]) -> list[tuple[str, float, float | None, int | None]]:
    """Return amount, first and last day, and number."""
    day = timedelta(days=1)
    return [
        (one.price.amount, (one.since - NOON) / day, None if one.until is None else (one.until - NOON) / day, one.seq)
        for one in prices
    ]


def test_each_price_has_its_time() -> None:
    """Other changes part nothing; times without a price are left out."""
    entries = life((0, "10"), (1, "10"), (2, "8"), (3, None), (5, "8"), (6, "9 USD"), (7, "gone"))
    assert amounts(price_periods(None, entries)) == [
        ("10.00", 0, 2, 1),
        ("8.00", 2, 3, 3),
        ("8.00", 5, 6, 5),
        ("9.00", 6, 7, 6),
    ]
    assert amounts(price_periods(None, life((0, None)))) == []
    assert price_periods(None, []) == []


def test_what_was_before_the_log_counts_from_its_last_change() -> None:
    """Where the beginning was pruned."""
    entries = life((0, "10"), (1, "10"), (2, "8"))
    first = entries[1].change.before
    assert isinstance(first, Item)
    assert amounts(price_periods(first, entries[1:])) == [("10.00", 0, 2, None), ("8.00", 2, None, 3)]
    assert amounts(price_periods(item(1, price=None), [])) == []


def test_the_price_of_a_moment_is_known() -> None:
    """From its first moment until just before the next one's."""
    prices = price_periods(None, life((0, "10"), (2, "8"), (3, None), (4, "7")))
    found = [prices_in_force(prices, at(day)) for day in (-1, 0, 1.9, 2, 3, 4, 99)]
    assert [one and one.price.amount for one in found] == [None, "10.00", "10.00", "8.00", None, "7.00", "7.00"]


@pytest.mark.parametrize(
    ("steps", "day", "low", "prior"),
    [
        (((0, "10"),), 5, "10.00", None),
        (((0, "10"), (10, "8")), 10, "8.00", "10.00"),
        # Raised before it is reduced: what counts is the lowest of the 30 days before.
        (((0, "10"), (10, "15"), (20, "12")), 25, "10.00", "10.00"),
        (((0, "10"), (10, "15"), (41, "12")), 41, "12.00", "15.00"),
        # A price that ended just when the window begins does not count, one that ended within it does.
        (((0, "5"), (10, "15"), (40, "12")), 40, "12.00", "15.00"),
        (((0, "5"), (10, "15"), (39.9, "12")), 39.9, "5.00", "5.00"),
        # A rise is no reduction.
        (((0, "10"), (10, "8"), (20, "9")), 20, "8.00", None),
        # Other currencies are other prices.
        (((0, "5 USD"), (10, "8")), 10, "8.00", None),
        (((0, "8"), (1, "5 USD"), (2, "9"), (3, "8.50")), 3, "8.00", "8.00"),
        # Nothing is in force.
        (((0, "10"), (1, None)), 2, None, None),
        # After a time without a price it was not reduced.
        (((0, "10"), (1, None), (2, "9")), 2, "9.00", None),
    ],
)
def test_the_lowest_price_and_the_prior_one(
    steps: tuple[tuple[float, str | None], ...], day: float, low: str | None, prior: str | None
) -> None:
    """Of the 30 days up to a moment; and of the 30 days before the reduction."""
    prices = price_periods(None, life(*steps))
    found = lowest_prices(prices, at(day)), prices_before_reduction(prices, at(day))
    assert tuple(one and one.price.amount for one in found) == (low, prior)


def test_of_equal_prices_the_oldest_is_told() -> None:
    """It is since when the lowest is known."""
    prices = price_periods(None, life((0, "8"), (1, "9"), (2, "8")))
    found = lowest_prices(prices, at(3))
    assert found is not None
    assert found.seq == 1


def test_the_ends_of_time_are_moments_like_others() -> None:
    """The 30 days before the first and the moment after the last do not exist, and are not needed."""
    last, first = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    prices = price_periods(None, life((0, "8"), (1, "9")))
    found = lowest_prices(prices, last)
    assert found is not None
    assert found.price.amount == "9.00"
    assert lowest_prices(prices, first) is None
    early = PricePeriod(found.price, first, None, 1)
    assert lowest_prices([early], first) == lowest_prices([early], first + timedelta(days=1)) == early
    assert prices_before_reduction([early], first) is None
