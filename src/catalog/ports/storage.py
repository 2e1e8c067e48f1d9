"""Where the catalog is kept. Every store promises the same, and tests/contract holds each of them to it."""

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
    """What a store is opened with. A store without pools or deadlines passes over what it does not need.

    Times are seconds. `deadline` bounds each statement and the wait for a connection; `queue` how many change sets may
    wait for the writer, so that their wait is bounded by what is before them. `pooler` is what is known of a connection
    pooler before the store: whether it gives a server connection to a `session` or to a `transaction`; `auto`: nothing.
    """

    url: str
    pool_size: int = 5
    pool_overflow: int = 5
    deadline: float = 2.0
    max_pending_writes: int = 1_000
    pooler: Literal["auto", "session", "transaction"] = "auto"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Which schema a store has (None: none yet), and which one this version of Catalog works on."""

    current_version: str | None
    required_version: str

    @property
    def current(self) -> bool:
        """Whether the store can be worked with."""
        return self.current_version == self.required_version


@dataclass(frozen=True, slots=True)
class Count:
    """How many items there are, exactly or about."""

    value: int
    exact: bool


class Storage(Protocol):
    """Keeps items and the log of their changes.

    Reads take many keys, so that a store can answer many questions in one go; they never give a state older than the
    question. Every method raises StoreUnavailable when the store does not answer in time, and SchemaOutdated when it
    has not the schema it needs.
    """

    durable: bool
    """Whether what was committed outlives this process."""

    async def open(self) -> None:
        """Begin to work. Reaches for nothing that may be away: a store that cannot be reached is told by the first use."""

    async def close(self) -> None:
        """Finish the commits that were asked for, and give everything back."""

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Return those of the items that are there."""

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Return those of the items that are there. SKUs are compared exactly, as the domain writes them."""

    async def list_items(self, query: ItemQuery) -> Page:
        """Return the items that match `query`, in its order (catalog.domain.queries.ordering, catalog.domain.search)."""

    def stream(self, query: ItemQuery) -> AsyncIterator[Sequence[Item]]:
        """Go through all items that `query` finds, some at a time, in its order and in one state of the store.

        Its limit and its page do not matter, and nothing is ranked. What is begun must be gone through or closed.
        """

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count | None:
        """Count the items that `query` finds, wherever its page begins.

        Exactly where that is wanted and takes no longer than so many seconds, or where it is easy; else about. None when
        not even an estimate can be made in the time.
        """

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:
        """Count the values of a field among the items that `query` finds; None when that would take longer."""

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Return up to MOST_SUGGESTIONS items whose names `search` may mean (domain.search.spelling), by name, then id."""

    async def categories(self) -> Sequence[Category]:
        """Return all categories, in no order."""

    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Return, for those of the categories that are there, the way from the root to each, itself included."""

    async def category_counts(self) -> Mapping[str, int]:
        """Count the items that stand in each category itself; those in which none stands may be left out."""

    def prepare(self, changes: Sequence[AnyChange]) -> object:
        """Do ahead what a commit of these very changes will take, as far as it depends on nothing else.

        For who waits for another commit meanwhile. What is returned goes with them to `commit`; nothing is written, and a
        store that has nothing to do ahead returns anything.
        """

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Write change sets, each all or nothing, and return an outcome for each, in order.

        The only way to write. All commits of all processes are in one order, under one lock; catalog.domain.changes.commit_plan
        decides; the log's entries are written with the items. Raises StoreBusy when too many writes wait already. A
        caller that is cancelled while it waits neither stops nor harms the commit. `ready` is what `prepare` returned for
        some of the changes; it may be of others too.

        What is committed is never reported as failed. If the connection is lost during the commit itself, nobody can tell
        whether it was: then StoreUnavailable says so, and nothing is written a second time.
        """

    def listen(self, listener: Callable[[Sequence[LogEntry]], None]) -> None:
        """Tell `listener` of the entries of each commit of this process, after it and before it is answered.

        A listener that raises is logged; it affects neither the commit nor the other listeners.
        """

    async def head(self) -> LogHead:
        """Tell where the log ends; cheap, and not hindered by other reads."""

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait until the log is known to go beyond entry `seq`, whoever wrote it, and for so many seconds at most.

        A store may hear of other processes' commits late, or return early for nothing.
        """

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Return up to `limit` entries of the log that follow number `after` and are wanted, oldest first.

        Where only few entries are, it may look at a part of the log and say how far (`reached`).
        """

    async def find_entry(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Return the entry that made a version of an item or category; without a version, its last one."""

    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Return the last removal of an item that had this SKU then."""

    async def prune(self, up_to_seq: int) -> None:
        """Forget the entries of the log up to number `upto`. The others keep their numbers; no commit is held up for long."""

    async def records(self, keys: Collection[str]) -> Mapping[str, ExpiringRecord]:
        """Return those of the notes that are there."""

    async def ping(self) -> None:
        """Return when the store answers and has its schema."""

    async def schema(self) -> SchemaState:
        """Tell which schema is there."""

    async def migrate(self) -> SchemaState:
        """Bring the schema to the one that is wanted; safe to call from many processes at once.

        Raises SchemaOutdated when the store was used by a newer version.
        """

    async def versions(self) -> Mapping[str, str]:
        """Tell what the store runs on, for people: {"PostgreSQL": "18.6", "JIT": "off"}."""
