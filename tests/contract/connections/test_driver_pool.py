"""The connection pool: a few connections serve many readers, and no connection is lost."""

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
    """Reads of every kind run concurrently on a few connections while items are created."""
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


async def test_waiting_too_long_for_a_connection_raises_store_unavailable(store_url: str) -> None:
    """A caller that waits too long gets StoreUnavailable. The next caller gets the connection once it is free."""
    storage = open_store(StorageOptions(store_url, pool_size=1, pool_overflow=0))
    release = asyncio.Event()
    pool = storage._reading  # type: ignore[attr-defined]
    pool._wait = 0.1  # shortens only this timeout, since connecting may take longer
    holder = asyncio.create_task(pool.run(lambda _: release.wait()))
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="in time"):
        await storage.ping()
    release.set()
    await holder
    await storage.ping()
    await storage.close()
