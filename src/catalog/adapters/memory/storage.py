"""The memory store: real in every promise but durability."""

import asyncio
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
from catalog.domain.changes.log import EVERY_ENTRY, AnyChange, ChangeSet, LogEntry, LogFilter, LogHead, LogPage
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
from catalog.ports.commit_listeners import Listener, Listeners
from catalog.ports.storage import Count, SchemaState, StorageOptions

MAX_ORDERS = 8
"""Sort orders that are kept sorted, for each commit pays for each. The one that was not used for longest makes room."""

MAX_SORTED = 500
"""Items that are found by the indexes and then sorted; where there are more, a sorted list is read through instead."""

MAX_LOOKED_UP = 20_000
"""Items that one condition may find by its index; beyond, its index is not worth the work."""

LOG_SCAN_LIMIT = 10_000
"""Entries of the log that are looked at in one go for those of some kinds, as on the SQL stores."""

INDEX_BATCH = 100
"""Items that are indexed before other tasks get a turn."""

_NONE: frozenset[UUID] = frozenset()
_NO_WORDS = ItemTerms("", "", "")
_SCHEMA = SchemaState(current_version="none needed", required_version="none needed")


class MemoryStorage:
    """Dictionaries under one lock. Nothing in it waits, so a caller that is cancelled cannot cut a commit in two."""

    durable = False

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = Lock()
        self._items: dict[UUID, Item] = {}
        self._terms: dict[UUID, ItemTerms] = {}
        self._ids: dict[str, UUID] = {}
        self._sorted: OrderedDict[Ordering, SortedItems] = OrderedDict()
        self._by_word = WordIndex()
        self._by_name = WordIndex()
        self._suggestable = WordIndex()
        self._by_value: dict[tuple[str, str], set[UUID]] = {}
        # Items that the indexes of words and values do not have as they are, each as they have it (None: not at all).
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
        self._listeners = Listeners()

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Look the ids up."""
        return {item_id: self._items[item_id] for item_id in ids if item_id in self._items}

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Look the SKUs up."""
        return {sku: self._items[self._ids[sku]] for sku in skus if sku in self._ids}

    async def list_items(self, query: ItemQuery) -> Page:
        """Read on from the mark until the page is full; a ranked list is one list by name for each rank."""
        most = query.offset + query.limit + 1
        if not query.is_ranked:
            found = await self._read(query, SortOrder(query.scan_order), query.after, most)
            return query.page([(item, None) for item in found[query.offset :]])
        order = SortOrder(query.scan_order[1:])
        ranked: list[tuple[Item, int]] = []
        for rank in reversed(Rank) if order.backwards else Rank:
            after = None if query.after is None else query.after[1:]
            if query.after is not None and rank != query.after[0]:
                if (rank < query.after[0]) is not order.backwards:
                    continue  # all of them are before the mark
                after = None
            ranked += ((item, rank) for item in await self._read(query, order, after, most - len(ranked), rank))
            if len(ranked) == most:
                break
        return query.page(ranked[query.offset :])

    async def stream(self, query: ItemQuery) -> AsyncIterator[Sequence[Item]]:
        """Read along a copy of the sorted list."""
        query = query.unranked()
        order = SortOrder(query.ordering)
        entries = (await self._sorted_by(order)).entries.copy()
        matches = self._matcher(query)
        positions = order.positions(entries, None)
        for start in range(0, len(positions), BATCH_SIZE):
            some = (entries[at][-1] for at in positions[start : start + BATCH_SIZE])
            yield list(some if matches is None else filter(matches, some))
            await asyncio.sleep(0)

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count:  # noqa: ARG002 - nothing takes long here
        """Count what is found."""
        every = not query.filters and query.search is None
        return Count(len(self._items) if every else len(await self._found(query)), exact=True)

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:  # noqa: ARG002 - likewise
        """Go through what is found; in a thread where it is much, so that others are served meanwhile."""
        found = await self._found(query)
        return facet_of(name, found) if len(found) <= BATCH_SIZE else await asyncio.to_thread(facet_of, name, found)

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Look for words of names that are near, then for the names that have them."""
        await self._index()
        known = [[] if its is None else self._candidate_words(its) for its in word_patterns(search)]
        found = {
            item_id
            for correction in corrections(search, known)
            for item_id in self._suggestable.ids_with_any(correction.alternatives)
            if is_corrected_by(self._terms[item_id], correction)
        }
        by_name_key = sorted((fold(self._items[item_id].name), item_id) for item_id in found)
        return [self._items[item_id] for _, item_id in by_name_key[:MAX_SUGGESTIONS]]

    async def categories(self) -> Sequence[Category]:
        """Return all of them."""
        return tuple(self._categories.values())

    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Go up the tree."""
        known = self._categories
        return {slug: tuple(known[each] for each in ancestors(slug, known))[::-1] for slug in slugs if slug in known}

    async def category_counts(self) -> Mapping[str, int]:
        """Count along the index of values."""
        return {slug: len(self._by_category[slug]) for slug in self._categories if slug in self._by_category}

    def prepare(self, changes: Sequence[AnyChange]) -> object:
        """There is nothing to do ahead."""

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:  # noqa: ARG002 - see above
        """Ask for admission and apply it, under the lock."""
        with self._lock:
            admission = plan_commit(batch, self._stored_state(batch))
            self._apply(admission)
        if admission.entries:
            self._committed.set()
            self._committed = asyncio.Event()
        self._listeners.notify(admission.entries)
        return admission.outcomes

    def listen(self, listener: Listener) -> None:
        """Keep it."""
        self._listeners.add(listener)

    async def head(self) -> LogHead:
        """Count the log."""
        return LogHead(self._log_id, self._head)

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for a commit."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._head <= seq:
                    await self._committed.wait()

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Cut a stretch out of the log."""
        if log_filter.subject is not None:
            life = self._entries_by_subject.get(log_filter.subject, [])
            stretch = life[bisect_right(life, after, key=attrgetter("seq")) :]
        else:
            start = max(0, after - self._floor)
            stretch = self._log[start : max(start, after - self._floor + LOG_SCAN_LIMIT) if log_filter.kinds else start + limit]
        entries = tuple(islice(filter(log_filter.matches, stretch), limit))
        if len(entries) == limit:
            reached = entries[-1].seq
        elif log_filter.kinds and log_filter.subject is None:
            reached = min(after + LOG_SCAN_LIMIT, self._head)
        else:
            reached = self._head
        return LogPage(entries, self._head, self._floor, reached)

    async def find_entry(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Look through a life, from its end."""
        life = reversed(self._entries_by_subject.get(subject_id, []))
        return next((entry for entry in life if version in (None, entry.change.version)), None)

    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Look it up."""
        return self._deletions.get(sku)

    async def prune(self, up_to_seq: int) -> None:
        """Cut the log's beginning off."""
        with self._lock:
            count = max(0, min(up_to_seq, self._head) - self._floor)
            gone, self._log = self._log[:count], self._log[count:]
            self._floor += count
            for subject_id, pruned in Counter(entry.subject_id for entry in gone).items():
                life = self._entries_by_subject[subject_id]
                del life[:pruned]
                if not life:
                    del self._entries_by_subject[subject_id]
            for entry in gone:
                key = entry.change.subject.sku if isinstance(entry.change.subject, Item) else None
                if key is not None and self._deletions.get(key) is entry:
                    del self._deletions[key]

    async def records(self, keys: Collection[str]) -> Mapping[str, ExpiringRecord]:
        """Look the keys up."""
        return {key: self._records[key] for key in keys if key in self._records}

    async def ping(self) -> None:
        """Memory always answers."""

    async def schema(self) -> SchemaState:
        """Memory has no schema."""
        return _SCHEMA

    async def migrate(self) -> SchemaState:
        """Memory has no schema."""
        return _SCHEMA

    async def versions(self) -> Mapping[str, str]:
        """Memory runs on nothing."""
        return {}

    def _candidates(self, query: ItemQuery, ranges: Iterable[KeyRange], rank: Rank | None = None) -> Collection[UUID] | None:
        """Return the items that may match, or may have a rank, as far as the indexes know; None when they tell too little.

        That an item matches when each word of a search begins one of its words, and ranks as NAME when each begins one of
        its name's words, is all that is taken for granted here; `Search.rank` decides.
        """
        search = query.search
        ways: list[Sequence[Collection[UUID]]] = []
        if search is not None and rank is Rank.SKU:
            ways.append([[self._ids[search.sku]]] if search.sku in self._ids else [])
        elif search is not None:
            index = self._by_name if rank is Rank.NAME else self._by_word
            ways += map(index.ids_by_prefix, search.terms)
        for condition in query.filters:
            if condition.operator == WITHIN:
                below = self._tree.within(condition.values)
                ways.append([self._by_category[slug] for slug in below if slug in self._by_category])
            elif condition.attribute is not None and condition.operator in ("eq", IN):
                ways.append(
                    [self._by_value[condition.field, its] for its in condition.values if (condition.field, its) in self._by_value]
                )
            elif condition.field == "sku" and condition.operator in ("eq", IN):
                ways.append([[self._ids[sku]] for sku in condition.values if sku in self._ids])
        ways += ([[item.id for item in items]] for items in self._items_in_ranges(ranges))
        few = [way for way in sorted(ways, key=_size) if _size(way) <= MAX_LOOKED_UP]
        if not few:
            return None
        found = set[UUID]().union(*few[0])
        for way in few[1:]:
            if len(found) > MAX_SORTED:
                found &= set[UUID]().union(*way)
        return found

    def _items_in_ranges(self, ranges: Iterable[KeyRange]) -> Iterator[Sequence[Item]]:
        """Return, for each range that few items are in, these items."""
        for stretch in ranges:
            kept = self._sorted.get(stretch.order.terms)
            items = None if kept is None else kept.between(stretch, MAX_SORTED)
            if items is not None:
                yield items

    def _matcher(self, query: ItemQuery, rank: Rank | None = None) -> Callable[[Item], bool] | None:
        """Return what tells whether an item is in the list, or has a rank in it; None when all are."""
        search = query.search
        if search is None:
            return query.predicate(self._tree) if query.filters else None
        shows = query.predicate(self._tree)
        if rank is None:
            return lambda item: shows(item) and search.rank(item, self._terms_of(item)) is not None
        return lambda item: shows(item) and search.rank(item, self._terms_of(item)) is rank

    def _terms_of(self, item: Item) -> ItemTerms:
        """Return an item's words, also where it is no longer what the store has."""
        indexed = self._items.get(item.id) is item and item.id not in self._unindexed
        return self._terms[item.id] if indexed else ItemTerms.from_item(item)

    async def _found(self, query: ItemQuery) -> list[Item]:
        """Find all items that match, in no order."""
        ranges = await self._index_for(query)
        matches = self._matcher(query)
        candidates = self._candidates(query, ranges)
        among = tuple(self._items.values()) if candidates is None else [self._items[item_id] for item_id in candidates]
        found: list[Item] = []
        for start in range(0, len(among), BATCH_SIZE):
            if start:
                await asyncio.sleep(0)
            found += filter(matches, among[start : start + BATCH_SIZE])
        return found

    async def _read(
        self, query: ItemQuery, order: SortOrder, after: SortValues | None, most: int, rank: Rank | None = None
    ) -> list[Item]:
        """Read up to so many items of a list, or of a rank in it, on from a mark."""
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
            return [entries[at][-1] for at in positions[:most]]
        found: list[Item] = []
        for start in range(0, len(positions), BATCH_SIZE):
            if start == BATCH_SIZE:
                entries = entries.copy()  # other tasks get a turn from here on, and may write
            if start:
                await asyncio.sleep(0)
            some = (entries[at][-1] for at in positions[start : start + BATCH_SIZE])
            found += islice(filter(matches, some), most - len(found))
            if len(found) == most:
                break
        return found

    async def _sorted_by(self, order: SortOrder) -> SortedItems:
        """Return all items in an order; its list is built when the order is first asked for."""
        kept = self._sorted.get(order.terms)
        if kept is None:
            kept = self._sorted[order.terms] = SortedItems(order)
            if len(self._sorted) > MAX_ORDERS:
                self._sorted.popitem(last=False)
        self._sorted.move_to_end(order.terms)
        await kept.build(lambda: tuple(self._items.values()))
        return kept

    def _candidate_words(self, its: WordPattern) -> Collection[str]:
        """Return the words of names that may be meant by a misspelt one."""
        return [word for word in self._suggestable.words if matches_pattern(word, its)]

    @property
    def _tree(self) -> Tree:
        """The categories in their places; put there anew only when somebody asks after a change."""
        if self._cached_tree is None:
            self._cached_tree = Tree(self._categories.values())
        return self._cached_tree

    def _stored_state(self, batch: Sequence[ChangeSet]) -> StoredState:
        """Read what the batch names."""
        names = read_set(batch)
        versions = {item_id: self._items[item_id].version for item_id in names.ids if item_id in self._items}
        owners = {sku: self._ids[sku] for sku in names.skus if sku in self._ids}
        known = self._categories
        slugs = known if names.needs_tree else names.slugs & known.keys()
        places = {slug: CategoryNode(known[slug].id, known[slug].version, known[slug].parent) for slug in slugs}
        inhabitants = {slug: len(self._by_category.get(slug, _NONE)) for slug in names.deleted_slugs}
        graves = {
            item_id: self._entries_by_subject[item_id][-1].change.version
            for item_id in names.restored_ids
            if item_id in self._entries_by_subject
        }
        notes = {key: self._records[key].created_at for key in names.record_keys if key in self._records}
        return StoredState(self._head, versions, owners, places, inhabitants, graves, notes)

    def _apply(self, plan: CommitPlan) -> None:
        """Write what was admitted."""
        changed = [net.subject for net in plan.updated]
        # What is given up goes first: another item of the batch may take it.
        for item_id in (*(item.id for item in plan.deleted), *plan.changed_skus):
            del self._ids[self._items[item_id].sku]
        for item in plan.deleted:
            self._put(item.id, self._items.pop(item.id), None)
        for item in (*(born.item for born in plan.inserted), *changed):
            self._ids[item.sku] = item.id
            before = self._items.get(item.id)
            self._items[item.id] = item
            self._put(item.id, before, item)
        grove = plan.categories
        if grove:
            for category in grove.deleted:
                del self._categories[category.slug]
            self._categories.update((category.slug, category) for category in (*grove.inserted, *grove.updated))
            self._cached_tree = None
        self._log += plan.entries
        for entry in plan.entries:
            self._entries_by_subject.setdefault(entry.subject_id, []).append(entry)
            if entry.change.after is None and isinstance(entry.change.subject, Item):
                self._deletions[entry.change.subject.sku] = entry
        if plan.records:
            self._put_records(plan.records)

    def _put(self, item_id: UUID, before: Item | None, after: Item | None) -> None:
        """Put an item in the place of what it was; None where it is new, or gone. Words and values are indexed on demand."""
        for kept in self._sorted.values():
            kept.record_change(before, after)
        was, will_be = (None if item is None else item.category for item in (before, after))
        if was != will_be:
            if was is not None:
                self._by_category[was].discard(item_id)
                if not self._by_category[was]:
                    del self._by_category[was]
            if will_be is not None:
                self._by_category.setdefault(will_be, set()).add(item_id)
        self._unindexed.setdefault(item_id, before)

    async def _index_for(self, query: ItemQuery) -> Sequence[KeyRange]:
        """Bring the indexes up to date if a query may look into them, after making those that it lacks; return its ranges."""
        ranges = key_ranges(query.filters)
        for stretch in ranges:
            await self._sorted_by(stretch.order)
        if query.search is not None or query.filters:
            await self._index()
        return ranges

    async def _index(self) -> None:
        """Bring the indexes of words and values up to date, some items at a time."""
        for number in count(1):
            if not self._unindexed:
                return
            self._index_item(*self._unindexed.popitem())
            if not number % INDEX_BATCH:
                await asyncio.sleep(0)

    def _index_item(self, item_id: UUID, before: Item | None) -> None:
        """Index an item as it is; the indexes have it as `before`."""
        after = self._items.get(item_id)
        was, will_be = _values(before), _values(after)
        for value in was - will_be:
            self._by_value[value].discard(item_id)
            if not self._by_value[value]:
                del self._by_value[value]
        for value in will_be - was:
            self._by_value.setdefault(value, set()).add(item_id)
        old = self._terms.pop(item_id, _NO_WORDS)
        new = _NO_WORDS if after is None else ItemTerms.from_item(after)
        if after is not None:
            self._terms[item_id] = new
        self._by_word.update(item_id, old.text, new.text)
        self._by_name.update(item_id, old.name, new.name)
        self._suggestable.update(item_id, old.suggestable, new.suggestable)

    def _put_records(self, notes: Sequence[ExpiringRecord]) -> None:
        """Keep notes, in the order in which they were written; those at the beginning that are out of date go."""
        for note in notes:
            self._records.pop(note.key, None)
            self._records[note.key] = note
        now = max(note.created_at for note in notes)
        while (oldest := next(iter(self._records.values()))).created_at < now - RETENTION:
            del self._records[oldest.key]

    @property
    def _head(self) -> int:
        return self._floor + len(self._log)


def _size(way: Sequence[Collection[UUID]]) -> int:
    return sum(map(len, way))


def _values(item: Item | None) -> set[tuple[str, str]]:
    """Return the values of attributes by which an item is found, each with its field."""
    return set() if item is None else {(ATTRIBUTE + name, sort_key(value)) for name, value in item.attributes.items()}


def open_memory(_options: StorageOptions) -> MemoryStorage:
    """Make the store for `memory://`."""
    return MemoryStorage()
