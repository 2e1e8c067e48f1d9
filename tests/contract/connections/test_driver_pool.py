"""Few connections serve many readers: who waits for one gets one, and no connection is kept from him."""

import asyncio

import pytest

from catalog.domain.errors import StoreUnavailable
from catalog.domain.queries.item_query import ItemQuery
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.making import create_items, item_id

pytestmark = pytest.mark.parametrize("store", ["sqlite", "postgres"])


@pytest.mark.parametrize(("size", "overflow"), [(1, 0), (2, 1)])
async def test_many_different_reads_share_few_connections(store_url: str, size: int, overflow: int) -> None:
    """By id, by SKU, pages, the log, the head: all of them at once, again and again, while somebody writes."""
    storage = open_store(StorageOptions(store_url, pool_size=size, pool_overflow=overflow))
    await create_items(storage, 1)
    for number in range(2, 12):
        await asyncio.gather(
            create_items(storage, number),
            *(storage.list_items(ItemQuery.parse({"limit": str(limit)})) for limit in range(1, 9)),
            *(storage.changes(after=after, limit=5) for after in range(4)),
            *(storage.head() for _ in range(4)),
            storage.items_by_id([item_id(1)]),
            storage.items_by_sku(["S-1"]),
            storage.ping(),
        )
    assert (await storage.head()).seq == 11
    await storage.close()


async def test_who_waits_too_long_for_a_connection_is_told(store_url: str) -> None:
    """And the next one gets it, once it is free."""
    storage = open_store(StorageOptions(store_url, pool_size=1, pool_overflow=0))
    free = asyncio.Event()
    kept = storage._database._reading  # type: ignore[attr-defined]
    kept._wait = 0.1  # of all deadlines this one only: to connect may take its time
    holding = asyncio.create_task(kept.run(lambda _: free.wait()))
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="in time"):
        await storage.ping()
    free.set()
    await holding
    await storage.ping()
    await storage.close()
