"""Commit plans: which change sets of a batch are committed, and which rows are written. Pure, and the same for every store.

A store takes its lock, reads the stored state of the batch's read set, calls `plan_commit`, writes the rows of the commit
plan, and commits once. All rules about conflicts are here; a database's constraints are only a safety net.
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
"""The outcome of one change set: its log entries, or the error that prevented it."""


class CategoryNode(NamedTuple):
    """A category as the conflict rules see it: its id, its version, and the slug of its parent."""

    id: UUID
    version: int
    parent: str | None


@dataclass(frozen=True, slots=True)
class StoredState:
    """The stored state: the log's head, and what the store holds for a batch's read set.

    `versions` maps item ids to their versions, `item_ids_by_sku` SKUs to item ids, `categories` slugs to nodes, and
    `item_counts` slugs to the number of items in the category. `tombstones` maps the ids of deleted items to their last
    versions, and `record_times` the keys of expiring records to the times at which they were created.
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
    """The read set: what a store must read before a batch can be decided.

    `ids`, `skus` and `slugs` identify items and categories; if `needs_tree` is true, all categories are needed.
    `deleted_slugs` are categories whose items must be counted, `restored_ids` items that may have a tombstone, and
    `record_keys` the keys of expiring records that are written only if absent.
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
    """An item to insert, with the number of the log entry that created it."""

    seq: int
    item: Item


@dataclass(frozen=True, slots=True)
class CategoryWrites:
    """The categories to insert, update and delete: the net effect of a batch."""

    inserted: tuple[Category, ...] = ()
    updated: tuple[Category, ...] = ()
    deleted: tuple[Category, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is anything to write."""
        return bool(self.inserted or self.updated or self.deleted)


