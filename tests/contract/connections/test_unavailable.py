"""What a store says when its database is away, or has not the schema: in the catalog's words, and in time."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from catalog.adapters.postgres.dialect import PostgresDialect
from catalog.adapters.postgres.sessions import Sessions
from catalog.adapters.sqlite.dialect import SqliteDialect
from catalog.domain.errors import CatalogError, OutOfSpace, SchemaOutdated, StoreUnavailable
from catalog.domain.queries.item_query import ItemQuery
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.conftest import Databases
from tests.making import commit, create_items, creation
from tests.servers import PostgresServer, free_port, postgres


async def refusals(storage: Storage) -> list[CatalogError]:
    """Ask everything of a store, and return what it refuses with."""
    asked = (
        storage.items_by_id([creation(1).subject.id]),
        storage.items_by_sku(["S-1"]),
        storage.list_items(ItemQuery.parse({"q": "x"})),
        storage.changes(after=0, limit=1),
        storage.ping(),
        commit(storage, creation(1)),
    )
    found = []
    for one in asked:
        with pytest.raises(CatalogError) as caught:
            await one
        found.append(caught.value)
    await storage.close()
    return found


async def test_a_postgres_that_is_away_is_told_as_such() -> None:
    """Without its password."""
    url = f"postgresql://catalog:secret@127.0.0.1:{free_port()}/catalog"
    errors = await refusals(open_store(StorageOptions(url)))
    assert {type(error) for error in errors} == {StoreUnavailable}
    assert not any("secret" in str(error) for error in errors)


async def test_a_database_that_is_not_there_is_told_as_such(databases: Databases) -> None:
    """Without its name, which only the operator may know."""
    errors = await refusals(open_store(StorageOptions(databases.url("nowhere"))))
    assert {type(error) for error in errors} == {StoreUnavailable}
    assert not any("nowhere" in str(error) for error in errors)
    assert all(isinstance(error, StoreUnavailable) and "nowhere" in (error.reason or "") for error in errors)


async def test_an_empty_postgres_says_what_to_run(databases: Databases) -> None:
    """And migrating helps."""
    name = await databases.create()
    errors = await refusals(open_store(StorageOptions(databases.url(name))))
    assert {type(error) for error in errors} == {SchemaOutdated}
    assert "catalog migrate" in str(errors[0])
    storage = open_store(StorageOptions(databases.url(name)))
    assert (await storage.migrate()).current
    await create_items(storage, 1)
    await storage.close()
    await databases.drop(name)


async def test_a_sqlite_file_without_a_schema_says_what_to_run(tmp_path: Path) -> None:
    """Also when it is only now made."""
    errors = await refusals(open_store(StorageOptions(f"sqlite:///{tmp_path / 'new.db'}")))
    assert {type(error) for error in errors} == {SchemaOutdated}


@pytest.mark.parametrize("kind", ["no folder", "no database"])
async def test_a_file_that_sqlite_cannot_work_with_is_told_as_such(tmp_path: Path, kind: str) -> None:
    """With its reason."""
    path = tmp_path / "nowhere" / "catalog.db" if kind == "no folder" else tmp_path / "text.db"
    if kind == "no database":
        path.write_text("This is no database, but a text of some length.\n" * 100)
    errors = await refusals(open_store(StorageOptions(f"sqlite:///{path}")))
    assert {type(error) for error in errors} == {StoreUnavailable}
    assert "SQLite cannot work with the database file" in str(errors[0])


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "postgresql://host:port/x", "mysql://x", "catalog.db"]
)
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ValueError, match=r"(?i)sqlite|postgresql|no store"):
        open_store(StorageOptions(url))


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that a test may stop; a durable one."""
    with postgres() as server:
        yield server


async def test_a_postgres_that_went_and_came_back_is_used_again(own_postgres: PostgresServer) -> None:
    """Without a restart of ours, reads and writes."""
    storage = open_store(StorageOptions(own_postgres.url()))
    await storage.migrate()
    await create_items(storage, 1)
    await asyncio.to_thread(own_postgres.stop, "immediate")
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await storage.ping()
        with pytest.raises(StoreUnavailable):
            await commit(storage, creation(2))
    await asyncio.to_thread(own_postgres.start)
    await storage.ping()
    await create_items(storage, 3)
    assert len(await storage.items_by_sku(["S-1", "S-2", "S-3"])) == 2
    await storage.close()


async def test_a_statement_that_takes_too_long_is_cut_off(databases: Databases, postgres_template: str) -> None:
    """And told as such: here it waits for a lock that somebody holds."""
    name = await databases.create(postgres_template)
    storage = open_store(StorageOptions(databases.url(name), deadline=0.2))
    holder = await asyncpg.connect(databases.url(name))
    async with holder.transaction():
        await holder.execute("LOCK TABLE items")
        with pytest.raises(StoreUnavailable):
            await commit(storage, creation(1))
        with pytest.raises(StoreUnavailable):
            await storage.items_by_sku(["S-1"])
    await holder.close()
    await create_items(storage, 2)
    assert (await storage.changes(after=0, limit=1)).head == 1
    await storage.close()
    await databases.drop(name)


def test_a_full_disk_is_told_as_such() -> None:
    """That of the file, and that of the server."""
    full = sqlite3.connect(":memory:")
    full.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError) as caught:
        full.executescript("CREATE TABLE a (b); CREATE TABLE c (d); CREATE TABLE e (f)")
    full.close()
    assert isinstance(SqliteDialect().to_unavailable(caught.value), OutOfSpace)
    assert isinstance(PostgresDialect(Sessions(), 2.0).to_unavailable(asyncpg.DiskFullError("secret path")), OutOfSpace)
