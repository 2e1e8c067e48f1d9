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

from catalog.adapters.sql.compiled_statement import Direct
from catalog.adapters.sql.connections.head_watcher import EMPTY
from catalog.adapters.sql.dialect import Flavour, Statement
from catalog.adapters.sql.reads.log_queries import PRUNE, RAISE_FLOOR
from catalog.adapters.sql.reads.suggestions import COUNT_SWEEP, sweep_statement
from catalog.adapters.sql.row_mapping import (
    CATEGORY_ROW,
    CHANGE_ROW,
    ITEM_ROW,
    NOTE_ROW,
    from_category,
    from_change,
    from_item,
    from_note,
)
from catalog.adapters.sql.schema.tables import (
    EVERY_CATEGORY,
    THE_HEAD,
    categories,
    change_log,
    item_attributes,
    items,
    log_head,
    name_words,
    notes,
)
from catalog.domain.changes.commit_plan import Admission, Outcome, Spot, Standing, admit, named
from catalog.domain.changes.expiring_record import SWEPT
from catalog.domain.changes.log import AnyChange, ChangeSet, LogEntry
from catalog.domain.errors import SchemaOutdated
from catalog.domain.items.attributes import sort_key
from catalog.domain.items.item import Item, touched
from catalog.domain.search.search import SEARCHED, SearchWords

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


_ITEM, _CATEGORY, _INHABITANTS, _GRAVE, _NOTE, _HEAD = range(6)
"""What a row of the standing tells of."""

_SWEEPING = timedelta(minutes=1)
"""The time between two sweeps of the notes."""

_MOST_WORDS = 50_000
"""Words that are known to be written, and so are not written again."""


_Row = Sequence[Any]
_Born = tuple[int, _Row, SearchWords]
"""A new item: its number, its row but for that, and its words."""

_ENTRY = ("seq", *CHANGE_ROW, "actor", "request_id")
_WORDS = ("seq", "name", "text")
_ATTRIBUTE = tuple(its.name for its in item_attributes.c)


class Stood(NamedTuple):
    """What a transaction found when it began: the standing of what a batch names, and the items' places in the table."""

    standing: Standing
    seqs: Mapping[UUID, int]


class Prepared:
    """The rows of changes, as far as they do not depend on what stands: made before the lock is taken, which others wait for."""

    def __init__(self, changes: Sequence[AnyChange], ready: Iterable["Prepared"] = ()) -> None:
        """Write down every change, and every new item with its words, unless that is `ready`."""
        # As long as the changes are held here, nothing else has their ids.
        self.held = [changes]
        self.changes: dict[int, _Row] = {}
        self.items: dict[int, tuple[_Row, SearchWords]] = {}
        for its in ready:
            self.held += its.held
            self.changes |= its.changes
            self.items |= its.items
        for change in changes:
            if id(change) not in self.changes:
                self.changes[id(change)] = from_change(change)
                if change.before is None and isinstance(change.after, Item):
                    self.items[id(change.after)] = from_item(change.after), SearchWords.of(change.after)

    def entry(self, entry: LogEntry) -> _Row:
        """Return the row of an entry of the log."""
        return (entry.seq, *self.changes[id(entry.change)], entry.origin.actor, entry.origin.request_id)

    def born(self, item: Item) -> tuple[_Row, SearchWords]:
        """Return the row of a new item, but for its number, and its words."""
        return self.items.get(id(item)) or (from_item(item), SearchWords.of(item))


class _WrittenWords:
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

    def look(self, driver: object, head: int, sweeps: int) -> None:
        """Forget everything on another connection, after a sweep, and where the log ends earlier than it did."""
        if driver is not self._driver or head < self._head or sweeps != self._sweeps:
            self.known.clear()
        self._driver, self._head, self._sweeps = driver, head, sweeps

    def add(self, words: set[str], head: int) -> None:
        """Know these too; they were committed, and the log ends with entry `head`."""
        if len(self.known) + len(words) > _MOST_WORDS:
            self.known.clear()
        self.known |= words
        self._head = head


