"""The commit, as catalog.domain.admission tells it: lock, read the standing, ask, write in bulk, commit once."""

from collections.abc import Mapping, Sequence
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

from catalog.adapters.sql.direct import Direct
from catalog.adapters.sql.flavour import Flavour, Statement
from catalog.adapters.sql.reading_log import PRUNE, RAISE_FLOOR
from catalog.adapters.sql.rows import from_category, from_change, from_item, from_note
from catalog.adapters.sql.tables import categories, change_log, item_attributes, items, log_head, name_words, notes
from catalog.adapters.sql.watching import EMPTY
from catalog.domain.admission import Admission, Born, Outcome, Spot, Standing, admit, named
from catalog.domain.attributes import sort_key
from catalog.domain.changelog import ChangeSet, LogEntry
from catalog.domain.errors import SchemaOutdated
from catalog.domain.item import Item, touched
from catalog.domain.note import KEPT
from catalog.domain.search import SEARCHED, SearchWords
from catalog.domain.text import words

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


class Stood(NamedTuple):
    """What a transaction found when it began: the standing of what a batch names, and the items' places in the table."""

    standing: Standing
    seqs: Mapping[UUID, int]


class Prepared:
    """The rows of a batch, as far as they do not depend on what stands: made before the lock is taken, which others wait for."""

    def __init__(self, batch: Sequence[ChangeSet]) -> None:
        """Write down every change, and every new item with its words."""
        self._changes = {id(change): from_change(change, its.origin) for its in batch for change in its.changes}
        self._items: dict[int, tuple[dict[str, Any], SearchWords]] = {}
        for change_set in batch:
            for change in change_set.changes:
                if change.before is None and isinstance(change.after, Item):
                    self._items[id(change.after)] = from_item(change.after), SearchWords.of(change.after)

    def entry(self, entry: LogEntry) -> dict[str, Any]:
        """Return the row of an entry of the log."""
        return {"seq": entry.seq, **self._changes[id(entry.change)]}

    def born(self, born: Born) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the row of a new item, and that of its words."""
        item = born.item
        row, words = self._items.get(id(item)) or (from_item(item), SearchWords.of(item))
        return {"seq": born.seq, **row}, _words(words, born.seq)


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
        self._swept: datetime | None = None
        self._move_head = compiled(flavour.move_head)
        self._written_words: set[str] = set()

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
                head = number
        if head is None:
            raise SchemaOutdated(EMPTY)
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
        fresh = self._fresh_words(admission)
        await self._flavour.finish(driver, self._writes(admission, prepared, stood.seqs, fresh))
        if len(self._written_words) + len(fresh) > _MOST_WORDS:
            self._written_words.clear()
        self._written_words |= fresh
        return admission.outcomes

    async def prune(self, driver: Any, upto: int) -> None:  # noqa: ANN401 - likewise
        """Forget the log's entries up to a number, in the transaction that was begun, and commit it."""
        await self._flavour.finish(driver, [[_once(self._prune, upto=upto), _once(self._raise_floor, upto=upto)]])

    def _writes(
        self, admission: Admission, prepared: Prepared, seqs: Mapping[UUID, int], fresh: set[str]
    ) -> list[list[Statement]]:
        """List the statements that write the net of a batch, in two steps: what frees SKUs and slugs, then what takes them."""
        frees: list[Statement] = []
        takes: list[Statement] = []

        def each(statement: Direct, rows: Sequence[Mapping[str, Any]], into: Table | None = None) -> None:
            if rows:
                takes.append(self._flavour.bulk(statement, rows, into))

        if admission.removed:
            gone = self._flavour.listed([seqs[item.id] for item in admission.removed])
            frees += (_once(self._remove_words, gone=gone), _once(self._remove_items, gone=gone))
        if admission.renamed:
            frees.append(_once(self._park, renamed=self._flavour.listed(admission.renamed)))
        lost, gained = _attributes(admission, seqs)
        each(self._remove_attributes, lost)
        grove = admission.grove
        if grove.removed:
            gone = self._flavour.listed([category.id for category in grove.removed])
            frees.append(_once(self._remove_categories, gone=gone))
        each(self._change_categories, [from_category(its) | {"key": its.id} for its in grove.changed])
        each(self._add_categories, [from_category(its) for its in grove.born])
        each(self._change_items, [from_item(net.subject) | {"key": net.subject.id} for net in admission.changed])
        born = [prepared.born(its) for its in admission.born]
        each(self._add_items, [row for row, _ in born], items)
        each(self._add_words, [row for _, row in born], self._flavour.words)
        each(self._change_words, _changed_words(admission, seqs))
        each(self._add_attributes, gained, item_attributes)
        each(self._add_name_words, [{"word": word, "reversed": word[::-1]} for word in fresh])
        if admission.notes:
            frees += self._sweeps(max(note.at for note in admission.notes))
        each(self._put_notes, [from_note(note) for note in admission.notes])
        each(self._add_entries, list(map(prepared.entry, admission.entries)), change_log)
        if admission.entries:
            takes.append(_once(self._move_head, head=admission.entries[-1].seq))
        return [step for step in (frees, takes) if step]

    def _sweeps(self, now: datetime) -> list[Statement]:
        """Have the notes swept that are kept no more, now and then."""
        if self._swept is not None and now < self._swept + _SWEEPING:
            return []
        self._swept = now
        return [_once(self._sweep_notes, before=now - KEPT)]

    def _fresh_words(self, admission: Admission) -> set[str]:
        """Gather the words of new names that are not known to be written."""
        names = [born.item.name for born in admission.born]
        names += [net.subject.name for net in admission.changed if net.before is None or net.before.name != net.subject.name]
        return {word for name in names for word in words(name)} - self._written_words


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
        parts.append(category)
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
    parts.append(select(literal_column(str(_HEAD)), null(), null(), null(), log_head.c.seq, null()))
    if not past:
        return union_all(*parts)
    # The times of notes stand in one more column, which only those who ask for them pay for.
    at = cast(null(), notes.c.at.type).label("at")
    note = select(literal_column(str(_NOTE)), null(), null(), notes.c.key, null(), null(), notes.c.at)
    return union_all(*(part.add_columns(at) for part in parts), note.where(flavour.among(notes.c.key, "notes")))


