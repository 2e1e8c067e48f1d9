"""The use cases around single items and lists of them."""

from collections.abc import AsyncGenerator, Callable, Mapping
from uuid import UUID

from catalog.application.changing import Expected, change, commit
from catalog.application.exporting import Encode, Format, export
from catalog.application.listing import Listed, listed
from catalog.domain.category import Category
from catalog.domain.change import Change, Origin
from catalog.domain.errors import ItemNotFound
from catalog.domain.item import Item
from catalog.domain.listing import Listing
from catalog.domain.query import ItemQuery
from catalog.domain.values import parse_key
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage


class Items:
    """Creates, finds, changes and removes items. `key` is an id or a SKU, as text, in any case."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Work on these."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def create(self, fields: Mapping[str, object], origin: Origin) -> Item:
        """Create an item. Raises InvalidInput, SkuTaken."""
        spare_sku = self._ids.sku() if fields.get("sku") is None else ""
        born = Item.create(fields, item_id=self._ids.item_id(), spare_sku=spare_sku, now=self._clock.now())
        await commit(self._storage, (born,), origin)
        return born.subject

    async def get(self, key: str) -> Item:
        """Return an item. Raises ItemNotFound."""
        parsed = parse_key(key)
        item = None
        if isinstance(parsed, UUID):
            item = (await self._storage.items_by_id((parsed,))).get(parsed)
        elif parsed is not None:
            item = (await self._storage.items_by_sku((parsed,))).get(parsed)
        if item is None:
            raise ItemNotFound(key)
        return item

    async def list(self, listing: Listing) -> Listed:
        """Return a page of items, and what is to be told beside it."""
        return await listed(self._storage, listing)

    def export(self, query: ItemQuery, form: Format, encode: Encode) -> AsyncGenerator[bytes, None]:
        """Write the items that `query` finds, piece by piece (catalog.application.exporting)."""
        return export(self._storage, query, form, encode)

    async def lineage(self, item: Item) -> tuple[Category, ...]:
        """Return the way from the root to an item's category; nothing when it stands in none."""
        if item.category is None:
            return ()
        return (await self._storage.lineages((item.category,))).get(item.category, ())

    async def revise(self, key: str, patch: Mapping[str, object], origin: Origin, expected: Expected = None) -> Item:
        """Change an item by a merge patch. Raises InvalidInput, ItemNotFound, SkuTaken, StaleVersion, Contended."""
        return await self._change(key, lambda item: item.revise(patch, now=self._clock.now()), origin, expected)

    async def reprice(self, key: str, price: object, origin: Origin, expected: Expected = None) -> Item:
        """Give an item another price. Raises InvalidInput, ItemNotFound, StaleVersion, Contended."""
        return await self._change(key, lambda item: item.reprice(price, now=self._clock.now()), origin, expected)

    async def remove(self, key: str, origin: Origin, expected: Expected = None) -> None:
        """Remove an item. Raises ItemNotFound, StaleVersion, Contended."""
        await self._change(key, lambda item: item.remove(now=self._clock.now()), origin, expected)

    async def _change(self, key: str, decide: Callable[[Item], Change[Item] | None], origin: Origin, expected: Expected) -> Item:
        """Change an item; nothing is asked for a decision but the item."""

        async def decided(item: Item) -> Change[Item] | None:
            return decide(item)

        return await change(self._storage, lambda: self.get(key), decided, origin, expected, f"the item {key}")
