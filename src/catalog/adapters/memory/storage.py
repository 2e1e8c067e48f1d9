"""In-memory storage. It keeps every promise of the port except durability."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from uuid import UUID

from catalog.adapters.memory.change_log import ChangeLog
from catalog.adapters.memory.indexed_items import IndexedItems
from catalog.adapters.memory.item_reader import ItemReader
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree, ancestors
from catalog.domain.changes.commit_plan import CategoryWrites, CommitPlan, Outcome, plan_commit
from catalog.domain.changes.expiring_record import RETENTION, ExpiringRecord
from catalog.domain.changes.log import EVERY_ENTRY, ChangeSet, LogEntry, LogFilter, LogHead, LogPage
from catalog.domain.changes.stored_state import CategoryNode, StoredState, read_set
from catalog.domain.hash_chain import ChainEnd, Link
from catalog.domain.items.item import Item
from catalog.domain.queries.facets import Facet
from catalog.domain.queries.item_query import ItemQuery, Page
from catalog.domain.search.search import SearchQuery
from catalog.ports.storage import Count, StorageDefaults, StorageOptions

_NO_IDS: frozenset[UUID] = frozenset()


class MemoryStorage(StorageDefaults):
    """Dictionaries guarded by one lock. Commits never await while they write, so cancelling a caller cannot interrupt one."""

    durable = False

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._lock = Lock()
        self._items = IndexedItems()
        self._reader = ItemReader(self._items, self._tree)
        self._categories: dict[str, Category] = {}
        self._cached_tree: Tree | None = None
        self._log = ChangeLog()
        self._records: dict[str, ExpiringRecord] = {}
        self._committed = asyncio.Event()

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Look up items by id."""
        items = self._items.by_id
        return {item_id: items[item_id] for item_id in ids if item_id in items}

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Look up items by SKU."""
        items, ids = self._items.by_id, self._items.ids_by_sku
        return {sku: items[ids[sku]] for sku in skus if sku in ids}

    async def list_items(self, query: ItemQuery) -> Page:
        """Read a page through the indexes."""
        return await self._reader.list_items(query)

    def stream(self, query: ItemQuery) -> AsyncGenerator[Sequence[Item], None]:
        """Read from a copy of the sorted list."""
        return self._reader.stream(query)

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count:  # noqa: ARG002 - counting is always fast here
        """Count the matching items exactly."""
        return await self._reader.count(query)

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:  # noqa: ARG002 - never too slow
        """Count the values of the matching items."""
        return await self._reader.facet(query, name)

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Find words of names that are one edit away from a search term, then the items with those words."""
        return await self._reader.suggest(search)

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
        item_ids = self._items.by_category
        return {slug: len(item_ids[slug]) for slug in self._categories if slug in item_ids}

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
        return self._log.head

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for a commit beyond `seq`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._log.last_seq <= seq:
                    await self._committed.wait()

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Return a slice of the log."""
        return self._log.read(after=after, limit=limit, log_filter=log_filter)

    async def find_entry(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Search the entries of one item or category, newest first."""
        return self._log.find(subject_id, version)

    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Look up the last deletion by SKU."""
        return self._log.last_deletion(sku)

    async def chain_ends(self) -> tuple[ChainEnd, ChainEnd]:
        """Compute the digests of the entries that have none yet."""
        return self._log.chain_ends()

    async def chain_links(self, *, after: int, limit: int) -> Sequence[Link]:
        """Return entries with their digests."""
        return self._log.chain_links(after, limit)

    async def prune(self, up_to_seq: int) -> None:
        """Delete the oldest entries of the log and of its indexes."""
        with self._lock:
            self._log.prune(up_to_seq)

    async def records(self, keys: Collection[str]) -> Mapping[str, ExpiringRecord]:
        """Look up records by key."""
        return {key: self._records[key] for key in keys if key in self._records}

    def _tree(self) -> Tree:
        """Return the category tree, rebuilt on first use after a change."""
        if self._cached_tree is None:
            self._cached_tree = Tree(self._categories.values())
        return self._cached_tree

    def _stored_state(self, batch: Sequence[ChangeSet]) -> StoredState:
        """Read the stored state for the read set of a batch."""
        keys = read_set(batch)
        items, ids = self._items.by_id, self._items.ids_by_sku
        versions = {item_id: items[item_id].version for item_id in keys.ids if item_id in items}
        item_ids_by_sku = {sku: ids[sku] for sku in keys.skus if sku in ids}
        stored = self._categories
        slugs = stored if keys.needs_tree else keys.slugs & stored.keys()
        categories = {slug: CategoryNode(stored[slug].id, stored[slug].version, stored[slug].parent) for slug in slugs}
        item_counts = {slug: len(self._items.by_category.get(slug, _NO_IDS)) for slug in keys.deleted_slugs}
        tombstones = self._log.last_versions(keys.restored_ids)
        record_times = {key: self._records[key].created_at for key in keys.record_keys if key in self._records}
        return StoredState(self._log.last_seq, versions, item_ids_by_sku, categories, item_counts, tombstones, record_times)

    def _apply(self, plan: CommitPlan) -> None:
        """Write the rows of a commit plan."""
        self._items.apply(plan)
        if plan.categories:
            self._put_categories(plan.categories)
        self._log.append(plan.entries)
        if plan.records:
            self._put_records(plan.records)

    def _put_categories(self, writes: CategoryWrites) -> None:
        for category in writes.deleted:
            del self._categories[category.slug]
        self._categories.update((category.slug, category) for category in (*writes.inserted, *writes.updated))
        self._cached_tree = None

    def _put_records(self, records: Sequence[ExpiringRecord]) -> None:
        """Store records in the order in which they were written, and delete expired ones from the front."""
        for record in records:
            self._records.pop(record.key, None)
            self._records[record.key] = record
        now = max(record.created_at for record in records)
        while (oldest := next(iter(self._records.values()))).created_at < now - RETENTION:
            del self._records[oldest.key]


def open_memory(_options: StorageOptions) -> MemoryStorage:
    """Return the storage for `memory://`."""
    return MemoryStorage()