class Committing:
    """The statements of a commit, compiled once, and the way through them."""

    def __init__(self, flavour: Flavour, dialect: Dialect) -> None:
        """Compile for a database."""

        def compiled(statement: Select[Any] | CompoundSelect[Any] | Insert | Update | Delete) -> Direct:
            return Direct(statement, dialect)

        self._flavour = flavour
        self._standings = {
            (tree, past): compiled(_standing(flavour, tree=tree, past=past)) for tree in (False, True) for past in (False, True)
        }
        self._remove_words = compiled(delete(flavour.words).where(flavour.among(flavour.words_key, "gone")))
        self._remove_items = compiled(delete(items).where(flavour.among(items.c.seq, "gone")))
        self._remove_categories = compiled(delete(categories).where(flavour.among(categories.c.id, "gone")))
        self._park = compiled(update(items).where(flavour.among(items.c.id, "renamed")).values(sku=_PARKED))
        self._change_items = compiled(flavour.update(items, items.c.id, _CHANGED))
        self._change_categories = compiled(flavour.update(categories, categories.c.id, _CATEGORY_CHANGED))
        self._add_items = compiled(flavour.insert(items))
        self._add_categories = compiled(flavour.insert(categories))
        self._add_words = compiled(flavour.insert_words)
        self._change_words = compiled(flavour.update_words)
        self._add_attributes = compiled(flavour.insert(item_attributes))
        self._remove_attributes = compiled(flavour.delete(item_attributes))
        self._add_name_words = compiled(flavour.insert_missing(name_words))
        self._add_entries = compiled(flavour.insert(change_log))
        self._put_notes = compiled(flavour.upsert(notes))
        self._sweep_notes = compiled(delete(notes).where(notes.c.at < bindparam("before", type_=notes.c.at.type)))
        self._prune = compiled(PRUNE)
        self._raise_floor = compiled(RAISE_FLOOR)
        self._sweep_words = compiled(sweep_statement(flavour))
        self._count_sweep = compiled(COUNT_SWEEP)
        self._swept: datetime | None = None
        self._move_head = compiled(flavour.move_head)
        self._written_words = _WrittenWords()

    async def begin(self, driver: Any, batch: Sequence[ChangeSet]) -> Stood:  # noqa: ANN401 - a driver's connection
        """Begin a transaction, take the lock, and read the standing of what the batch names."""
        names = named(batch)
        listed = self._flavour.listed
        values = {
            "ids": listed(names.ids),
            "skus": listed(names.skus),
            "slugs": listed(names.slugs),
            "left": listed(names.leaving),
            "returning": listed(names.returning),
            "notes": listed(names.notes),
        }
        statement = self._standings[names.tree, bool(names.returning or names.notes)]
        rows = statement.rows(await self._flavour.begin(driver, statement.sql, statement.parameters(values)))
        versions: dict[UUID, int] = {}
        owners: dict[str, UUID] = {}
        seqs: dict[UUID, int] = {}
        places: dict[str, Spot] = {}
        inhabitants: dict[str, int] = {}
        graves: dict[UUID, int] = {}
        noted: dict[str, datetime] = {}
        head: int | None = None
        sweeps = 0
        for kind, its_id, version, key, number, parent, *at in rows:
            if kind == _ITEM:
                versions[its_id], owners[key], seqs[its_id] = version, its_id, number
            elif kind == _CATEGORY:
                places[key] = Spot(its_id, version, parent)
            elif kind == _INHABITANTS:
                inhabitants[key] = number
            elif kind == _GRAVE:
                graves[its_id] = number
            elif kind == _NOTE:
                noted[key] = at[0]
            else:
                head, sweeps = number, version
        if head is None:
            raise SchemaOutdated(EMPTY)
        self._written_words.look(driver, head, sweeps)
        return Stood(Standing(head, versions, owners, places, inhabitants, graves, noted), seqs)

    async def finish(
        self,
        driver: Any,  # noqa: ANN401 - likewise
        batch: Sequence[ChangeSet],
        prepared: Prepared,
        stood: Stood,
    ) -> Sequence[Outcome]:
        """Write what is admitted of the batch, and commit."""
        admission = admit(batch, stood.standing)
        born = [(its.seq, *prepared.born(its.item)) for its in admission.born]
        fresh = self._fresh_words(admission, born)
        entries = list(map(prepared.entry, admission.entries))
        await self._flavour.finish(driver, self._writes(admission, born, entries, stood.seqs, fresh))
        self._written_words.add(fresh, admission.entries[-1].seq if admission.entries else stood.standing.head)
        return admission.outcomes

    async def prune(self, driver: Any, upto: int) -> None:  # noqa: ANN401 - likewise
        """Forget the log's entries up to a number, in the transaction that was begun, and commit it."""
        await self._flavour.finish(driver, [[_once(self._prune, upto=upto), _once(self._raise_floor, upto=upto)]])

    async def sweep_words(self, driver: Any, unused: Sequence[str]) -> None:  # noqa: ANN401 - likewise
        """Take out words that no name has, in the transaction that was begun, and commit it."""
        sweep = _once(self._sweep_words, unused=self._flavour.listed(unused))
        await self._flavour.finish(driver, [[sweep, _once(self._count_sweep)]])

    def _writes(
        self, admission: Admission, born: Sequence[_Born], entries: Sequence[_Row], seqs: Mapping[UUID, int], fresh: set[str]
    ) -> list[list[Statement]]:
        """List the statements that write the net of a batch, in two steps: what frees SKUs and slugs, then what takes them."""
        frees: list[Statement] = []
        takes: list[Statement] = []

        def each(statement: Direct, names: Sequence[str], rows: Sequence[_Row], into: Table | None = None) -> None:
            if rows:
                takes.append(self._flavour.bulk(statement, names, rows, into))

        if admission.removed:
            gone = self._flavour.listed([seqs[item.id] for item in admission.removed])
            frees += (_once(self._remove_words, gone=gone), _once(self._remove_items, gone=gone))
        if admission.renamed:
            frees.append(_once(self._park, renamed=self._flavour.listed(admission.renamed)))
        lost, gained = _attributes(admission, seqs)
        each(self._remove_attributes, _ATTRIBUTE, lost)
        grove = admission.grove
        if grove.removed:
            gone = self._flavour.listed([category.id for category in grove.removed])
            frees.append(_once(self._remove_categories, gone=gone))
        each(self._change_categories, ("key", *CATEGORY_ROW[1:]), list(map(from_category, grove.changed)))
        each(self._add_categories, CATEGORY_ROW, list(map(from_category, grove.born)))
        each(self._change_items, ("key", *ITEM_ROW[1:]), [from_item(net.subject) for net in admission.changed])
        each(self._add_items, ("seq", *ITEM_ROW), [(seq, *row) for seq, row, _ in born], items)
        each(self._add_words, _WORDS, [(seq, its.name, its.text) for seq, _, its in born], self._flavour.words)
        each(self._change_words, _WORDS, _changed_words(admission, seqs))
        each(self._add_attributes, _ATTRIBUTE, gained, item_attributes)
        each(self._add_name_words, ("word", "reversed"), [(word, word[::-1]) for word in fresh])
        if admission.notes:
            frees += self._sweeps(max(note.at for note in admission.notes))
        each(self._put_notes, NOTE_ROW, list(map(from_note, admission.notes)))
        each(self._add_entries, _ENTRY, entries, change_log)
        if admission.entries:
            takes.append(_once(self._move_head, head=admission.entries[-1].seq))
        return [step for step in (frees, takes) if step]

    def _sweeps(self, now: datetime) -> list[Statement]:
        """Have the notes swept that are kept no more, now and then."""
        if self._swept is not None and self._swept <= now < self._swept + _SWEEPING:
            return []
        self._swept = now
        return [_once(self._sweep_notes, before=now - SWEPT)]

    def _fresh_words(self, admission: Admission, born: Iterable[_Born]) -> set[str]:
        """Gather the words of new names that are not known to be written."""
        fresh = {word for _, _, its in born for word in its.spelled.split()}
        for net in admission.changed:
            if net.before is None or net.before.name != net.subject.name:
                fresh.update(SearchWords.of(net.subject).spelled.split())
        return fresh - self._written_words.known


