"""The commit of a batch: take the lock, read the stored state, make the commit plan, write in bulk, and commit once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CompoundSelect,
    Delete,
    Dialect,
    Insert,
    Integer,
    Select,
    String,
    Table,
    Update,
    bindparam,
    cast,
    delete,
    func,
    literal,
    literal_column,
    null,
    select,
    union_all,
    update,
)

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.connections.head_watcher import EMPTY_LOG_HEAD
from catalog.adapters.sql.dialect import SqlDialect, Statement
from catalog.adapters.sql.reads.log_queries import PRUNE, RAISE_FLOOR
from catalog.adapters.sql.reads.suggestions import COUNT_SWEEP, delete_unused_statement
from catalog.adapters.sql.row_mapping import (
    CATEGORY_ROW,
    CHANGE_ROW,
    ITEM_ROW,
    RECORD_ROW,
    from_category,
    from_change,
    from_item,
    from_record,
)
from catalog.adapters.sql.schema.tables import (
    EVERY_CATEGORY,
    THE_HEAD,
    categories,
    change_log,
    expiring_records,
    item_attributes,
    items,
    log_head,
    name_words,
)
from catalog.domain.changes.commit_plan import CategoryNode, CommitPlan, Outcome, StoredState, plan_commit, read_set
from catalog.domain.changes.expiring_record import RETENTION
from catalog.domain.changes.log import AnyChange, ChangeSet, LogEntry
from catalog.domain.errors import SchemaOutdated
from catalog.domain.items.attributes import sort_key
from catalog.domain.items.item import Item, changed_fields
from catalog.domain.search.search import SEARCHED_FIELDS, ItemTerms

_UPDATED_COLUMNS = (
    "sku",
    "name",
    "name_key",
    "description",
    "category",
    "currency",
    "price_minor",
    "attributes",
    "version",
    "updated_at",
)

_UPDATED_CATEGORY_COLUMNS = ("name", "parent", "position", "version")

# A batch may give the old SKU of one item to another. So rows whose SKU changes first get a placeholder that is not a valid SKU.
_PLACEHOLDER_SKU = literal("~") + cast(items.c.id, String)

_ITEM, _CATEGORY, _ITEM_COUNT, _TOMBSTONE, _RECORD, _HEAD = range(6)
"""The kinds of rows that the state statement returns."""

_SWEEP_INTERVAL = timedelta(minutes=1)
"""The time between two deletions of expired records."""

_MAX_KNOWN_WORDS = 50_000
"""Words that are remembered as already stored."""


_Row = Sequence[Any]
_InsertRow = tuple[int, _Row, ItemTerms]
"""A new item: its `seq`, the rest of its row, and its terms."""

_ENTRY_COLUMNS = ("seq", *CHANGE_ROW, "actor", "request_id")
_TERM_COLUMNS = ("seq", "name", "text")
_ATTRIBUTE_COLUMNS = tuple(column.name for column in item_attributes.c)


class LockedState(NamedTuple):
    """What a transaction read after taking the lock: the stored state of a batch's read set, and the `seq` of each item."""

    state: StoredState
    seqs: Mapping[UUID, int]


class PreparedRows:
    """The parts of rows that do not depend on the stored state. They are built before the lock is taken, to hold it briefly."""

    def __init__(self, changes: Sequence[AnyChange], prepared: Iterable["PreparedRows"] = ()) -> None:
        """Build the rows of each change and the row and terms of each new item, unless `prepared` has them."""
        # The rows are found by the id() of the change or item, so these must stay alive.
        self.changes_held = [changes]
        self.change_rows: dict[int, _Row] = {}
        self.item_rows: dict[int, tuple[_Row, ItemTerms]] = {}
        for rows in prepared:
            self.changes_held += rows.changes_held
            self.change_rows |= rows.change_rows
            self.item_rows |= rows.item_rows
        for change in changes:
            if id(change) not in self.change_rows:
                self.change_rows[id(change)] = from_change(change)
                if change.before is None and isinstance(change.after, Item):
                    self.item_rows[id(change.after)] = from_item(change.after), ItemTerms.from_item(change.after)

    def entry(self, entry: LogEntry) -> _Row:
        """Return the row of a log entry."""
        return (entry.seq, *self.change_rows[id(entry.change)], entry.origin.actor, entry.origin.request_id)

    def insert(self, item: Item) -> tuple[_Row, ItemTerms]:
        """Return the row of a new item, without its `seq`, and its terms."""
        return self.item_rows.get(id(item)) or (from_item(item), ItemTerms.from_item(item))


