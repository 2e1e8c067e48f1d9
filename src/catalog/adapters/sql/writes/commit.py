"""The commit, as catalog.domain.changes.commit_plan tells it: lock, read the standing, ask, write in bulk, commit once."""

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
from catalog.adapters.sql.connections.head_watcher import NO_SCHEMA
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

_CHANGED = (
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

_CATEGORY_CHANGED = ("name", "parent", "position", "version")

# A SKU that is given up in a batch may be taken up in the same batch, by another row. So the rows that change theirs
# first get one that no item can have.
_PARKED = literal("~") + cast(items.c.id, String)


_ITEM, _CATEGORY, _ITEM_COUNT, _TOMBSTONE, _RECORD, _HEAD = range(6)
"""What a row of the standing tells of."""

_SWEEP_INTERVAL = timedelta(minutes=1)
"""The time between two sweeps of the notes."""

_MAX_KNOWN_WORDS = 50_000
"""Words that are known to be written, and so are not written again."""


_Row = Sequence[Any]
_InsertRow = tuple[int, _Row, ItemTerms]
"""A new item: its number, its row but for that, and its words."""

_ENTRY = ("seq", *CHANGE_ROW, "actor", "request_id")
_WORDS = ("seq", "name", "text")
_ATTRIBUTE = tuple(its.name for its in item_attributes.c)


class LockedState(NamedTuple):
    """What a transaction found when it began: the standing of what a batch names, and the items' places in the table."""

    state: StoredState
    seqs: Mapping[UUID, int]


class PreparedRows:
    """The rows of changes, as far as they do not depend on what stands: made before the lock is taken, which others wait for."""

    def __init__(self, changes: Sequence[AnyChange], ready: Iterable["PreparedRows"] = ()) -> None:
        """Write down every change, and every new item with its words, unless that is `ready`."""
        # As long as the changes are held here, nothing else has their ids.
        self.changes_held = [changes]
        self.changes: dict[int, _Row] = {}
        self.items: dict[int, tuple[_Row, ItemTerms]] = {}
        for its in ready:
            self.changes_held += its.changes_held
            self.changes |= its.changes
            self.items |= its.items
        for change in changes:
            if id(change) not in self.changes:
                self.changes[id(change)] = from_change(change)
                if change.before is None and isinstance(change.after, Item):
                    self.items[id(change.after)] = from_item(change.after), ItemTerms.from_item(change.after)

    def entry(self, entry: LogEntry) -> _Row:
        """Return the row of an entry of the log."""
        return (entry.seq, *self.changes[id(entry.change)], entry.origin.actor, entry.origin.request_id)

    def insert(self, item: Item) -> tuple[_Row, ItemTerms]:
        """Return the row of a new item, but for its number, and its words."""
        return self.items.get(id(item)) or (from_item(item), ItemTerms.from_item(item))


class _KnownWords:
    """The words of names that are known to be in the database, so that they are not written again.

    What was seen on one connection is believed on that connection only, and only until somebody sweeps the words, or the log
    ends earlier than it did: a database that was restored from a backup knows fewer words.
    """

    def __init__(self) -> None:
        """Know none."""
        self.known: set[str] = set()
        self._driver: object = None
        self._head = 0
        self._sweeps = 0

    def validate(self, driver: object, head: int, sweeps: int) -> None:
        """Forget everything on another connection, after a sweep, and where the log ends earlier than it did."""
        if driver is not self._driver or head < self._head or sweeps != self._sweeps:
            self.known.clear()
        self._driver, self._head, self._sweeps = driver, head, sweeps

    def add(self, words: set[str], head: int) -> None:
        """Know these too; they were committed, and the log ends with entry `head`."""
        if len(self.known) + len(words) > _MAX_KNOWN_WORDS:
            self.known.clear()
        self.known |= words
        self._head = head


class CommitStatements:
    """The statements of a commit, compiled once, and the way through them."""

    def __init__(self, dialect: SqlDialect, compiler: Dialect) -> None:
        """Compile for a database."""

        def compiled(statement: Select[Any] | CompoundSelect[Any] | Insert | Update | Delete) -> CompiledStatement:
            return CompiledStatement(statement, compiler)

        self._dialect = dialect
        self._state_statements = {
            (tree, past): compiled(_state_statement(dialect, tree=tree, past=past))
            for tree in (False, True)
            for past in (False, True)
        }
        self._delete_terms = compiled(delete(dialect.term_table).where(dialect.any_of(dialect.term_table_key, "gone")))
        self._delete_items = compiled(delete(items).where(dialect.any_of(items.c.seq, "gone")))
        self._delete_categories = compiled(delete(categories).where(dialect.any_of(categories.c.id, "gone")))
        self._free_skus = compiled(update(items).where(dialect.any_of(items.c.id, "renamed")).values(sku=_PARKED))
        self._update_items = compiled(dialect.update(items, items.c.id, _CHANGED))
        self._update_categories = compiled(dialect.update(categories, categories.c.id, _CATEGORY_CHANGED))
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
        """Begin a transaction, take the lock, and read the standing of what the batch names."""
        names = read_set(batch)
        listed = self._dialect.list_parameter
        values = {
            "ids": listed(names.ids),
            "skus": listed(names.skus),
            "slugs": listed(names.slugs),
            "left": listed(names.deleted_slugs),
            "returning": listed(names.restored_ids),
            "notes": listed(names.record_keys),
        }
        statement = self._state_statements[names.needs_tree, bool(names.restored_ids or names.record_keys)]
        rows = statement.rows(await self._dialect.begin(driver, statement.sql, statement.parameters(values)))
        versions: dict[UUID, int] = {}
        owners: dict[str, UUID] = {}
        seqs: dict[UUID, int] = {}
        places: dict[str, CategoryNode] = {}
        inhabitants: dict[str, int] = {}
        graves: dict[UUID, int] = {}
        noted: dict[str, datetime] = {}
        head: int | None = None
        sweeps = 0
        for kind, its_id, version, key, number, parent, *at in rows:
            if kind == _ITEM:
                versions[its_id], owners[key], seqs[its_id] = version, its_id, number
            elif kind == _CATEGORY:
                places[key] = CategoryNode(its_id, version, parent)
            elif kind == _ITEM_COUNT:
                inhabitants[key] = number
            elif kind == _TOMBSTONE:
                graves[its_id] = number
            elif kind == _RECORD:
                noted[key] = at[0]
            else:
                head, sweeps = number, version
        if head is None:
            raise SchemaOutdated(NO_SCHEMA)
        self._known_words.validate(driver, head, sweeps)
        return LockedState(StoredState(head, versions, owners, places, inhabitants, graves, noted), seqs)

    async def finish(
        self,
        driver: Any,  # noqa: ANN401 - likewise
        batch: Sequence[ChangeSet],
        prepared: PreparedRows,
        locked: LockedState,
    ) -> Sequence[Outcome]:
        """Write what is admitted of the batch, and commit."""
        admission = plan_commit(batch, locked.state)
        born = [(its.seq, *prepared.insert(its.item)) for its in admission.inserted]
        fresh = self._new_words(admission, born)
        entries = list(map(prepared.entry, admission.entries))
        await self._dialect.finish(driver, self._writes(admission, born, entries, locked.seqs, fresh))
        self._known_words.add(fresh, admission.entries[-1].seq if admission.entries else locked.state.head)
        return admission.outcomes

    async def prune(self, driver: Any, upto: int) -> None:  # noqa: ANN401 - likewise
        """Forget the log's entries up to a number, in the transaction that was begun, and commit it."""
        await self._dialect.finish(driver, [[_once(self._prune, upto=upto), _once(self._raise_floor, upto=upto)]])

    async def sweep_words(self, driver: Any, unused: Sequence[str]) -> None:  # noqa: ANN401 - likewise
        """Take out words that no name has, in the transaction that was begun, and commit it."""
        sweep = _once(self._sweep_words, unused=self._dialect.list_parameter(unused))
        await self._dialect.finish(driver, [[sweep, _once(self._count_sweep)]])

    def _writes(
        self,
        admission: CommitPlan,
        born: Sequence[_InsertRow],
        entries: Sequence[_Row],
        seqs: Mapping[UUID, int],
        fresh: set[str],
    ) -> list[list[Statement]]:
        """List the statements that write the net of a batch, in two steps: what frees SKUs and slugs, then what takes them."""
        frees: list[Statement] = []
        takes: list[Statement] = []

        def each(statement: CompiledStatement, names: Sequence[str], rows: Sequence[_Row], into: Table | None = None) -> None:
            if rows:
                takes.append(self._dialect.bulk(statement, names, rows, into))

        if admission.deleted:
            gone = self._dialect.list_parameter([seqs[item.id] for item in admission.deleted])
            frees += (_once(self._delete_terms, gone=gone), _once(self._delete_items, gone=gone))
        if admission.changed_skus:
            frees.append(_once(self._free_skus, renamed=self._dialect.list_parameter(admission.changed_skus)))
        lost, gained = _attributes(admission, seqs)
        each(self._delete_attributes, _ATTRIBUTE, lost)
        grove = admission.categories
        if grove.deleted:
            gone = self._dialect.list_parameter([category.id for category in grove.deleted])
            frees.append(_once(self._delete_categories, gone=gone))
        each(self._update_categories, ("key", *CATEGORY_ROW[1:]), list(map(from_category, grove.updated)))
        each(self._insert_categories, CATEGORY_ROW, list(map(from_category, grove.inserted)))
        each(self._update_items, ("key", *ITEM_ROW[1:]), [from_item(net.subject) for net in admission.updated])
        each(self._insert_items, ("seq", *ITEM_ROW), [(seq, *row) for seq, row, _ in born], items)
        each(self._insert_terms, _WORDS, [(seq, its.name, its.text) for seq, _, its in born], self._dialect.term_table)
        each(self._update_terms, _WORDS, _changed_words(admission, seqs))
        each(self._insert_attributes, _ATTRIBUTE, gained, item_attributes)
        each(self._insert_name_words, ("word", "reversed"), [(word, word[::-1]) for word in fresh])
        if admission.records:
            frees += self._expired_record_statements(max(note.created_at for note in admission.records))
        each(self._upsert_records, RECORD_ROW, list(map(from_record, admission.records)))
        each(self._insert_entries, _ENTRY, entries, change_log)
        if admission.entries:
            takes.append(_once(self._move_head, head=admission.entries[-1].seq))
        return [step for step in (frees, takes) if step]

    def _expired_record_statements(self, now: datetime) -> list[Statement]:
        """Have the notes swept that are kept no more, now and then."""
        if self._last_sweep is not None and self._last_sweep <= now < self._last_sweep + _SWEEP_INTERVAL:
            return []
        self._last_sweep = now
        return [_once(self._delete_expired, before=now - RETENTION)]

    def _new_words(self, admission: CommitPlan, born: Iterable[_InsertRow]) -> set[str]:
        """Gather the words of new names that are not known to be written."""
        fresh = {word for _, _, its in born for word in its.suggestable.split()}
        for net in admission.updated:
            if net.before is None or net.before.name != net.subject.name:
                fresh.update(ItemTerms.from_item(net.subject).suggestable.split())
        return fresh - self._known_words.known


def _state_statement(flavour: SqlDialect, *, tree: bool, past: bool) -> CompoundSelect[Any]:
    """Ask for the standing in one go, each part by an index of its own: with OR, Postgres read the whole table.

    With `tree`, for all categories and for who stands in some; with `past`, for the graves of items and for notes.
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
    parts = [item.where(flavour.any_of(items.c.id, "ids")), item.where(flavour.any_of(items.c.sku, "skus"))]
    if tree:
        parts.append(category.where(EVERY_CATEGORY))
        parts.append(
            select(literal_column(str(_ITEM_COUNT)), null(), null(), items.c.category, func.count(), null())
            .where(flavour.any_of(items.c.category, "left"))
            .group_by(items.c.category)
        )
    else:
        parts.append(category.where(flavour.any_of(categories.c.slug, "slugs")))
    if past:
        parts.append(
            select(
                literal_column(str(_TOMBSTONE)), change_log.c.subject_id, null(), null(), func.max(change_log.c.version), null()
            )
            .where(flavour.any_of(change_log.c.subject_id, "returning"))
            .group_by(change_log.c.subject_id)
        )
    parts.append(
        select(literal_column(str(_HEAD)), null(), log_head.c.word_sweeps, null(), log_head.c.seq, null()).where(THE_HEAD)
    )
    if not past:
        return union_all(*parts)
    # The times of notes stand in one more column, which only those who ask for them pay for.
    at = cast(null(), expiring_records.c.at.type).label("at")
    note = select(literal_column(str(_RECORD)), null(), null(), expiring_records.c.key, null(), null(), expiring_records.c.at)
    return union_all(*(part.add_columns(at) for part in parts), note.where(flavour.any_of(expiring_records.c.key, "notes")))


def _attributes(admission: CommitPlan, seqs: Mapping[UUID, int]) -> tuple[list[_Row], list[_Row]]:
    """Return the index rows of attributes that are to go, and those that are to come."""
    lost = [row for item in admission.deleted for row in _attribute_rows(item, seqs[item.id])]
    gained: list[_Row] = []
    for born in admission.inserted:
        gained += _attribute_rows(born.item, born.seq)
    for net in admission.updated:
        if net.before is not None and net.after is not None and net.before.attributes != net.after.attributes:
            was, will_be = (_attribute_rows(item, seqs[item.id]) for item in (net.before, net.after))
            lost += [row for row in was if row not in will_be]
            gained += [row for row in will_be if row not in was]
    return lost, gained


def _attribute_rows(item: Item, seq: int) -> list[_Row]:
    return [(name, sort_key(value), seq) for name, value in item.attributes.items()]


def _once(statement: CompiledStatement, **values: Any) -> Statement:  # noqa: ANN401 - whatever the driver takes
    """Have a statement run once."""
    return Statement(statement.sql, [statement.parameters(values)])


def _changed_words(admission: CommitPlan, seqs: Mapping[UUID, int]) -> list[_Row]:
    """Return the index rows of changed items; an item of which nothing that is searched was touched is left alone."""
    changed = [
        (seqs[net.subject.id], ItemTerms.from_item(net.subject))
        for net in admission.updated
        if net.before is None or not changed_fields(net.before, net.subject).isdisjoint(SEARCHED_FIELDS)
    ]
    return [(seq, its.name, its.text) for seq, its in changed]
