"""The conflict rules: which changes can be applied to the stored state, one after another."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import MAX_DEPTH, ancestors
from catalog.domain.change import Change
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import AnyChange
from catalog.domain.changes.stored_state import CategoryNode, StoredState
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
