"""Parsing of the values that filters compare with, and of other query parameters."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from catalog.domain.errors import shorten
from catalog.domain.items.attributes import INT64, sort_key
from catalog.domain.text.normalization import find_unstorable
from catalog.domain.validation import FieldErrors
from catalog.domain.values.fields import parse_category
from catalog.domain.values.money import INT64_MAX, parse_amount, parse_currency
from catalog.domain.values.sku import parse_sku
from catalog.domain.values.timestamps import parse_time

N = TypeVar("N", int, None)

_MAX_INT_DIGITS = 40
"""Digits of an integer that are parsed: more than int64 has, and few enough that parsing stays cheap."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_VERSION = re.compile(r"[0-9]{1,19}")


def parse_operand(field: str, text: str, name: str, currency: str | None, errors: FieldErrors) -> Any:  # noqa: ANN401 - a value of the field
    """Parse a value of one of the item's own fields. An amount is parsed as one of `currency`.

    `name` is the name of the parameter. Return None, and add an error, if the value is invalid.
    """
    if field == "price":
        return None if currency is None else parse_amount(text, currency, errors, (name,))
    return _PARSERS[field](text, name, errors)


def parse_attribute(text: str, name: str, errors: FieldErrors) -> str | None:
    """Parse the value of an attribute and return its sort key (catalog.domain.items.attributes).

    The form of the text determines the type: a number, true or false, or text in double quotes (a JSON string); anything
    else is plain text. Return None, and add an error, if the value is invalid.
    """
    value: str | int | float | bool = text
    number = _NUMBER.fullmatch(text)
    if text in ("true", "false"):
        value = text == "true"
    elif number is not None:
        value = float(text) if number[1] or number[2] else int(text[:_MAX_INT_DIGITS])
        if not (math.isfinite(value) if isinstance(value, float) else value in INT64):
            errors.add(
                (name,), "invalid_number", f"The number in {name} is out of range. To compare with text, put it in double quotes."
            )
            return None
    elif text.startswith('"'):
        try:
            value = json.loads(text)
        except ValueError:
            errors.add((name,), "invalid_text", f'The parameter {name} starts with a quote but is not a JSON string, like "10".')
            return None
    unstorable = find_unstorable(value) if isinstance(value, str) else None
    if unstorable is not None:
        errors.add((name,), "invalid_text", f"The parameter {name} contains {unstorable}; remove it.")
        return None
    return sort_key(value)


def _parse_version(text: str, name: str, errors: FieldErrors) -> int | None:
    """Parse a version."""
    if _VERSION.fullmatch(text) and int(text) <= INT64_MAX:
        return int(text)
    errors.add((name,), "invalid_number", f"The parameter {name} must be a whole number, like 3.")
    return None


def refuse_unknown(names: Iterable[str], allowed: Sequence[str], errors: FieldErrors) -> None:
    """Add an error for each parameter that is not in `allowed`."""
    for name in names:
        if name not in allowed:
            note = f"Allowed parameters: {', '.join(allowed)}."
            errors.add_unknown((name,), "unknown_parameter", f"Unknown parameter {shorten(name)}.", allowed, note)


def parse_whole_number(parameters: Mapping[str, str], name: str, allowed: range, default: N, errors: FieldErrors) -> int | N:
    """Parse a whole number within `allowed`; return `default` if the parameter is absent, or invalid (and add an error)."""
    if name not in parameters:
        return default
    text = parameters[name]
    if text.isascii() and text.isdecimal() and len(text) < len(str(allowed[-1])) + 2 and int(text) in allowed:
        return int(text)
    errors.add((name,), "out_of_range", f"The parameter {name} must be a whole number from {allowed[0]} to {allowed[-1]}.")
    return default


def parse_moment(text: str, name: str, errors: FieldErrors) -> datetime | None:
    """Parse a time in RFC 3339 format, or a date, which means midnight UTC at its start."""
    moment = parse_time(text)
    if moment is None:
        message = f"The parameter {name} must be a time like 2026-11-20T12:00:00Z, or a date like 2026-11-20."
        errors.add((name,), "invalid_time", message)
    return moment


_PARSERS: dict[str, Callable[[str, str, FieldErrors], Any]] = {
    "sku": lambda text, name, errors: parse_sku(text, errors, (name,)),
    "category": lambda text, name, errors: parse_category(text, errors, (name,)),
    "currency": lambda text, name, errors: parse_currency(text, errors, (name,)),
    "version": _parse_version,
    "created_at": parse_moment,
    "updated_at": parse_moment,
}
