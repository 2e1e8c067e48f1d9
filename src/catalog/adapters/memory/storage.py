"""In-memory storage. It keeps every promise of the port except durability."""

import asyncio
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from operator import attrgetter
from threading import Lock
from uuid import UUID, uuid4

from catalog.adapters.memory.sorted_items import BATCH_SIZE, KeyRange, SortedItems, SortOrder, key_ranges
from catalog.adapters.memory.word_index import WordIndex
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree, ancestors
from catalog.domain.changes.commit_plan import CategoryNode, CommitPlan, Outcome, StoredState, plan_commit, read_set
from catalog.domain.changes.expiring_record import RETENTION, ExpiringRecord
from catalog.domain.changes.log import EVERY_ENTRY, ChangeSet, LogEntry, LogFilter, LogHead, LogPage
from catalog.domain.items.attributes import sort_key
from catalog.domain.items.item import Item
from catalog.domain.queries.facets import Facet, facet_of
from catalog.domain.queries.filters import ATTRIBUTE, IN, WITHIN
from catalog.domain.queries.item_query import ItemQuery, Page
from catalog.domain.queries.ordering import Ordering, SortValues
from catalog.domain.search.search import ItemTerms, Rank, SearchQuery
from catalog.domain.search.spelling import (
    MAX_SUGGESTIONS,
    WordPattern,
    corrections,
    is_corrected_by,
    matches_pattern,
    word_patterns,
)
from catalog.domain.text.normalization import fold
from catalog.ports.storage import Count, StorageDefaults, StorageOptions

MAX_ORDERS = 8
"""Maximum number of sorted lists, because each one makes commits slower. The least recently used one is dropped."""

MAX_SORTED = 500
"""Maximum number of candidates from the indexes that are sorted per read. With more, a sorted list is scanned instead."""

MAX_LOOKED_UP = 20_000
"""Maximum number of items that one condition may select by its index. Beyond that, using the index costs more than it saves."""

LOG_SCAN_LIMIT = 10_000
"""Log entries that are scanned per read when filtering by kind, as in the SQL stores."""

INDEX_BATCH = 100
"""Items that are indexed before control returns to the event loop."""

_NO_IDS: frozenset[UUID] = frozenset()
_NO_TERMS = ItemTerms("", "", "")


