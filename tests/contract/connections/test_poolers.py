"""Postgres through connection poolers: no startup parameter that they refuse, and nothing that a session must keep."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack

import asyncpg
import pytest

from catalog.adapters.sql.storage import SqlStorage
from catalog.domain.changes.log import Committed
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.conftest import Databases
from tests.contract.storage_operations import run_every_operation
from tests.making import commit, create_categories, create_items, creation, names
from tests.pooler import ALLOWED, TransactionPooler
from tests.servers import pgbouncer

POOLERS = ("awkward", "pgbouncer") if shutil.which("pgbouncer") else ("awkward",)

SETTINGS = ("jit", "application_name", "enable_seqscan", "statement_timeout", "idle_in_transaction_session_timeout")


@pytest.fixture
async def database(databases: Databases, postgres_template: str) -> AsyncIterator[str]:
    """The name of a fresh database with the schema."""
    name = await databases.create(postgres_template)
    yield name
    await databases.drop(name)


@pytest.fixture(params=POOLERS)
async def pooled_url(request: pytest.FixtureRequest, databases: Databases, database: str) -> AsyncIterator[str]:
    """The URL of the database through a pooler in transaction mode."""
    if request.param == "awkward":
        async with TransactionPooler(databases.server).running() as pooler:
            yield pooler.url(database)
    else:
        with pgbouncer(databases.server, "transaction") as url:
            yield url(database)


@pytest.mark.parametrize("pooler", ["auto", "transaction"])
async def test_every_operation_works_through_a_pooler_in_transaction_mode(pooled_url: str, pooler: str) -> None:
    """Every operation works whether the mode is detected or configured, with two stores at the same time."""
    storages = [open_store(StorageOptions(pooled_url, deadline=20, pooler=pooler)) for _ in range(2)]  # type: ignore[arg-type]
    await create_categories(storages[0], "home/chairs")
    await asyncio.gather(run_every_operation(storages[0], 1_000), run_every_operation(storages[1], 2_000))
    await create_items(storages[0], *range(1, 301), name="Oak chair")
    assert len(await names(storages[1], q="oak")) == 300
    await storages[1].prune(100)
    versions = await storages[0].versions()
    assert versions["pooler"] != "none"
    for storage in storages:
        await storage.close()


async def test_concurrent_writers_through_a_pooler_lose_no_update(pooled_url: str) -> None:
    """One writer wins each SKU, and the log has no gap."""
    storages = [open_store(StorageOptions(pooled_url, deadline=20)) for _ in range(3)]
    for turn in range(10):
        results = await asyncio.gather(
            *(commit(storage, creation(10 * turn + number, sku=f"S-{turn}")) for number, storage in enumerate(storages, 1))
        )
        assert sum(isinstance(outcome, Committed) for outcomes in results for outcome in outcomes) == 1
    page = await storages[0].changes(after=0, limit=100)
    assert [entry.seq for entry in page.entries] == list(range(1, 11))
    for storage in storages:
        await storage.close()


async def test_commits_of_other_processes_are_noticed_through_a_pooler(
    pooled_url: str, databases: Databases, database: str
) -> None:
    """The store polls for commits, because LISTEN does not work through the pooler."""
    storage, other = open_store(StorageOptions(pooled_url)), open_store(StorageOptions(databases.url(database)))
    seq = (await storage.head()).seq
    await storage.wait(seq, 0.5)  # the first poll always returns immediately
    waiting = asyncio.create_task(storage.wait(seq, 30))
    await create_items(other, 1)
    await asyncio.wait_for(waiting, 20)
    assert (await storage.head()).seq == seq + 1
    await storage.close()
    await other.close()


async def test_a_pooler_is_sent_no_settings_at_startup(databases: Databases) -> None:
    """Only parameters that every client sends are sent to a pooler, even by a migration with many statements in a transaction."""
    name = await databases.create()
    async with TransactionPooler(databases.server).running() as pooler:
        storage = open_store(StorageOptions(pooler.url(name), deadline=20))
        assert (await storage.migrate()).current
        await create_items(storage, 1)
        await storage.close()
        assert pooler.parameters == ALLOWED
        with pytest.raises(asyncpg.PostgresError, match="application_name"):
            await asyncpg.connect(pooler.url(name), server_settings={"application_name": "x"})
    await databases.drop(name)


async def test_a_session_has_its_settings(databases: Databases, database: str) -> None:
    """Direct connections, and those through a pooler in session mode, have the settings of the catalog."""
    with ExitStack() as stack:
        url = stack.enter_context(pgbouncer(databases.server, "session")) if "pgbouncer" in POOLERS else databases.url
        for storage in (
            open_store(StorageOptions(databases.url(database))),
            open_store(StorageOptions(url(database), pooler="session")),
        ):
            assert isinstance(storage, SqlStorage)
            await create_items(storage, 1)
            await storage.head()
            settings = await storage._reading.run(
                lambda connection: connection.driver.fetchrow(
                    f"SELECT {', '.join(f'current_setting({name!r})' for name in SETTINGS)}"
                )
            )
            assert list(settings) == ["off", "catalog", "off", "2s", "1min"]
            assert storage._head_watcher._is_subscribed
            assert (await storage.versions())["JIT"] == "off"
            await storage.close()