@dataclass(frozen=True, slots=True)
class CommitPlan:
    """The commit plan: the outcome of each change set in the batch's order, and the rows to write.

    The rows are the net effect of all committed change sets. `deleted` holds items as they are in the store.
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
        """The ids of updated items whose SKU changes. A store releases their old SKUs before it writes."""
        return tuple(change.subject.id for change in self.updated if change.before and change.before.sku != change.subject.sku)


def read_set(batch: Sequence[ChangeSet]) -> ReadSet:
    """Return the read set of a batch."""
    needed = ReadSet()
    for change_set in batch:
        for change in change_set.changes:
            subject = change.subject
            if isinstance(subject, Item):
                needed.ids.add(subject.id)
                if _may_have_tombstone(change):
                    needed.restored_ids.add(subject.id)
                if change.after is not None:
                    needed.skus.add(subject.sku)
                    if subject.category is not None:
                        needed.slugs.add(subject.category)
            else:
                needed.needs_tree = True
                if change.after is None:
                    needed.deleted_slugs.add(subject.slug)
        needed.record_keys.update(record.key for record in change_set.records if record.only_if_absent)
    return needed


def _may_have_tombstone(change: AnyChange) -> bool:
    """Return whether an item is inserted with a history: restored, or imported from another catalog."""
    subject = change.subject
    return change.before is None and isinstance(subject, Item) and (subject.version > 1 or subject.created_at < change.at)


class WorkingState:
    """The working state: the stored state with change sets applied. None marks what has been deleted."""

    def __init__(self, stored: StoredState) -> None:
        """Start from the stored state."""
        self.versions: dict[UUID, int | None] = dict(stored.versions)
        self.item_ids_by_sku: dict[str, UUID | None] = dict(stored.item_ids_by_sku)
        self.categories: dict[str, CategoryNode | None] = dict(stored.categories)
        self.item_counts: dict[str, int] = dict(stored.item_counts)
        self._tombstones: dict[UUID, int] = dict(stored.tombstones)
        self._record_times: dict[str, datetime] = dict(stored.record_times)
        self._children_of: dict[str, set[str]] | None = None
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []

    def apply(self, changes: Iterable[AnyChange], records: Iterable[ExpiringRecord] = ()) -> CatalogError | None:
        """Apply all changes and records of a change set, or return the error and leave the state unchanged."""
        self._undo.clear()
        for record in records:
            error: CatalogError | None = self._apply_record(record)
            if error is not None:
                self._roll_back()
                return error
        for change in changes:
            error = self._apply_item(change) if isinstance(change.subject, Item) else self._apply_category(change)
            if error is not None:
                self._roll_back()
                return error
        return None

    def _roll_back(self) -> None:
        for mapping, key, before in reversed(self._undo):
            if mapping is self.categories:
                self._reindex(key, None if before is _MISSING else before)
            if before is _MISSING:
                del mapping[key]
            else:
                mapping[key] = before

    def _put(self, mapping: dict[K, V], key: K, value: V) -> None:
        """Set a value, and remember the previous one for a rollback."""
        self._undo.append((mapping, key, mapping.get(key, _MISSING)))
        mapping[key] = value

    def _apply_record(self, record: ExpiringRecord) -> AlreadyProcessed | None:
        """Apply a record, or return an error if it must be absent and is not."""
        existing = self._record_times.get(record.key)
        if (
            record.only_if_absent
            and existing is not None
            and ExpiringRecord(record.key, b"", existing).is_alive(record.created_at)
        ):
            return AlreadyProcessed(record.key)
        self._put(self._record_times, record.key, record.created_at)
        return None

    def _apply_item(self, change: Change[Item]) -> CatalogError | None:
        """Apply a change of an item, or return the conflict."""
        before, after, item_id = change.before, change.after, change.subject.id
        conflict = self._version_conflict(change) or (None if after is None else self._item_conflict(after))
        if conflict is not None:
            return conflict
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
        """Return an error if the item is not in the version that the change was decided from."""
        before, item_id = change.before, change.subject.id
        version = self.versions.get(item_id)
        if before is None and version is not None:
            return ItemExists(item_id)
        if before is not None and version is None:
            return ItemNotFound(item_id)
        if before is not None and version != before.version:
            return StaleVersion(item_id)
        # An inserted item must continue after its tombstone: versions never repeat.
        return StaleVersion(item_id) if before is None and self._tombstones.get(item_id, 0) >= change.version else None

    def _item_conflict(self, after: Item) -> CatalogError | None:
        """Return an error if the SKU is taken or the category does not exist."""
        if self.item_ids_by_sku.get(after.sku) not in (None, after.id):
            return SkuTaken(after.sku)
        if after.category is not None and self.categories.get(after.category) is None:
            return UnknownCategory(after.category, ("category",))
        return None

    def _apply_category(self, change: Change[Category]) -> CatalogError | None:
        """Apply a change of a category, or return the conflict."""
        before, after, slug = change.before, change.after, change.subject.slug
        current = self.categories.get(slug)
        if before is None and current is not None:
            return SlugTaken(slug)
        if before is not None and (current is None or current.id != before.id):
            return CategoryNotFound(slug)
        if before is not None and current is not None and current.version != before.version:
            return StaleVersion(before.id, f"category {slug}")
        if after is None:
            conflict: CatalogError | None = self._usage_error(slug)
        elif current is not None and current.parent == after.parent:
            conflict = None  # it is not moved
        else:
            conflict = self._placement_error(slug, after.parent)
        if conflict is None:
            node = None if after is None else CategoryNode(after.id, after.version, after.parent)
            self._reindex(slug, node)
            self._put(self.categories, slug, node)
        return conflict

    def _reindex(self, slug: str, node: CategoryNode | None) -> None:
        """Update the index of children, if it has been built, before a category is set to `node`."""
        if self._children_of is None:
            return
        before = self.categories.get(slug)
        if before is not None and before.parent is not None:
            self._children_of[before.parent].discard(slug)
        if node is not None and node.parent is not None:
            self._children_of.setdefault(node.parent, set()).add(slug)

    def _change_item_count(self, slug: str | None, delta: int) -> None:
        """Update the item count of a category. The count is meaningful only for categories of `ReadSet.deleted_slugs`."""
        if slug is not None:
            self._put(self.item_counts, slug, self.item_counts.get(slug, 0) + delta)

    def _usage_error(self, slug: str) -> CategoryInUse | None:
        """Return an error if the category has children or items."""
        children = len(self._children(slug))
        items = self.item_counts.get(slug, 0)
        return CategoryInUse(slug, children, items) if children or items else None

    def _placement_error(self, slug: str, parent: str | None) -> CatalogError | None:
        """Return an error if the category cannot be placed below this parent."""
        if parent is None:
            depth = 0
        else:
            if self.categories.get(parent) is None:
                return UnknownCategory(parent, ("parent",))
            lineage = list(ancestors(parent, self.categories))
            if slug in lineage:
                return CategoryCycle(slug, parent)
            depth = len(lineage)
        return CategoryTooDeep(slug, MAX_DEPTH) if depth + self._height(slug) > MAX_DEPTH else None

    def _height(self, slug: str) -> int:
        """Return the height of a category's subtree in levels, including its own."""
        height, level = 1, self._children(slug) if slug in self.categories else ()
        while level:
            height += 1
            level = [child for parent in level for child in self._children(parent)]
        return height

    def _children(self, slug: str) -> Collection[str]:
        """Return the children of a category from an index that is built on first use."""
        if self._children_of is None:
            self._children_of = {}
            for child, node in self.categories.items():
                if node is not None and node.parent is not None:
                    self._children_of.setdefault(node.parent, set()).add(child)
        return self._children_of.get(slug, ())