class MemoryStorage(StorageDefaults):
    """Dictionaries guarded by one lock. Commits never await while they write, so cancelling a caller cannot interrupt one."""

    durable = False

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._lock = Lock()
        self._items: dict[UUID, Item] = {}
        self._terms: dict[UUID, ItemTerms] = {}
        self._ids: dict[str, UUID] = {}
        self._sorted: OrderedDict[Ordering, SortedItems] = OrderedDict()
        self._by_word = WordIndex()
        self._by_name = WordIndex()
        self._suggestable = WordIndex()
        self._by_value: dict[tuple[str, str], set[UUID]] = {}
        # Items whose entries in the word and value indexes are outdated, each in its indexed state (None: not indexed).
        self._unindexed: dict[UUID, Item | None] = {}
        self._by_category: dict[str, set[UUID]] = {}
        self._categories: dict[str, Category] = {}
        self._cached_tree: Tree | None = None
        self._log: list[LogEntry] = []
        self._floor = 0
        self._entries_by_subject: dict[UUID, list[LogEntry]] = {}
        self._deletions: dict[str, LogEntry] = {}
        self._records: dict[str, ExpiringRecord] = {}
        self._log_id = uuid4().hex
        self._committed = asyncio.Event()

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Look up items by id."""
        return {item_id: self._items[item_id] for item_id in ids if item_id in self._items}

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Look up items by SKU."""
        return {sku: self._items[self._ids[sku]] for sku in skus if sku in self._ids}

    async def list_items(self, query: ItemQuery) -> Page:
        """Read from the cursor until the page is full. A ranked list consists of one list per rank, each ordered by name."""
        limit = query.offset + query.limit + 1
        if not query.is_ranked:
            items = await self._read(query, SortOrder(query.scan_order), query.after, limit)
            return query.page([(item, None) for item in items[query.offset :]])
        order = SortOrder(query.scan_order[1:])
        ranked: list[tuple[Item, int]] = []
        for rank in reversed(Rank) if order.backwards else Rank:
            after = None if query.after is None else query.after[1:]
            if query.after is not None and rank != query.after[0]:
                if (rank < query.after[0]) is not order.backwards:
                    continue  # all items of this rank come before the cursor
                after = None
            ranked += ((item, rank) for item in await self._read(query, order, after, limit - len(ranked), rank))
            if len(ranked) == limit:
                break
        return query.page(ranked[query.offset :])

    async def stream(self, query: ItemQuery) -> AsyncGenerator[Sequence[Item], None]:
        """Read from a copy of the sorted list."""
        query = query.unranked()
        order = SortOrder(query.ordering)
        entries = (await self._sorted_by(order)).entries.copy()
        matches = self._matcher(query)
        positions = order.positions(entries, None)
        for start in range(0, len(positions), BATCH_SIZE):
            batch = (entries[index][-1] for index in positions[start : start + BATCH_SIZE])
            yield list(batch if matches is None else filter(matches, batch))
            await asyncio.sleep(0)

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count:  # noqa: ARG002 - counting is always fast here
        """Count the matching items exactly."""
        is_unfiltered = not query.filters and query.search is None
        return Count(len(self._items) if is_unfiltered else len(await self._matching_items(query)), exact=True)

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:  # noqa: ARG002 - never too slow
        """Count the values of the matching items. Large results are counted in a thread so that the event loop is not blocked."""
        items = await self._matching_items(query)
        return facet_of(name, items) if len(items) <= BATCH_SIZE else await asyncio.to_thread(facet_of, name, items)

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Find words of names that are one edit away from a search term, then the items with those words."""
        await self._update_indexes()
        candidates = [[] if pattern is None else self._candidate_words(pattern) for pattern in word_patterns(search)]
        item_ids = {
            item_id
            for correction in corrections(search, candidates)
            for item_id in self._suggestable.ids_with_any(correction.alternatives)
            if is_corrected_by(self._terms[item_id], correction)
        }
        by_name_key = sorted((fold(self._items[item_id].name), item_id) for item_id in item_ids)
        return [self._items[item_id] for _, item_id in by_name_key[:MAX_SUGGESTIONS]]

    async def categories(self) -> Sequence[Category]:
        """Return all categories."""
        return tuple(self._categories.values())

    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Walk up the tree from each category."""
        categories = self._categories
        return {
            slug: tuple(categories[ancestor] for ancestor in ancestors(slug, categories))[::-1]
            for slug in slugs
            if slug in categories
        }

    async def category_counts(self) -> Mapping[str, int]:
        """Count the items of each category from the category index."""
        return {slug: len(self._by_category[slug]) for slug in self._categories if slug in self._by_category}

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:  # noqa: ARG002 - nothing is prepared
        """Plan the commit and apply the plan, both under the lock."""
        with self._lock:
            plan = plan_commit(batch, self._stored_state(batch))
            self._apply(plan)
        if plan.entries:
            self._committed.set()
            self._committed = asyncio.Event()
        self.notify_listeners(plan.entries)
        return plan.outcomes

    async def head(self) -> LogHead:
        """Return the id of the log and the number of its last entry."""
        return LogHead(self._log_id, self._head)

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for a commit beyond `seq`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._head <= seq:
                    await self._committed.wait()

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Return a slice of the log."""
        if log_filter.subject is not None:
            history = self._entries_by_subject.get(log_filter.subject, [])
            scanned = history[bisect_right(history, after, key=attrgetter("seq")) :]
        else:
            start = max(0, after - self._floor)
            scanned = self._log[start : max(start, after - self._floor + LOG_SCAN_LIMIT) if log_filter.kinds else start + limit]
        entries = tuple(islice(filter(log_filter.matches, scanned), limit))
        if len(entries) == limit:
            scanned_to = entries[-1].seq
        elif log_filter.kinds and log_filter.subject is None:
            scanned_to = min(after + LOG_SCAN_LIMIT, self._head)
        else:
            scanned_to = self._head
        return LogPage(entries, self._head, self._floor, scanned_to)

    async def find_entry(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Search the entries of one item or category, newest first."""
        newest_first = reversed(self._entries_by_subject.get(subject_id, []))
        return next((entry for entry in newest_first if version in (None, entry.change.version)), None)

    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Look up the last deletion by SKU."""
        return self._deletions.get(sku)

    async def prune(self, up_to_seq: int) -> None:
        """Delete the oldest entries of the log and of its indexes."""
        with self._lock:
            count = max(0, min(up_to_seq, self._head) - self._floor)
            pruned, self._log = self._log[:count], self._log[count:]
            self._floor += count
            for subject_id, pruned_count in Counter(entry.subject_id for entry in pruned).items():
                history = self._entries_by_subject[subject_id]
                del history[:pruned_count]
                if not history:
                    del self._entries_by_subject[subject_id]
            for entry in pruned:
                sku = entry.change.subject.sku if isinstance(entry.change.subject, Item) else None
                if sku is not None and self._deletions.get(sku) is entry:
                    del self._deletions[sku]

    async def records(self, keys: Collection[str]) -> Mapping[str, ExpiringRecord]:
        """Look up records by key."""
        return {key: self._records[key] for key in keys if key in self._records}

    def _candidates(self, query: ItemQuery, ranges: Iterable[KeyRange], rank: Rank | None = None) -> Collection[UUID] | None:
        """Return a superset of the matching items (with a rank, of those items) from the indexes. None if no index is selective.

        The only assumptions are that an item matches if each search term is a prefix of one of its terms, and ranks as NAME if
        each is a prefix of a term of its name. `SearchQuery.rank` decides.
        """
        search = query.search
        selections: list[Sequence[Collection[UUID]]] = []
        if search is not None and rank is Rank.SKU:
            selections.append([[self._ids[search.sku]]] if search.sku in self._ids else [])
        elif search is not None:
            index = self._by_name if rank is Rank.NAME else self._by_word
            selections += map(index.ids_by_prefix, search.terms)
        for condition in query.filters:
            if condition.operator == WITHIN:
                slugs = self._tree.within(condition.values)
                selections.append([self._by_category[slug] for slug in slugs if slug in self._by_category])
            elif condition.attribute is not None and condition.operator in ("eq", IN):
                selections.append(
                    [
                        self._by_value[condition.field, value]
                        for value in condition.values
                        if (condition.field, value) in self._by_value
                    ]
                )
            elif condition.field == "sku" and condition.operator in ("eq", IN):
                selections.append([[self._ids[sku]] for sku in condition.values if sku in self._ids])
        selections += ([[item.id for item in items]] for items in self._items_in_ranges(ranges))
        selective = [ids for ids in sorted(selections, key=_size) if _size(ids) <= MAX_LOOKED_UP]
        if not selective:
            return None
        candidates = set[UUID]().union(*selective[0])
        for ids in selective[1:]:
            if len(candidates) > MAX_SORTED:
                candidates &= set[UUID]().union(*ids)
        return candidates

    def _items_in_ranges(self, ranges: Iterable[KeyRange]) -> Iterator[Sequence[Item]]:
        """Yield the items in each range that contains at most MAX_SORTED items."""
        for key_range in ranges:
            sorted_items = self._sorted.get(key_range.order.terms)
            items = None if sorted_items is None else sorted_items.between(key_range, MAX_SORTED)
            if items is not None:
                yield items

    def _matcher(self, query: ItemQuery, rank: Rank | None = None) -> Callable[[Item], bool] | None:
        """Return a predicate for items that match the query and, if given, have this rank. None if every item matches."""
        search = query.search
        if search is None:
            return query.predicate(self._tree) if query.filters else None
        passes_filters = query.predicate(self._tree)
        if rank is None:
            return lambda item: passes_filters(item) and search.rank(item, self._terms_of(item)) is not None
        return lambda item: passes_filters(item) and search.rank(item, self._terms_of(item)) is rank

    def _terms_of(self, item: Item) -> ItemTerms:
        """Return an item's terms, even if the store no longer holds this version of it."""
        is_indexed = self._items.get(item.id) is item and item.id not in self._unindexed
        return self._terms[item.id] if is_indexed else ItemTerms.from_item(item)

    async def _matching_items(self, query: ItemQuery) -> list[Item]:
        """Return all matching items, in no particular order."""
        ranges = await self._index_for(query)
        matches = self._matcher(query)
        candidates = self._candidates(query, ranges)
        checked = tuple(self._items.values()) if candidates is None else [self._items[item_id] for item_id in candidates]
        matching: list[Item] = []
        for start in range(0, len(checked), BATCH_SIZE):
            if start:
                await asyncio.sleep(0)
            matching += filter(matches, checked[start : start + BATCH_SIZE])
        return matching

    async def _read(
        self, query: ItemQuery, order: SortOrder, after: SortValues | None, limit: int, rank: Rank | None = None
    ) -> list[Item]:
        """Read up to `limit` matching items that follow the position `after`; with a rank, only items of that rank."""
        ranges = await self._index_for(query)
        matches = self._matcher(query, rank)
        candidates = self._candidates(query, ranges, rank)
        if candidates is not None and len(candidates) <= MAX_SORTED:
            entries = sorted(map(order.entry, filter(matches, [self._items[item_id] for item_id in candidates])))
            matches = None
        else:
            entries = (await self._sorted_by(order)).entries
        positions = order.positions(entries, after)
        if matches is None:
            return [entries[index][-1] for index in positions[:limit]]
        items: list[Item] = []
        for start in range(0, len(positions), BATCH_SIZE):
            if start == BATCH_SIZE:
                entries = entries.copy()  # from here on other tasks run in between and may write
            if start:
                await asyncio.sleep(0)
            batch = (entries[index][-1] for index in positions[start : start + BATCH_SIZE])
            items += islice(filter(matches, batch), limit - len(items))
            if len(items) == limit:
                break
        return items

    async def _sorted_by(self, order: SortOrder) -> SortedItems:
        """Return all items in an order. The list is built when the order is first used."""
        sorted_items = self._sorted.get(order.terms)
        if sorted_items is None:
            sorted_items = self._sorted[order.terms] = SortedItems(order)
            if len(self._sorted) > MAX_ORDERS:
                self._sorted.popitem(last=False)
        self._sorted.move_to_end(order.terms)
        await sorted_items.build(lambda: tuple(self._items.values()))
        return sorted_items

    def _candidate_words(self, pattern: WordPattern) -> Collection[str]:
        """Return the words of names that match the pattern of a misspelled word."""
        return [word for word in self._suggestable.words if matches_pattern(word, pattern)]

    @property
    def _tree(self) -> Tree:
        """The category tree, rebuilt on first use after a change."""
        if self._cached_tree is None:
            self._cached_tree = Tree(self._categories.values())
        return self._cached_tree

    def _stored_state(self, batch: Sequence[ChangeSet]) -> StoredState:
        """Read the stored state for the read set of a batch."""
        keys = read_set(batch)
        versions = {item_id: self._items[item_id].version for item_id in keys.ids if item_id in self._items}
        item_ids_by_sku = {sku: self._ids[sku] for sku in keys.skus if sku in self._ids}
        stored = self._categories
        slugs = stored if keys.needs_tree else keys.slugs & stored.keys()
        categories = {slug: CategoryNode(stored[slug].id, stored[slug].version, stored[slug].parent) for slug in slugs}
        item_counts = {slug: len(self._by_category.get(slug, _NO_IDS)) for slug in keys.deleted_slugs}
        tombstones = {
            item_id: self._entries_by_subject[item_id][-1].change.version
            for item_id in keys.restored_ids
            if item_id in self._entries_by_subject
        }
        record_times = {key: self._records[key].created_at for key in keys.record_keys if key in self._records}
        return StoredState(self._head, versions, item_ids_by_sku, categories, item_counts, tombstones, record_times)

    def _apply(self, plan: CommitPlan) -> None:
        """Write the rows of a commit plan."""
        updated = [change.subject for change in plan.updated]
        # Free the old SKUs first: another item of the batch may use them.
        for item_id in (*(item.id for item in plan.deleted), *plan.changed_skus):
            del self._ids[self._items[item_id].sku]
        for item in plan.deleted:
            self._put_item(item.id, self._items.pop(item.id), None)
        for item in (*(insert.item for insert in plan.inserted), *updated):
            self._ids[item.sku] = item.id
            before = self._items.get(item.id)
            self._items[item.id] = item
            self._put_item(item.id, before, item)
        writes = plan.categories
        if writes:
            for category in writes.deleted:
                del self._categories[category.slug]
            self._categories.update((category.slug, category) for category in (*writes.inserted, *writes.updated))
            self._cached_tree = None
        self._log += plan.entries
        for entry in plan.entries:
            self._entries_by_subject.setdefault(entry.subject_id, []).append(entry)
            if entry.change.after is None and isinstance(entry.change.subject, Item):
                self._deletions[entry.change.subject.sku] = entry
        if plan.records:
            self._put_records(plan.records)

    def _put_item(self, item_id: UUID, before: Item | None, after: Item | None) -> None:
        """Record that `after` replaces `before`; None means created or deleted. Words and values are indexed on demand."""
        for sorted_items in self._sorted.values():
            sorted_items.record_change(before, after)
        old, new = (None if item is None else item.category for item in (before, after))
        if old != new:
            if old is not None:
                self._by_category[old].discard(item_id)
                if not self._by_category[old]:
                    del self._by_category[old]
            if new is not None:
                self._by_category.setdefault(new, set()).add(item_id)
        self._unindexed.setdefault(item_id, before)

    async def _index_for(self, query: ItemQuery) -> Sequence[KeyRange]:
        """Build and update the indexes that a query may use, and return the query's key ranges."""
        ranges = key_ranges(query.filters)
        for key_range in ranges:
            await self._sorted_by(key_range.order)
        if query.search is not None or query.filters:
            await self._update_indexes()
        return ranges

    async def _update_indexes(self) -> None:
        """Bring the indexes of words and values up to date, in batches."""
        for number in count(1):
            if not self._unindexed:
                return
            self._index_item(*self._unindexed.popitem())
            if not number % INDEX_BATCH:
                await asyncio.sleep(0)

    def _index_item(self, item_id: UUID, before: Item | None) -> None:
        """Index the current version of an item, which is indexed as `before`."""
        after = self._items.get(item_id)
        old_values, new_values = _values(before), _values(after)
        for value in old_values - new_values:
            self._by_value[value].discard(item_id)
            if not self._by_value[value]:
                del self._by_value[value]
        for value in new_values - old_values:
            self._by_value.setdefault(value, set()).add(item_id)
        old = self._terms.pop(item_id, _NO_TERMS)
        new = _NO_TERMS if after is None else ItemTerms.from_item(after)
        if after is not None:
            self._terms[item_id] = new
        self._by_word.update(item_id, old.text, new.text)
        self._by_name.update(item_id, old.name, new.name)
        self._suggestable.update(item_id, old.suggestable, new.suggestable)

    def _put_records(self, records: Sequence[ExpiringRecord]) -> None:
        """Store records in the order in which they were written, and delete expired ones from the front."""
        for record in records:
            self._records.pop(record.key, None)
            self._records[record.key] = record
        now = max(record.created_at for record in records)
        while (oldest := next(iter(self._records.values()))).created_at < now - RETENTION:
            del self._records[oldest.key]

    @property
    def _head(self) -> int:
        return self._floor + len(self._log)


def _size(id_sets: Sequence[Collection[UUID]]) -> int:
    return sum(map(len, id_sets))


def _values(item: Item | None) -> set[tuple[str, str]]:
    """Return the item's attribute values as keys of the value index: (field, sort key)."""
    return set() if item is None else {(ATTRIBUTE + name, sort_key(value)) for name, value in item.attributes.items()}


def open_memory(_options: StorageOptions) -> MemoryStorage:
    """Return the storage for `memory://`."""
    return MemoryStorage()