def _standing(flavour: Flavour, *, tree: bool, past: bool) -> CompoundSelect[Any]:
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
    parts = [item.where(flavour.among(items.c.id, "ids")), item.where(flavour.among(items.c.sku, "skus"))]
    if tree:
        parts.append(category.where(EVERY_CATEGORY))
        parts.append(
            select(literal_column(str(_INHABITANTS)), null(), null(), items.c.category, func.count(), null())
            .where(flavour.among(items.c.category, "left"))
            .group_by(items.c.category)
        )
    else:
        parts.append(category.where(flavour.among(categories.c.slug, "slugs")))
    if past:
        parts.append(
            select(literal_column(str(_GRAVE)), change_log.c.subject_id, null(), null(), func.max(change_log.c.version), null())
            .where(flavour.among(change_log.c.subject_id, "returning"))
            .group_by(change_log.c.subject_id)
        )
    parts.append(
        select(literal_column(str(_HEAD)), null(), log_head.c.word_sweeps, null(), log_head.c.seq, null()).where(THE_HEAD)
    )
    if not past:
        return union_all(*parts)
    # The times of notes stand in one more column, which only those who ask for them pay for.
    at = cast(null(), notes.c.at.type).label("at")
    note = select(literal_column(str(_NOTE)), null(), null(), notes.c.key, null(), null(), notes.c.at)
    return union_all(*(part.add_columns(at) for part in parts), note.where(flavour.among(notes.c.key, "notes")))


def _attributes(admission: Admission, seqs: Mapping[UUID, int]) -> tuple[list[_Row], list[_Row]]:
    """Return the index rows of attributes that are to go, and those that are to come."""
    lost = [row for item in admission.removed for row in _attribute_rows(item, seqs[item.id])]
    gained: list[_Row] = []
    for born in admission.born:
        gained += _attribute_rows(born.item, born.seq)
    for net in admission.changed:
        if net.before is not None and net.after is not None and net.before.attributes != net.after.attributes:
            was, will_be = (_attribute_rows(item, seqs[item.id]) for item in (net.before, net.after))
            lost += [row for row in was if row not in will_be]
            gained += [row for row in will_be if row not in was]
    return lost, gained


def _attribute_rows(item: Item, seq: int) -> list[_Row]:
    return [(name, sort_key(value), seq) for name, value in item.attributes.items()]


def _once(statement: Direct, **values: Any) -> Statement:  # noqa: ANN401 - whatever the driver takes
    """Have a statement run once."""
    return Statement(statement.sql, [statement.parameters(values)])


def _changed_words(admission: Admission, seqs: Mapping[UUID, int]) -> list[_Row]:
    """Return the index rows of changed items; an item of which nothing that is searched was touched is left alone."""
    changed = [
        (seqs[net.subject.id], SearchWords.of(net.subject))
        for net in admission.changed
        if net.before is None or not touched(net.before, net.subject).isdisjoint(SEARCHED)
    ]
    return [(seq, its.name, its.text) for seq, its in changed]
