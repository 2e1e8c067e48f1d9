"""The order of a list: what a sort key means, what place an item has in it, and which places come after another.

Ties are broken by id, in the direction of the last key; what is absent comes last in either direction. No value of a place
is ever absent, so that places are compared value by value, by every store and along its indexes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from catalog.domain.errors import shorten
from catalog.domain.items.item import Item
from catalog.domain.text.normalization import fold
from catalog.domain.validation import FieldErrors

T = TypeVar("T")

SortValues = tuple[Any, ...]
"""The values of an ordering's terms for one item."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One value that a list is ordered by. `name` is what stores know it by: a column, or `rank`."""

    name: str
    kind: type
    descending: bool = False


Ordering = tuple[SortKey, ...]

_RANK = SortKey("rank", int)
_UNPRICED = SortKey("unpriced", int)
_SORT_KEYS: dict[str, tuple[SortKey, ...]] = {
    "name": (SortKey("name_key", str),),
    "price": (_UNPRICED, SortKey("currency", str), SortKey("price_minor", int)),
    "created_at": (SortKey("created_at", datetime),),
    "updated_at": (SortKey("updated_at", datetime),),
    "sku": (SortKey("sku", str),),
}
_VALUES: dict[str, Callable[[Item], object]] = {
    "name_key": lambda item: fold(item.name),
    "unpriced": lambda item: int(item.price is None),
    "currency": lambda item: "" if item.price is None else item.price.currency,
    "price_minor": lambda item: 0 if item.price is None else item.price.minor_units,
    "created_at": lambda item: item.created_at,
    "updated_at": lambda item: item.updated_at,
    "sku": lambda item: item.sku,
    "id": lambda item: item.id,
}

FIELD_OF = {
    "name_key": "name",
    "unpriced": "price",
    "currency": "price",
    "price_minor": "price",
    "updated_at": "updated_at",
    "sku": "sku",
}
"""The field of an item that a term is made from, for the terms that a change can change."""

SORT_KEYS = tuple(_SORT_KEYS)
"""What a list can be sorted by."""


def parse_sort(raw: str, faults: FieldErrors) -> Ordering:
    """Read `name,-price`: keys with commas, a minus for descending."""
    terms: list[SortKey] = []
    seen: set[str] = set()
    for part in raw.split(","):
        descending, name = part.strip().startswith("-"), part.strip().removeprefix("-")
        if name not in _SORT_KEYS:
            message = f"A list is not sorted by {shorten(name)!r}."
            faults.add_unknown(
                ("sort",), "unknown_sort_key", message, SORT_KEYS, f"It is sorted by {', '.join(SORT_KEYS)}.", name
            )
        elif name in seen:
            faults.add(("sort",), "repeated_sort_key", f"The sort key {name} stands twice.")
        else:
            seen.add(name)
            terms += (term if term is _UNPRICED else replace(term, descending=descending) for term in _SORT_KEYS[name])
    return _closed(terms)


def newest_first() -> Ordering:
    """The order of a list that asks for none."""
    return _closed([SortKey("created_at", datetime, descending=True)])


def nearest_first() -> Ordering:
    """The order of a search that asks for none: by rank, then by name."""
    return _closed([_RANK, *_SORT_KEYS["name"]])


def by_name() -> Ordering:
    """The order of a search that finds too much to rank."""
    return _closed(_SORT_KEYS["name"])


def reverse(ordering: Ordering) -> Ordering:
    """Return the same order from its end."""
    return tuple(replace(term, descending=not term.descending) for term in ordering)


def sort_values(item: Item, ordering: Ordering, rank: int | None = None) -> SortValues:
    """Say where an item stands."""
    return tuple(rank if term.name == "rank" else _VALUES[term.name](item) for term in ordering)


def comes_after(one: SortValues, other: SortValues, ordering: Ordering) -> bool:
    """Whether `one` stands behind `other`."""
    for mine, its, term in zip(one, other, ordering, strict=True):
        if mine != its:
            return bool((mine < its) is term.descending)
    return False


def sort_by_values(places: list[tuple[SortValues, T]], ordering: Ordering) -> None:
    """Sort what stands at these places, in the ordering's sense."""
    for index, term in reversed(list(enumerate(ordering))):
        places.sort(key=_value_at(index), reverse=term.descending)


def _value_at(index: int) -> Callable[[tuple[SortValues, object]], Any]:
    return lambda entry: entry[0][index]


def _closed(terms: Sequence[SortKey]) -> Ordering:
    """End the ordering by id, so that it is total."""
    last = terms[-1].descending if terms else False
    return (*terms, SortKey("id", UUID, descending=last))
