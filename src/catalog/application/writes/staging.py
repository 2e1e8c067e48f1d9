"""Staging: decide many changes before committing them, each on top of the ones before, by the same rules as the commit."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from catalog.domain.categories.category import Category
from catalog.domain.change import Change
from catalog.domain.changes.stored_state import CategoryNode, StoredState
from catalog.domain.changes.working_state import WorkingState
from catalog.domain.errors import CatalogError
from catalog.domain.items.item import Item
from catalog.ports.storage import Storage


class StagedChanges:
    """The state of the catalog with the changes decided so far applied."""

    def __init__(self, items: Iterable[Item], categories: Mapping[str, CategoryNode]) -> None:
        """Start from the items and categories (by slug) that were read."""
        stored = tuple(items)
        self._items: dict[UUID, Item | None] = {item.id: item for item in stored}
        self._by_sku: dict[str, UUID] = {item.sku: item.id for item in stored}
        self._state = WorkingState(StoredState(0, {item.id: item.version for item in stored}, self._by_sku, categories))
        self.changes: list[Change[Item]] = []

    def get(self, key: UUID | str) -> Item | None:
        """Return an item with the staged changes applied, or None if it does not exist or was not read."""
        item_id = key if isinstance(key, UUID) else self._by_sku.get(key)
        return None if item_id is None else self._items.get(item_id)

    def has_category(self, slug: str) -> bool:
        """Return whether a category exists, among those that were read."""
        return self._state.categories.get(slug) is not None

    def apply(self, change: Change[Item]) -> None:
        """Stage a change. Raises the error that the commit would refuse it with; then nothing is staged."""
        error: CatalogError | None = self._state.apply((change,))
        if error is not None:
            raise error
        self.changes.append(change)
        before, after = change.before, change.after
        if before is not None:
            self._by_sku.pop(before.sku, None)
        if after is not None:
            self._by_sku[after.sku] = after.id
        self._items[change.subject.id] = after


async def read_category_nodes(storage: Storage, slugs: Collection[str]) -> dict[str, CategoryNode]:
    """Read those of these categories that exist, by slug."""
    lineages: Mapping[str, Sequence[Category]] = await storage.lineages(slugs) if slugs else {}
    return {slug: CategoryNode(lineage[-1].id, lineage[-1].version, lineage[-1].parent) for slug, lineage in lineages.items()}


async def read_staged(storage: Storage, ids: Collection[UUID], skus: Collection[str], slugs: Collection[str]) -> StagedChanges:
    """Read the items with these ids or SKUs, and these categories, as the base for staged changes."""
    by_id = await storage.items_by_id(ids) if ids else {}
    by_sku = await storage.items_by_sku(skus) if skus else {}
    # The second read is as recent as the first, or more recent.
    items = {**by_id, **{item.id: item for item in by_sku.values()}}.values()
    needed_slugs = {*slugs, *(item.category for item in items if item.category is not None)}
    return StagedChanges(items, await read_category_nodes(storage, needed_slugs))
