"""Facets: the values of a field among the matching items, with counts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.domain.errors import shorten
from catalog.domain.items.attributes import AttributeValue, is_name, sort_key, value_from_key
from catalog.domain.items.item import Item
from catalog.domain.queries.filters import ATTRIBUTE
from catalog.domain.validation import FieldErrors

MAX_FACETS = 10
"""The maximum number of facets in one request."""

MAX_VALUES = 50
"""The maximum number of values returned per facet, most frequent first."""

FIELDS = ("category", "currency")
"""The fields that have facets, besides attributes."""


@dataclass(frozen=True, slots=True)
class Facet:
    """Values with their counts: highest count first, ties ordered by sort key. `truncated` if there are more values.

    Items without a value in the field are not counted. Long attribute texts are cut to their first characters.
    """

    values: tuple[tuple[AttributeValue, int], ...]
    truncated: bool

    @classmethod
    def from_counts(cls, counts: Iterable[tuple[str, int]]) -> "Facet":
        """Build a facet from (sort key, count) pairs in order (catalog.domain.items.attributes).

        Pass one pair more than MAX_VALUES, if there is one, to mark the facet as truncated.
        """
        values = [(value_from_key(key), count) for key, count in counts]
        return cls(tuple(values[:MAX_VALUES]), len(values) > MAX_VALUES)

    @classmethod
    def from_counter(cls, counts: Counter[str]) -> "Facet":
        """Build a facet from the counts of all sort keys."""
        return cls.from_counts(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def facet_of(name: str, items: Iterable[Item]) -> Facet:
    """Count the values of a field among items."""
    return Facet.from_counter(count_values(name, items))


def count_values(name: str, items: Iterable[Item]) -> Counter[str]:
    """Count the values of a field among items, by sort key. Counts of several batches can be added up."""
    return Counter(sort_key(value) for item in items if (value := _field_value(name, item)) is not None)


def parse_facets(raw: str, errors: FieldErrors) -> tuple[str, ...]:
    """Parse `category,currency,attr.NAME`."""
    names = tuple(dict.fromkeys(part.strip() for part in raw.split(",")))
    for name in names:
        if name not in FIELDS and not (name.startswith(ATTRIBUTE) and is_name(name.removeprefix(ATTRIBUTE))):
            note = f"Allowed facets: {', '.join(FIELDS)}, attr.NAME."
            errors.add_unknown(("facet",), "unknown_facet", f"Unknown facet {shorten(name)!r}.", FIELDS, note, name)
    if len(names) > MAX_FACETS:
        errors.add(("facet",), "too_many_facets", f"The request has {len(names)} facets; the maximum is {MAX_FACETS}.")
    return names


def _field_value(name: str, item: Item) -> AttributeValue | None:
    if name == "category":
        return item.category
    if name == "currency":
        return None if item.price is None else item.price.currency
    return item.attributes.get(name.removeprefix(ATTRIBUTE))
