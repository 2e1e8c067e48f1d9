"""The text of a price cell, as spreadsheets and shops write it, becomes an amount and perhaps a currency.

Marks of thousands and decimals, signs and codes of currencies are read here. What an amount may be, such as its number of decimal
places, is a rule of `catalog.domain.values.money`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from catalog.domain.errors import shorten
from catalog.domain.validation import FieldErrors
from catalog.domain.values.currencies import EXPONENTS
from catalog.domain.values.money import currency_code

DecimalMark = Literal["point", "comma"]

_SHOWN = 40
"""Maximum characters of a cell in a message."""

_MAX_LENGTH = 100
"""Longer cells are not prices."""

_THREE_DECIMALS = 3

_DOLLARS = (
    "USD ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUP DOP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD SVC TTD TWD UYU XCD"
)
_SIGNS = {
    sign: tuple(codes.split())
    for sign, codes in {
        "€": "EUR",
        "£": "GBP",
        "$": _DOLLARS,
        "¥": "JPY CNY",
        "\uffe5": "JPY CNY",
        "kr": "SEK NOK DKK ISK",
        "kr.": "DKK NOK SEK ISK",
        "US$": "USD",
        "C$": "CAD NIO",
        "CA$": "CAD",
        "A$": "AUD",
        "AU$": "AUD",
        "NZ$": "NZD",
        "HK$": "HKD",
        "R$": "BRL",
        "zł": "PLN",
        "Kč": "CZK",
        "Ft": "HUF",
        "₹": "INR",
        "₩": "KRW KPW",
        "₽": "RUB",
        "₺": "TRY",
        "₴": "UAH",
        "₫": "VND",
        "₪": "ILS",
        "₱": "PHP CUP",
        "₦": "NGN",
    }.items()
}
"""The currencies that a sign may stand for. Only a sign with one is read without a currency column."""

# Amounts as the domain parses them. Without a decimal mark, those with exactly three decimals are left out: 1.299 may be 1299.
PLAIN = {
    "point": re.compile(r"[0-9]+(?:\.[0-9]+)?").fullmatch,
    "comma": re.compile(r"[0-9]+").fullmatch,
    None: re.compile(r"[0-9]+(?:\.(?:[0-9]{1,2}|[0-9]{4,}))?").fullmatch,
}
"""For each decimal mark, whether a cell needs no conversion at all."""

_SPACES = str.maketrans({"\u2009": " ", "\u00a0": " ", "\u202f": " ", "\u2019": "'", "\u2212": "-"})
_NUMBER_STARTS = frozenset("0123456789+-.,'")
_NUMBER_ENDS = frozenset("0123456789.,'")


def _number(separators: str, mark: str) -> re.Pattern[str]:
    groups = rf"[1-9][0-9]{{0,2}}(?P<separator>[{separators}])[0-9]{{3}}(?:(?P=separator)[0-9]{{3}})*"
    return re.compile(rf"(?P<whole>[0-9]+|{groups}|(?={mark}[0-9]))(?:{mark}(?P<fraction>[0-9]*))?")


_NUMBERS: dict[DecimalMark, re.Pattern[str]] = {"point": _number(" ',", r"\."), "comma": _number(r" '.", ",")}


@dataclass(frozen=True, slots=True)
class ReadAmount:
    """What a cell says: its amount by each decimal mark, None if it cannot be read so; and the currencies it may name."""

    point: str | None
    comma: str | None
    currencies: tuple[str, ...]

    @property
    def mark(self) -> DecimalMark | None:
        """The decimal mark that this cell proves; None if it can be read either way, or not at all."""
        if (self.point is None) == (self.comma is None):
            return None
        return "comma" if self.point is None else "point"


@lru_cache(maxsize=5_000)
def read_amount(cell: str) -> ReadAmount | None:
    """Read a price cell. None if it is no amount in any of the forms, such as one with an exponent."""
    parts = _split(cell.strip().translate(_SPACES)) if len(cell) <= _MAX_LENGTH else None
    if parts is None:
        return None
    sign, number, tokens = parts
    if len(tokens) > 1:
        return None
    currencies = _currencies(tokens[0]) if tokens else ()
    minus = "-" if sign == "-" else ""
    point, comma = (_canonical(pattern, number.strip(), minus) for pattern in _NUMBERS.values())
    return None if currencies is None or point == comma is None else ReadAmount(point, comma, currencies)


def _split(cell: str) -> tuple[str, str, list[str]] | None:
    """Return the plus or minus of a cell, its number, and what else is before or behind them. None if there is no number."""
    start = next((index for index, char in enumerate(cell) if char in _NUMBER_STARTS), None)
    end = next((index for index in range(len(cell), 0, -1) if cell[index - 1] in _NUMBER_ENDS), 0)
    if start is None or start >= end:
        return None
    before, number, behind = cell[:start], cell[start:end], cell[end:]
    sign = between = ""
    if number[0] in "+-":
        sign, number = number[0], number[1:]
        between = number[: next((index for index, char in enumerate(number) if char in _NUMBER_ENDS), 0)]
        number = number[len(between) :]
    return sign, number, [token for token in (before.strip(), between.strip(), behind.strip()) if token]


def _canonical(pattern: re.Pattern[str], number: str, minus: str) -> str | None:
    """Return the number with a decimal point and without other marks."""
    match = pattern.fullmatch(number)
    if match is None:
        return None
    whole = match["whole"].replace(match["separator"], "") if match["separator"] else match["whole"] or "0"
    return f"{minus}{whole}.{match['fraction']}" if match["fraction"] else f"{minus}{whole}"


def _currencies(token: str) -> tuple[str, ...] | None:
    """Return the currencies for which a sign or code may stand; None if it is neither."""
    code = currency_code(token)
    return _SIGNS.get(token) if code is None else (code,)


def detect_mark(cells: Iterable[object]) -> tuple[DecimalMark | None, str]:
    """Return the decimal mark that the cells of a column prove, or None; and a warning if they prove both."""
    marks = {amount.mark for cell in cells if isinstance(cell, str) and (amount := read_amount(cell)) is not None} - {None}
    if len(marks) > 1:
        return None, (
            "Some prices have a decimal comma and some a decimal point. Each is read as written, "
            "and those that may be either are refused; set decimal=comma or decimal=point."
        )
    return (marks.pop() if marks else None), ""


def read_price(cell: str, currency: object, mark: DecimalMark | None, errors: FieldErrors) -> dict[str, object] | None:
    """Convert a price cell to the form that the domain parses; `currency` is that of the row, or None.

    For a cell that is no amount, or cannot be read without a guess, an error is added to `errors`, and the result is None.
    """
    read = read_amount(cell)
    if read is None:
        message = f"The price {_quoted(cell)} is not an amount; write decimal digits without an exponent, for example 12.50."
        errors.add(("price",), "invalid_amount", message)
        return None
    code = currency_code(currency)
    if currency is None and len(read.currencies) == 1:
        currency = code = read.currencies[0]
    elif currency is None and read.currencies:
        message = f"The sign of {_quoted(cell)} stands for several currencies, and the row has no currency."
        errors.add(("price", "currency"), "ambiguous_currency", message, f"set=currency={read.currencies[0]}")
        return None
    if code is not None and read.currencies and code not in read.currencies:
        message = f"The price {_quoted(cell)} contradicts the currency {code} of the row."
        errors.add(("price", "currency"), "contradictory_currency", message)
        return None
    amount = _by_mark(read, cell, mark, code)
    if amount is not None:
        return _price(amount, currency)
    if mark is None:
        message = f"The price {_quoted(cell)} may be {read.point} or {read.comma}."
        errors.add(("price",), "ambiguous_amount", message, "decimal=comma|point")
        return None
    other = "point" if mark == "comma" else "comma"
    message = f"The price {_quoted(cell)} cannot be read with a decimal {mark}, which the file's prices have."
    errors.add(("price",), "contradictory_decimal", message, f"decimal={other}")
    return None


def _by_mark(read: ReadAmount, cell: str, mark: DecimalMark | None, code: str | None) -> str | None:
    """Choose the amount by the decimal mark of the column, or if there is none, by the cell alone. None if that is a guess."""
    if mark is not None:
        return read.comma if mark == "comma" else read.point
    if read.point is None or read.comma is None or read.point == read.comma:
        return read.comma if read.point is None else read.point
    # All amounts of such a currency have three decimals, so this is how catalogs write it. JPY 1.299 is not.
    is_full = code is not None and EXPONENTS[code] == _THREE_DECIMALS and "." in cell
    return read.point if is_full else None


def _price(amount: str, currency: object) -> dict[str, object]:
    return {"amount": amount} if currency is None else {"amount": amount, "currency": currency}


def _quoted(cell: str) -> str:
    return shorten(cell.strip(), _SHOWN)
