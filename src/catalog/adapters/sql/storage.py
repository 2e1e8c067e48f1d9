"""Storage on a SQL database: reads use a connection pool, writes go through a single writer with its own connection."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select

from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.category_reader import CategoryReader
from catalog.adapters.sql.reads.count_reader import CountReader
from catalog.adapters.sql.reads.item_reader import ItemReader
from catalog.adapters.sql.reads.item_statements import ItemStatements
from catalog.adapters.sql.reads.list_planner import ListPlanner
from catalog.adapters.sql.reads.log_reader import LogReader
from catalog.adapters.sql.reads.suggestion_reader import SuggestionReader
from catalog.adapters.sql.row_mapping import RECORD_COLUMNS, to_record
from catalog.adapters.sql.schema.tables import expiring_records
from catalog.adapters.sql.writes.commit import Committer
from catalog.adapters.sql.writes.maintenance import Maintenance
from catalog.adapters.sql.writes.prepared_rows import PreparedRows
from catalog.adapters.sql.writes.stored_state import StoredStateReader
from catalog.adapters.sql.writes.writer import Writer
from catalog.domain.categories.category import Category
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import EVERY_ENTRY, AnyChange, ChangeSet, LogEntry, LogFilter, LogHead, LogPage
from catalog.domain.hash_chain import ChainEnd, Link
from catalog.domain.items.item import Item
from catalog.domain.queries.facets import Facet
from catalog.domain.queries.item_query import ItemQuery, Page
from catalog.domain.search.search import SearchQuery
from catalog.ports.commit_listeners import Listener, Listeners
from catalog.ports.storage import Count, SchemaState, Storage


class SqlStorage(Storage):
    """A `Storage` on SQLAlchemy Core; a `SqlDialect` supplies what differs between databases."""

    durable = True

    def __init__(self, database: SqlDatabase, dialect: SqlDialect, *, max_pending_writes: int) -> None:
        """Store in a database; let up to `max_pending_writes` change sets wait for the writer."""
        statements = ItemStatements(database, dialect)
        planner = ListPlanner(database, dialect, statements)
        stored_state = StoredStateReader(database, dialect)
        self._database = database
        self._items = ItemReader(database, dialect, statements, planner)
        self._counts = CountReader(database, dialect, statements, planner)
        self._suggestions = SuggestionReader(database, dialect)
        self._categories = CategoryReader(database, dialect)
        self._log = LogReader(database)
        self._listeners = Listeners()
        self._writer = Writer(Committer(database, dialect, stored_state, self._listeners).commit, max_pending=max_pending_writes)
        self._maintenance = Maintenance(database, dialect, stored_state)

    async def open(self) -> None:
        """Do nothing: the engines connect on first use."""

    async def close(self) -> None:
        """Commit the waiting writes, wait for running reads, and close the connections."""
        await self._writer.close()
        for reader in (self._items, self._categories, self._log):
            await reader.close()
        await self._database.close()

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Read items by id, coalesced with concurrent calls."""
        return await self._items.by_id.get(ids)

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Read items by SKU, coalesced with concurrent calls."""
        return await self._items.by_sku.get(skus)

    async def list_items(self, query: ItemQuery) -> Page:
        """Read a page, shared with concurrent calls for the same one."""
        return await self._items.page(query)

    def stream(self, query: ItemQuery) -> AsyncGenerator[Sequence[Item], None]:
        """Stream on a separate connection; rows are read as fast as the caller consumes them."""
        return self._items.stream(query)

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count | None:
        """Count if time permits; otherwise estimate."""
        return await self._counts.count(query, exact=exact, seconds=seconds)

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:
        """Count by groups, using an index if nothing is filtered."""
        return await self._counts.facet(query, name, seconds=seconds)

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Look up similar words, then the names that contain them."""
        return await self._suggestions.suggest(search)

    async def categories(self) -> Sequence[Category]:
        """Read all categories."""
        return await self._categories.all()

    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Read the categories and their ancestors, coalesced with concurrent calls."""
        return await self._categories.lineages.get(slugs)

    async def category_counts(self) -> Mapping[str, int]:
        """Count through the index of categories."""
        return await self._categories.counts()

    def prepare(self, changes: Sequence[AnyChange]) -> object:
        """Build the rows of the changes before the commit lock is taken."""
        return PreparedRows(changes)

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Submit a batch to the writer."""
        return await self._writer.submit(batch, prepared) if batch else ()

    def listen(self, listener: Listener) -> None:
        """Register a listener that is called after each commit."""
        self._listeners.add(listener)

    async def head(self) -> LogHead:
        """Read the head on the watching connection, coalesced with concurrent calls."""
        return await self._log.head()

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for the database's notification of a commit; poll if it sends none."""
        await self._log.wait(seq, seconds)

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Read a page of the log."""
        return await self._log.page(after, limit, log_filter)

    async def find_entry(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Use the unique index of subject and version."""
        return await self._log.entry(subject_id, version)

    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Use the index of deletions."""
        return await self._log.last_deletion(sku)

    async def chain_ends(self) -> tuple[ChainEnd, ChainEnd]:
        """Read the digests that the log's head has."""
        return await self._log.chain_ends()

    async def chain_links(self, *, after: int, limit: int) -> Sequence[Link]:
        """Read the entries with their digests."""
        return await self._log.chain_links(after, limit)

    async def prune(self, up_to_seq: int) -> None:
        """Delete entries in batches, each in its own transaction, and then the words that no name contains any more."""
        page = await self._log.page(after=0, limit=1, log_filter=EVERY_ENTRY)
        await self._maintenance.prune(page.floor, min(up_to_seq, page.head))
        await self._maintenance.sweep_words()

    async def records(self, keys: Collection[str]) -> Mapping[str, ExpiringRecord]:
        """Read records in one query."""
        rows = await self._database.rows(select(*RECORD_COLUMNS).where(expiring_records.c.key.in_(keys)))
        return {record.key: record for record in map(to_record, rows)}

    async def ping(self) -> None:
        """Read the schema version."""
        await self._database.ping()

    async def schema(self) -> SchemaState:
        """Read the last migration that was applied."""
        return await self._database.schema()

    async def migrate(self) -> SchemaState:
        """Apply the missing migrations, one process at a time."""
        return await self._database.migrate()

    async def versions(self) -> Mapping[str, str]:
        """Query the database for its version and other details."""
        return await self._database.versions()

    @property
    def connections_in_use(self) -> int:
        """The number of connections that reads and the writer are using."""
        return self._database.connections_in_use
