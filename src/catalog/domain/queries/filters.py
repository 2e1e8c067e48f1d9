"""Filters: conditions on the fields of items. An item must meet all conditions of a query.

A parameter is a field name, optionally with two underscores and an operator: `version__gte=3`, `category__in=chairs,tables`,
`price__exists=false`, `attr.size__lt=10`. A name without an operator means equality. An item without a value in the field
matches only `exists=false`. A comparison with an attribute of another type never matches.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from catalog.domain.categories.tree import Tree
from catalog.domain.errors import shorten
from catalog.domain.items.attributes import is_name, sort_key
from catalog.domain.items.item import Item
from catalog.domain.queries.operands import parse_attribute, parse_operand
from catalog.domain.validation import FieldErrors
from catalog.domain.values.money import currency_code

EXISTS = "exists"
MISSING = "missing"
IN = "in"
WITHIN = "within"
OUTSIDE = "outside"

MULTI_VALUED = (IN, WITHIN, OUTSIDE)
"""Operators that accept any number of values."""

_CATEGORY_OPERATORS = {"eq": WITHIN, IN: WITHIN, "ne": OUTSIDE}
"""A filter by category includes the descendants of the category."""

MAX_VALUES = 200
"""The maximum number of values in one condition."""

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"eq": eq, "ne": ne, "lt": lt, "lte": le, "gt": gt, "gte": ge}

_EQUALITY = ("eq", "ne", IN)
_ORDERED = (*COMPARISONS, IN)

OPERATORS: dict[str, tuple[str, ...]] = {
    "sku": _EQUALITY,
    "category": (*_EQUALITY, EXISTS),
    "currency": _EQUALITY,
    "price": (*_ORDERED, EXISTS),
    "version": _ORDERED,
    "created_at": _ORDERED,
    "updated_at": _ORDERED,
}
"""The filterable fields and their operators."""

ALIASES = {
    "price_min": ("price", "gte"),
    "price_max": ("price", "lte"),
    "created_after": ("created_at", "gt"),
    "created_before": ("created_at", "lt"),
    "updated_after": ("updated_at", "gt"),
    "updated_before": ("updated_at", "lt"),
}
"""Alternative parameter names: `…_min` and `…_max` include the value, `…_after` and `…_before` exclude the time."""

REPEATABLE = ("sku", "category")
"""Parameters that may be repeated: an item matches if any of the values matches."""

FILTER_PARAMETERS = ("sku", "category", "currency", *ALIASES)
"""The filter parameters that the documentation lists individually; the others are fields with an operator."""

ATTRIBUTE = "attr."
"""The prefix of fields that are attributes."""

ATTRIBUTE_FILTERS = (*_ORDERED, EXISTS)
"""The operators that attributes support."""

MAX_CONDITIONS = 30
"""The maximum number of conditions in one query."""

_PART = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"(?=,|\Z)|[^,]*+', re.DOTALL)
# Possessive quantifiers prevent backtracking.
_VALUES: dict[str, Callable[[Item], Any]] = {
    "sku": lambda item: item.sku,
    "category": lambda item: item.category,
    "currency": lambda item: item.price and item.price.currency,
    "price": lambda item: item.price and item.price.minor_units,
    "version": lambda item: item.version,
    "created_at": lambda item: item.created_at,
    "updated_at": lambda item: item.updated_at,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one field of an item.

    `values` has one value, any number for MULTI_VALUED operators, none for `exists` and `missing`. Prices are compared in
    minor units, next to a condition on the currency. Attributes (`attr.NAME`) are compared by their sort keys
    (catalog.domain.items.attributes.sort_key), and only with values of the same type. `within` and `outside` apply to
    categories and include their descendants.
    """

    field: str
    operator: str
    values: tuple[Any, ...] = ()

    @property
    def attribute(self) -> str | None:
        """The name of the attribute, or None if the field is not an attribute."""
        return self.field.removeprefix(ATTRIBUTE) if self.field.startswith(ATTRIBUTE) else None

    def predicate(self, tree: Tree) -> Callable[[Item], bool]:
        """Return a function that checks whether an item meets the condition. Build it once and apply it to many items."""
        value_of, values = _value_getter(self.field), self.values
        if self.operator in (EXISTS, MISSING):
            missing = self.operator == MISSING
            return lambda item: (value_of(item) is None) is missing
        if self.operator in (WITHIN, OUTSIDE):
            slugs, within = tree.within(values), self.operator == WITHIN
            return lambda item: item.category is not None and (item.category in slugs) is within
        if self.operator == IN:
            return lambda item: value_of(item) in values
        compare, operand = COMPARISONS[self.operator], values[0]
        if self.attribute is not None:
            # The first character of a sort key is the type of the value.
            return lambda item: (value := value_of(item)) is not None and value[0] == operand[0] and compare(value, operand)
        return lambda item: (value := value_of(item)) is not None and compare(value, operand)


