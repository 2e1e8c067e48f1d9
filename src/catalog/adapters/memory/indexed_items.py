"""The items of the memory store, with their indexes. Words and values are indexed, and lists sorted, when they are first read."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from uuid import UUID

from catalog.adapters.memory.sorted_items import KeyRange, SortedItems, SortOrder, key_ranges
from catalog.adapters.memory.word_index import WordIndex
from catalog.domain.changes.commit_plan import CommitPlan
from catalog.domain.items.attributes import sort_key
from catalog.domain.items.item import Item
from catalog.domain.queries.filters import ATTRIBUTE
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.ordering import Ordering
from catalog.domain.search.search import ItemTerms

MAX_ORDERS = 8
"""Maximum number of sorted lists, because each one makes commits slower. The least recently used one is dropped."""

MAX_SORTED = 500
"""Maximum number of candidates from the indexes that are sorted per read. With more, a sorted list is scanned instead."""

INDEX_BATCH = 100
"""Items that are indexed before control returns to the event loop."""

_NO_TERMS = ItemTerms("", "", "")


class IndexedItems:
    """Items by id and SKU, and indexes of their categories, attribute values and words."""

    def __init__(self) -> None:
        """Start empty."""
        self.by_id: dict[UUID, Item] = {}
        self.ids_by_sku: dict[str, UUID] = {}
        self.by_category: dict[str, set[UUID]] = {}
        self.by_value: dict[tuple[str, str], set[UUID]] = {}
        self.words = WordIndex()
        self.name_words = WordIndex()
        self.suggestable = WordIndex()
        self._terms: dict[UUID, ItemTerms] = {}
        self._sorted: OrderedDict[Ordering, SortedItems] = OrderedDict()
        # Items whose entries in the word and value indexes are outdated, each in its indexed state (None: not indexed).
        self._unindexed: dict[UUID, Item | None] = {}

    def apply(self, plan: CommitPlan) -> None:
        """Write the items of a commit plan."""
        # Free the old SKUs first: another item of the batch may use them.
        for item_id in (*(item.id for item in plan.deleted), *plan.changed_skus):
            del self.ids_by_sku[self.by_id[item_id].sku]
        for item in plan.deleted:
            self._put(item.id, self.by_id.pop(item.id), None)
        for item in (*(insert.item for insert in plan.inserted), *(change.subject for change in plan.updated)):
            self.ids_by_sku[item.sku] = item.id
            before = self.by_id.get(item.id)
            self.by_id[item.id] = item
            self._put(item.id, before, item)

    def terms_of(self, item: Item) -> ItemTerms:
        """Return an item's terms, even if the store no longer holds this version of it."""
        is_indexed = self.by_id.get(item.id) is item and item.id not in self._unindexed
        return self._terms[item.id] if is_indexed else ItemTerms.from_item(item)

    async def sorted_by(self, order: SortOrder) -> SortedItems:
        """Return all items in an order. The list is built when the order is first used."""
        sorted_items = self._sorted.get(order.terms)
        if sorted_items is None:
            sorted_items = self._sorted[order.terms] = SortedItems(order)
            if len(self._sorted) > MAX_ORDERS:
                self._sorted.popitem(last=False)
        self._sorted.move_to_end(order.terms)
        await sorted_items.build(lambda: tuple(self.by_id.values()))
        return sorted_items

    def items_in_ranges(self, ranges: Iterable[KeyRange]) -> Iterator[Sequence[Item]]:
        """Yield the items in each range that contains at most MAX_SORTED items."""
        for key_range in ranges:
            sorted_items = self._sorted.get(key_range.order.terms)
            items = None if sorted_items is None else sorted_items.between(key_range, MAX_SORTED)
            if items is not None:
                yield items

    async def prepare_for(self, query: ItemQuery) -> Sequence[KeyRange]:
        """Build and update the indexes that a query may use, and return the query's key ranges."""
        ranges = key_ranges(query.filters)
        for key_range in ranges:
            await self.sorted_by(key_range.order)
        if query.search is not None or query.filters:
            await self.update()
        return ranges

    async def update(self) -> None:
        """Bring the indexes of words and values up to date, in batches."""
        for number in count(1):
            if not self._unindexed:
                return
            self._index_item(*self._unindexed.popitem())
            if not number % INDEX_BATCH:
                await asyncio.sleep(0)

    def _index_item(self, item_id: UUID, before: Item | None) -> None:
        """Index the current version of an item, which is indexed as `before`."""
        after = self.by_id.get(item_id)
        old_values, new_values = _values(before), _values(after)
        for value in old_values - new_values:
            self.by_value[value].discard(item_id)
            if not self.by_value[value]:
                del self.by_value[value]
        for value in new_values - old_values:
            self.by_value.setdefault(value, set()).add(item_id)
        old = self._terms.pop(item_id, _NO_TERMS)
        new = _NO_TERMS if after is None else ItemTerms.from_item(after)
        if after is not None:
            self._terms[item_id] = new
        self.words.update(item_id, old.text, new.text)
        self.name_words.update(item_id, old.name, new.name)
        self.suggestable.update(item_id, old.suggestable, new.suggestable)

    def _put(self, item_id: UUID, before: Item | None, after: Item | None) -> None:
        """Record that `after` replaces `before`; None means created or deleted. Words and values are indexed on demand."""
        for sorted_items in self._sorted.values():
            sorted_items.record_change(before, after)
        old, new = (None if item is None else item.category for item in (before, after))
        if old != new:
            if old is not None:
                self.by_category[old].discard(item_id)
                if not self.by_category[old]:
                    del self.by_category[old]
            if new is not None:
                self.by_category.setdefault(new, set()).add(item_id)
        self._unindexed.setdefault(item_id, before)


def _values(item: Item | None) -> set[tuple[str, str]]:
    """Return the item's attribute values as keys of the value index: (field, sort key)."""
    return set() if item is None else {(ATTRIBUTE + name, sort_key(value)) for name, value in item.attributes.items()}
