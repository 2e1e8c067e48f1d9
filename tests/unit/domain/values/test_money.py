"""Money is parsed digit by digit and never rounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from catalog.domain.validation import FieldErrors
from catalog.domain.values.currencies import EXPONENTS
from catalog.domain.values.decimal_literal import DecimalLiteral
from catalog.domain.values.money import INT64_MAX, Money


def parse(amount: object, currency: object = "EUR") -> Money | None:
    """Parse money; None if there are errors."""
    errors = FieldErrors()
    money = Money.parse({"amount": amount, "currency": currency}, errors, ("price",))
    assert bool(errors) is (money is None)
    return money


def codes(raw: object) -> list[tuple[str, str]]:
    """Return the path and code of each error of a price."""
    errors = FieldErrors()
    assert Money.parse(raw, errors, ("price",)) is None
    return [("/".join(map(str, error.path)), error.code) for error in errors.found]


def test_the_currencies_are_those_of_iso_4217_that_have_minor_units() -> None:
    """The table agrees with the package iso4217."""
    assert {currency.code: currency.exponent for currency in Currency if currency.exponent is not None} == EXPONENTS


@pytest.mark.parametrize(
    ("amount", "currency", "minor_units", "formatted"),
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
def test_an_amount_is_converted_to_minor_units(amount: object, currency: str, minor_units: int, formatted: str) -> None:
    """Missing decimal places are added, excess zeros are dropped, and codes are upper-cased."""
    money = parse(amount, currency)
    assert money is not None
    assert (money.minor_units, money.amount) == (minor_units, formatted)


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
def test_an_invalid_amount_is_rejected(amount: object, code: str) -> None:
    """Each kind of error has its own code."""
    assert codes({"amount": amount, "currency": "EUR"}) == [("price/amount", code)]


@pytest.mark.parametrize("currency", ["XXX", "XAU", "EURO", "", "ﬀF"])
def test_a_code_without_minor_units_is_rejected(currency: str) -> None:
    """These include gold (XAU) and the code for no currency (XXX)."""
    assert codes({"amount": "1", "currency": currency}) == [("price/currency", "unknown_currency")]


def test_every_error_of_a_price_is_reported() -> None:
    """Amount, currency and unknown members are all checked."""
    assert codes({"amount": "x", "currency": 3, "vat": 1}) == [
        ("price/vat", "unknown_field"),
        ("price/currency", "wrong_type"),
        ("price/amount", "invalid_amount"),
    ]
    assert codes({"amount": "1"}) == [("price/currency", "required")]
    assert codes("12 EUR") == [("price", "wrong_type")]


@given(st.integers(0, INT64_MAX), st.sampled_from(sorted(EXPONENTS)))
def test_a_formatted_amount_parses_to_the_same_money(minor_units: int, currency: str) -> None:
    """This holds for every amount of every currency, as a string and as a decimal literal."""
    money = Money(minor_units, currency)
    assert parse(money.amount, currency) == money
    assert parse(DecimalLiteral(money.amount), currency) == money


@pytest.mark.parametrize(("minor_units", "currency"), [(-1, "EUR"), (1, "XXX"), (INT64_MAX + 1, "EUR")])
def test_invalid_money_cannot_be_constructed(minor_units: int, currency: str) -> None:
    """The constructor checks the invariants."""
    with pytest.raises(ValueError, match="Invalid money"):
        Money(minor_units, currency)
