"""The Postgres store through connection poolers: nothing sent at start-up that they refuse, nothing that a session must keep."""

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
from tests.contract.everything import work
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
    """Its address through a pooler in transaction mode."""
    if request.param == "awkward":
        async with TransactionPooler(databases.server).running() as pooler:
            yield pooler.url(database)
    else:
        with pgbouncer(databases.server, "transaction") as url:
            yield url(database)


@pytest.mark.parametrize("pooler", ["auto", "transaction"])
async def test_everything_works_through_a_pooler_in_transaction_mode(pooled_url: str, pooler: str) -> None:
    """Whether it was found out or told, two processes at once included."""
    storages = [open_store(StorageOptions(pooled_url, deadline=20, pooler=pooler)) for _ in range(2)]  # type: ignore[arg-type]
    await create_categories(storages[0], "home/chairs")
    await asyncio.gather(work(storages[0], 1_000), work(storages[1], 2_000))
    await create_items(storages[0], *range(1, 301), name="Oak chair")
    assert len(await names(storages[1], q="oak")) == 300
    await storages[1].prune(100)
    said = await storages[0].versions()
    assert said["pooler"] != "none"
    for storage in storages:
        await storage.close()


async def test_writers_that_race_through_a_pooler_lose_no_update(pooled_url: str) -> None:
    """One wins each SKU, and the log has no gap."""
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


async def test_news_of_other_processes_is_heard_through_a_pooler(pooled_url: str, databases: Databases, database: str) -> None:
    """By asking for it, as LISTEN does not work there."""
    ours, other = open_store(StorageOptions(pooled_url)), open_store(StorageOptions(databases.url(database)))
    seen = (await ours.head()).seq
    await ours.wait(seen, 0.5)  # the first question returns at once, for whatever there is
    waiting = asyncio.create_task(ours.wait(seen, 30))
    await create_items(other, 1)
    await asyncio.wait_for(waiting, 20)
    assert (await ours.head()).seq == seen + 1
    await ours.close()
    await other.close()


async def test_a_pooler_is_sent_no_setting_at_start_up(databases: Databases) -> None:
    """Nothing but what every client sends, also to migrate, which takes many statements and one transaction."""
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


async def test_a_session_that_lasts_has_its_settings(databases: Databases, database: str) -> None:
    """Directly, and through a pooler that is said to be in session mode."""
    with ExitStack() as stack:
        url = stack.enter_context(pgbouncer(databases.server, "session")) if "pgbouncer" in POOLERS else databases.url
        for storage in (
            open_store(StorageOptions(databases.url(database))),
            open_store(StorageOptions(url(database), pooler="session")),
        ):
            assert isinstance(storage, SqlStorage)
            await create_items(storage, 1)
            await storage.head()
            found = await storage._reading.run(
                lambda held: held.driver.fetchrow(f"SELECT {', '.join(f'current_setting({name!r})' for name in SETTINGS)}")
            )
            assert list(found) == ["off", "catalog", "off", "2s", "1min"]
            assert storage._head_watcher._is_subscribed
            assert (await storage.versions())["JIT"] == "off"
            await storage.close()
