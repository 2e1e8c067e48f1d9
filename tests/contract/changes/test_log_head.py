"""What a store tells of its log: where it ends, and that somebody committed."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from catalog.domain.changes.log import LogEntry
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.making import as_item, commit, create_items, creation, removal

shared_stores = pytest.mark.parametrize("store", ["sqlite", "postgres"])
"""Those that several processes can share."""


@pytest.fixture
async def other(store_url: str) -> AsyncIterator[Storage]:
    """The same store, opened a second time, as another process would."""
    opened = open_store(StorageOptions(store_url))
    yield opened
    await opened.close()


async def test_the_head_is_the_newest_entry_and_names_its_log(storage: Storage) -> None:
    """And it stays the same log."""
    before = await storage.head()
    assert (before.seq, len(before.log_id)) == (0, 32)
    await create_items(storage, 1, 2, 3)
    after = await storage.head()
    assert (after.seq, after.log_id) == (3, before.log_id)


async def test_two_catalogs_have_two_logs(storage: Storage, store: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """So that a cache they share can tell them apart."""
    another = open_store(StorageOptions("memory://" if store != "sqlite" else f"sqlite:///{tmp_path_factory.mktemp('x')}/x.db"))
    await another.migrate()
    assert (await another.head()).log_id != (await storage.head()).log_id
    await another.close()


async def test_a_listener_is_told_of_every_commit_before_it_is_answered(storage: Storage) -> None:
    """In order, with the entries as they stand in the log; of what was refused it is told nothing."""
    told: list[LogEntry] = []
    storage.listen(told.extend)
    for number in range(1, 4):
        (outcome,) = await commit(storage, creation(number))
        assert as_item(told[-1].change.subject).sku == f"S-{number}", outcome
    await commit(storage, creation(9, sku="S-1"))
    await commit(storage, removal(creation(2).subject))
    assert tuple(told) == (await storage.changes(after=0, limit=10)).entries
    assert [entry.seq for entry in told] == [1, 2, 3, 4]


@shared_stores
async def test_the_head_of_another_process_is_seen(storage: Storage, other: Storage) -> None:
    """At once when it is asked for."""
    assert (await other.head()).seq == 0
    await create_items(storage, 1, 2)
    assert await other.head() == await storage.head()
    assert (await other.head()).seq == 2


async def test_waiting_ends_by_itself(storage: Storage) -> None:
    """When nothing happens."""
    async with asyncio.timeout(10):
        await storage.wait(0, 0.01)


@shared_stores
async def test_postgres_tells_of_a_commit_at_once(storage: Storage, other: Storage, store: str) -> None:
    """Long before the wait would end; SQLite cannot, and waits."""
    await other.head()
    waiting = asyncio.create_task(other.wait(1, 60 if store == "postgres" else 0.05))
    await create_items(storage, 1)
    if store == "postgres":
        await asyncio.sleep(0.2)
        assert not waiting.done()  # entry 1 is known to the one who waits
    await create_items(storage, 2)
    async with asyncio.timeout(10):
        await waiting


@pytest.mark.parametrize("store", ["postgres"])
async def test_a_watch_that_was_cut_is_taken_up_again(storage: Storage, other: Storage, store_url: str) -> None:
    """Its connection is made anew by the next look, and told of commits again."""
    await other.head()
    killer = await asyncpg.connect(store_url)
    await killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await killer.close()
    assert (await other.head()).seq == 0
    waiting = asyncio.create_task(other.wait(0, 60))
    await create_items(storage, 1)
    async with asyncio.timeout(10):
        await waiting
