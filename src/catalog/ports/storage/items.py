"""Reading items: by key, and by query."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery, Page


class ItemLookup(Protocol):
    """Finds items by their keys."""

    @abstractmethod
    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Return the items with these ids, by id. Cost: one index lookup per id."""

    @abstractmethod
    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Return the items with these SKUs, by SKU. SKUs must be in normalized form (upper case); they are compared exactly.

        Cost: one index lookup per SKU.
        """


class ItemQueries(Protocol):
    """Finds the items that match a query."""

    @abstractmethod
    async def list_items(self, query: ItemQuery) -> Page:
        """Return one page of the items that match `query`, in its order, with cursors to the neighboring pages.

        A store may return a search with too many matches to rank in name order instead (`query.unranked()`); the page then
        has `ranked=False`.
        """

    @abstractmethod
    def stream(self, query: ItemQuery) -> AsyncGenerator[Sequence[Item], None]:
        """Yield all items that match `query`, in batches and in its order, from one snapshot of the store.

        Limit, offset and cursor are ignored, and a search is not ranked (`query.unranked()`). The iterator may hold a
        connection: exhaust it or close it.
        """
