"""Items kept sorted: a list for each sort order that was asked for, so that a page is a bisection and a slice."""

import asyncio
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from catalog.domain.items.item import Item
from catalog.domain.queries.filters import Condition, Filters
from catalog.domain.queries.ordering import Ordering, SortKey, SortValues, parse_sort, reverse, sort_values
from catalog.domain.validation import FieldErrors

BATCH_SIZE = 1_000
"""Items that are worked on before other tasks get a turn."""

MAX_PENDING = 100
"""Changes that a sorted list takes in before other tasks get a turn."""

Entry = tuple[Any, ...]
"""The sort key of an item, then the item. Keys end with the id, so comparing two entries never reaches the items."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_BEHIND_IDS = 1 << 128
"""Sorts behind the key of every id."""

_LAST_CHARACTER = 0x10FFFF


class SortOrder:
    """Turns places in an ordering into keys that Python compares in that order, whatever the direction of each term.

    An ordering and its reverse have the same keys: the one whose id descends is read `backwards`.
    """

    def __init__(self, ordering: Ordering) -> None:
        """Prepare the keys of `ordering`."""
        self.backwards = ordering[-1].descending
        self.terms = reverse(ordering) if self.backwards else ordering
        self._encoders = [_encoder(term) for term in self.terms]

    def key(self, values: SortValues) -> Entry:
        """Return the sort key of a place; it sorts directly before the entry of the item there."""
        return tuple([encode(value) for encode, value in zip(self._encoders, values, strict=True)])

    def entry(self, item: Item, rank: int | None = None) -> Entry:
        """Return the entry of an item."""
        return (*self.key(sort_values(item, self.terms, rank)), item)

    def positions(self, entries: Sequence[Entry], after: SortValues | None) -> range:
        """Return the positions of sorted entries in the order in which they are read, from behind `after` on."""
        if after is None:
            return range(len(entries) - 1, -1, -1) if self.backwards else range(len(entries))
        key = self.key(after)
        at = bisect_left(entries, key)
        if self.backwards:
            return range(at - 1, -1, -1)
        return range(at + (at < len(entries) and entries[at][:-1] == key), len(entries))


class KeyRange(NamedTuple):
    """The items that meet range conditions: they stand together in one order, from the key `first` to before the key `last`."""

    order: SortOrder
    first: Entry
    last: Entry


def key_ranges(filters: Filters) -> list[KeyRange]:
    """Return a stretch for each field with range conditions: a price in one currency, a time."""
    by_field: dict[str, list[Condition]] = {}
    for condition in filters:
        by_field.setdefault(condition.field, []).append(condition)
    found: list[KeyRange] = []
    for field in ("created_at", "updated_at"):
        found += _key_ranges(field, by_field.get(field, ()), (), (_LATEST, _BEHIND_IDS))
    for condition in by_field.get("currency", ()):
        if condition.operator == "eq":
            priced, currency = 0, condition.values[0]
            found += _key_ranges("price", by_field.get("price", ()), (priced, currency), (priced, currency + "\0"))
    return found


def _key_ranges(name: str, conditions: Iterable[Condition], first: Entry, last: Entry) -> list[KeyRange]:
    """Narrow the stretch from `first` to `last` by conditions on the value that follows the terms of `first`."""
    prefix, whole = first, (first, last)
    for condition in conditions:
        key = (*prefix, *condition.values[:1])
        if condition.operator in ("eq", "gte"):
            first = max(first, key)
        if condition.operator == "gt":
            first = max(first, (*key, _BEHIND_IDS))
        if condition.operator in ("eq", "lte"):
            last = min(last, (*key, _BEHIND_IDS))
        if condition.operator == "lt":
            last = min(last, key)
    return [] if (first, last) == whole else [KeyRange(_ORDERS[name], first, last)]


async def sort_in_batches(items: Sequence[Item], entries: Callable[[Sequence[Item]], list[Entry]]) -> list[Entry]:
    """Sort the entries that a function makes of items, and give other tasks a turn after each slice."""
    runs: deque[list[Entry]] = deque()
    for start in range(0, len(items), BATCH_SIZE):
        if start:
            await asyncio.sleep(0)
        runs.append(sorted(entries(items[start : start + BATCH_SIZE])))
    while len(runs) > 1:
        await asyncio.sleep(0)
        runs.append(sorted(runs.popleft() + runs.popleft()))  # sorting two sorted runs is merging them
    return runs[0] if runs else []


class SortedItems:
    """All items in one order. Built when it is first needed, a slice at a time; brought up to date when it is read.

    A commit only notes what changed, for what nobody reads need not be sorted. Where so many changes wait that sorting anew takes
    no longer, the list is let go, and built again for its next reader.
    """

    def __init__(self, order: SortOrder) -> None:
        """Start unbuilt."""
        self.order = order
        self._entries: list[Entry] = []
        self._built = False
        self._building = asyncio.Lock()
        self._pending: list[tuple[Item | None, Item | None]] = []

    async def build(self, items: Callable[[], Sequence[Item]]) -> None:
        """Sort what `items` returns, or take in what changed since. If the caller is cancelled, the next one goes on."""
        if self._built and len(self._pending) <= MAX_PENDING:
            return
        async with self._building:
            while not self._built or len(self._pending) > MAX_PENDING:
                if self._built:
                    self._apply_pending(MAX_PENDING)
                    await asyncio.sleep(0)
                else:
                    self._pending.clear()
                    self._entries = await sort_in_batches(items(), lambda some: list(map(self.order.entry, some)))
                    self._built = True

    @property
    def entries(self) -> list[Entry]:
        """The entries of all items, sorted, as of now; the list is changed when it is asked for again."""
        self._apply_pending(len(self._pending))
        return self._entries

    def between(self, key_range: KeyRange, limit: int) -> list[Item] | None:
        """Return the items of a stretch of this order; None when there are more than `most`, or where it is not built."""
        if not self._built:
            return None
        entries = self.entries
        start, end = bisect_left(entries, key_range.first), bisect_left(entries, key_range.last)
        return None if end - start > limit else [entry[-1] for entry in entries[start:end]]

    def record_change(self, before: Item | None, after: Item | None) -> None:
        """Put `after` in the place of `before`; None where an item is new, or gone."""
        if self._built or self._building.locked():
            self._pending.append((before, after))
        if self._built and len(self._pending) > max(BATCH_SIZE, len(self._entries) // 4):
            self._built = False
            self._entries = []
            self._pending.clear()

    def _apply_pending(self, count: int) -> None:
        """Make the first of the changes that wait."""
        some, self._pending = self._pending[:count], self._pending[count:]
        for before, after in some:
            new = None if after is None else self.order.entry(after)
            if before is not None:
                old = self.order.entry(before)
                at = bisect_left(self._entries, old[:-1])
                if new is not None and new[:-1] == old[:-1]:
                    self._entries[at] = new
                    continue
                del self._entries[at]
            if new is not None:
                insort(self._entries, new)


def _same(value: Any) -> Any:  # noqa: ANN401 - a value of a term
    return value


def _id(value: UUID) -> int:
    return value.int


def _negative_id(value: UUID) -> int:
    return -value.int


def _negative(value: int) -> int:
    return -value


def _before_epoch(value: datetime) -> Any:  # noqa: ANN401 - a timedelta, which compares with its like
    return _EPOCH - value


def _mirrored(text: str) -> str:
    """Mirror each character in the range of code points, and end with the last one, so that a prefix sorts behind."""
    return "".join(chr(_LAST_CHARACTER - ord(sign)) for sign in text) + chr(_LAST_CHARACTER)


_DESCENDING: dict[type, Callable[[Any], Any]] = {
    str: _mirrored,
    int: _negative,
    datetime: _before_epoch,
    UUID: _negative_id,
}


def _encoder(term: SortKey) -> Callable[[Any], Any]:
    """Return what turns the values of a term into values that compare in its direction."""
    if term.descending:
        return _DESCENDING[term.kind]
    return _id if term.kind is UUID else _same


_ORDERS = {name: SortOrder(parse_sort(name, FieldErrors())) for name in ("price", "created_at", "updated_at")}
"""The orders in which the items of range conditions stand together."""