class _KnownWords:
    """Words of names that are known to be in the database, so that they are not written again.

    Valid only for one connection, and only until unused words are deleted or the log's head moves back: a database that was
    restored from a backup may have fewer words.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.known: set[str] = set()
        self._driver: object = None
        self._head = 0
        self._sweeps = 0

    def validate(self, driver: object, head: int, sweeps: int) -> None:
        """Forget all words if the connection has changed, unused words were deleted, or the head has moved back."""
        if driver is not self._driver or head < self._head or sweeps != self._sweeps:
            self.known.clear()
        self._driver, self._head, self._sweeps = driver, head, sweeps

    def add(self, words: set[str], head: int) -> None:
        """Remember words that were committed; `head` is the log's head after that commit."""
        if len(self.known) + len(words) > _MAX_KNOWN_WORDS:
            self.known.clear()
        self.known |= words
        self._head = head


class CommitStatements:
    """Commits batches, with statements that are compiled once."""

    def __init__(self, dialect: SqlDialect, sqlalchemy_dialect: Dialect) -> None:
        """Compile the statements for a database."""

        def compiled(statement: Select[Any] | CompoundSelect[Any] | Insert | Update | Delete) -> CompiledStatement:
            return CompiledStatement(statement, sqlalchemy_dialect)

        self._dialect = dialect
        self._state_statements = {
            (tree, history): compiled(_state_statement(dialect, tree=tree, history=history))
            for tree in (False, True)
            for history in (False, True)
        }
        self._delete_terms = compiled(delete(dialect.term_table).where(dialect.any_of(dialect.term_table_key, "deleted")))
        self._delete_items = compiled(delete(items).where(dialect.any_of(items.c.seq, "deleted")))
        self._delete_categories = compiled(delete(categories).where(dialect.any_of(categories.c.id, "deleted")))
        self._free_skus = compiled(update(items).where(dialect.any_of(items.c.id, "changed_skus")).values(sku=_PLACEHOLDER_SKU))
        self._update_items = compiled(dialect.update(items, items.c.id, _UPDATED_COLUMNS))
        self._update_categories = compiled(dialect.update(categories, categories.c.id, _UPDATED_CATEGORY_COLUMNS))
        self._insert_items = compiled(dialect.insert(items))
        self._insert_categories = compiled(dialect.insert(categories))
        self._insert_terms = compiled(dialect.insert_terms)
        self._update_terms = compiled(dialect.update_terms)
        self._insert_attributes = compiled(dialect.insert(item_attributes))
        self._delete_attributes = compiled(dialect.delete(item_attributes))
        self._insert_name_words = compiled(dialect.insert_missing(name_words))
        self._insert_entries = compiled(dialect.insert(change_log))
        self._upsert_records = compiled(dialect.upsert(expiring_records))
        self._delete_expired = compiled(
            delete(expiring_records).where(expiring_records.c.at < bindparam("before", type_=expiring_records.c.at.type))
        )
        self._prune = compiled(PRUNE)
        self._raise_floor = compiled(RAISE_FLOOR)
        self._sweep_words = compiled(delete_unused_statement(dialect))
        self._count_sweep = compiled(COUNT_SWEEP)
        self._last_sweep: datetime | None = None
        self._move_head = compiled(dialect.move_head)
        self._known_words = _KnownWords()

    async def begin(self, driver: Any, batch: Sequence[ChangeSet]) -> LockedState:  # noqa: ANN401 - a driver's connection
        """Begin a transaction, take the lock, and read the stored state of the batch's read set.

        Raises SchemaOutdated if the log's head is missing.
        """
        reads = read_set(batch)
        list_parameter = self._dialect.list_parameter
        values = {
            "ids": list_parameter(reads.ids),
            "skus": list_parameter(reads.skus),
            "slugs": list_parameter(reads.slugs),
            "deleted_slugs": list_parameter(reads.deleted_slugs),
            "restored_ids": list_parameter(reads.restored_ids),
            "record_keys": list_parameter(reads.record_keys),
        }
        statement = self._state_statements[reads.needs_tree, bool(reads.restored_ids or reads.record_keys)]
        rows = statement.rows(await self._dialect.begin(driver, statement.sql, statement.parameters(values)))
        versions: dict[UUID, int] = {}
        item_ids_by_sku: dict[str, UUID] = {}
        seqs: dict[UUID, int] = {}
        category_nodes: dict[str, CategoryNode] = {}
        item_counts: dict[str, int] = {}
        tombstones: dict[UUID, int] = {}
        record_times: dict[str, datetime] = {}
        head: int | None = None
        sweeps = 0
        for kind, subject_id, version, key, number, parent, *at in rows:
            if kind == _ITEM:
                versions[subject_id], item_ids_by_sku[key], seqs[subject_id] = version, subject_id, number
            elif kind == _CATEGORY:
                category_nodes[key] = CategoryNode(subject_id, version, parent)
            elif kind == _ITEM_COUNT:
                item_counts[key] = number
            elif kind == _TOMBSTONE:
                tombstones[subject_id] = number
            elif kind == _RECORD:
                record_times[key] = at[0]
            else:
                head, sweeps = number, version
        if head is None:
            raise SchemaOutdated(EMPTY_LOG_HEAD)
        self._known_words.validate(driver, head, sweeps)
        return LockedState(
            StoredState(head, versions, item_ids_by_sku, category_nodes, item_counts, tombstones, record_times), seqs
        )

    async def finish(
        self,
        driver: Any,  # noqa: ANN401 - a driver's connection
        batch: Sequence[ChangeSet],
        prepared: PreparedRows,
        locked: LockedState,
    ) -> Sequence[Outcome]:
        """Plan the commit of a batch, write it, and commit the transaction."""
        plan = plan_commit(batch, locked.state)
        inserts = [(insert.seq, *prepared.insert(insert.item)) for insert in plan.inserted]
        new_words = self._new_words(plan, inserts)
        entries = list(map(prepared.entry, plan.entries))
        await self._dialect.finish(driver, self._statements(plan, inserts, entries, locked.seqs, new_words))
        self._known_words.add(new_words, plan.entries[-1].seq if plan.entries else locked.state.head)
        return plan.outcomes

    async def prune(self, driver: Any, up_to_seq: int) -> None:  # noqa: ANN401 - a driver's connection
        """Delete the log's entries up to number `up_to_seq` and commit the transaction that `begin` began."""
        await self._dialect.finish(driver, [[_bind(self._prune, upto=up_to_seq), _bind(self._raise_floor, upto=up_to_seq)]])

    async def sweep_words(self, driver: Any, unused: Sequence[str]) -> None:  # noqa: ANN401 - a driver's connection
        """Delete those of the words that are still unused and commit the transaction that `begin` began."""
        sweep = _bind(self._sweep_words, unused=self._dialect.list_parameter(unused))
        await self._dialect.finish(driver, [[sweep, _bind(self._count_sweep)]])

    def _statements(
        self,
        plan: CommitPlan,
        inserts: Sequence[_InsertRow],
        entries: Sequence[_Row],
        seqs: Mapping[UUID, int],
        new_words: set[str],
    ) -> list[list[Statement]]:
        """Return the statements that write a plan, in two steps: the first frees SKUs and slugs, the second uses them."""
        first_step: list[Statement] = []
        second_step: list[Statement] = []

        def add(statement: CompiledStatement, names: Sequence[str], rows: Sequence[_Row], into: Table | None = None) -> None:
            if rows:
                second_step.append(self._dialect.bulk(statement, names, rows, into))

        if plan.deleted:
            deleted = self._dialect.list_parameter([seqs[item.id] for item in plan.deleted])
            first_step += (_bind(self._delete_terms, deleted=deleted), _bind(self._delete_items, deleted=deleted))
        if plan.changed_skus:
            first_step.append(_bind(self._free_skus, changed_skus=self._dialect.list_parameter(plan.changed_skus)))
        deleted_attributes, inserted_attributes = _attribute_changes(plan, seqs)
        add(self._delete_attributes, _ATTRIBUTE_COLUMNS, deleted_attributes)
        category_writes = plan.categories
        if category_writes.deleted:
            deleted = self._dialect.list_parameter([category.id for category in category_writes.deleted])
            first_step.append(_bind(self._delete_categories, deleted=deleted))
        add(self._update_categories, ("key", *CATEGORY_ROW[1:]), list(map(from_category, category_writes.updated)))
        add(self._insert_categories, CATEGORY_ROW, list(map(from_category, category_writes.inserted)))
        add(self._update_items, ("key", *ITEM_ROW[1:]), [from_item(change.subject) for change in plan.updated])
        add(self._insert_items, ("seq", *ITEM_ROW), [(seq, *row) for seq, row, _ in inserts], items)
        add(
            self._insert_terms,
            _TERM_COLUMNS,
            [(seq, terms.name, terms.text) for seq, _, terms in inserts],
            self._dialect.term_table,
        )
        add(self._update_terms, _TERM_COLUMNS, _updated_terms(plan, seqs))
        add(self._insert_attributes, _ATTRIBUTE_COLUMNS, inserted_attributes, item_attributes)
        add(self._insert_name_words, ("word", "reversed"), [(word, word[::-1]) for word in new_words])
        if plan.records:
            first_step += self._expired_record_statements(max(record.created_at for record in plan.records))
        add(self._upsert_records, RECORD_ROW, list(map(from_record, plan.records)))
        add(self._insert_entries, _ENTRY_COLUMNS, entries, change_log)
        if plan.entries:
            second_step.append(_bind(self._move_head, head=plan.entries[-1].seq))
        return [step for step in (first_step, second_step) if step]

    def _expired_record_statements(self, now: datetime) -> list[Statement]:
        """Return a statement that deletes expired records, at most once per interval."""
        if self._last_sweep is not None and self._last_sweep <= now < self._last_sweep + _SWEEP_INTERVAL:
            return []
        self._last_sweep = now
        return [_bind(self._delete_expired, before=now - RETENTION)]

    def _new_words(self, plan: CommitPlan, inserts: Iterable[_InsertRow]) -> set[str]:
        """Return the words of new names that are not known to be stored."""
        new_words = {word for _, _, terms in inserts for word in terms.suggestable.split()}
        for change in plan.updated:
            if change.before is None or change.before.name != change.subject.name:
                new_words.update(ItemTerms.from_item(change.subject).suggestable.split())
        return new_words - self._known_words.known


