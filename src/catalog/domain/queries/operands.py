"""What a filter compares a field with, read from the text of a parameter."""

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
from catalog.domain.values.fields import parse_category, parse_sku
from catalog.domain.values.money import INT64_MAX, parse_amount, parse_currency
from catalog.domain.values.timestamps import parse_time

N = TypeVar("N", int, None)

_LONGEST_INT = 40
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[0-9]{1,19}")


def parse_operand(field: str, text: str, name: str, currency: str | None, faults: FieldErrors) -> Any:  # noqa: ANN401 - a value of the field
    """Read a value as one of an item's own fields has it, an amount as that of `currency`; None, and a fault, when it is none.

    `name` is the parameter's.
    """
    if field == "price":
        return None if currency is None else parse_amount(text, currency, faults, (name,))
    return _PARSERS[field](text, name, faults)


def parse_attribute(text: str, name: str, faults: FieldErrors) -> str | None:
    """Read a value by its form, and return its sort key (catalog.domain.items.attributes); None, and a fault, when it is none.

    A number, true or false, text in double quotes (as JSON has it), else text as it stands.
    """
    value: str | int | float | bool = text
    number = _NUMBER.fullmatch(text)
    if text in ("true", "false"):
        value = text == "true"
    elif number is not None:
        value = float(text) if number[1] or number[2] else int(text[:_LONGEST_INT])
        if not (math.isfinite(value) if isinstance(value, float) else value in INT64):
            faults.add(
                (name,), "invalid_number", f"The parameter {name} is beyond what a number can hold; text has double quotes."
            )
            return None
    elif text.startswith('"'):
        try:
            value = json.loads(text)
        except ValueError:
            faults.add((name,), "invalid_text", f'The parameter {name} begins with a quote and is no text of JSON, like "10".')
            return None
    bad = find_unstorable(value) if isinstance(value, str) else None
    if bad is not None:
        faults.add((name,), "invalid_text", f"The parameter {name} contains {bad}; take it out.")
        return None
    return sort_key(value)


def _number(text: str, name: str, faults: FieldErrors) -> int | None:
    """Read a version."""
    if _WHOLE.fullmatch(text) and int(text) <= INT64_MAX:
        return int(text)
    faults.add((name,), "invalid_number", f"The parameter {name} is a whole number, for example 3.")
    return None


def refuse_unknown(names: Iterable[str], allowed: Sequence[str], faults: FieldErrors) -> None:
    """Note the parameters that a path does not take."""
    for name in names:
        if name not in allowed:
            note = f"The parameters are {', '.join(allowed)}."
            faults.add_unknown((name,), "unknown_parameter", f"There is no parameter {shorten(name)}.", allowed, note)


def parse_whole_number(parameters: Mapping[str, str], name: str, allowed: range, default: N, faults: FieldErrors) -> int | N:
    """Read a plain whole number, where there is one."""
    if name not in parameters:
        return default
    text = parameters[name]
    if text.isascii() and text.isdecimal() and len(text) < len(str(allowed[-1])) + 2 and int(text) in allowed:
        return int(text)
    faults.add((name,), "out_of_range", f"The parameter {name} is a whole number from {allowed[0]} to {allowed[-1]}.")
    return default


def parse_moment(text: str, name: str, faults: FieldErrors) -> datetime | None:
    """Read a time: RFC 3339, or a day, which is its first moment in UTC."""
    moment = parse_time(text)
    if moment is None:
        message = f"The parameter {name} is a time like 2026-11-20T12:00:00Z, or a day like 2026-11-20."
        faults.add((name,), "invalid_time", message)
    return moment


_PARSERS: dict[str, Callable[[str, str, FieldErrors], Any]] = {
    "sku": lambda text, name, faults: parse_sku(text, faults, (name,)),
    "category": lambda text, name, faults: parse_category(text, faults, (name,)),
    "currency": lambda text, name, faults: parse_currency(text, faults, (name,)),
    "version": _number,
    "created_at": parse_moment,
    "updated_at": parse_moment,
}
