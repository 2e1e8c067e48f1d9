"""Filters: which items a list shows, by the values of their fields. All conditions of a question hold together.

A parameter names a field, and after two underscores an operator: `version__gte=3`, `category__in=chairs,tables`,
`price__exists=false`; a bare name means equality. An item that has no value in a field meets only `exists=false` there.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from catalog.domain.faults import Faults
from catalog.domain.item import Item
from catalog.domain.money import INT64_MAX, parse_amount, parse_currency
from catalog.domain.values import parse_category, parse_sku

EXISTS = "exists"
MISSING = "missing"
AMONG = "in"

MOST_VALUES = 200
"""How many values a condition may name."""

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"eq": eq, "ne": ne, "lt": lt, "lte": le, "gt": gt, "gte": ge}

_EQUALITY = ("eq", "ne", AMONG)
_ORDERED = (*COMPARISONS, AMONG)

OPERATORS: dict[str, tuple[str, ...]] = {
    "sku": _EQUALITY,
    "category": (*_EQUALITY, EXISTS),
    "currency": _EQUALITY,
    "price": (*_ORDERED, EXISTS),
    "version": _ORDERED,
    "created_at": _ORDERED,
    "updated_at": _ORDERED,
}
"""The fields that can be filtered by, and the operators of each."""

ALIASES = {
    "price_min": ("price", "gte"),
    "price_max": ("price", "lte"),
    "created_after": ("created_at", "gt"),
    "created_before": ("created_at", "lt"),
    "updated_after": ("updated_at", "gt"),
    "updated_before": ("updated_at", "lt"),
}
"""Other names for conditions: `…_min` and `…_max` include their own value, `…_after` and `…_before` leave their moment out."""

REPEATABLE = ("sku", "category")
"""Parameters that may stand several times: any of their values will do."""

NAMES = ("sku", "category", "currency", *ALIASES)
"""The parameters that documents name one by one; the rest are these fields with an operator."""

_WHOLE = re.compile(r"[0-9]{1,19}")
_TIME = re.compile(r"([0-9-]{10})(?:[Tt]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(?:([Zz])|([+ -][0-9]{2}:[0-9]{2})))?")
_VALUES: dict[str, Callable[[Item], Any]] = {
    "sku": lambda item: item.sku,
    "category": lambda item: item.category,
    "currency": lambda item: item.price and item.price.currency,
    "price": lambda item: item.price and item.price.minor,
    "version": lambda item: item.version,
    "created_at": lambda item: item.created_at,
    "updated_at": lambda item: item.updated_at,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What one field of an item has to be like. `values` has one value, several for `in`, none for `exists` and `missing`.

    A price is compared in minor units; a condition on the currency stands beside it.
    """

    field: str
    operator: str
    values: tuple[Any, ...] = ()

    def holds(self, item: Item) -> bool:
        """Whether an item is so."""
        value = _VALUES[self.field](item)
        if self.operator in (EXISTS, MISSING):
            return (value is None) is (self.operator == MISSING)
        if value is None:
            return False
        if self.operator == AMONG:
            return value in self.values
        return COMPARISONS[self.operator](value, self.values[0])


Filters = tuple[Condition, ...]


def is_filter(name: str) -> bool:
    """Whether a parameter is a filter, well-formed or not."""
    return name in ALIASES or name.partition("__")[0] in OPERATORS


def parse_filters(parameters: Mapping[str, Sequence[str]], faults: Faults) -> Filters:
    """Read the filters among the parameters; the order in which they are given does not matter."""
    named = [value for name in ("currency", "currency__eq") for value in parameters.get(name, ())]
    currency = parse_currency(named[0], Faults(), ()) if len(named) == 1 else None
    found: dict[Condition, None] = {}
    for name in sorted(filter(is_filter, parameters)):
        field, operator = _meant(name)
        if field == "price" and operator != EXISTS and len(named) != 1:
            faults.add((name,), "required", f"The parameter {name} compares amounts of a currency; name it: currency=EUR.")
            continue
        condition = _condition(name, parameters[name], currency, faults)
        if condition is not None:
            found[condition] = None
    return tuple(found)


def _meant(name: str) -> tuple[str, str]:
    """Part a parameter's name into field and operator."""
    field, separator, operator = name.partition("__")
    return ALIASES.get(name, (field, operator if separator else "eq"))


def _condition(name: str, values: Sequence[str], currency: str | None, faults: Faults) -> Condition | None:
    """Read one parameter."""
    field, operator = _meant(name)
    if operator not in OPERATORS[field]:
        allowed = ", ".join(OPERATORS[field])
        faults.add((name,), "unknown_operator", f"The parameter {name} has no such operator; {field} takes {allowed}.")
        return None
    if operator == EXISTS:
        if values[0] not in ("true", "false"):
            faults.add((name,), "invalid_boolean", f"The parameter {name} is true or false.")
            return None
        return Condition(field, EXISTS if values[0] == "true" else MISSING)
    raw = [part for value in values for part in value.split(",")] if operator == AMONG else list(values)
    if len(raw) > MOST_VALUES:
        faults.add((name,), "too_many_values", f"The parameter {name} has {len(raw)} values; at most {MOST_VALUES} are taken.")
        return None
    read = [_value(field, text, name, currency, faults) for text in raw]
    if None in read:
        return None
    unique = tuple(sorted(set(read)))
    return Condition(field, AMONG if len(unique) > 1 else operator, unique)


def _value(field: str, text: str, name: str, currency: str | None, faults: Faults) -> Any:  # noqa: ANN401 - a value of the field
    """Read one value as the field has it; None, and a fault, when it is none."""
    if field == "sku":
        return parse_sku(text, faults, (name,))
    if field == "category":
        return parse_category(text, faults, (name,))
    if field == "currency":
        return parse_currency(text, faults, (name,))
    if field == "version":
        return _number(text, name, faults)
    if field == "price":
        return None if currency is None else parse_amount(text, currency, faults, (name,))
    return _moment(text, name, faults)


def _number(text: str, name: str, faults: Faults) -> int | None:
    """Read a version."""
    if _WHOLE.fullmatch(text) and int(text) <= INT64_MAX:
        return int(text)
    faults.add((name,), "invalid_number", f"The parameter {name} is a whole number, for example 3.")
    return None


def _moment(text: str, name: str, faults: Faults) -> datetime | None:
    """Read a time: RFC 3339, or a day, which is its first moment in UTC. A plus that came as a space is taken as a plus."""
    match = _TIME.fullmatch(text)
    if match is not None:
        day, clock, zulu, offset = match.groups()
        zone = "+00:00" if zulu or offset is None else offset.replace(" ", "+")
        try:
            return datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}").astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # the 31st of February, or a moment before the year 1
    faults.add((name,), "invalid_time", f"The parameter {name} is a time like 2026-11-20T12:00:00Z, or a day like 2026-11-20.")
    return None
