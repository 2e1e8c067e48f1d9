"""The smallest complete store: dictionaries, the commit plan, and StorageDefaults for the rest. Slow, but correct.

It shows what an adapter must write, and the contract tests prove that this is enough.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from threading import Lock
from uuid import UUID, uuid4

from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.domain.changes.commit_plan import CommitPlan, Outcome, plan_commit
from catalog.domain.changes.expiring_record import RETENTION, ExpiringRecord
from catalog.domain.changes.log import EVERY_ENTRY, ChangeSet, LogEntry, LogFilter, LogHead, LogPage
from catalog.domain.changes.stored_state import CategoryNode, StoredState
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery, Page
from catalog.domain.queries.ordering import comes_after, sort_by_values, sort_values
from catalog.domain.search.search import ItemTerms, Rank
from catalog.ports.storage import StorageDefaults, StorageOptions

BATCH_SIZE = 500


class MinimalStorage(StorageDefaults):
    """Dictionaries without indexes: every query reads everything."""

    durable = False

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._lock = Lock()
        self._items: dict[UUID, Item] = {}
        self._categories: dict[str, Category] = {}
        self._log: list[LogEntry] = []
        self._log_id = uuid4().hex
        self._floor = 0
        self._records: dict[str, ExpiringRecord] = {}

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Look up items by id."""
        return {item_id: self._items[item_id] for item_id in ids if item_id in self._items}

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Read all items."""
        by_sku = {item.sku: item for item in self._items.values()}
        return {sku: by_sku[sku] for sku in skus if sku in by_sku}

    async def list_items(self, query: ItemQuery) -> Page:
        """Sort all matching items and cut out the page."""
        order = query.scan_order
        entries = [(sort_values(item, order, rank), (item, rank)) for item, rank in self._matches(query)]
        sort_by_values(entries, order)
        following = (match for values, match in entries if query.after is None or comes_after(values, query.after, order))
        return query.page(list(islice(following, query.offset, query.offset + query.limit + 1)))

    async def stream(self, query: ItemQuery) -> AsyncGenerator[Sequence[Item], None]:
        """Sort all matching items and yield them in batches."""
        query = query.unranked()
        entries = [(sort_values(item, query.ordering), item) for item, _ in self._matches(query)]
        sort_by_values(entries, query.ordering)
        for start in range(0, len(entries), BATCH_SIZE):
            yield [item for _, item in entries[start : start + BATCH_SIZE]]

    async def categories(self) -> Sequence[Category]:
        """Return all categories."""
        return tuple(self._categories.values())

    async def head(self) -> LogHead:
        """Return the id of the log and the number of its last entry."""
        return LogHead(self._log_id, self._floor + len(self._log))

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Scan the log from the position to its end, or until the page is full."""
        head = self._floor + len(self._log)
        matching = filter(log_filter.matches, self._log[max(0, after - self._floor) :])
        entries = tuple(islice(matching, limit))
        return LogPage(entries, head, self._floor, entries[-1].seq if len(entries) == limit else head)

    async def find_entry(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Scan the log backwards."""
        return self._last_entry(lambda entry: entry.subject_id == subject_id and version in (None, entry.change.version))

    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Scan the log backwards."""

        def deletes(entry: LogEntry) -> bool:
            subject = entry.change.subject
            return entry.change.after is None and isinstance(subject, Item) and subject.sku == sku

        return self._last_entry(deletes)

    async def prune(self, up_to_seq: int) -> None:
        """Delete the oldest entries."""
        with self._lock:
            pruned = min(max(0, up_to_seq - self._floor), len(self._log))
            del self._log[:pruned]
            self._floor += pruned

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:  # noqa: ARG002 - nothing is prepared
        """Plan the commit and write the plan, both under the lock."""
        with self._lock:
            plan = plan_commit(batch, self._stored_state())
            self._write(plan)
        self.notify_listeners(plan.entries)
        return plan.outcomes

    async def records(self, keys: Collection[str]) -> Mapping[str, ExpiringRecord]:
        """Look up records by key."""
        return {key: self._records[key] for key in keys if key in self._records}

    def _matches(self, query: ItemQuery) -> Iterator[tuple[Item, Rank | None]]:
        """Yield the matching items, each with its rank if the query is ranked."""
        passes_filters = query.predicate(Tree(self._categories.values()))
        for item in filter(passes_filters, self._items.values()):
            rank = None if query.search is None else query.search.rank(item, ItemTerms.from_item(item))
            if query.search is None or rank is not None:
                yield item, rank if query.is_ranked else None

    def _last_entry(self, matches: Callable[[LogEntry], bool]) -> LogEntry | None:
        return next(filter(matches, reversed(self._log)), None)

    def _stored_state(self) -> StoredState:
        """Read everything. A store on a database reads only the read set of the batch (`read_set`)."""
        return StoredState(
            head=self._floor + len(self._log),
            versions={item.id: item.version for item in self._items.values()},
            item_ids_by_sku={item.sku: item.id for item in self._items.values()},
            categories={one.slug: CategoryNode(one.id, one.version, one.parent) for one in self._categories.values()},
            item_counts=Counter(item.category for item in self._items.values() if item.category is not None),
            tombstones={entry.subject_id: entry.change.version for entry in self._log},
            record_times={record.key: record.created_at for record in self._records.values()},
        )

    def _write(self, plan: CommitPlan) -> None:
        """Write the rows of a commit plan, and delete expired records."""
        for item in plan.deleted:
            del self._items[item.id]
        self._items.update((insert.item.id, insert.item) for insert in plan.inserted)
        self._items.update((change.subject.id, change.subject) for change in plan.updated)
        for category in plan.categories.deleted:
            del self._categories[category.slug]
        self._categories.update((one.slug, one) for one in (*plan.categories.inserted, *plan.categories.updated))
        self._log += plan.entries
        self._records.update((record.key, record) for record in plan.records)
        if plan.records:
            oldest = max(record.created_at for record in plan.records) - RETENTION
            self._records = {key: record for key, record in self._records.items() if record.created_at >= oldest}


def open_minimal(_options: StorageOptions) -> MinimalStorage:
    """Return the store for `minimal://`."""
    return MinimalStorage()
