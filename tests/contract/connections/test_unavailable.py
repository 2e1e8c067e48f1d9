"""Unavailable databases and missing schemas: a store raises the catalog's errors, and does so in time."""

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
from tests.planted_secrets import planted
from tests.servers import PostgresServer, free_port, postgres


async def raised_errors(storage: Storage) -> list[CatalogError]:
    """Run several operations on a store, and return the errors that they raise."""
    operations = (
        storage.items_by_id([creation(1).subject.id]),
        storage.items_by_sku(["S-1"]),
        storage.list_items(ItemQuery.parse({"q": "x"})),
        storage.changes(after=0, limit=1),
        storage.ping(),
        commit(storage, creation(1)),
    )
    errors = []
    for operation in operations:
        with pytest.raises(CatalogError) as caught:
            await operation
        errors.append(caught.value)
    await storage.close()
    return errors


async def test_an_unreachable_postgres_raises_store_unavailable() -> None:
    """An unreachable Postgres raises StoreUnavailable, without the password in the error."""
    url = f"postgresql://catalog:{planted('secret')}@127.0.0.1:{free_port()}/catalog"
    errors = await raised_errors(open_store(StorageOptions(url)))
    assert {type(error) for error in errors} == {StoreUnavailable}
    assert not any("secret" in str(error) for error in errors)


async def test_a_missing_database_raises_store_unavailable(databases: Databases) -> None:
    """The message omits the name of the database, which only operators may know. The reason contains it."""
    errors = await raised_errors(open_store(StorageOptions(databases.url("nowhere"))))
    assert {type(error) for error in errors} == {StoreUnavailable}
    assert not any("nowhere" in str(error) for error in errors)
    assert all(isinstance(error, StoreUnavailable) and "nowhere" in (error.reason or "") for error in errors)


async def test_an_empty_postgres_raises_schema_outdated(databases: Databases) -> None:
    """The message says to run `catalog migrate`, and migrating solves the problem."""
    name = await databases.create()
    errors = await raised_errors(open_store(StorageOptions(databases.url(name))))
    assert {type(error) for error in errors} == {SchemaOutdated}
    assert "catalog migrate" in str(errors[0])
    storage = open_store(StorageOptions(databases.url(name)))
    assert (await storage.migrate()).current
    await create_items(storage, 1)
    await storage.close()
    await databases.drop(name)


async def test_a_sqlite_file_without_a_schema_raises_schema_outdated(tmp_path: Path) -> None:
    """A SQLite file without a schema raises SchemaOutdated, even if the store has just created it."""
    errors = await raised_errors(open_store(StorageOptions(f"sqlite:///{tmp_path / 'new.db'}")))
    assert {type(error) for error in errors} == {SchemaOutdated}


@pytest.mark.parametrize("kind", ["no folder", "no database"])
async def test_an_unusable_sqlite_file_raises_store_unavailable(tmp_path: Path, kind: str) -> None:
    """The message says that SQLite cannot work with the file."""
    path = tmp_path / "nowhere" / "catalog.db" if kind == "no folder" else tmp_path / "text.db"
    if kind == "no database":
        path.write_text("This is a text file and not a database.\n" * 100)
    errors = await raised_errors(open_store(StorageOptions(f"sqlite:///{path}")))
    assert {type(error) for error in errors} == {StoreUnavailable}
    assert "SQLite cannot work with the database file" in str(errors[0])


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "postgresql://host:port/x", "mysql://x", "catalog.db"]
)
def test_an_invalid_url_is_refused(url: str) -> None:
    """The URL is refused before anything is opened."""
    with pytest.raises(ValueError, match=r"(?i)sqlite|postgresql|no store"):
        open_store(StorageOptions(url))


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A durable server that the test may stop."""
    with postgres() as server:
        yield server


async def test_a_postgres_that_was_restarted_is_used_again(own_postgres: PostgresServer) -> None:
    """Reads and writes work again without a restart of the catalog."""
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


async def test_a_slow_statement_raises_store_unavailable(databases: Databases, postgres_template: str) -> None:
    """A statement that waits too long for another connection's lock raises StoreUnavailable."""
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


def test_a_full_disk_raises_out_of_space() -> None:
    """The errors of SQLite and of Postgres for a full disk both become OutOfSpace."""
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.executescript("CREATE TABLE a (b); CREATE TABLE c (d); CREATE TABLE e (f)")
    connection.close()
    assert isinstance(SqliteDialect().to_unavailable(caught.value), OutOfSpace)
    assert isinstance(PostgresDialect(Sessions(), 2.0).to_unavailable(asyncpg.DiskFullError("secret path")), OutOfSpace)