def _attributes(admission: Admission, seqs: Mapping[UUID, int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the index rows of attributes that are to go, and those that are to come."""
    lost = [row for item in admission.removed for row in _attribute_rows(item, seqs[item.id])]
    gained = [row for born in admission.born for row in _attribute_rows(born.item, born.seq)]
    for net in admission.changed:
        if net.before is not None and net.after is not None and net.before.attributes != net.after.attributes:
            was, will_be = (_attribute_rows(item, seqs[item.id]) for item in (net.before, net.after))
            lost += [row for row in was if row not in will_be]
            gained += [row for row in will_be if row not in was]
    return lost, gained


def _attribute_rows(item: Item, seq: int) -> list[dict[str, Any]]:
    return [{"name": name, "key": sort_key(value), "seq": seq} for name, value in item.attributes.items()]


def _once(statement: Direct, **values: Any) -> Statement:  # noqa: ANN401 - whatever the driver takes
    """Have a statement run once."""
    return Statement(statement.sql, [statement.parameters(values)])


def _changed_words(admission: Admission, seqs: Mapping[UUID, int]) -> list[dict[str, Any]]:
    """Return the index rows of changed items; an item of which nothing that is searched was touched is left alone."""
    return [
        _words(SearchWords.of(net.subject), seqs[net.subject.id])
        for net in admission.changed
        if net.before is None or not touched(net.before, net.subject).isdisjoint(SEARCHED)
    ]


def _words(words: SearchWords, seq: int) -> dict[str, Any]:
    return {"seq": seq, "name": words.name, "text": words.text}
