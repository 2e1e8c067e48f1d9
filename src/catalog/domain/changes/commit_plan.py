"""Admission: which change sets of a batch may be written. Pure, and the same for every store.

A store takes its lock, reads the `Standing` of what a batch names, asks `admit`, writes what it is told, and commits
once. No rule about conflicts is anywhere else; a database's constraints are only the net beneath.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import MAX_DEPTH, ancestors
from catalog.domain.change import Change
from catalog.domain.changes.expiring_record import Note
from catalog.domain.changes.log import AnyChange, ChangeSet, Committed, LogEntry
from catalog.domain.errors import (
    CatalogError,
    CategoryCycle,
    CategoryInUse,
    CategoryNotFound,
    CategoryTooDeep,
    DoneBefore,
    ItemExists,
    ItemNotFound,
    SkuTaken,
    SlugTaken,
    StaleVersion,
    UnknownCategory,
)
from catalog.domain.items.item import Item

K = TypeVar("K")
V = TypeVar("V")

_NOTHING = object()

Outcome = Committed | CatalogError
"""What became of one change set: written, or the reason why it was not."""


class Spot(NamedTuple):
    """A category as it stands: who it is, in which version, and below which other."""

    id: UUID
    version: int
    parent: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in the store before a batch: the log's newest number, and what is there of that which the batch names.

    `versions` are those of items, `owners` the items by SKU, `places` the categories by slug, `inhabitants` how many
    items stand in a category. `graves` are the last versions of items that were there, `notes` the times of those that
    are there.
    """

    head: int
    versions: Mapping[UUID, int]
    owners: Mapping[str, UUID]
    places: Mapping[str, Spot] = field(default_factory=dict)
    inhabitants: Mapping[str, int] = field(default_factory=dict)
    graves: Mapping[UUID, int] = field(default_factory=dict)
    notes: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class Named:
    """What a batch names: items, SKUs, categories (all of them where `tree` is true), and those whose items count.

    `returning` are items that may have been there before, `notes` the keys of those that are to be the first.
    """

    ids: set[UUID] = field(default_factory=set)
    skus: set[str] = field(default_factory=set)
    slugs: set[str] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)
    returning: set[UUID] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    tree: bool = False


@dataclass(frozen=True, slots=True)
class Born:
    """An item that was not in the store, with the number of the log entry that brought it."""

    seq: int
    item: Item


