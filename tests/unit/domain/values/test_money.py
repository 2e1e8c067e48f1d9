"""Money is read by its digits, and never rounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from catalog.domain.validation import FieldErrors
from catalog.domain.values.currencies import EXPONENTS
from catalog.domain.values.decimal_literal import DecimalLiteral
from catalog.domain.values.money import INT64_MAX, Money


def parsed(amount: object, currency: object = "EUR") -> Money | None:
    """Read money that has no faults, or none."""
    faults = FieldErrors()
    money = Money.parse({"amount": amount, "currency": currency}, faults, ("price",))
    assert bool(faults) is (money is None)
    return money


def codes(raw: object) -> list[tuple[str, str]]:
    """Return where the faults of a price are, and which."""
    faults = FieldErrors()
    assert Money.parse(raw, faults, ("price",)) is None
    return [("/".join(map(str, fault.path)), fault.code) for fault in faults.found]


def test_the_currencies_are_those_of_iso_4217_that_have_minor_units() -> None:
    """The table agrees with the one that the package iso4217 publishes."""
    assert {one.code: one.exponent for one in Currency if one.exponent is not None} == EXPONENTS


@pytest.mark.parametrize(
    ("amount", "currency", "minor", "shown"),
    [
        ("12.50", "EUR", 1250, "12.50"),
        ("12.5", "eur", 1250, "12.50"),
        (5, " EUR ", 500, "5.00"),
        (DecimalLiteral("12.10"), "EUR", 1210, "12.10"),
        ("0.000", "EUR", 0, "0.00"),
        ("007", "JPY", 7, "7"),
        ("1.000", "JPY", 1, "1"),
        ("1.234", "KWD", 1234, "1.234"),
        ("0.05", "USD", 5, "0.05"),
        (str(INT64_MAX), "JPY", INT64_MAX, str(INT64_MAX)),
    ],
)
def test_an_amount_is_counted_in_minor_units(amount: object, currency: str, minor: int, shown: str) -> None:
    """Fewer decimals are filled up, zeros beyond are dropped, codes are upper-cased."""
    money = parsed(amount, currency)
    assert money is not None
    assert (money.minor_units, money.amount) == (minor, shown)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("12.345", "too_many_decimals"),
        ("-1", "negative_amount"),
        (-2, "negative_amount"),
        (DecimalLiteral("1e3"), "invalid_amount"),
        (DecimalLiteral("-0.5"), "negative_amount"),
        ("1e3", "invalid_amount"),
        ("NaN", "invalid_amount"),
        ("Infinity", "invalid_amount"),
        ("", "invalid_amount"),
        ("1,50", "invalid_amount"),
        (".5", "invalid_amount"),
        ("5.", "invalid_amount"),
        ("+5", "invalid_amount"),
        ("٥", "invalid_amount"),
        ("1" * 5000, "amount_too_large"),
        ("92233720368547758.08", "amount_too_large"),
        (True, "wrong_type"),
        (1.5, "wrong_type"),
        ([], "wrong_type"),
        (None, "required"),
    ],
)
def test_what_is_no_plain_amount_is_refused(amount: object, code: str) -> None:
    """Each with its own code."""
    assert codes({"amount": amount, "currency": "EUR"}) == [("price/amount", code)]


@pytest.mark.parametrize("currency", ["XXX", "XAU", "EURO", "", "ﬀF"])
def test_a_code_that_is_no_currency_with_minor_units_is_refused(currency: str) -> None:
    """Gold and the code for none are among them."""
    assert codes({"amount": "1", "currency": currency}) == [("price/currency", "unknown_currency")]


def test_every_fault_of_a_price_is_told() -> None:
    """Also when both halves are wrong, and a member is too many."""
    assert codes({"amount": "x", "currency": 3, "vat": 1}) == [
        ("price/vat", "unknown_field"),
        ("price/currency", "wrong_type"),
        ("price/amount", "invalid_amount"),
    ]
    assert codes({"amount": "1"}) == [("price/currency", "required")]
    assert codes("12 EUR") == [("price", "wrong_type")]


@given(st.integers(0, INT64_MAX), st.sampled_from(sorted(EXPONENTS)))
def test_what_is_written_is_read_again(minor: int, currency: str) -> None:
    """For every amount of every currency, as text and as a number's digits."""
    money = Money(minor, currency)
    assert parsed(money.amount, currency) == money
    assert parsed(DecimalLiteral(money.amount), currency) == money


@pytest.mark.parametrize(("minor", "currency"), [(-1, "EUR"), (1, "XXX"), (INT64_MAX + 1, "EUR")])
def test_money_that_cannot_be_is_not_made(minor: int, currency: str) -> None:
    """The constructor holds the invariants."""
    with pytest.raises(ValueError, match="No such money"):
        Money(minor, currency)
