"""The use cases around single items and lists of them."""

from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from catalog.domain.change import Change, Origin
from catalog.domain.changelog import ChangeSet
from catalog.domain.errors import CatalogError, Contended, ItemNotFound, StaleVersion
from catalog.domain.item import Item
from catalog.domain.query import ItemQuery, Page
from catalog.domain.values import parse_key
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

TRIES = 50
"""How often a change is decided again when others are quicker. Each round, one of the rivals at least gets through."""

Revision = tuple[UUID, int]
"""An item's id and version, as a caller saw them."""

Expected = Collection[Revision] | None
"""The revisions that a caller is ready to change; None: whichever is there."""


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
        change = Item.create(fields, item_id=self._ids.item_id(), spare_sku=spare_sku, now=self._clock.now())
        await self._commit(change, origin)
        return change.subject

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

    async def list(self, query: ItemQuery) -> Page:
        """Return a page of items."""
        return await self._storage.list_items(query)

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
        """Read, decide, commit; again when another writer came between, unless the caller named what he expects."""
        for _ in range(TRIES):
            item = await self.get(key)
            if expected is not None and (item.id, item.version) not in expected:
                raise StaleVersion(item.id)
            change = decide(item)
            if change is None:
                return item
            try:
                await self._commit(change, origin)
            except (StaleVersion, ItemNotFound) as error:
                if expected is not None and isinstance(error, StaleVersion):
                    raise
                continue
            return change.subject
        raise Contended(key)

    async def _commit(self, change: Change[Item], origin: Origin) -> None:
        """Commit one change by itself."""
        (outcome,) = await self._storage.commit((ChangeSet((change,), origin),))
        if isinstance(outcome, CatalogError):
            raise outcome