def plan_commit(batch: Sequence[ChangeSet], state: StoredState) -> CommitPlan:
    """Return the commit plan of a batch, given the stored state of its read set.

    Change sets are decided in order. Each is committed as a whole or not at all, and sees those that precede it.
    """
    working = WorkingState(state)
    outcomes: list[Outcome] = []
    entries: list[LogEntry] = []
    records: dict[str, ExpiringRecord] = {}
    for change_set in batch:
        error = working.apply(change_set.changes, change_set.records)
        if error is not None:
            outcomes.append(error)
            continue
        next_seq = state.head + len(entries) + 1
        committed = tuple(LogEntry(seq, change, change_set.origin) for seq, change in enumerate(change_set.changes, next_seq))
        entries += committed
        outcomes.append(Committed(committed))
        records.update((record.key, record) for record in change_set.records)
    return _net_effect(tuple(outcomes), tuple(entries), tuple(records.values()))


def _net_effect(outcomes: tuple[Outcome, ...], entries: tuple[LogEntry, ...], records: tuple[ExpiringRecord, ...]) -> CommitPlan:
    """Build the commit plan: several changes of a row become one, and a row created and deleted in the batch is not written."""
    first: dict[UUID, LogEntry] = {}
    last: dict[UUID, LogEntry] = {}
    insert_seqs: dict[UUID, int] = {}
    for entry in entries:
        subject_id = entry.subject_id
        first.setdefault(subject_id, entry)
        last[subject_id] = entry
        if entry.change.before is None:
            insert_seqs[subject_id] = entry.seq
    inserted: list[Insert] = []
    updated: list[Change[Item]] = []
    deleted: list[Item] = []
    inserted_categories: list[Category] = []
    updated_categories: list[Category] = []
    deleted_categories: list[Category] = []
    for subject_id, entry in last.items():
        before, after = first[subject_id].change.before, entry.change.after
        if isinstance(after, Category):
            (inserted_categories if before is None else updated_categories).append(after)
        elif isinstance(before, Category):
            deleted_categories.append(before)
        elif after is None:
            deleted += [] if before is None else [before]
        elif before is None:
            inserted.append(Insert(insert_seqs[subject_id], after))
        else:
            updated.append(Change(entry.change.kind, before, after, entry.at))
    categories = CategoryWrites(tuple(inserted_categories), tuple(updated_categories), tuple(deleted_categories))
    return CommitPlan(outcomes, entries, tuple(inserted), tuple(updated), tuple(deleted), categories, records)
