"""The head of the log, and notifications of commits."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from catalog.domain.changes.log import LogEntry
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.making import as_item, commit, create_items, creation, removal

shared_stores = pytest.mark.parametrize("store", ["sqlite", "postgres"])
"""Runs a test on the stores that several processes can share."""


@pytest.fixture
async def other(store_url: str) -> AsyncIterator[Storage]:
    """The same store, opened a second time, as another process would open it."""
    opened = open_store(StorageOptions(store_url))
    yield opened
    await opened.close()


async def test_the_head_has_the_newest_seq_and_the_id_of_the_log(storage: Storage) -> None:
    """The head has the number of the newest entry, and the id of the log, which does not change."""
    before = await storage.head()
    assert (before.seq, len(before.log_id)) == (0, 32)
    await create_items(storage, 1, 2, 3)
    after = await storage.head()
    assert (after.seq, after.log_id) == (3, before.log_id)


async def test_two_catalogs_have_different_log_ids(
    storage: Storage, store: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A cache that two catalogs share can tell their logs apart by id."""
    other_catalog = open_store(
        StorageOptions("memory://" if store != "sqlite" else f"sqlite:///{tmp_path_factory.mktemp('x')}/x.db")
    )
    await other_catalog.migrate()
    assert (await other_catalog.head()).log_id != (await storage.head()).log_id
    await other_catalog.close()


async def test_listeners_are_notified_of_every_commit_before_the_caller(storage: Storage) -> None:
    """Listeners receive the entries in order, as they are in the log, and none for a refused change."""
    received: list[LogEntry] = []
    storage.listen(received.extend)
    for number in range(1, 4):
        (outcome,) = await commit(storage, creation(number))
        assert as_item(received[-1].change.subject).sku == f"S-{number}", outcome
    await commit(storage, creation(9, sku="S-1"))
    await commit(storage, removal(creation(2).subject))
    assert tuple(received) == (await storage.changes(after=0, limit=10)).entries
    assert [entry.seq for entry in received] == [1, 2, 3, 4]


@shared_stores
async def test_the_head_includes_commits_of_other_processes(storage: Storage, other: Storage) -> None:
    """Reading the head returns the newest entry of another process immediately."""
    assert (await other.head()).seq == 0
    await create_items(storage, 1, 2)
    assert await other.head() == await storage.head()
    assert (await other.head()).seq == 2


async def test_waiting_ends_without_a_commit(storage: Storage) -> None:
    """`wait` returns after the given time if nothing is committed."""
    async with asyncio.timeout(10):
        await storage.wait(0, 0.01)


@shared_stores
async def test_postgres_notifies_other_processes_of_a_commit_immediately(storage: Storage, other: Storage, store: str) -> None:
    """On Postgres, `wait` returns long before its time is up. On SQLite, which cannot notify, it is given a short time."""
    await other.head()
    waiting = asyncio.create_task(other.wait(1, 60 if store == "postgres" else 0.05))
    await create_items(storage, 1)
    if store == "postgres":
        await asyncio.sleep(0.2)
        assert not waiting.done()  # the waiter already knows entry 1
    await create_items(storage, 2)
    async with asyncio.timeout(10):
        await waiting


@pytest.mark.parametrize("store", ["postgres"])
async def test_a_lost_notification_connection_is_reopened(storage: Storage, other: Storage, store_url: str) -> None:
    """The next read of the head opens a new connection, which is notified of commits."""
    await other.head()
    admin = await asyncpg.connect(store_url)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.close()
    assert (await other.head()).seq == 0
    waiting = asyncio.create_task(other.wait(0, 60))
    await create_items(storage, 1)
    async with asyncio.timeout(10):
        await waiting
