"""Filters: which items a list shows, by the values of their fields. All conditions of a question hold together.

A parameter names a field, and after two underscores an operator: `version__gte=3`, `category__in=chairs,tables`,
`price__exists=false`, `attr.size__lt=10`; a bare name means equality. An item that has no value in a field meets only
`exists=false` there, and one whose attribute is of another type meets no comparison with it.
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
"""Operators that compare with any number of values."""

_CATEGORY_OPERATORS = {"eq": WITHIN, IN: WITHIN, "ne": OUTSIDE}
"""A category is asked for with all its descendants."""

MAX_VALUES = 200
"""How many values a condition may name."""

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

ATTRIBUTE = "attr."
"""How the fields begin that are attributes."""

ATTRIBUTE_FILTERS = (*_ORDERED, EXISTS)
"""The operators of attributes."""

MAX_CONDITIONS = 30
"""How many conditions a question may have."""

_PART = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"(?=,|\Z)|[^,]*+', re.DOTALL)
# (Possessive, so that no text is gone through twice.)
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
    """What one field of an item has to be like. `values` has one value, several for `SEVERAL`, none for `exists` and `missing`.

    A price is compared in minor units; a condition on the currency stands beside it. Attributes (`attr.NAME`) are compared
    by their keys (catalog.domain.items.attributes.sort_key), and only with those of the same type. `within` and `outside` are of
    categories, with their descendants.
    """

    field: str
    operator: str
    values: tuple[Any, ...] = ()

    @property
    def attribute(self) -> str | None:
        """The name of the attribute that is compared; None when it is no attribute."""
        return self.field.removeprefix(ATTRIBUTE) if self.field.startswith(ATTRIBUTE) else None

    def predicate(self, tree: Tree) -> Callable[[Item], bool]:
        """Return what tells whether an item is so: made once, for it is asked about many items."""
        value_of, values = _reader(self.field), self.values
        if self.operator in (EXISTS, MISSING):
            missing = self.operator == MISSING
            return lambda item: (value_of(item) is None) is missing
        if self.operator in (WITHIN, OUTSIDE):
            slugs, within = tree.within(values), self.operator == WITHIN
            return lambda item: item.category is not None and (item.category in slugs) is within
        if self.operator == IN:
            return lambda item: value_of(item) in values
        compare, wanted = COMPARISONS[self.operator], values[0]
        if self.attribute is not None:
            # The first character of a key is the value's type.
            return lambda item: (value := value_of(item)) is not None and value[0] == wanted[0] and compare(value, wanted)
        return lambda item: (value := value_of(item)) is not None and compare(value, wanted)


Filters = tuple[Condition, ...]


def is_filter(name: str) -> bool:
    """Whether a parameter is a filter, well-formed or not."""
    return name in ALIASES or name.startswith(ATTRIBUTE) or name.partition("__")[0] in OPERATORS


def without_empty(parameters: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """Leave out the parameters that are empty, which is as good as absent; but an attribute may be compared with empty text."""
    if all(map(all, parameters.values())):
        return parameters
    every = {name: values if name.startswith(ATTRIBUTE) else tuple(filter(None, values)) for name, values in parameters.items()}
    return {name: values for name, values in every.items() if values}


def field_of(name: str) -> str:
    """Name the field of an item that holds what is filtered or counted by."""
    if name.startswith(ATTRIBUTE):
        return "attributes"
    return "price" if name == "currency" else name


def parse_filters(parameters: Mapping[str, Sequence[str]], faults: FieldErrors) -> Filters:
    """Read the filters among the parameters; the order in which they are given does not matter."""
    named = [value for name in ("currency", "currency__eq") for value in parameters.get(name, ())]
    currency = currency_code(named[0]) if len(named) == 1 else None
    found: dict[Condition, None] = {}
    for name in sorted(filter(is_filter, parameters)):
        field, operator = _meant(name)
        if field == "price" and operator != EXISTS and len(named) != 1:
            faults.add((name,), "required", f"The parameter {name} compares amounts of a currency; name it: currency=EUR.")
            continue
        condition = _condition(name, parameters[name], currency, faults)
        if condition is not None:
            found[condition] = None
    if len(found) > MAX_CONDITIONS:
        names = sorted(filter(is_filter, parameters))
        faults.add((names[-1],), "too_many_filters", f"There are {len(found)} filters; at most {MAX_CONDITIONS} are taken.")
    return tuple(found)


def _meant(name: str) -> tuple[str, str]:
    """Part a parameter's name into field and operator. The name of an attribute may itself have two underscores."""
    if name in ALIASES:
        return ALIASES[name]
    if name.startswith(ATTRIBUTE):
        field, separator, operator = name.rpartition("__")
        return (field, operator) if separator else (operator, "eq")
    field, separator, operator = name.partition("__")
    return field, operator if separator else "eq"


def _condition(name: str, values: Sequence[str], currency: str | None, faults: FieldErrors) -> Condition | None:
    """Read one parameter."""
    field, operator = _meant(name)
    before = faults.total
    allowed = ATTRIBUTE_FILTERS if field.startswith(ATTRIBUTE) else OPERATORS[field]
    if field.startswith(ATTRIBUTE) and not is_name(field.removeprefix(ATTRIBUTE)):
        message = f"The parameter {shorten(name)} names no attribute; the form is attr.NAME or attr.NAME__gte."
        faults.add((name,), "invalid_name", message)
    elif operator not in allowed:
        message = f"The parameter {shorten(name)} has no such operator; {field} takes {', '.join(allowed)}."
        faults.add((name,), "unknown_operator", message)
    elif operator == EXISTS:
        if values[0] in ("true", "false"):
            return Condition(field, EXISTS if values[0] == "true" else MISSING)
        faults.add((name,), "invalid_boolean", f"The parameter {name} is true or false.")
    else:
        raw = [part for value in values for part in _parts(value)] if operator == IN else list(values)
        if len(raw) > MAX_VALUES:
            faults.add((name,), "too_many_values", f"The parameter {name} has {len(raw)} values; at most {MAX_VALUES} are taken.")
        else:
            read = {
                parse_attribute(text, name, faults)
                if field.startswith(ATTRIBUTE)
                else parse_operand(field, text, name, currency, faults)
                for text in raw
            }
            if faults.total == before and None not in read:
                return _comparing(field, operator, tuple(sorted(read)))
    return None


def _comparing(field: str, operator: str, values: tuple[Any, ...]) -> Condition:
    """Make the condition that compares a field with these values."""
    if field == "category":
        return Condition(field, _CATEGORY_OPERATORS[operator], values)
    return Condition(field, IN if len(values) > 1 else "eq" if operator == IN else operator, values)


def _parts(text: str) -> list[str]:
    """Part a list at its commas, but for those in double quotes."""
    parts, end = [], -1
    while end < len(text):
        match = _PART.match(text, end + 1)
        assert match is not None  # noqa: S101 - it matches nothing as well
        parts.append(match[0])
        end = match.end()
    return parts


def _reader(field: str) -> Callable[[Item], Any]:
    """Return what reads the value of an item that a condition compares; None when the item has nothing there."""
    if not field.startswith(ATTRIBUTE):
        return _VALUES[field]
    name = field.removeprefix(ATTRIBUTE)
    return lambda item: None if (value := item.attributes.get(name)) is None else sort_key(value)
