"""Lists of all items, one per sort order in use, so that reading a page takes a bisection and a slice."""

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
"""Items that are processed before control returns to the event loop."""

MAX_PENDING = 100
"""Changes that are applied to a sorted list before control returns to the event loop."""

Entry = tuple[Any, ...]
"""An item's sort key followed by the item. Keys end with the id, so comparing two entries never compares the items."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_AFTER_IDS = 1 << 128
"""Sorts after the key of every id."""

_MAX_CODE_POINT = 0x10FFFF


class SortOrder:
    """Turns sort values into keys that Python compares in the given ordering, whatever the direction of each term.

    An ordering and its reverse share the same keys: the one with a descending id is read `backwards`.
    """

    def __init__(self, ordering: Ordering) -> None:
        """Prepare to build keys for `ordering`."""
        self.backwards = ordering[-1].descending
        self.terms = reverse(ordering) if self.backwards else ordering
        self._encoders = [_encoder(term) for term in self.terms]

    def key(self, values: SortValues) -> Entry:
        """Return the sort key for these values. It sorts directly before the entry of the item with these values."""
        return tuple([encode(value) for encode, value in zip(self._encoders, values, strict=True)])

    def entry(self, item: Item, rank: int | None = None) -> Entry:
        """Return the entry of an item."""
        return (*self.key(sort_values(item, self.terms, rank)), item)

    def positions(self, entries: Sequence[Entry], after: SortValues | None) -> range:
        """Return the positions of the entries that follow `after`, in reading order."""
        if after is None:
            return range(len(entries) - 1, -1, -1) if self.backwards else range(len(entries))
        key = self.key(after)
        index = bisect_left(entries, key)
        if self.backwards:
            return range(index - 1, -1, -1)
        return range(index + (index < len(entries) and entries[index][:-1] == key), len(entries))


class KeyRange(NamedTuple):
    """The items that match range conditions. In `order` they are adjacent: from the key `first` up to, but excluding, `last`."""

    order: SortOrder
    first: Entry
    last: Entry


def key_ranges(filters: Filters) -> list[KeyRange]:
    """Return a range for each field with range conditions: the price in one currency, or a time."""
    by_field: dict[str, list[Condition]] = {}
    for condition in filters:
        by_field.setdefault(condition.field, []).append(condition)
    ranges: list[KeyRange] = []
    for field in ("created_at", "updated_at"):
        ranges += _key_ranges(field, by_field.get(field, ()), (), (_LATEST, _AFTER_IDS))
    for condition in by_field.get("currency", ()):
        if condition.operator == "eq":
            unpriced, currency = 0, condition.values[0]
            ranges += _key_ranges("price", by_field.get("price", ()), (unpriced, currency), (unpriced, currency + "\0"))
    return ranges


def _key_ranges(name: str, conditions: Iterable[Condition], first: Entry, last: Entry) -> list[KeyRange]:
    """Narrow the range from `first` to `last` by conditions on the value that follows the terms of `first`."""
    prefix, full_range = first, (first, last)
    for condition in conditions:
        key = (*prefix, *condition.values[:1])
        if condition.operator in ("eq", "gte"):
            first = max(first, key)
        if condition.operator == "gt":
            first = max(first, (*key, _AFTER_IDS))
        if condition.operator in ("eq", "lte"):
            last = min(last, (*key, _AFTER_IDS))
        if condition.operator == "lt":
            last = min(last, key)
    return [] if (first, last) == full_range else [KeyRange(_ORDERS[name], first, last)]


async def sort_in_batches(items: Sequence[Item], entries: Callable[[Sequence[Item]], list[Entry]]) -> list[Entry]:
    """Sort the entries that the function `entries` returns for items. Control returns to the event loop after each batch."""
    runs: deque[list[Entry]] = deque()
    for start in range(0, len(items), BATCH_SIZE):
        if start:
            await asyncio.sleep(0)
        runs.append(sorted(entries(items[start : start + BATCH_SIZE])))
    while len(runs) > 1:
        await asyncio.sleep(0)
        runs.append(sorted(runs.popleft() + runs.popleft()))  # sorting two concatenated runs merges them in linear time
    return runs[0] if runs else []


class SortedItems:
    """All items in one order. The list is built in batches on first use, and brought up to date when it is read.

    A commit only records what changed, because a list that nobody reads need not be sorted. Once so many changes are pending that
    sorting from scratch is as fast, the list is dropped and rebuilt for the next reader.
    """

    def __init__(self, order: SortOrder) -> None:
        """Start without a list."""
        self.order = order
        self._entries: list[Entry] = []
        self._built = False
        self._build_lock = asyncio.Lock()
        self._pending: list[tuple[Item | None, Item | None]] = []

    async def build(self, items: Callable[[], Sequence[Item]]) -> None:
        """Sort what `items` returns, or apply the pending changes. If the caller is cancelled, the next caller continues."""
        if self._built and len(self._pending) <= MAX_PENDING:
            return
        async with self._build_lock:
            while not self._built or len(self._pending) > MAX_PENDING:
                if self._built:
                    self._apply_pending(MAX_PENDING)
                    await asyncio.sleep(0)
                else:
                    self._pending.clear()
                    self._entries = await sort_in_batches(items(), lambda batch: list(map(self.order.entry, batch)))
                    self._built = True

    @property
    def entries(self) -> list[Entry]:
        """The current entries of all items, sorted. Later reads modify the same list in place."""
        self._apply_pending(len(self._pending))
        return self._entries

    def between(self, key_range: KeyRange, limit: int) -> list[Item] | None:
        """Return the items in a range of this order. Return None if there are more than `limit`, or if the list is not built."""
        if not self._built:
            return None
        entries = self.entries
        start, end = bisect_left(entries, key_range.first), bisect_left(entries, key_range.last)
        return None if end - start > limit else [entry[-1] for entry in entries[start:end]]

    def record_change(self, before: Item | None, after: Item | None) -> None:
        """Record that `after` replaces `before`. `before` is None for a created item, `after` for a deleted one."""
        if self._built or self._build_lock.locked():
            self._pending.append((before, after))
        if self._built and len(self._pending) > max(BATCH_SIZE, len(self._entries) // 4):
            self._built = False
            self._entries = []
            self._pending.clear()

    def _apply_pending(self, count: int) -> None:
        """Apply the first `count` pending changes."""
        applied, self._pending = self._pending[:count], self._pending[count:]
        for before, after in applied:
            new = None if after is None else self.order.entry(after)
            if before is not None:
                old = self.order.entry(before)
                index = bisect_left(self._entries, old[:-1])
                if new is not None and new[:-1] == old[:-1]:
                    self._entries[index] = new
                    continue
                del self._entries[index]
            if new is not None:
                insort(self._entries, new)


def _identity(value: Any) -> Any:  # noqa: ANN401 - any sort value
    return value


def _id(value: UUID) -> int:
    return value.int


def _negative_id(value: UUID) -> int:
    return -value.int


def _negative(value: int) -> int:
    return -value


def _before_epoch(value: datetime) -> Any:  # noqa: ANN401 - a timedelta, comparable with other timedeltas
    return _EPOCH - value


def _mirrored(text: str) -> str:
    """Mirror each character within the range of code points. A final U+10FFFF makes a prefix sort after longer texts."""
    return "".join(chr(_MAX_CODE_POINT - ord(character)) for character in text) + chr(_MAX_CODE_POINT)


_DESCENDING: dict[type, Callable[[Any], Any]] = {
    str: _mirrored,
    int: _negative,
    datetime: _before_epoch,
    UUID: _negative_id,
}


def _encoder(term: SortKey) -> Callable[[Any], Any]:
    """Return a function that turns the values of a term into values that compare in its direction."""
    if term.descending:
        return _DESCENDING[term.kind]
    return _id if term.kind is UUID else _identity


_ORDERS = {name: SortOrder(parse_sort(name, FieldErrors())) for name in ("price", "created_at", "updated_at")}
"""The orders in which the items that match a range condition are adjacent."""
