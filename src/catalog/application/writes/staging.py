"""Deciding many changes at once, each seeing those before it, by the same rules as the commit will."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from catalog.domain.categories.category import Category
from catalog.domain.change import Change
from catalog.domain.changes.commit_plan import CategoryNode, StoredState, WorkingState
from catalog.domain.errors import CatalogError
from catalog.domain.items.item import Item
from catalog.ports.storage import Storage


class StagedChanges:
    """What the catalog will be when the changes decided here are committed."""

    def __init__(self, items: Iterable[Item], categories: Mapping[str, CategoryNode]) -> None:
        """Begin with what was read: items, and categories by slug."""
        there = tuple(items)
        self._items: dict[UUID, Item | None] = {item.id: item for item in there}
        self._by_sku: dict[str, UUID] = {item.sku: item.id for item in there}
        self._state = WorkingState(StoredState(0, {item.id: item.version for item in there}, self._by_sku, categories))
        self.changes: list[Change[Item]] = []

    def get(self, key: UUID | str) -> Item | None:
        """Return an item as it will be; None when it is not there, or was not read."""
        item_id = key if isinstance(key, UUID) else self._by_sku.get(key)
        return None if item_id is None else self._items.get(item_id)

    def has_category(self, slug: str) -> bool:
        """Whether a category is there, of those that were asked for."""
        return self._state.categories.get(slug) is not None

    def apply(self, change: Change[Item]) -> None:
        """Take a change. Raises what the commit would refuse it with, and stays as it was."""
        refusal: CatalogError | None = self._state.apply((change,))
        if refusal is not None:
            raise refusal
        self.changes.append(change)
        before, after = change.before, change.after
        if before is not None:
            self._by_sku.pop(before.sku, None)
        if after is not None:
            self._by_sku[after.sku] = after.id
        self._items[change.subject.id] = after


async def read_category_nodes(storage: Storage, slugs: Collection[str]) -> dict[str, CategoryNode]:
    """Read which of these categories are there."""
    lineages: Mapping[str, Sequence[Category]] = await storage.lineages(slugs) if slugs else {}
    return {slug: CategoryNode(way[-1].id, way[-1].version, way[-1].parent) for slug, way in lineages.items()}


async def read_staged(storage: Storage, ids: Collection[UUID], skus: Collection[str], slugs: Collection[str]) -> StagedChanges:
    """Read what changes of these items, under these SKUs, in these categories are decided on."""
    by_id = await storage.items_by_id(ids) if ids else {}
    by_sku = await storage.items_by_sku(skus) if skus else {}
    # What was read second is as new or newer.
    items = {**by_id, **{item.id: item for item in by_sku.values()}}.values()
    needed = {*slugs, *(item.category for item in items if item.category is not None)}
    return StagedChanges(items, await read_category_nodes(storage, needed))
