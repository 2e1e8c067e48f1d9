"""Storage on a SQL database: reads use a connection pool, writes go through a single writer with its own connection."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Executable, Row, Select, exc, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.connections.driver_pool import DriverPool, PooledConnection
from catalog.adapters.sql.connections.head_watcher import EMPTY_LOG_HEAD, HeadWatcher
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.coalescing import Coalescer
from catalog.adapters.sql.reads.item_queries import (
    STATEMENTS,
    ReadPlan,
    StatementShape,
    facet_statement,
    filter_parameters,
    lineage_statement,
    list_parameters,
    statement_shape,
    unordered_shape,
)
from catalog.adapters.sql.reads.log_queries import deletion_statement, entry_statement, log_statement, to_log_page
from catalog.adapters.sql.reads.suggestions import (
    SUGGESTION_BATCH,
    candidate_parameters,
    candidates_statement,
    suggestions_statement,
    words_in_use_statement,
)
from catalog.adapters.sql.row_mapping import (
    CATEGORY_COLUMNS,
    ITEM_COLUMNS,
    RECORD_COLUMNS,
    to_category,
    to_entry,
    to_item,
    to_record,
)
from catalog.adapters.sql.schema.migrate import HEAD_REVISION, upgrade
from catalog.adapters.sql.schema.tables import EVERY_CATEGORY, expiring_records, items
from catalog.adapters.sql.writes.commit import CommitStatements, LockedState, PreparedRows
from catalog.adapters.sql.writes.writer import Writer
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import EVERY_ENTRY, AnyChange, ChangeSet, Committed, LogEntry, LogFilter, LogHead, LogPage
from catalog.domain.errors import SchemaOutdated, StoreUnavailable
from catalog.domain.items.attributes import sort_key
from catalog.domain.items.item import Item
from catalog.domain.queries.facets import Facet
from catalog.domain.queries.filters import ATTRIBUTE
from catalog.domain.queries.item_query import ItemQuery, Page
from catalog.domain.search.search import ItemTerms, SearchQuery
from catalog.domain.search.spelling import MAX_SUGGESTIONS, corrections, is_corrected_by, word_patterns
from catalog.ports.commit_listeners import Listener, Listeners
from catalog.ports.storage import Count, SchemaState, Storage

T = TypeVar("T")

UNKNOWN_OUTCOME = (
    "The connection to the database was lost during the commit, so this write may or may not have been stored. "
    "Read before you write again; a request with an Idempotency-Key can be repeated safely."
)

_CURRENT_REVISION = text("SELECT version_num FROM alembic_version")
_SELECT_ITEMS = select(*ITEM_COLUMNS)

_ALL_CATEGORIES = select(*CATEGORY_COLUMNS).where(EVERY_CATEGORY)
_CATEGORY_COUNTS = select(items.c.category, func.count()).where(items.c.category.is_not(None)).group_by(items.c.category)

MAX_STREAMS = 2
"""Streams that may be read at a time; each holds a connection."""

_BATCH_SIZE = 1_000
"""Rows that a stream fetches at a time."""

_PRUNE_BATCH = 2_000
"""Log entries that are pruned in one transaction."""

_MAX_STATEMENTS = 500
"""Compiled statements that are cached; there is one for each combination of sort order and filters."""

MAX_RANKED = 10_000
"""Search results that are ranked; if there are more, they are sorted by name instead."""

MAX_INDEX_FIRST = 2_000
"""Matches that are looked up first and then sorted; if every condition has more, items are read in order and checked."""

MAX_COUNTED = 10_000
"""Matches that are counted exactly even if an estimate would do, provided that an index bounds their number."""

SAMPLE_SIZE = 20_000
"""The newest items, from which the number of all matches is extrapolated."""

SUGGEST_SECONDS = 0.5
"""Seconds that one query for suggestions may take."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The connections to the database: a pool for reads, in autocommit mode, and separate connections for everything else.

    One connection writes, one watches the log's head, a few stream, and one is created for each migration.

    `deadline` limits a read in seconds, including the wait for a connection; None if reads must not be interrupted.
    Up to `keep_idle` reading connections stay open between reads and up to `limit` are used at a time. A read waits up to
    `wait` seconds for one.
    """

    reading: AsyncEngine
    writing: AsyncEngine
    watching: AsyncEngine
    streaming: AsyncEngine
    migrating: Callable[[], AsyncEngine]
    deadline: float | None
    keep_idle: int
    limit: int
    wait: float


class SqlStorage(Storage):
    """A `Storage` on SQLAlchemy Core; a `SqlDialect` supplies what differs between databases."""

    durable = True

    def __init__(self, engines: Engines, dialect: SqlDialect, *, queue: int) -> None:
        """Connect through these engines; let up to `queue` change sets wait for the writer."""
        self._engines = engines
        self._dialect = dialect
        self._reading = DriverPool(
            engines.reading, dialect.is_disconnect, keep_idle=engines.keep_idle, limit=engines.limit, timeout=engines.wait
        )
        self._writing = DriverPool(engines.writing, dialect.is_disconnect, timeout=engines.wait)
        self._commit_statements = CommitStatements(dialect, engines.writing.dialect)
        self._writer = Writer(self._write, queue=queue)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._by_id = Coalescer(self._fetch_by_id)
        self._by_sku = Coalescer(self._fetch_by_sku)
        self._lineages = Coalescer(self._fetch_lineages)
        self._head_reads = Coalescer(self._fetch_head)
        self._select_lineages = self._compile(lineage_statement(dialect))
        self._select_by_id = self._compile(_SELECT_ITEMS.where(dialect.any_of(items.c.id, "keys")))
        self._select_by_sku = self._compile(_SELECT_ITEMS.where(dialect.any_of(items.c.sku, "keys")))
        self._statements: dict[tuple[str, StatementShape, str], CompiledStatement] = {}
        self._select_candidates = self._compile(candidates_statement())
        self._select_words_in_use = self._compile(words_in_use_statement(dialect))
        self._select_suggestions = self._compile(suggestions_statement(dialect))
        self._pages: dict[ItemQuery, Coalescer[ItemQuery, Page]] = {}
        self._head_watcher = HeadWatcher(engines.watching, dialect, timeout=engines.wait)
        self._listeners = Listeners()

    async def open(self) -> None:
        """Do nothing: the engines connect on first use."""

    async def close(self) -> None:
        """Commit the waiting writes, wait for running reads, and close the connections."""
        await self._writer.close()
        coalescers: list[Coalescer[Any, Any]] = [
            self._by_id,
            self._by_sku,
            self._lineages,
            self._head_reads,
            *self._pages.values(),
        ]
        for coalescer in coalescers:
            await coalescer.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for closable in (self._head_watcher, self._reading, self._writing):
            await closable.close()
        await self._engines.watching.dispose()
        await self._engines.streaming.dispose()
        await self._engines.reading.dispose()
        await self._engines.writing.dispose()

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Read items by id, coalesced with concurrent calls."""
        return await self._by_id.get(ids)

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Read items by SKU, coalesced with concurrent calls."""
        return await self._by_sku.get(skus)

    async def list_items(self, query: ItemQuery) -> Page:
        """Read a page, shared with concurrent calls for the same one."""
        page = self._pages.get(query)
        if page is None:
            page = self._pages[query] = Coalescer(self._fetch_page, on_idle=lambda: self._pages.pop(query, None))
        return (await page.get((query,)))[query]

    async def stream(self, query: ItemQuery) -> AsyncIterator[Sequence[Item]]:
        """Stream on a separate connection; rows are read as fast as the caller consumes them."""
        query = query.unranked()
        statement = self._statement("stream", statement_shape(replace(query, after=None, backwards=False)))
        parameters = statement.parameters(filter_parameters(query, self._dialect))
        async with self._translated_errors(), self._engines.streaming.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            batches = self._dialect.stream(driver, statement.sql, parameters, _BATCH_SIZE)
            try:
                async for batch in batches:
                    yield [to_item(row) for row in statement.rows(batch)]
            except BaseException:
                await connection.invalidate()
                raise

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count | None:
        """Count if time permits; otherwise use the database's estimate, or extrapolate from the newest items."""
        shape, values = unordered_shape(query), filter_parameters(query, self._dialect)
        index_counts = () if exact or not self._dialect.estimates else await self._index_counts(query, MAX_COUNTED)
        if exact or not self._dialect.estimates or min(index_counts, default=MAX_COUNTED + 1) <= MAX_COUNTED:
            rows = await self._fetch_within(self._statement("count", shape), values, seconds)
            if rows is not None:
                return Count(rows[0][0], exact=True)
        matching = self._statement("matching", shape)
        async with self._translated_errors():
            estimate = await self._reading.run(
                lambda pooled: self._dialect.estimate(pooled.driver, matching.sql, matching.parameters(values))
            )
        if estimate is None:
            sample = self._statement("sample", shape._replace(plan=ReadPlan.ORDER_SCAN))
            rows = await self._fetch_within(sample, values | {"most": SAMPLE_SIZE}, seconds)
            if rows is None:
                return None
            matches, sample_size, total = rows[0]
            estimate = matches * total // max(sample_size, 1)
        return Count(estimate, exact=False)

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:
        """Count by groups, using an index if nothing is filtered."""
        field, attribute = (ATTRIBUTE, name.removeprefix(ATTRIBUTE)) if name.startswith(ATTRIBUTE) else (name, None)
        values = filter_parameters(query, self._dialect) | {"facet": attribute}
        rows = await self._fetch_within(self._statement("facet", unordered_shape(query), field), values, seconds)
        if rows is None:
            return None
        return Facet.from_counts((row[0] if attribute else sort_key(row[0]), row[1]) for row in rows)

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Look up similar words, then the names that contain them."""
        candidates = [
            []
            if pattern is None
            else [row[0] for row in await self._fetch(self._select_candidates, candidate_parameters(pattern))]
            for pattern in word_patterns(search)
        ]
        corrected = list(corrections(search, candidates))
        if not corrected:
            return ()
        parameters = {**self._dialect.correction_parameters(corrected), "limit": SUGGESTION_BATCH}
        suggestions: list[Item] = []
        for skip in count(0, SUGGESTION_BATCH):
            rows = await self._fetch_within(self._select_suggestions, {**parameters, "skip": skip}, SUGGEST_SECONDS) or ()
            for item in map(to_item, rows):
                terms = ItemTerms.from_item(item)
                if any(is_corrected_by(terms, correction) for correction in corrected):
                    suggestions.append(item)
            if len(rows) < SUGGESTION_BATCH or len(suggestions) >= MAX_SUGGESTIONS:
                break
        return suggestions[:MAX_SUGGESTIONS]

    async def categories(self) -> Sequence[Category]:
        """Read all categories."""
        return [to_category(row) for row in await self._rows(_ALL_CATEGORIES)]

    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Read the categories and their ancestors, coalesced with concurrent calls."""
        return await self._lineages.get(slugs)

    async def category_counts(self) -> Mapping[str, int]:
        """Count through the index of categories."""
        rows: Sequence[Any] = await self._rows(_CATEGORY_COUNTS)
        return dict(map(tuple, rows))

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
        return (await self._head_reads.get((None,)))[None]

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for the database's notification of a commit; poll if it sends none."""
        async with self._translated_errors():
            await self._head_watcher.wait(seq, seconds)

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Read a page of the log."""
        rows = await self._rows(log_statement(after, limit, log_filter))
        if not rows:
            raise SchemaOutdated(EMPTY_LOG_HEAD)
        return to_log_page(rows, after, limit, log_filter)

    async def find_entry(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Use the unique index of subject and version."""
        return next(map(to_entry, await self._rows(entry_statement(subject_id, version))), None)

    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Use the index of deletions."""
        return next(map(to_entry, await self._rows(deletion_statement(sku))), None)

    async def prune(self, up_to_seq: int) -> None:
        """Delete entries in batches, each in its own transaction, and then the words that no name contains any more."""
        page = await self.changes(after=0, limit=1)
        end = min(up_to_seq, page.head)
        for last in range(page.floor + _PRUNE_BATCH, end, _PRUNE_BATCH):
            await self._shielded(self._run_exclusive(partial(self._commit_statements.prune, up_to_seq=last)))
        await self._shielded(self._run_exclusive(partial(self._commit_statements.prune, up_to_seq=end)))
        after = ""
        while words := await self._fetch(self._select_words_in_use, {"after": after}):
            unused = [word for word, used in words if not used]
            if unused:
                await self._shielded(self._run_exclusive(partial(self._commit_statements.sweep_words, unused=unused)))
            after = words[-1][0]

    async def records(self, keys: Collection[str]) -> Mapping[str, ExpiringRecord]:
        """Read records in one query."""
        rows = await self._rows(select(*RECORD_COLUMNS).where(expiring_records.c.key.in_(keys)))
        return {record.key: record for record in map(to_record, rows)}

    async def ping(self) -> None:
        """Read the schema version. Raises SchemaOutdated if it is not the required one."""
        state = await self.schema()
        if not state.current:
            problem = (
                "has no schema yet"
                if state.current_version is None
                else f"has schema version {state.current_version}, not {state.required_version}"
            )
            message = f"The {self._dialect.name} database {problem}; run `catalog migrate`."
            raise SchemaOutdated(message)

    async def schema(self) -> SchemaState:
        """Read the last migration that was applied."""
        try:
            rows = await self._rows(_CURRENT_REVISION)
        except SchemaOutdated:
            return SchemaState(None, HEAD_REVISION)
        return SchemaState(rows[0][0] if rows else None, HEAD_REVISION)

    async def migrate(self) -> SchemaState:
        """Apply the missing migrations, one process at a time."""
        state = await self.schema()
        if state.current:
            return state
        if state.current_version is not None and state.current_version > HEAD_REVISION:
            message = (
                f"The database has schema version {state.current_version}, which needs a newer Catalog; "
                f"this version supports up to {HEAD_REVISION}. Upgrade Catalog."
            )
            raise SchemaOutdated(message)
        engine = self._engines.migrating()
        try:
            async with self._translated_errors(), engine.begin() as connection:
                if self._dialect.lock_schema is not None:
                    await connection.execute(self._dialect.lock_schema)
                await connection.run_sync(upgrade)
        finally:
            await engine.dispose()
        return await self.schema()

    async def versions(self) -> Mapping[str, str]:
        """Query the database for its version and other details."""
        (row,) = await self._rows(self._dialect.version)
        return self._dialect.describe(row)

    @property
    def connections_in_use(self) -> int:
        """The number of connections that reads and the writer are using."""
        return self._reading.in_use + self._writing.in_use

    async def _fetch_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        rows = await self._fetch(self._select_by_id, {"keys": self._dialect.list_parameter(ids)})
        return {item.id: item for item in map(to_item, rows)}

    async def _fetch_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        rows = await self._fetch(self._select_by_sku, {"keys": self._dialect.list_parameter(skus)})
        return {item.sku: item for item in map(to_item, rows)}

    async def _fetch_lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        rows = await self._fetch(self._select_lineages, {"keys": self._dialect.list_parameter(slugs)})
        tree = Tree(map(to_category, rows))
        return {slug: tree.lineage(slug) for slug in slugs if slug in tree.by_slug}

    async def _fetch_page(self, queries: Collection[ItemQuery]) -> Mapping[ItemQuery, Page]:
        (query,) = queries
        effective_query, plan, leading_index = query, ReadPlan.AUTOMATIC, 0
        if statement_shape(query).indexed_conditions:
            counts = await self._index_counts(query, MAX_RANKED)
            if query.search is not None and query.after is None and counts[0] > MAX_RANKED:
                effective_query = query.unranked()
            if not effective_query.is_ranked:
                smallest, leading_index = min(zip(counts, statement_shape(query).indexed_conditions, strict=True))
                plan = ReadPlan.INDEX_FIRST if smallest <= MAX_INDEX_FIRST else ReadPlan.ORDER_SCAN
        statement = self._statement(
            "list",
            statement_shape(effective_query)._replace(
                plan=plan, leading_index=leading_index if plan is ReadPlan.INDEX_FIRST else 0
            ),
        )
        rows = await self._fetch(statement, list_parameters(effective_query, self._dialect))
        if not effective_query.is_ranked:
            return {query: effective_query.page([(to_item(row), None) for row in rows])}
        return {query: effective_query.page([(to_item(row[:-1]), row[-1]) for row in rows])}

    async def _index_counts(self, query: ItemQuery, limit: int) -> Sequence[int]:
        """Count the matches of each indexed condition, up to one more than `limit`; the search comes first."""
        shape = unordered_shape(query)
        if not shape.indexed_conditions:
            return ()
        values = filter_parameters(query, self._dialect) | {"most": limit + 1}
        counts: Sequence[int] = (await self._fetch(self._statement("index_counts", shape), values))[0]
        return counts

    def _statement(self, kind: str, shape: StatementShape, field: str = "") -> CompiledStatement:
        """Return the compiled statement of a kind (see `STATEMENTS`, or "facet" with a field) for a shape."""
        statement = self._statements.get((kind, shape, field))
        if statement is None:
            if len(self._statements) >= _MAX_STATEMENTS:
                self._statements.clear()
            built = STATEMENTS[kind](shape, self._dialect) if not field else facet_statement(field, shape, self._dialect)
            statement = self._statements[kind, shape, field] = self._compile(built)
        return statement

    def _compile(self, statement: Select[Any]) -> CompiledStatement:
        return CompiledStatement(statement, self._engines.reading.dialect)

    async def _fetch(self, statement: CompiledStatement, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Run a compiled statement on the driver's connection."""
        parameters = statement.parameters(values)
        async with self._translated_errors(), asyncio.timeout(self._engines.deadline):
            rows = await self._reading.run(lambda pooled: self._dialect.fetch(pooled.driver, statement.sql, parameters))
        return statement.rows(rows)

    async def _fetch_within(
        self, statement: CompiledStatement, values: Mapping[str, Any], seconds: float
    ) -> Sequence[Sequence[Any]] | None:
        """Run a compiled statement for up to `seconds`; return None if it takes longer."""
        parameters = statement.parameters(values)
        async with self._translated_errors():
            rows = await self._reading.run(
                lambda pooled: self._dialect.fetch_within(pooled.driver, statement.sql, parameters, seconds)
            )
        return None if rows is None else statement.rows(rows)

    async def _rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """Read rows in a separate task: cancelling it halfway would leave the connection in an unknown state."""
        return await self._shielded(self._read(statement))

    async def _read(self, statement: Executable) -> Sequence[Row[Any]]:
        async def fetch_all(pooled: PooledConnection) -> Sequence[Row[Any]]:
            rows = (await pooled.connection.execute(statement)).all()
            await pooled.connection.rollback()  # SQLAlchemy has begun a transaction implicitly
            return rows

        async with self._translated_errors(), asyncio.timeout(self._engines.deadline):
            return await self._reading.run(fetch_all)

    async def _fetch_head(self, keys: Collection[None]) -> Mapping[None, LogHead]:
        async with self._translated_errors():
            return dict.fromkeys(keys, await self._head_watcher.head())

    async def _write(self, batch: Sequence[ChangeSet], prepared: Sequence[object]) -> Sequence[Outcome]:
        changes = [change for change_set in batch for change in change_set.changes]
        rows = PreparedRows(changes, [part for part in prepared if isinstance(part, PreparedRows)])

        async def finish(pooled: PooledConnection, locked: LockedState) -> Sequence[Outcome]:
            try:
                return await self._commit_statements.finish(pooled.driver, batch, rows, locked)
            except Exception as error:
                if self._dialect.is_ambiguous(error):
                    raise StoreUnavailable(UNKNOWN_OUTCOME) from error
                raise

        async with self._translated_errors():
            outcomes = await self._writing.run_steps(lambda pooled: self._commit_statements.begin(pooled.driver, batch), finish)
        self._listeners.notify([entry for outcome in outcomes if isinstance(outcome, Committed) for entry in outcome.entries])
        return outcomes

    async def _run_exclusive(self, work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        """Run `work` on a driver's connection in a transaction that holds the commit lock; `work` must commit it."""
        async with self._translated_errors():
            await self._writing.run_steps(
                lambda pooled: self._commit_statements.begin(pooled.driver, ()), lambda pooled, _: work(pooled.driver)
            )

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work that is not cancelled with the caller."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return await asyncio.shield(task)

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    @asynccontextmanager
    async def _translated_errors(self) -> AsyncIterator[None]:
        """Translate a driver's exceptions into the catalog's."""
        try:
            yield
        except Exception as error:
            translated = self._dialect.to_unavailable(error)
            if translated is None:
                raise
            # The driver's message is for the log and for operators (Unavailable.reason), never for callers.
            raise translated from (error.driver_exception if isinstance(error, exc.DBAPIError) else error)