Filters = tuple[Condition, ...]


def is_filter(name: str) -> bool:
    """Return whether a parameter is a filter, valid or not."""
    return name in ALIASES or name.startswith(ATTRIBUTE) or name.partition("__")[0] in OPERATORS


def without_empty(parameters: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """Drop empty parameters, which count as absent, except for attributes: they may be compared with empty text."""
    if all(map(all, parameters.values())):
        return parameters
    non_empty = {
        name: values if name.startswith(ATTRIBUTE) else tuple(filter(None, values)) for name, values in parameters.items()
    }
    return {name: values for name, values in non_empty.items() if values}


def field_of(name: str) -> str:
    """Return the field of an item that a filter or facet reads."""
    if name.startswith(ATTRIBUTE):
        return "attributes"
    return "price" if name == "currency" else name


def parse_filters(parameters: Mapping[str, Sequence[str]], errors: FieldErrors) -> Filters:
    """Parse the filters among the parameters. Their order does not matter."""
    currencies = [value for name in ("currency", "currency__eq") for value in parameters.get(name, ())]
    currency = currency_code(currencies[0]) if len(currencies) == 1 else None
    conditions: dict[Condition, None] = {}
    for name in sorted(filter(is_filter, parameters)):
        field, operator = _split_name(name)
        if field == "price" and operator != EXISTS and len(currencies) != 1:
            errors.add((name,), "required", f"The parameter {name} needs exactly one currency; add one, like currency=EUR.")
            continue
        condition = _parse_condition(name, parameters[name], currency, errors)
        if condition is not None:
            conditions[condition] = None
    if len(conditions) > MAX_CONDITIONS:
        names = sorted(filter(is_filter, parameters))
        errors.add((names[-1],), "too_many_filters", f"The query has {len(conditions)} filters; the maximum is {MAX_CONDITIONS}.")
    return tuple(conditions)


def _split_name(name: str) -> tuple[str, str]:
    """Split the name of a parameter into field and operator. The name of an attribute may itself contain two underscores."""
    if name in ALIASES:
        return ALIASES[name]
    if name.startswith(ATTRIBUTE):
        field, separator, operator = name.rpartition("__")
        return (field, operator) if separator else (operator, "eq")
    field, separator, operator = name.partition("__")
    return field, operator if separator else "eq"


def _parse_condition(name: str, values: Sequence[str], currency: str | None, errors: FieldErrors) -> Condition | None:
    """Parse one parameter."""
    field, operator = _split_name(name)
    error_count = errors.total
    allowed = ATTRIBUTE_FILTERS if field.startswith(ATTRIBUTE) else OPERATORS[field]
    if field.startswith(ATTRIBUTE) and not is_name(field.removeprefix(ATTRIBUTE)):
        message = f"Invalid attribute name in {shorten(name)}. Use attr.NAME or attr.NAME__gte."
        errors.add((name,), "invalid_name", message)
    elif operator not in allowed:
        message = f"Unknown operator in {shorten(name)}. Operators of {field}: {', '.join(allowed)}."
        errors.add((name,), "unknown_operator", message)
    elif operator == EXISTS:
        if values[0] in ("true", "false"):
            return Condition(field, EXISTS if values[0] == "true" else MISSING)
        errors.add((name,), "invalid_boolean", f"The parameter {name} must be true or false.")
    else:
        raw = [part for value in values for part in _split_list(value)] if operator == IN else list(values)
        if len(raw) > MAX_VALUES:
            errors.add((name,), "too_many_values", f"The parameter {name} has {len(raw)} values; the maximum is {MAX_VALUES}.")
        else:
            operands = {
                parse_attribute(text, name, errors)
                if field.startswith(ATTRIBUTE)
                else parse_operand(field, text, name, currency, errors)
                for text in raw
            }
            if errors.total == error_count and None not in operands:
                return _comparison(field, operator, tuple(sorted(operands)))
    return None


def _comparison(field: str, operator: str, values: tuple[Any, ...]) -> Condition:
    """Return the condition that compares a field with these values."""
    if field == "category":
        return Condition(field, _CATEGORY_OPERATORS[operator], values)
    return Condition(field, IN if len(values) > 1 else "eq" if operator == IN else operator, values)


def _split_list(text: str) -> list[str]:
    """Split a list at its commas, except commas in double quotes."""
    parts, end = [], -1
    while end < len(text):
        match = _PART.match(text, end + 1)
        assert match is not None  # noqa: S101 - the pattern also matches the empty string
        parts.append(match[0])
        end = match.end()
    return parts


def _value_getter(field: str) -> Callable[[Item], Any]:
    """Return a function that reads the value a condition compares, or None if the item has no value there."""
    if not field.startswith(ATTRIBUTE):
        return _VALUES[field]
    name = field.removeprefix(ATTRIBUTE)
    return lambda item: None if (value := item.attributes.get(name)) is None else sort_key(value)
