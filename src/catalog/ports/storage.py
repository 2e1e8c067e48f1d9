"""The storage port: where items, categories and the change log are stored. tests/contract checks every adapter against it."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from catalog.domain.categories.category import Category
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import EVERY_ENTRY, AnyChange, ChangeSet, LogEntry, LogFilter, LogHead, LogPage
from catalog.domain.items.item import Item
from catalog.domain.queries.facets import Facet
from catalog.domain.queries.item_query import ItemQuery, Page
from catalog.domain.search.search import SearchQuery


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """Settings for opening a store. A store ignores the ones it has no use for.

    `url`: the database URL. Its scheme selects the adapter.
    `pool_size`, `pool_overflow`: read connections that stay open, and how many more may be opened under load.
    `deadline`: timeout in seconds for each statement, and for waiting for a connection.
    `max_pending_writes`: how many change sets may wait for the writer; beyond that, `commit` raises StoreBusy.
    `pooler`: pooling mode of a connection pooler in front of the database (`auto` if not known).
    """

    url: str
    pool_size: int = 5
    pool_overflow: int = 5
    deadline: float = 2.0
    max_pending_writes: int = 1_000
    pooler: Literal["auto", "session", "transaction"] = "auto"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema version of a store (None: no schema yet), and the version this release requires."""

    current_version: str | None
    required_version: str

    @property
    def current(self) -> bool:
        """Whether the store has the required schema."""
        return self.current_version == self.required_version


@dataclass(frozen=True, slots=True)
class Count:
    """A number of items: exact, or an estimate."""

    value: int
    exact: bool


class Storage(Protocol):
    """Stores items, categories, the change log and expiring records.

    Reads are consistent: each sees every commit that completed before the call. Lookups take several keys, so a store can
    answer them in one round trip, and omit keys that do not exist from the result.

    Any method except `open`, `prepare` and `listen` may raise StoreUnavailable (the store is unreachable or timed out) or
    SchemaOutdated (the schema is missing or of another version). Methods that write may also raise OutOfSpace. Exceptions
    of a driver never leave the adapter.
    """

    durable: bool
    """Whether committed data survives the end of this process."""

    async def open(self) -> None:
        """Prepare for use. Does not connect: the first query raises StoreUnavailable if the store cannot be reached."""

    async def close(self) -> None:
        """Finish pending commits, then release all resources. Later commits raise StoreUnavailable."""

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Return the items with these ids, by id. Cost: one index lookup per id."""

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Return the items with these SKUs, by SKU. SKUs must be in normalized form (upper case); they are compared exactly.

        Cost: one index lookup per SKU.
        """

    async def list_items(self, query: ItemQuery) -> Page:
        """Return one page of the items that match `query`, in its order, with cursors to the neighboring pages.

        A store may return a search with too many matches to rank in name order instead (`query.unranked()`); the page then
        has `ranked=False`.
        """

    def stream(self, query: ItemQuery) -> AsyncIterator[Sequence[Item]]:
        """Yield all items that match `query`, in batches and in its order, from one snapshot of the store.

        Limit, offset and cursor are ignored, and a search is not ranked (`query.unranked()`). The iterator may hold a
        connection: exhaust it or close it.
        """

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count | None:
        """Count all items that match `query`, ignoring limit, offset and cursor.

        With `exact`, count exactly; if that takes longer than `seconds`, return an estimate. Without `exact`, return an
        estimate unless an exact count is cheap. Return None if even an estimate takes longer than `seconds`.
        """

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:
        """Count the values of one field (catalog.domain.queries.facets) among all items that match `query`.

        Limit, offset and cursor are ignored. Return None if counting takes longer than `seconds`.
        """

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Return up to MAX_SUGGESTIONS items that a misspelled `search` may have meant, by name, then by id.

        catalog.domain.search.spelling defines which items qualify. Bounded in time: a slow lookup returns fewer items.
        """

    async def categories(self) -> Sequence[Category]:
        """Return all categories, in any order."""

    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Return the lineage of each existing category: from the root of the tree to the category itself, by slug."""

    async def category_counts(self) -> Mapping[str, int]:
        """Return the number of items directly in each category, by slug. Categories without items may be omitted.

        Cost: one scan of the category index.
        """

    def prepare(self, changes: Sequence[AnyChange]) -> object:
        """Do the part of committing `changes` that does not depend on the stored state, such as encoding rows.

        Use it to do work while another commit is running. Pass the result to `commit` together with these changes. Nothing
        is written, and nothing blocks on I/O. The result is opaque; a store with nothing to prepare may return anything.
        """

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Commit a batch in one transaction and return the outcome of each change set, in order.

        This is the only way to write. Each change set is committed completely or not at all: its outcome is Committed or the
        error that refused it, as decided by catalog.domain.changes.commit_plan. Log entries and expiring records are
        written in the same transaction. All commits of all processes are serialized by one lock, so `seq` has no gaps.

        `prepared` holds results of `prepare`. They may cover some of the changes, and changes that are not in the batch.

        Cancelling the caller does not cancel or damage the commit. A committed change set is never reported as failed. If
        the connection is lost while the transaction is being committed, its outcome is unknown: the call raises
        StoreUnavailable, and the store does not retry.

        Raises StoreBusy if too many change sets are waiting to be written; nothing was written.
        """

    def listen(self, listener: Callable[[Sequence[LogEntry]], None]) -> None:
        """Call `listener` with the log entries of each commit made by this process, before `commit` returns.

        Commits of other processes are not reported. If a listener raises, the exception is logged; it affects neither the
        commit nor the other listeners. Listeners cannot be removed.
        """

    async def head(self) -> LogHead:
        """Return the log's head. Cheap, and never blocked by other reads."""

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait until the log extends beyond entry `seq`, for at most `seconds`.

        Commits of all processes count, but those of other processes may be noticed late. The call may return early; read
        `head` to see whether anything was committed.
        """

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Return up to `limit` log entries that match `log_filter` and have a `seq` greater than `after`, oldest first.

        If matches are rare, a store may stop scanning early and return fewer entries; continue from `page.next_after`.
        """

    async def find_entry(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Return the log entry that created this version of an item or category; by default, its latest entry.

        Return None if there is no such entry or it was pruned. Cost: one index lookup.
        """

    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Return the latest log entry that deleted an item with this SKU, or None if there is none or it was pruned."""

    async def prune(self, up_to_seq: int) -> None:
        """Delete the log entries up to and including `up_to_seq`, and raise the log's floor. The others keep their numbers.

        Works in small transactions, so commits are never blocked for long. Safe to repeat after an error.
        """

    async def records(self, keys: Collection[str]) -> Mapping[str, ExpiringRecord]:
        """Return the expiring records with these keys, by key. Some may have expired already; check `is_alive`."""

    async def ping(self) -> None:
        """Return if the store answers and has the required schema; otherwise raise."""

    async def schema(self) -> SchemaState:
        """Return the schema's current and required versions. A missing schema is no error."""

    async def migrate(self) -> SchemaState:
        """Upgrade the schema to the required version and return its state. Several processes may call it at the same time.

        Raises SchemaOutdated if the schema belongs to a newer release.
        """

    async def versions(self) -> Mapping[str, str]:
        """Return the versions of the underlying software, for display: {"PostgreSQL": "18.6", "JIT": "off"}."""
