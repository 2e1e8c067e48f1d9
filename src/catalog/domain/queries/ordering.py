"""Sort order: sort keys, the sort values of an item, and how sort values compare.

Ties are broken by id, in the direction of the last sort key. Items without a price come last in either direction. Sort values
are never null, so every store can compare them value by value and use its indexes.
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
"""The values of one item for the sort keys of an ordering."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """One value to order by. `name` is its name in stores: a column, or `rank`. `kind` is the type of its values."""

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
"""The item field that a sort key is computed from, for the sort keys that can change."""

SORT_KEYS = tuple(_SORT_KEYS)
"""The names that the parameter `sort` accepts."""


def parse_sort(raw: str, errors: FieldErrors) -> Ordering:
    """Parse `name,-price`: comma-separated sort keys, a minus for descending."""
    sort_keys: list[SortKey] = []
    seen: set[str] = set()
    for part in raw.split(","):
        descending, name = part.strip().startswith("-"), part.strip().removeprefix("-")
        if name not in _SORT_KEYS:
            message = f"Unknown sort key {shorten(name)!r}."
            note = f"Allowed sort keys: {', '.join(SORT_KEYS)}."
            errors.add_unknown(("sort",), "unknown_sort_key", message, SORT_KEYS, note, name)
        elif name in seen:
            errors.add(("sort",), "repeated_sort_key", f"The sort key {name} is repeated.")
        else:
            seen.add(name)
            sort_keys += (key if key is _UNPRICED else replace(key, descending=descending) for key in _SORT_KEYS[name])
    return _with_id(sort_keys)


def newest_first() -> Ordering:
    """Return the default order of a list."""
    return _with_id([SortKey("created_at", datetime, descending=True)])


def nearest_first() -> Ordering:
    """Return the default order of a search: by rank, then by name."""
    return _with_id([_RANK, *_SORT_KEYS["name"]])


def by_name() -> Ordering:
    """Return the order of a search with too many matches to rank."""
    return _with_id(_SORT_KEYS["name"])


def reverse(ordering: Ordering) -> Ordering:
    """Return the opposite order."""
    return tuple(replace(sort_key, descending=not sort_key.descending) for sort_key in ordering)


def sort_values(item: Item, ordering: Ordering, rank: int | None = None) -> SortValues:
    """Return the sort values of an item. `rank` is needed only if the ordering includes it."""
    return tuple(rank if sort_key.name == "rank" else _VALUES[sort_key.name](item) for sort_key in ordering)


def comes_after(left: SortValues, right: SortValues, ordering: Ordering) -> bool:
    """Return whether `left` comes after `right`."""
    for left_value, right_value, sort_key in zip(left, right, ordering, strict=True):
        if left_value != right_value:
            return bool((left_value < right_value) is sort_key.descending)
    return False


def sort_by_values(entries: list[tuple[SortValues, T]], ordering: Ordering) -> None:
    """Sort entries in place by their sort values."""
    for index, sort_key in reversed(list(enumerate(ordering))):
        entries.sort(key=_value_at(index), reverse=sort_key.descending)


def _value_at(index: int) -> Callable[[tuple[SortValues, object]], Any]:
    return lambda entry: entry[0][index]


def _with_id(sort_keys: Sequence[SortKey]) -> Ordering:
    """Append the id, which makes the ordering total."""
    descending = sort_keys[-1].descending if sort_keys else False
    return (*sort_keys, SortKey("id", UUID, descending=descending))
