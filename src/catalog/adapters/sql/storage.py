"""The store on a SQL database: reads on a pool, writes through the one writer on a connection of its own."""

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
from catalog.adapters.sql.connections.head_watcher import NO_SCHEMA, HeadWatcher
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
from catalog.ports.storage import Count, SchemaState

T = TypeVar("T")

UNKNOWN_OUTCOME = (
    "The connection to the database was lost during the commit, so this write may or may not have been stored. "
    "Read before you write again; a request with an Idempotency-Key can be repeated safely."
)

_CURRENT_REVISION = text("SELECT version_num FROM alembic_version")
_ITEMS = select(*ITEM_COLUMNS)

_CATEGORIES = select(*CATEGORY_COLUMNS).where(EVERY_CATEGORY)
_COUNTS = select(items.c.category, func.count()).where(items.c.category.is_not(None)).group_by(items.c.category)

MAX_STREAMS = 2
"""Long answers that are read at a time; each holds a connection."""

_BATCH_SIZE = 1_000
"""Rows of a stream that are taken at a time."""

_PRUNE_BATCH = 2_000
"""Entries that are pruned at a time."""

_MAX_STATEMENTS = 500
"""Statements of lists that are kept compiled; there are as many as there are ways to sort and to filter."""

MAX_RANKED = 10_000
"""Items of a search that are ranked; where it finds more, they are in the order of their names."""

MAX_INDEX_FIRST = 2_000
"""Items that are found first and then put in order; where each condition finds more, the order is walked."""

MAX_COUNTED = 10_000
"""Items that are counted exactly where an estimate would do, as far as an index tells how many they are."""

SAMPLE_SIZE = 20_000
"""The newest items, from whose share that of all is inferred."""

