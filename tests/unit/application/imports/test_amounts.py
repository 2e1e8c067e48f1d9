"""Price cells: the forms in which spreadsheets and shops write amounts."""

import csv
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.application.files.row_source import Row
from catalog.application.imports.amounts import DecimalMark, detect_mark, read_amount, read_price
from catalog.application.imports.plan import ImportPlan
from catalog.domain.validation import FieldErrors
from catalog.domain.values.money import Money

DATA = Path(__file__).parents[3] / "data"


def read(cell: str, currency: str | None = "EUR", mark: DecimalMark | None = None) -> str:
    """Return the amount of a cell and its currency, or the code of the error."""
    errors = FieldErrors()
    price = read_price(cell, currency, mark, errors)
    money = None if price is None else Money.parse(price, errors, ("price",))
    return errors.found[0].code if money is None else f"{money.amount} {money.currency}"


def read_file(name: str, delimiter: str = ",") -> dict[str, str]:
    """Return the prices of a file by SKU, or the codes of their errors."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file, delimiter=delimiter)
    rows = [Row(number, dict(zip(header, cells, strict=True))) for number, cells in enumerate(lines, 2)]
    layout, _ = ImportPlan().layout(tuple(header), rows)
    prices = {}
    for row in rows:
        fields = layout.fields(row.values, errors := FieldErrors())
        money = Money.parse(fields.get("price"), errors, ("price",))
        prices[row.values["sku"]] = errors.found[0].code if money is None else money.amount
    return prices


def test_every_common_form_in_one_column_is_read() -> None:
    """Those that are no amounts, or have more decimals than the currency, are refused."""
    assert read_file("money.csv") == {
        "M-1": "19.99",
        "M-2": "19.99",
        "M-3": "1299.00",
        "M-4": "19.99",
        "M-5": "18.00",
        "M-6": "too_many_decimals",
        "M-7": "1.250",
        "M-8": "1000",
        "M-9": "0.50",
        "M-10": "invalid_amount",
        "M-11": "0.00",
        "M-12": "negative_amount",
        "M-13": "49.90",
        "M-14": "1299.00",
        "M-15": "5.00",
        "M-16": "5.00",
    }


def test_a_decimal_comma_is_detected() -> None:
    """One cell that proves it is enough for the column."""
    assert read_file("semicolon.csv", ";") == {"SC-1": "12.50", "SC-2": "1299.00", "SC-3": "3.00"}


@pytest.mark.parametrize(
    ("cell", "currency", "mark", "expected"),
    [
        ("1,299", "EUR", None, "ambiguous_amount"),
        ("1.299", "EUR", None, "ambiguous_amount"),
        ("1.299", "EUR", "comma", "1299.00 EUR"),
        ("1,299", "EUR", "point", "1299.00 EUR"),
        ("19,99", "EUR", "point", "contradictory_decimal"),
        ("19.99", "EUR", "comma", "contradictory_decimal"),
        ("1,250", "KWD", None, "ambiguous_amount"),
        ("1.250", "KWD", "comma", "1250.000 KWD"),
        ("1.250 KWD", None, None, "1.250 KWD"),
        ("1’299.50", "CHF", None, "1299.50 CHF"),
        ("1\u2009299,5", "EUR", None, "1299.50 EUR"),
        ("1 299 000", "JPY", None, "1299000 JPY"),
        ("1.299.000", "EUR", None, "1299000.00 EUR"),
        ("0,125", "KWD", None, "0.125 KWD"),
        ("$5.00", None, None, "ambiguous_currency"),
        ("¥500", None, None, "ambiguous_currency"),
        ("$5.00", "CAD", None, "5.00 CAD"),
        ("US$ 5.00", None, None, "5.00 USD"),
        ("$5.00", "EUR", None, "contradictory_currency"),
        ("5 USD", "EUR", None, "contradictory_currency"),
        ("5 USD", "XXX", None, "unknown_currency"),
        ("€ 5", None, None, "5.00 EUR"),
        ("-€5", None, None, "negative_amount"),
        ("5.00", None, None, "required"),
        ("€5 EUR", None, None, "invalid_amount"),
        ("5 apples", "EUR", None, "invalid_amount"),
        ("12,34,56", "EUR", None, "invalid_amount"),
        (".", "EUR", None, "invalid_amount"),
        ("1" * 101, "EUR", None, "invalid_amount"),
    ],
)
def test_a_cell_is_read_or_refused(cell: str, currency: str | None, mark: DecimalMark | None, expected: str) -> None:
    """Never by a guess."""
    assert read(cell, currency, mark) == expected


def test_the_column_decides_on_the_decimal_mark() -> None:
    """If all cells that prove one prove the same."""
    assert detect_mark(["1,299", "12,50", None, 5, "x"]) == ("comma", "")
    assert detect_mark(["1,299", "12.50"]) == ("point", "")
    assert detect_mark(["1,299", "1.299"]) == (None, "")
    mark, warning = detect_mark(["12,50", "12.50"])
    assert (mark, "decimal=comma or decimal=point" in warning) == (None, True)


def test_the_option_overrides_what_the_column_shows() -> None:
    """And needs no sample."""
    layout, detection = ImportPlan.parse(decimal="comma").layout(("sku", "price", "currency"))
    fields = layout.fields({"sku": "A", "price": "1.299", "currency": "EUR"}, FieldErrors())
    assert (fields["price"], detection.describe()) == ({"amount": "1299", "currency": "EUR"}, "decimal comma")


@given(
    st.decimals(0, 10**12, places=2),
    st.sampled_from(["", ",", " ", "'", "’", "\u2009", "\u00a0", "\u202f"]),
    st.sampled_from(["{}", "€{}", "€ {}", "{} €", "{}\u00a0EUR", "EUR {}", "eur{}", "+{}", " {} "]),
    st.booleans(),
)
def test_an_amount_in_any_form_is_read_back(amount: Decimal, thousands: str, form: str, comma: bool) -> None:  # noqa: FBT001 - drawn
    """Two decimals prove the mark, so nothing else has to be known."""
    text = f"{amount:,.2f}".replace(",", "T").replace(".", "D")
    text = text.replace("D", "," if comma else ".").replace("T", "." if comma and thousands == "," else thousands)
    assert read(form.format(text)) == f"{amount:.2f} EUR"


@given(st.text(st.sampled_from("0123456789.,' -+€$EURe\u00a0"), max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    """What is read by both marks without a mark is the same by either."""
    amount = read_amount(text)
    if amount is not None and amount.point is not None and amount.comma is not None:
        assert amount.mark is None
    assert read(text)