def _state_statement(dialect: SqlDialect, *, tree: bool, history: bool) -> CompoundSelect[Any]:
    """Select the stored state of a read set. Each part uses its own index: with OR instead of UNION, Postgres scanned the table.

    `tree` adds all categories, and the item counts of those to be deleted; `history` adds tombstones and record times.
    """
    item = select(
        literal_column(str(_ITEM), Integer()).label("kind"),
        items.c.id,
        items.c.version,
        items.c.sku,
        items.c.seq,
        cast(null(), categories.c.parent.type).label("parent"),
    )
    category = select(
        literal_column(str(_CATEGORY)), categories.c.id, categories.c.version, categories.c.slug, null(), categories.c.parent
    ).select_from(categories)
    parts = [item.where(dialect.any_of(items.c.id, "ids")), item.where(dialect.any_of(items.c.sku, "skus"))]
    if tree:
        parts.append(category.where(EVERY_CATEGORY))
        parts.append(
            select(literal_column(str(_ITEM_COUNT)), null(), null(), items.c.category, func.count(), null())
            .where(dialect.any_of(items.c.category, "deleted_slugs"))
            .group_by(items.c.category)
        )
    else:
        parts.append(category.where(dialect.any_of(categories.c.slug, "slugs")))
    if history:
        parts.append(
            select(
                literal_column(str(_TOMBSTONE)), change_log.c.subject_id, null(), null(), func.max(change_log.c.version), null()
            )
            .where(dialect.any_of(change_log.c.subject_id, "restored_ids"))
            .group_by(change_log.c.subject_id)
        )
    parts.append(
        select(literal_column(str(_HEAD)), null(), log_head.c.word_sweeps, null(), log_head.c.seq, null()).where(THE_HEAD)
    )
    if not history:
        return union_all(*parts)
    # The times of records need another column, which only this statement has.
    at = cast(null(), expiring_records.c.at.type).label("at")
    record = select(literal_column(str(_RECORD)), null(), null(), expiring_records.c.key, null(), null(), expiring_records.c.at)
    return union_all(
        *(part.add_columns(at) for part in parts), record.where(dialect.any_of(expiring_records.c.key, "record_keys"))
    )