SUGGEST_SECONDS = 0.5
"""Seconds that may be spent on what a search may have meant."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The ways to the database: a pool that reads (each statement by itself), and single connections for the rest.

    One writes, one watches the log's head, a few stream long answers, and one is made to migrate.

    `deadline` bounds a whole read in seconds, its wait for a connection included; None where a read must not be cut off.
    Of the reading connections, `kept` are kept between reads and `limit` are used at a time; a read waits `wait` seconds
    for one.
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


class SqlStorage:
    """A `Storage` on SQLAlchemy Core; what its database does in its own way is asked of a `Flavour`."""

    durable = True

    def __init__(self, engines: Engines, dialect: SqlDialect, *, queue: int) -> None:
        """Work through these engines; let up to `queue` change sets wait for the writer."""
        self._engines = engines
        self._dialect = dialect
        self._reading = DriverPool(
            engines.reading, dialect.is_disconnect, keep=engines.keep_idle, limit=engines.limit, wait=engines.wait
        )
        self._writing = DriverPool(engines.writing, dialect.is_disconnect, wait=engines.wait)
        self._commit_statements = CommitStatements(dialect, engines.writing.dialect)
        self._writer = Writer(self._write, queue=queue)
        self._reads: set[asyncio.Task[Any]] = set()
        self._by_id = Coalescer(self._fetch_by_id)
        self._by_sku = Coalescer(self._fetch_by_sku)
        self._lineages = Coalescer(self._fetch_lineages)
        self._head = Coalescer(self._read_head)
        self._select_lineages = self._compiled(lineage_statement(dialect))
        self._select_by_id = self._compiled(_ITEMS.where(dialect.any_of(items.c.id, "keys")))
        self._select_by_sku = self._compiled(_ITEMS.where(dialect.any_of(items.c.sku, "keys")))
        self._statements: dict[tuple[str, StatementShape, str], CompiledStatement] = {}
        self._candidate_words = self._compiled(candidates_statement())
        self._used_words = self._compiled(words_in_use_statement(dialect))
        self._suggested = self._compiled(suggestions_statement(dialect))
        self._pages: dict[ItemQuery, Coalescer[ItemQuery, Page]] = {}
        self._head_watcher = HeadWatcher(engines.watching, dialect, wait=engines.wait)
        self._listeners = Listeners()

    async def open(self) -> None:
        """Nothing to do: engines connect when they are first used."""

    async def close(self) -> None:
        """Write what waits, let reads end, and close the connections."""
        await self._writer.close()
        under_way: list[Coalescer[Any, Any]] = [self._by_id, self._by_sku, self._lineages, self._head, *self._pages.values()]
        for reads in under_way:
            await reads.close()
        await asyncio.gather(*self._reads, return_exceptions=True)
        for kept in (self._head_watcher, self._reading, self._writing):
            await kept.close()
        await self._engines.watching.dispose()
        await self._engines.streaming.dispose()
        await self._engines.reading.dispose()
        await self._engines.writing.dispose()

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Read items by their ids, together with others who ask now."""
        return await self._by_id.get(ids)

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Read items by their SKUs, together with others who ask now."""
        return await self._by_sku.get(skus)

    async def list_items(self, query: ItemQuery) -> Page:
        """Read a page, together with others who ask the same now."""
        asked = self._pages.get(query)
        if asked is None:
            asked = self._pages[query] = Coalescer(self._fetch_page, on_idle=lambda: self._pages.pop(query, None))
        return (await asked.get((query,)))[query]

    async def stream(self, query: ItemQuery) -> AsyncIterator[Sequence[Item]]:
        """Read on a connection of its own, as fast as the rows are taken."""
        query = query.unranked()
        statement = self._statement("stream", statement_shape(replace(query, after=None, backwards=False)))
        parameters = statement.parameters(filter_parameters(query, self._dialect))
        async with self._translated_errors(), self._engines.streaming.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            rows = self._dialect.stream(driver, statement.sql, parameters, _BATCH_SIZE)
            try:
                async for some in rows:
                    yield [to_item(row) for row in statement.rows(some)]
            except BaseException:
                await connection.invalidate()
                raise

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count | None:
        """Count within the time; else ask the database, or count among the newest."""
        shape, values = unordered_shape(query), filter_parameters(query, self._dialect)
        sizes = () if exact or not self._dialect.estimates else await self._sizes(query, MAX_COUNTED)
        if exact or not self._dialect.estimates or min(sizes, default=MAX_COUNTED + 1) <= MAX_COUNTED:
            rows = await self._fetch_within(self._statement("count", shape), values, seconds)
            if rows is not None:
                return Count(rows[0][0], exact=True)
        found = self._statement("found", shape)
        async with self._translated_errors():
            about = await self._reading.run(lambda held: self._dialect.estimate(held.driver, found.sql, found.parameters(values)))
        if about is None:
            sample = self._statement("sample", shape._replace(plan=ReadPlan.ORDER_SCAN))
            rows = await self._fetch_within(sample, values | {"most": SAMPLE_SIZE}, seconds)
            if rows is None:
                return None
            shown, looked_at, total = rows[0]
            about = shown * total // max(looked_at, 1)
        return Count(about, exact=False)

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:
        """Count by groups, along an index where nothing is filtered."""
        field, attribute = (ATTRIBUTE, name.removeprefix(ATTRIBUTE)) if name.startswith(ATTRIBUTE) else (name, None)
        values = filter_parameters(query, self._dialect) | {"facet": attribute}
        rows = await self._fetch_within(self._statement("facet", unordered_shape(query), field), values, seconds)
        if rows is None:
            return None
        return Facet.from_counts((row[0] if attribute else sort_key(row[0]), row[1]) for row in rows)

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Look for words that are near, then for names that have them."""
        known = [
            [] if its is None else [row[0] for row in await self._fetch(self._candidate_words, candidate_parameters(its))]
            for its in word_patterns(search)
        ]
        corrected = list(corrections(search, known))
        if not corrected:
            return ()
        parameters = {**self._dialect.correction_parameters(corrected), "limit": SUGGESTION_BATCH}
        suggestions: list[Item] = []
        for skip in count(0, SUGGESTION_BATCH):
            rows = await self._fetch_within(self._suggested, {**parameters, "skip": skip}, SUGGEST_SECONDS) or ()
            for item in map(to_item, rows):
                terms = ItemTerms.from_item(item)
                if any(is_corrected_by(terms, correction) for correction in corrected):
                    suggestions.append(item)
            if len(rows) < SUGGESTION_BATCH or len(suggestions) >= MAX_SUGGESTIONS:
                break
        return suggestions[:MAX_SUGGESTIONS]

    async def categories(self) -> Sequence[Category]:
        """Read all of them."""
        return [to_category(row) for row in await self._rows(_CATEGORIES)]

    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Read the ways to some, together with others who ask now."""
        return await self._lineages.get(slugs)

    async def category_counts(self) -> Mapping[str, int]:
        """Count along the index of categories."""
        rows: Sequence[Any] = await self._rows(_COUNTS)
        return dict(map(tuple, rows))

    def prepare(self, changes: Sequence[AnyChange]) -> object:
        """Make their rows."""
        return PreparedRows(changes)

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Hand a batch to the writer."""
        return await self._writer.submit(batch, prepared) if batch else ()

    def listen(self, listener: Listener) -> None:
        """Keep it; whoever writes a batch tells it."""
        self._listeners.add(listener)

    async def head(self) -> LogHead:
        """Read the head's row on the connection that watches it, together with others who ask now."""
        return (await self._head.get((None,)))[None]

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for the database to tell of a commit, where it does."""
        async with self._translated_errors():
            await self._head_watcher.wait(seq, seconds)

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Read a stretch of the log."""
        rows = await self._rows(log_statement(after, limit, log_filter))
        if not rows:
            raise SchemaOutdated(NO_SCHEMA)
        return to_log_page(rows, after, limit, log_filter)

    async def find_entry(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Look it up by the index that keeps versions from being written twice."""
        return next(map(to_entry, await self._rows(entry_statement(subject_id, version))), None)

    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Look it up in the index of removals."""
        return next(map(to_entry, await self._rows(deletion_statement(sku))), None)

    async def prune(self, up_to_seq: int) -> None:
        """Go slice by slice, each a commit; then take out the words that no name has any more, likewise."""
        page = await self.changes(after=0, limit=1)
        end = min(up_to_seq, page.head)
        for last in range(page.floor + _PRUNE_BATCH, end, _PRUNE_BATCH):
            await self._shielded(self._run_exclusive(partial(self._commit_statements.prune, upto=last)))
        await self._shielded(self._run_exclusive(partial(self._commit_statements.prune, upto=end)))
        after = ""
        while words := await self._fetch(self._used_words, {"after": after}):
            unused = [word for word, used in words if not used]
            if unused:
                await self._shielded(self._run_exclusive(partial(self._commit_statements.sweep_words, unused=unused)))
            after = words[-1][0]

    async def records(self, keys: Collection[str]) -> Mapping[str, ExpiringRecord]:
        """Read them together."""
        rows = await self._rows(select(*RECORD_COLUMNS).where(expiring_records.c.key.in_(keys)))
        return {note.key: note for note in map(to_record, rows)}

    async def ping(self) -> None:
        """Ask for the schema's version."""
        state = await self.schema()
        if not state.current:
            found = (
                "has no schema yet"
                if state.current_version is None
                else f"has the schema {state.current_version}, not {state.required_version}"
            )
            message = f"The {self._dialect.name} database {found}; run `catalog migrate`."
            raise SchemaOutdated(message)

    async def schema(self) -> SchemaState:
        """Read which migration was applied last."""
        try:
            rows = await self._rows(_CURRENT_REVISION)
        except SchemaOutdated:
            return SchemaState(None, HEAD_REVISION)
        return SchemaState(rows[0][0] if rows else None, HEAD_REVISION)

    async def migrate(self) -> SchemaState:
        """Apply the migrations that are missing, one process at a time."""
        state = await self.schema()
        if state.current:
            return state
        if state.current_version is not None and state.current_version > HEAD_REVISION:
            message = (
                f"The database has the schema {state.current_version}, of a newer Catalog; this one knows up to {HEAD_REVISION}. "
                "Update it."
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
        """Ask the database for its version, and what else it says of itself."""
        (row,) = await self._rows(self._dialect.version)
        return self._dialect.describe(row)

    @property
    def connections_in_use(self) -> int:
        """How many connections are in use now, by reads and by the writer."""
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

    async def _fetch_page(self, asked: Collection[ItemQuery]) -> Mapping[ItemQuery, Page]:
        (query,) = asked
        walked, plan, lead = query, ReadPlan.UNFILTERED, 0
        if statement_shape(query).indexed_conditions:
            sizes = await self._sizes(query, MAX_RANKED)
            if query.search is not None and query.after is None and sizes[0] > MAX_RANKED:
                walked = query.unranked()
            if not walked.is_ranked:
                size, lead = min(zip(sizes, statement_shape(query).indexed_conditions, strict=True))
                plan = ReadPlan.INDEX_FIRST if size <= MAX_INDEX_FIRST else ReadPlan.ORDER_SCAN
        statement = self._statement(
            "list", statement_shape(walked)._replace(plan=plan, leading_index=lead if plan is ReadPlan.INDEX_FIRST else 0)
        )
        rows = await self._fetch(statement, list_parameters(walked, self._dialect))
        if not walked.is_ranked:
            return {query: walked.page([(to_item(row), None) for row in rows])}
        return {query: walked.page([(to_item(row[:-1]), row[-1]) for row in rows])}

    async def _sizes(self, query: ItemQuery, most: int) -> Sequence[int]:
        """Count what each condition finds that has an index, up to one more than `most`; the search is the first."""
        shape = unordered_shape(query)
        if not shape.indexed_conditions:
            return ()
        values = filter_parameters(query, self._dialect) | {"most": most + 1}
        sizes: Sequence[int] = (await self._fetch(self._statement("sizes", shape), values))[0]
        return sizes

    def _statement(self, kind: str, shape: StatementShape, field: str = "") -> CompiledStatement:
        """Return the compiled statement that answers questions of a shape, one of `STATEMENTS`."""
        statement = self._statements.get((kind, shape, field))
        if statement is None:
            if len(self._statements) >= _MAX_STATEMENTS:
                self._statements.clear()
            made = STATEMENTS[kind](shape, self._dialect) if not field else facet_statement(field, shape, self._dialect)
            statement = self._statements[kind, shape, field] = self._compiled(made)
        return statement

    def _compiled(self, statement: Select[Any]) -> CompiledStatement:
        return CompiledStatement(statement, self._engines.reading.dialect)

    async def _fetch(self, statement: CompiledStatement, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Run a compiled statement on the driver's own connection."""
        parameters = statement.parameters(values)
        async with self._translated_errors(), asyncio.timeout(self._engines.deadline):
            found = await self._reading.run(lambda held: self._dialect.fetch(held.driver, statement.sql, parameters))
        return statement.rows(found)

    async def _fetch_within(
        self, statement: CompiledStatement, values: Mapping[str, Any], seconds: float
    ) -> Sequence[Sequence[Any]] | None:
        """Run a compiled statement for so long; None when it takes longer."""
        parameters = statement.parameters(values)
        async with self._translated_errors():
            found = await self._reading.run(
                lambda held: self._dialect.fetch_within(held.driver, statement.sql, parameters, seconds)
            )
        return None if found is None else statement.rows(found)

    async def _rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """Read rows. The read is a task of its own: cutting one off would leave a connection in an unknown state."""
        return await self._shielded(self._read(statement))

    async def _read(self, statement: Executable) -> Sequence[Row[Any]]:
        async def rows(held: PooledConnection) -> Sequence[Row[Any]]:
            found = (await held.connection.execute(statement)).all()
            await held.connection.rollback()  # SQLAlchemy counts what it did not begin as a transaction
            return found

        async with self._translated_errors(), asyncio.timeout(self._engines.deadline):
            return await self._reading.run(rows)

    async def _read_head(self, asked: Collection[None]) -> Mapping[None, LogHead]:
        async with self._translated_errors():
            return dict.fromkeys(asked, await self._head_watcher.head())

    async def _write(self, batch: Sequence[ChangeSet], ready: Sequence[object]) -> Sequence[Outcome]:
        changes = [change for change_set in batch for change in change_set.changes]
        prepared = PreparedRows(changes, [its for its in ready if isinstance(its, PreparedRows)])

        async def finish(held: PooledConnection, stood: LockedState) -> Sequence[Outcome]:
            try:
                return await self._commit_statements.finish(held.driver, batch, prepared, stood)
            except Exception as error:
                if self._dialect.is_ambiguous(error):
                    raise StoreUnavailable(UNKNOWN_OUTCOME) from error
                raise

        async with self._translated_errors():
            outcomes = await self._writing.run_two(lambda held: self._commit_statements.begin(held.driver, batch), finish)
        self._listeners.notify([entry for its in outcomes if isinstance(its, Committed) for entry in its.entries])
        return outcomes

    async def _run_exclusive(self, work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        """Do work of a driver's connection in a transaction that keeps others from committing; the work commits it."""
        async with self._translated_errors():
            await self._writing.run_two(
                lambda held: self._commit_statements.begin(held.driver, ()), lambda held, _: work(held.driver)
            )

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work that goes on when its caller is cancelled."""
        task = asyncio.create_task(work)
        self._reads.add(task)
        task.add_done_callback(self._task_done)
        return await asyncio.shield(task)

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._reads.discard(task)
        if not task.cancelled():
            task.exception()

    @asynccontextmanager
    async def _translated_errors(self) -> AsyncIterator[None]:
        """Tell a driver's failures in the catalog's own words."""
        try:
            yield
        except Exception as error:
            told = self._dialect.to_unavailable(error)
            if told is None:
                raise
            # The driver's own words are for the log and for operators (Unavailable.reason), never for callers.
            raise told from (error.driver_exception if isinstance(error, exc.DBAPIError) else error)
