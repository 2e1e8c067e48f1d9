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
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import AnyChange, ChangeSet, Committed, LogEntry
from catalog.domain.errors import (
    AlreadyProcessed,
    CatalogError,
    CategoryCycle,
    CategoryInUse,
    CategoryNotFound,
    CategoryTooDeep,
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

_MISSING = object()

Outcome = Committed | CatalogError
"""What became of one change set: written, or the reason why it was not."""


class CategoryNode(NamedTuple):
    """A category as it stands: who it is, in which version, and below which other."""

    id: UUID
    version: int
    parent: str | None


@dataclass(frozen=True, slots=True)
class StoredState:
    """What is in the store before a batch: the log's newest number, and what is there of that which the batch names.

    `versions` are those of items, `owners` the items by SKU, `places` the categories by slug, `inhabitants` how many
    items stand in a category. `graves` are the last versions of items that were there, `notes` the times of those that
    are there.
    """

    head: int
    versions: Mapping[UUID, int]
    item_ids_by_sku: Mapping[str, UUID]
    categories: Mapping[str, CategoryNode] = field(default_factory=dict)
    item_counts: Mapping[str, int] = field(default_factory=dict)
    tombstones: Mapping[UUID, int] = field(default_factory=dict)
    record_times: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class ReadSet:
    """What a batch names: items, SKUs, categories (all of them where `tree` is true), and those whose items count.

    `returning` are items that may have been there before, `notes` the keys of those that are to be the first.
    """

    ids: set[UUID] = field(default_factory=set)
    skus: set[str] = field(default_factory=set)
    slugs: set[str] = field(default_factory=set)
    deleted_slugs: set[str] = field(default_factory=set)
    restored_ids: set[UUID] = field(default_factory=set)
    record_keys: set[str] = field(default_factory=set)
    needs_tree: bool = False


@dataclass(frozen=True, slots=True)
class Insert:
    """An item that was not in the store, with the number of the log entry that brought it."""

    seq: int
    item: Item


@dataclass(frozen=True, slots=True)
class CategoryWrites:
    """What a batch does to the categories, on balance."""

    inserted: tuple[Category, ...] = ()
    updated: tuple[Category, ...] = ()
    deleted: tuple[Category, ...] = ()

    def __bool__(self) -> bool:
        """Whether it does anything."""
        return bool(self.inserted or self.updated or self.deleted)


@dataclass(frozen=True, slots=True)
class CommitPlan:
    """What to answer to each change set, in the batch's order, and what to write: the net of all that was admitted.

    `removed` are the items as they stood in the store.
    """

    outcomes: tuple[Outcome, ...]
    entries: tuple[LogEntry, ...] = ()
    inserted: tuple[Insert, ...] = ()
    updated: tuple[Change[Item], ...] = ()
    deleted: tuple[Item, ...] = ()
    categories: CategoryWrites = CategoryWrites()
    records: tuple[ExpiringRecord, ...] = ()

    @property
    def changed_skus(self) -> tuple[UUID, ...]:
        """The changed items that get another SKU: a store frees their old ones before it writes."""
        return tuple(net.subject.id for net in self.updated if net.before and net.before.sku != net.subject.sku)


def read_set(batch: Sequence[ChangeSet]) -> ReadSet:
    """Tell what a store reads the standing of before it asks for admission."""
    found = ReadSet()
    for change_set in batch:
        for change in change_set.changes:
            subject = change.subject
            if isinstance(subject, Item):
                found.ids.add(subject.id)
                if _is_restored(change):
                    found.restored_ids.add(subject.id)
                if change.after is not None:
                    found.skus.add(subject.sku)
                    if subject.category is not None:
                        found.slugs.add(subject.category)
            else:
                found.needs_tree = True
                if change.after is None:
                    found.deleted_slugs.add(subject.slug)
        found.record_keys.update(note.key for note in change_set.records if note.only_if_absent)
    return found


def _is_restored(change: AnyChange) -> bool:
    """Whether an item comes with a past: it is brought back, or out of another catalog."""
    subject = change.subject
    return change.before is None and isinstance(subject, Item) and (subject.version > 1 or subject.created_at < change.at)


class WorkingState:
    """What is in a store, as far as change sets were taken into it. None: it is there no more."""

    def __init__(self, standing: StoredState) -> None:
        """Begin with what stands."""
        self.versions: dict[UUID, int | None] = dict(standing.versions)
        self.item_ids_by_sku: dict[str, UUID | None] = dict(standing.item_ids_by_sku)
        self.categories: dict[str, CategoryNode | None] = dict(standing.categories)
        self.item_counts: dict[str, int] = dict(standing.item_counts)
        self._tombstones: dict[UUID, int] = dict(standing.tombstones)
        self._record_times: dict[str, datetime] = dict(standing.record_times)
        self._children_of: dict[str, set[str]] | None = None
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []

    def apply(self, changes: Iterable[AnyChange], records: Iterable[ExpiringRecord] = ()) -> CatalogError | None:
        """Take the changes of a set with its notes, all of them, or say why they cannot be taken and stay as it was."""
        self._undo.clear()
        for note in records:
            refusal: CatalogError | None = self._apply_record(note)
            if refusal is not None:
                return self._rolled_back(refusal)
        for change in changes:
            refusal = self._apply_item(change) if isinstance(change.subject, Item) else self._apply_category(change)
            if refusal is not None:
                return self._rolled_back(refusal)
        return None

    def _rolled_back(self, error: CatalogError) -> CatalogError:
        for kept, key, before in reversed(self._undo):
            if kept is self.categories:
                self._reindex(key, None if before is _MISSING else before)
            if before is _MISSING:
                del kept[key]
            else:
                kept[key] = before
        return error

    def _put(self, mapping: dict[K, V], key: K, value: V) -> None:
        """Keep a value, and know how to take it back."""
        self._undo.append((mapping, key, mapping.get(key, _MISSING)))
        mapping[key] = value

    def _apply_record(self, record: ExpiringRecord) -> AlreadyProcessed | None:
        """Take a note, or say that there is one already."""
        there = self._record_times.get(record.key)
        if record.only_if_absent and there is not None and ExpiringRecord(record.key, b"", there).is_alive(record.created_at):
            return AlreadyProcessed(record.key)
        self._put(self._record_times, record.key, record.created_at)
        return None

    def _apply_item(self, change: Change[Item]) -> CatalogError | None:
        """Take a change of an item, or say why it cannot stand beside what is there."""
        before, after, item_id = change.before, change.after, change.subject.id
        refusal = self._version_conflict(change) or (None if after is None else self._item_conflict(after))
        if refusal is not None:
            return refusal
        if before is not None:
            self._put(self.item_ids_by_sku, before.sku, None)
            self._change_item_count(before.category, -1)
        if after is not None:
            self._put(self.item_ids_by_sku, after.sku, item_id)
            self._change_item_count(after.category, 1)
        else:
            self._put(self._tombstones, item_id, change.version)
        self._put(self.versions, item_id, None if after is None else after.version)
        return None

    def _version_conflict(self, change: Change[Item]) -> CatalogError | None:
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
        return StaleVersion(item_id) if before is None and self._tombstones.get(item_id, 0) >= change.version else None

    def _item_conflict(self, after: Item) -> CatalogError | None:
        """Say what an item cannot stand beside."""
        if self.item_ids_by_sku.get(after.sku) not in (None, after.id):
            return SkuTaken(after.sku)
        if after.category is not None and self.categories.get(after.category) is None:
            return UnknownCategory(after.category, ("category",))
        return None

    def _apply_category(self, change: Change[Category]) -> CatalogError | None:
        """Take a change of a category, likewise."""
        before, after, slug = change.before, change.after, change.subject.slug
        place = self.categories.get(slug)
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
            refusal = self._placement_error(slug, after.parent)
        if refusal is None:
            spot = None if after is None else CategoryNode(after.id, after.version, after.parent)
            self._reindex(slug, spot)
            self._put(self.categories, slug, spot)
        return refusal

    def _reindex(self, slug: str, node: CategoryNode | None) -> None:
        """Move a category in the index of children to the place that it is about to get, if there is an index yet."""
        if self._children_of is None:
            return
        before = self.categories.get(slug)
        if before is not None and before.parent is not None:
            self._children_of[before.parent].discard(slug)
        if node is not None and node.parent is not None:
            self._children_of.setdefault(node.parent, set()).add(slug)

    def _change_item_count(self, slug: str | None, by: int) -> None:
        """Count who comes and goes; where nobody asks how many there are, the number means nothing."""
        if slug is not None:
            self._put(self.item_counts, slug, self.item_counts.get(slug, 0) + by)

    def _in_use(self, slug: str) -> CategoryInUse | None:
        """Say by what a category is held, if it is."""
        children = len(self._children(slug))
        items = self.item_counts.get(slug, 0)
        return CategoryInUse(slug, children, items) if children or items else None

    def _placement_error(self, slug: str, parent: str | None) -> CatalogError | None:
        """Say why a category cannot stand below this parent."""
        if parent is None:
            above = 0
        else:
            if self.categories.get(parent) is None:
                return UnknownCategory(parent, ("parent",))
            way = list(ancestors(parent, self.categories))
            if slug in way:
                return CategoryCycle(slug, parent)
            above = len(way)
        return CategoryTooDeep(slug, MAX_DEPTH) if above + self._height(slug) > MAX_DEPTH else None

    def _height(self, slug: str) -> int:
        """Count the longest way down from a category, itself included."""
        height, level = 1, self._children(slug) if slug in self.categories else ()
        while level:
            height += 1
            level = [child for each in level for child in self._children(each)]
        return height

    def _children(self, slug: str) -> Collection[str]:
        """Return the children of a category, from an index that is built when it is first needed."""
        if self._children_of is None:
            self._children_of = {}
            for child, place in self.categories.items():
                if place is not None and place.parent is not None:
                    self._children_of.setdefault(place.parent, set()).add(child)
        return self._children_of.get(slug, ())


def plan_commit(batch: Sequence[ChangeSet], state: StoredState) -> CommitPlan:
    """Decide, in order, which change sets are admitted; each sees those admitted before it, and is taken whole or not at all."""
    register = WorkingState(state)
    outcomes: list[Outcome] = []
    entries: list[LogEntry] = []
    notes: dict[str, ExpiringRecord] = {}
    for change_set in batch:
        refusal = register.apply(change_set.changes, change_set.records)
        if refusal is not None:
            outcomes.append(refusal)
            continue
        first = state.head + len(entries) + 1
        written = tuple(LogEntry(seq, change, change_set.origin) for seq, change in enumerate(change_set.changes, first))
        entries += written
        outcomes.append(Committed(written))
        notes.update((note.key, note) for note in change_set.records)
    return _net_effect(tuple(outcomes), tuple(entries), tuple(notes.values()))


def _net_effect(outcomes: tuple[Outcome, ...], entries: tuple[LogEntry, ...], records: tuple[ExpiringRecord, ...]) -> CommitPlan:
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
    born: list[Insert] = []
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
            born.append(Insert(birth[subject_id], after))
        else:
            changed.append(Change(entry.change.kind, before, after, entry.at))
    grove = CategoryWrites(tuple(planted), tuple(altered), tuple(felled))
    return CommitPlan(outcomes, entries, tuple(born), tuple(changed), tuple(removed), grove, records)
