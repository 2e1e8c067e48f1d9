"""Facets: which values a field has among the items of a list, and how many items have each."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.domain.errors import shorten
from catalog.domain.items.attributes import AttributeValue, is_name, key_value, sort_key
from catalog.domain.items.item import Item
from catalog.domain.queries.filters import ATTRIBUTE
from catalog.domain.validation import FieldErrors

MAX_FACETS = 10
"""How many facets a question may ask for."""

MAX_VALUES = 50
"""How many values of a facet are told, the most frequent ones."""

FIELDS = ("category", "currency")
"""What has a facet beside attributes."""


@dataclass(frozen=True, slots=True)
class Facet:
    """Values with their counts, highest first and equal ones by the values' keys; `truncated` when there are more values.

    Items that have no value in the field are not counted. Of an attribute's long text the first characters are told.
    """

    values: tuple[tuple[AttributeValue, int], ...]
    truncated: bool

    @classmethod
    def from_counts(cls, counted: Iterable[tuple[str, int]]) -> "Facet":
        """Make a facet of ordered sort keys (catalog.domain.items.attributes) and their counts, of which one may be too many."""
        values = [(key_value(key), count) for key, count in counted]
        return cls(tuple(values[:MAX_VALUES]), len(values) > MAX_VALUES)


def facet_of(name: str, items: Iterable[Item]) -> Facet:
    """Count the values of a field among items."""
    counts = Counter(sort_key(value) for item in items if (value := _value(name, item)) is not None)
    return Facet.from_counts(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def parse_facets(raw: str, faults: FieldErrors) -> tuple[str, ...]:
    """Read `category,currency,attr.NAME`."""
    names = tuple(dict.fromkeys(part.strip() for part in raw.split(",")))
    for name in names:
        if name not in FIELDS and not (name.startswith(ATTRIBUTE) and is_name(name.removeprefix(ATTRIBUTE))):
            note = f"The facets are {', '.join(FIELDS)} and attr.NAME."
            faults.add_unknown(("facet",), "unknown_facet", f"There is no facet {shorten(name)!r}.", FIELDS, note, name)
    if len(names) > MAX_FACETS:
        faults.add(("facet",), "too_many_facets", f"There are {len(names)} facets; at most {MAX_FACETS} are counted.")
    return names


def _value(name: str, item: Item) -> AttributeValue | None:
    if name == "category":
        return item.category
    if name == "currency":
        return None if item.price is None else item.price.currency
    return item.attributes.get(name.removeprefix(ATTRIBUTE))