def _attribute_changes(plan: CommitPlan, seqs: Mapping[UUID, int]) -> tuple[list[_Row], list[_Row]]:
    """Return the attribute index rows to delete and those to insert."""
    deleted_attributes = [row for item in plan.deleted for row in _attribute_rows(item, seqs[item.id])]
    inserted_attributes: list[_Row] = []
    for insert in plan.inserted:
        inserted_attributes += _attribute_rows(insert.item, insert.seq)
    for change in plan.updated:
        if change.before is not None and change.after is not None and change.before.attributes != change.after.attributes:
            before, after = (_attribute_rows(item, seqs[item.id]) for item in (change.before, change.after))
            deleted_attributes += [row for row in before if row not in after]
            inserted_attributes += [row for row in after if row not in before]
    return deleted_attributes, inserted_attributes


def _attribute_rows(item: Item, seq: int) -> list[_Row]:
    return [(name, sort_key(value), seq) for name, value in item.attributes.items()]


def _bind(statement: CompiledStatement, **values: Any) -> Statement:  # noqa: ANN401 - whatever the driver takes
    """Return a statement to run once, with these parameters."""
    return Statement(statement.sql, [statement.parameters(values)])


def _updated_terms(plan: CommitPlan, seqs: Mapping[UUID, int]) -> list[_Row]:
    """Return the search index rows of updated items of which a searched field has changed."""
    updated = [
        (seqs[change.subject.id], ItemTerms.from_item(change.subject))
        for change in plan.updated
        if change.before is None or not changed_fields(change.before, change.subject).isdisjoint(SEARCHED_FIELDS)
    ]
    return [(seq, terms.name, terms.text) for seq, terms in updated]
