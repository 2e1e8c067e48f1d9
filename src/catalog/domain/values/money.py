"""Money: an integer count of a currency's minor units. Amounts are read by their digits and never rounded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from catalog.domain.errors import FieldPath, shorten
from catalog.domain.validation import FieldErrors
from catalog.domain.values.currencies import EXPONENTS
from catalog.domain.values.decimal_literal import DecimalLiteral

INT64_MAX = 2**63 - 1

_REMEMBERED = 40
"""Characters of a price whose worth is remembered for a while."""

_AMOUNT = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Money:
    """A price: `minor` units (cents, pence, yen) of a `currency` (ISO 4217), never negative, at most an int64."""

    minor_units: int
    currency: str

    def __post_init__(self) -> None:
        """Hold the invariants; breaking them is a fault of the program, not of an input."""
        if self.currency not in EXPONENTS or not 0 <= self.minor_units <= INT64_MAX:
            message = f"No such money: {self.minor_units} {self.currency}"
            raise ValueError(message)

    @property
    def amount(self) -> str:
        """The amount as decimal digits, with all the decimals that the currency has: "12.50"."""
        exponent = EXPONENTS[self.currency]
        if not exponent:
            return str(self.minor_units)
        digits = str(self.minor_units).rjust(exponent + 1, "0")
        return f"{digits[:-exponent]}.{digits[-exponent:]}"

    @classmethod
    def parse(cls, raw: object, faults: FieldErrors, path: FieldPath) -> Self | None:
        """Read `{"amount": "12.50", "currency": "EUR"}`; the amount may be text, an int or a Numeral.

        Every fault goes to `faults`, below `path`; then the answer is None.
        """
        if not isinstance(raw, dict | Mapping):  # a dict is told sooner than any other mapping
            faults.add(path, "wrong_type", 'A price is an object: {"amount": "12.50", "currency": "EUR"}.')
            return None
        for name in raw:
            if name not in ("amount", "currency"):
                faults.add((*path, name), "unknown_field", f"A price has no {shorten(name)}; it has amount and currency.")
        amount, code = raw.get("amount"), raw.get("currency")
        if isinstance(amount, str) and isinstance(code, str) and len(amount) + len(code) < _REMEMBERED:
            known = _known(amount, code)
            if known is not None:
                return cls(*known)
        currency = parse_currency(code, faults, (*path, "currency"))
        minor = parse_amount(amount, currency, faults, (*path, "amount"))
        return None if currency is None or minor is None else cls(minor, currency)


@lru_cache(maxsize=5_000)
def _known(amount: str, code: str) -> tuple[int, str] | None:
    """Read the texts of a price, where nothing is wrong with them: a catalog has the same prices again and again."""
    currency = parse_currency(code, faults := FieldErrors(), ())
    minor = parse_amount(amount, currency, faults, ())
    return None if currency is None or minor is None else (minor, currency)


def parse_currency(raw: object, faults: FieldErrors, path: FieldPath) -> str | None:
    """Read a currency code, in either case."""
    if raw is None:
        faults.add(path, "required", "A price needs a currency, for example EUR.")
    elif not isinstance(raw, str):
        faults.add(path, "wrong_type", "The currency is text: three letters of ISO 4217, for example EUR.")
    else:
        code = raw.strip()
        if code.isascii() and code.upper() in EXPONENTS:
            return code.upper()
        faults.add(path, "unknown_currency", "The currency is none of ISO 4217 with minor units, like EUR, USD or JPY.")
    return None


def parse_amount(raw: object, currency: str | None, faults: FieldErrors, path: FieldPath) -> int | None:
    """Read an amount by its digits; without a currency as far as that goes."""
    if raw is None:
        faults.add(path, "required", 'A price needs an amount, for example "12.50".')
        return None
    if isinstance(raw, bool) or not isinstance(raw, str | int | DecimalLiteral):
        faults.add(path, "wrong_type", 'The amount is decimal digits, as text or as a number: "12.50" or 12.50.')
        return None
    text = raw.text if isinstance(raw, DecimalLiteral) else str(raw).strip()
    if text.startswith("-") and _AMOUNT.fullmatch(text, 1):
        faults.add(path, "negative_amount", "An amount cannot be negative.")
        return None
    match = _AMOUNT.fullmatch(text)
    if match is None:
        faults.add(path, "invalid_amount", 'The amount is plain decimal digits, for example "12.50": no sign, no exponent.')
        return None
    return None if currency is None else _scaled(match[1], match[2] or "", currency, faults, path)


def _scaled(whole: str, fraction: str, currency: str, faults: FieldErrors, path: FieldPath) -> int | None:
    """Bring the digits to the currency's minor units, exactly or not at all."""
    exponent = EXPONENTS[currency]
    kept, rest = fraction[:exponent], fraction[exponent:]
    if rest.strip("0"):
        faults.add(path, "too_many_decimals", f"{currency} has {exponent} decimals; the amount has more. Nothing is rounded.")
        return None
    digits = (whole + kept.ljust(exponent, "0")).lstrip("0") or "0"
    if len(digits) > len(str(INT64_MAX)) or int(digits) > INT64_MAX:
        faults.add(path, "amount_too_large", f"The amount is above the {INT64_MAX} minor units that can be kept.")
        return None
    return int(digits)
