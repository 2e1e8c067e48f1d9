"""Money: an integer number of a currency's minor units. Amounts are parsed digit by digit and never rounded."""

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

_CACHED_LENGTH = 40
"""Prices are cached if amount and currency together have fewer characters than this."""

_AMOUNT = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Money:
    """A price: `minor_units` (cents, pence, yen) of a `currency` (ISO 4217), from 0 to the maximum of an int64."""

    minor_units: int
    currency: str

    def __post_init__(self) -> None:
        """Check the invariants. A violation is a bug, not invalid input. Raises: ValueError."""
        if self.currency not in EXPONENTS or not 0 <= self.minor_units <= INT64_MAX:
            message = f"Invalid money: {self.minor_units} {self.currency}"
            raise ValueError(message)

    @property
    def amount(self) -> str:
        """The amount in decimal digits, with all decimal places of the currency: "12.50"."""
        exponent = EXPONENTS[self.currency]
        if not exponent:
            return str(self.minor_units)
        digits = str(self.minor_units).rjust(exponent + 1, "0")
        return f"{digits[:-exponent]}.{digits[-exponent:]}"

    @classmethod
    def parse(cls, raw: object, errors: FieldErrors, path: FieldPath) -> Self | None:
        """Parse `{"amount": "12.50", "currency": "EUR"}`; the amount may be a str, an int or a DecimalLiteral.

        Errors are added to `errors`, below `path`; the result is None then.
        """
        if not isinstance(raw, dict | Mapping):  # isinstance is faster for dict than for the ABC
            errors.add(path, "wrong_type", 'A price must be an object: {"amount": "12.50", "currency": "EUR"}.')
            return None
        for name in raw:
            if name not in ("amount", "currency"):
                errors.add((*path, name), "unknown_field", f"Unknown price field {shorten(name)}. Allowed: amount, currency.")
        amount, code = raw.get("amount"), raw.get("currency")
        if isinstance(amount, str) and isinstance(code, str) and len(amount) + len(code) < _CACHED_LENGTH:
            parsed = _parse_cached(amount, code)
            if parsed is not None:
                return cls(*parsed)
        currency = parse_currency(code, errors, (*path, "currency"))
        minor_units = parse_amount(amount, currency, errors, (*path, "amount"))
        return None if currency is None or minor_units is None else cls(minor_units, currency)


@lru_cache(maxsize=5_000)
def _parse_cached(amount: str, code: str) -> tuple[int, str] | None:
    """Return the minor units and currency of a valid price, or None. Cached, because prices repeat often in a catalog."""
    currency = parse_currency(code, errors := FieldErrors(), ())
    minor_units = parse_amount(amount, currency, errors, ())
    return None if currency is None or minor_units is None else (minor_units, currency)


def currency_code(raw: object) -> str | None:
    """Return the currency code, in upper case, if this is one, else None. To report errors, use `parse_currency`."""
    code = raw.strip() if isinstance(raw, str) else ""
    return code.upper() if code.isascii() and code.upper() in EXPONENTS else None


def parse_currency(raw: object, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse a currency code, in upper or lower case."""
    if raw is None:
        errors.add(path, "required", "A price needs a currency, for example EUR.")
    elif not isinstance(raw, str):
        errors.add(path, "wrong_type", "The currency must be a string: a code of ISO 4217, for example EUR.")
    elif (code := currency_code(raw)) is not None:
        return code
    else:
        errors.add(
            path, "unknown_currency", "The currency must be a code of ISO 4217 with minor units, for example EUR, USD or JPY."
        )
    return None


def parse_amount(raw: object, currency: str | None, errors: FieldErrors, path: FieldPath) -> int | None:
    """Parse an amount into minor units. If the currency is None, only the form is checked, and the result is None."""
    if raw is None:
        errors.add(path, "required", 'A price needs an amount, for example "12.50".')
        return None
    if isinstance(raw, bool) or not isinstance(raw, str | int | DecimalLiteral):
        errors.add(path, "wrong_type", 'The amount must be decimal digits, as a string or a number: "12.50" or 12.50.')
        return None
    text = raw.text if isinstance(raw, DecimalLiteral) else str(raw).strip()
    if text.startswith("-") and _AMOUNT.fullmatch(text, 1):
        errors.add(path, "negative_amount", "An amount cannot be negative.")
        return None
    match = _AMOUNT.fullmatch(text)
    if match is None:
        errors.add(path, "invalid_amount", 'The amount must be plain decimal digits, for example "12.50": no sign, no exponent.')
        return None
    return None if currency is None else _to_minor_units(match[1], match[2] or "", currency, errors, path)


def _to_minor_units(whole: str, fraction: str, currency: str, errors: FieldErrors, path: FieldPath) -> int | None:
    """Convert digits to minor units of the currency, exactly; add an error if that is not possible."""
    exponent = EXPONENTS[currency]
    decimals, excess = fraction[:exponent], fraction[exponent:]
    if excess.strip("0"):
        errors.add(
            path, "too_many_decimals", f"{currency} has {exponent} decimal places; the amount has more and is not rounded."
        )
        return None
    digits = (whole + decimals.ljust(exponent, "0")).lstrip("0") or "0"
    if len(digits) > len(str(INT64_MAX)) or int(digits) > INT64_MAX:
        errors.add(path, "amount_too_large", f"The amount exceeds the maximum of {INT64_MAX} minor units.")
        return None
    return int(digits)