@dataclass(frozen=True, slots=True)
class Grove:
    """What a batch does to the categories, on balance."""

    born: tuple[Category, ...] = ()
    changed: tuple[Category, ...] = ()
    removed: tuple[Category, ...] = ()

    def __bool__(self) -> bool:
        """Whether it does anything."""
        return bool(self.born or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class Admission:
    """What to answer to each change set, in the batch's order, and what to write: the net of all that was admitted.

    `removed` are the items as they stood in the store.
    """

    outcomes: tuple[Outcome, ...]
    entries: tuple[LogEntry, ...] = ()
    born: tuple[Born, ...] = ()
    changed: tuple[Change[Item], ...] = ()
    removed: tuple[Item, ...] = ()
    grove: Grove = Grove()
    notes: tuple[Note, ...] = ()

    @property
    def renamed(self) -> tuple[UUID, ...]:
        """The changed items that get another SKU: a store frees their old ones before it writes."""
        return tuple(net.subject.id for net in self.changed if net.before and net.before.sku != net.subject.sku)


def named(batch: Sequence[ChangeSet]) -> Named:
    """Tell what a store reads the standing of before it asks for admission."""
    found = Named()
    for change_set in batch:
        for change in change_set.changes:
            subject = change.subject
            if isinstance(subject, Item):
                found.ids.add(subject.id)
                if _returns(change):
                    found.returning.add(subject.id)
                if change.after is not None:
                    found.skus.add(subject.sku)
                    if subject.category is not None:
                        found.slugs.add(subject.category)
            else:
                found.tree = True
                if change.after is None:
                    found.leaving.add(subject.slug)
        found.notes.update(note.key for note in change_set.notes if note.first)
    return found


def _returns(change: AnyChange) -> bool:
    """Whether an item comes with a past: it is brought back, or out of another catalog."""
    subject = change.subject
    return change.before is None and isinstance(subject, Item) and (subject.version > 1 or subject.created_at < change.at)


class Register:
    """What is in a store, as far as change sets were taken into it. None: it is there no more."""

    def __init__(self, standing: Standing) -> None:
        """Begin with what stands."""
        self.versions: dict[UUID, int | None] = dict(standing.versions)
        self.owners: dict[str, UUID | None] = dict(standing.owners)
        self.places: dict[str, Spot | None] = dict(standing.places)
        self.inhabitants: dict[str, int] = dict(standing.inhabitants)
        self._graves: dict[UUID, int] = dict(standing.graves)
        self._notes: dict[str, datetime] = dict(standing.notes)
        self._children_of: dict[str, set[str]] | None = None
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []

    def take(self, changes: Iterable[AnyChange], notes: Iterable[Note] = ()) -> CatalogError | None:
        """Take the changes of a set with its notes, all of them, or say why they cannot be taken and stay as it was."""
        self._undo.clear()
        for note in notes:
            refusal: CatalogError | None = self._take_note(note)
            if refusal is not None:
                return self._refused(refusal)
        for change in changes:
            refusal = self._take_item(change) if isinstance(change.subject, Item) else self._take_category(change)
            if refusal is not None:
                return self._refused(refusal)
        return None

    def _refused(self, refusal: CatalogError) -> CatalogError:
        for kept, key, before in reversed(self._undo):
            if kept is self.places:
                self._reindex(key, None if before is _NOTHING else before)
            if before is _NOTHING:
                del kept[key]
            else:
                kept[key] = before
        return refusal

    def _put(self, kept: dict[K, V], key: K, value: V) -> None:
        """Keep a value, and know how to take it back."""
        self._undo.append((kept, key, kept.get(key, _NOTHING)))
        kept[key] = value

    def _take_note(self, note: Note) -> DoneBefore | None:
        """Take a note, or say that there is one already."""
        there = self._notes.get(note.key)
        if note.first and there is not None and Note(note.key, b"", there).kept(note.at):
            return DoneBefore(note.key)
        self._put(self._notes, note.key, note.at)
        return None

    def _take_item(self, change: Change[Item]) -> CatalogError | None:
        """Take a change of an item, or say why it cannot stand beside what is there."""
        before, after, item_id = change.before, change.after, change.subject.id
        refusal = self._outdated(change) or (None if after is None else self._unfit(after))
        if refusal is not None:
            return refusal
        if before is not None:
            self._put(self.owners, before.sku, None)
            self._moved(before.category, -1)
        if after is not None:
            self._put(self.owners, after.sku, item_id)
            self._moved(after.category, 1)
        else:
            self._put(self._graves, item_id, change.version)
        self._put(self.versions, item_id, None if after is None else after.version)
        return None

    def _outdated(self, change: Change[Item]) -> CatalogError | None:
        """Say whether an item is no more what a change was decided on."""
        before, item_id = change.before, change.subject.id
        version = self.versions.get(item_id)
        if before is None and version is not None:
            return ItemExists(item_id)
        if before is not None and version is None:
            return ItemNotFound(item_id)
        if before is not None and version != before.version:
            return StaleVersion(item_id)
        # A life never goes back to a version that it had before its end.
        return StaleVersion(item_id) if before is None and self._graves.get(item_id, 0) >= change.version else None

    def _unfit(self, after: Item) -> CatalogError | None:
        """Say what an item cannot stand beside."""
        if self.owners.get(after.sku) not in (None, after.id):
            return SkuTaken(after.sku)
        if after.category is not None and self.places.get(after.category) is None:
            return UnknownCategory(after.category, ("category",))
        return None

    def _take_category(self, change: Change[Category]) -> CatalogError | None:
        """Take a change of a category, likewise."""
        before, after, slug = change.before, change.after, change.subject.slug
        place = self.places.get(slug)
        if before is None and place is not None:
            return SlugTaken(slug)
        if before is not None and (place is None or place.id != before.id):
            return CategoryNotFound(slug)
        if before is not None and place is not None and place.version != before.version:
            return StaleVersion(before.id, f"category {slug}")
        if after is None:
            refusal: CatalogError | None = self._in_use(slug)
        elif place is not None and place.parent == after.parent:
            refusal = None  # it stays where it is
        else:
            refusal = self._misplaced(slug, after.parent)
        if refusal is None:
            spot = None if after is None else Spot(after.id, after.version, after.parent)
            self._reindex(slug, spot)
            self._put(self.places, slug, spot)
        return refusal

    def _reindex(self, slug: str, spot: Spot | None) -> None:
        """Move a category in the index of children to the place that it is about to get, if there is an index yet."""
        if self._children_of is None:
            return
        before = self.places.get(slug)
        if before is not None and before.parent is not None:
            self._children_of[before.parent].discard(slug)
        if spot is not None and spot.parent is not None:
            self._children_of.setdefault(spot.parent, set()).add(slug)

    def _moved(self, slug: str | None, by: int) -> None:
        """Count who comes and goes; where nobody asks how many there are, the number means nothing."""
        if slug is not None:
            self._put(self.inhabitants, slug, self.inhabitants.get(slug, 0) + by)

    def _in_use(self, slug: str) -> CategoryInUse | None:
        """Say by what a category is held, if it is."""
        children = len(self._children(slug))
        items = self.inhabitants.get(slug, 0)
        return CategoryInUse(slug, children, items) if children or items else None

    def _misplaced(self, slug: str, parent: str | None) -> CatalogError | None:
        """Say why a category cannot stand below this parent."""
        if parent is None:
            above = 0
        else:
            if self.places.get(parent) is None:
                return UnknownCategory(parent, ("parent",))
            way = list(ancestors(parent, self.places))
            if slug in way:
                return CategoryCycle(slug, parent)
            above = len(way)
        return CategoryTooDeep(slug, MAX_DEPTH) if above + self._height(slug) > MAX_DEPTH else None

    def _height(self, slug: str) -> int:
        """Count the longest way down from a category, itself included."""
        height, level = 1, self._children(slug) if slug in self.places else ()
        while level:
            height += 1
            level = [child for each in level for child in self._children(each)]
        return height

    def _children(self, slug: str) -> Collection[str]:
        """Return the children of a category, from an index that is built when it is first needed."""
        if self._children_of is None:
            self._children_of = {}
            for child, place in self.places.items():
                if place is not None and place.parent is not None:
                    self._children_of.setdefault(place.parent, set()).add(child)
        return self._children_of.get(slug, ())


def admit(batch: Sequence[ChangeSet], standing: Standing) -> Admission:
    """Decide, in order, which change sets are admitted; each sees those admitted before it, and is taken whole or not at all."""
    register = Register(standing)
    outcomes: list[Outcome] = []
    entries: list[LogEntry] = []
    notes: dict[str, Note] = {}
    for change_set in batch:
        refusal = register.take(change_set.changes, change_set.notes)
        if refusal is not None:
            outcomes.append(refusal)
            continue
        first = standing.head + len(entries) + 1
        written = tuple(LogEntry(seq, change, change_set.origin) for seq, change in enumerate(change_set.changes, first))
        entries += written
        outcomes.append(Committed(written))
        notes.update((note.key, note) for note in change_set.notes)
    return _net(tuple(outcomes), tuple(entries), tuple(notes.values()))


def _net(outcomes: tuple[Outcome, ...], entries: tuple[LogEntry, ...], notes: tuple[Note, ...]) -> Admission:
    """Sum up: what changed five times is written once, and what came and went is not written at all."""
    first: dict[UUID, LogEntry] = {}
    last: dict[UUID, LogEntry] = {}
    birth: dict[UUID, int] = {}
    for entry in entries:
        subject_id = entry.subject_id
        first.setdefault(subject_id, entry)
        last[subject_id] = entry
        if entry.change.before is None:
            birth[subject_id] = entry.seq
    born: list[Born] = []
    changed: list[Change[Item]] = []
    removed: list[Item] = []
    planted: list[Category] = []
    altered: list[Category] = []
    felled: list[Category] = []
    for subject_id, entry in last.items():
        before, after = first[subject_id].change.before, entry.change.after
        if isinstance(after, Category):
            (planted if before is None else altered).append(after)
        elif isinstance(before, Category):
            felled.append(before)
        elif after is None:
            removed += [] if before is None else [before]
        elif before is None:
            born.append(Born(birth[subject_id], after))
        else:
            changed.append(Change(entry.change.kind, before, after, entry.at))
    grove = Grove(tuple(planted), tuple(altered), tuple(felled))
    return Admission(outcomes, entries, tuple(born), tuple(changed), tuple(removed), grove, notes)
