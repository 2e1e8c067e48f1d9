"""Migrations: up and down, by several processes at once, and to the tables that the code defines."""

import asyncio
import re
import sys
import time
from pathlib import Path
from unicodedata import category, normalize

import asyncpg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from catalog.adapters.sql.identity.tables import users
from catalog.adapters.sql.schema.migrate import HEAD_REVISION, MIGRATIONS, alembic_config, downgrade, upgrade
from catalog.adapters.sql.schema.tables import ByCodePoint
from catalog.domain.categories.tree import Tree
from catalog.domain.errors import SchemaOutdated
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.search.search import SearchQuery
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.conftest import Databases
from tests.making import create_categories, create_items

ROOT = Path(__file__).parents[3]

metadata = users.metadata
"""All tables, those of identity too, which that module has added."""


def test_the_head_revision_is_the_newest_migration() -> None:
    """HEAD_REVISION names the newest migration."""
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD_REVISION]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return databases.url(asyncio.run(databases.create()))


def make_engine(url: str) -> AsyncEngine:
    """Return an engine for a database, without the catalog's own settings."""
    return create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:"))


def nullable_columns(connection: Connection) -> dict[str, dict[str, bool]]:
    """Return the columns of each table, and whether they are nullable."""
    inspector = inspect(connection)
    return {
        table: {column["name"]: bool(column["nullable"]) for column in inspector.get_columns(table)}
        for table in inspector.get_table_names()
    }


async def test_migrations_can_be_applied_reverted_and_applied_again(empty_url: str) -> None:
    """Applying, reverting and reapplying the migrations gives the tables that the code defines."""
    engine = make_engine(empty_url)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
        columns = await connection.run_sync(nullable_columns)
        await connection.run_sync(lambda sync_connection: downgrade(sync_connection, "base"))
        assert set(await connection.run_sync(nullable_columns)) == {"alembic_version"}
        await connection.run_sync(upgrade)
        assert await connection.run_sync(nullable_columns) == columns
    await engine.dispose()
    for table in metadata.sorted_tables:
        assert columns[table.name] == {column.name: bool(column.nullable) for column in table.columns}


async def test_four_processes_can_migrate_at_once(empty_url: str) -> None:
    """One process applies the migrations; the others find them applied."""
    code = (
        "import asyncio, sys, time, alembic.command\n"
        "from catalog.entrypoints.storage_plugins import open_store\n"
        "from catalog.ports.storage import StorageOptions\n"
        "async def main():\n"
        "    storage = open_store(StorageOptions(sys.argv[1]))\n"
        "    time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "    assert (await storage.migrate()).current\n"
        "    await storage.close()\n"
        "asyncio.run(main())\n"
    )
    start_time = str(time.time() + 3)  # by then every process has finished importing
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, empty_url, start_time, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    errors = [(await process.communicate())[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    storage = open_store(StorageOptions(empty_url))
    await create_items(storage, 1)
    await storage.close()


async def test_a_newer_schema_is_refused(empty_url: str) -> None:
    """Migrating or pinging a store with a newer schema raises SchemaOutdated."""
    storage = open_store(StorageOptions(empty_url))
    await storage.migrate()
    engine = make_engine(empty_url)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    await engine.dispose()
    with pytest.raises(SchemaOutdated, match="newer Catalog"):
        await storage.migrate()
    with pytest.raises(SchemaOutdated, match=f"not {HEAD_REVISION}"):
        await storage.ping()
    await storage.close()


async def test_postgres_compares_by_code_point_regardless_of_its_collation(databases: Databases, postgres_template: str) -> None:
    """Every column that is compared has the collation C.

    The Postgres from the wheel has no collation with a different order, so the test checks the schema.
    """
    connection = await asyncpg.connect(databases.url(postgres_template))
    rows = await connection.fetch(
        "SELECT table_name || '.' || column_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'text'"
    )
    await connection.close()
    columns_by_code_point = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.type is ByCodePoint
    }
    assert {name for name, collation in rows if collation == "C"} == columns_by_code_point
    assert {"items.sku", "items.name_key", "items.currency", "users.username"} <= columns_by_code_point


async def test_postgres_limits_the_pending_list_of_the_word_index(databases: Databases, postgres_template: str) -> None:
    """The pending list of the GIN index is kept short, because each search reads all of it."""
    connection = await asyncpg.connect(databases.url(postgres_template))
    options = await connection.fetchval("SELECT reloptions FROM pg_class WHERE relname = 'item_words_text'")
    await connection.close()
    assert options == ["gin_pending_list_limit=512"]


async def test_a_sqlite_file_is_written_durably(tmp_path: Path) -> None:
    """A SQLite file is in WAL mode and is synced at each commit."""
    storage = open_store(StorageOptions(f"sqlite:///{tmp_path / 'catalog.db'}"))
    await storage.migrate()
    async with storage._database.engines.writing.connect() as connection:  # type: ignore[attr-defined]
        pragmas = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 2000}
    await storage.close()
    engine = create_engine(f"sqlite:///{tmp_path / 'catalog.db'}")
    with engine.connect() as sync_connection:
        assert sync_connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    engine.dispose()


async def test_upgrading_creates_categories_for_existing_items(empty_url: str) -> None:
    """Categories of items from before the category tree become roots of the tree, with log entries.

    Attributes and names of these items are indexed.
    """
    storage = open_store(StorageOptions(empty_url))
    await storage.migrate()
    await create_categories(storage, "home/garden-chairs", "lamps")
    for number, slug in enumerate(["garden-chairs", "garden-chairs", "lamps", None], 1):
        await create_items(storage, number, category=slug, name="Folding chair", attributes={"size": number, "new": True})
    head = (await storage.changes(after=0, limit=1)).head
    engine = make_engine(empty_url)
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync_connection: downgrade(sync_connection, "0002"))
    await engine.dispose()
    await storage.close()
    storage = open_store(StorageOptions(empty_url))
    assert (await storage.migrate()).current
    tree = Tree(await storage.categories())
    assert [(node.slug, node.name, node.parent, node.version) for node in tree] == [
        ("garden-chairs", "Garden chairs", None, 1),
        ("lamps", "Lamps", None, 1),
    ]
    entries = (await storage.changes(after=head, limit=9)).entries
    assert [(entry.seq, entry.change.after, entry.origin.actor) for entry in entries] == [
        (head + number, category, "migration") for number, category in enumerate(tree, 1)
    ]
    assert [item.sku for item in (await storage.list_items(ItemQuery.parse({"attr.size__gte": "3", "sort": "sku"}))).items] == [
        "S-3",
        "S-4",
    ]
    search = SearchQuery.parse("foldign", FieldErrors())
    assert search is not None
    assert len(await storage.suggest(search)) == 4
    await create_items(storage, 9, category="lamps")
    assert await storage.category_counts() == {"garden-chairs": 2, "lamps": 2}
    await storage.close()


def fold_like_revision_0005(text: str) -> str:
    """Fold a text as schema revision 0005 did."""
    decomposed = normalize("NFKD", normalize("NFKD", text).casefold())
    return "".join(character for character in decomposed if not category(character).startswith("M"))


async def test_upgrading_folds_existing_texts_again(empty_url: str) -> None:
    """Sort keys, the index of each item and the words of names are rebuilt in batches.

    Words that no name contains are deleted.
    """
    storage = open_store(StorageOptions(empty_url))
    await storage.migrate()
    names = {1: "Łóżko", 2: "Lampe", 3: "東京タワー", 4: "soft\u00adhyphen", 5: "Mbox iPhone15", 6: "Æble", 7: "Chair KT-INS114"}
    for number, name in names.items():
        await create_items(storage, number, name=name, description="Über Øresund, 京都 5", attributes={"a": "Đà", "n": 1})
    await create_items(storage, *range(100, 700), name="Ørsted")
    items_before = (await storage.list_items(ItemQuery.parse({"sort": "name,sku", "limit": "200"}))).items
    engine = make_engine(empty_url)
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync_connection: downgrade(sync_connection, "0005"))
        rows = (await connection.execute(text("SELECT seq, name, description FROM items"))).all()
        key = "seq" if connection.dialect.name == "postgresql" else "rowid"
        for seq, name, description in rows:
            folded_name = fold_like_revision_0005(name)
            all_words = " ".join(re.findall(r"[^\W_]+", f"{folded_name} {fold_like_revision_0005(description or '')}"))
            await connection.execute(text("UPDATE items SET name_key = :old WHERE seq = :seq"), {"old": folded_name, "seq": seq})
            vector = "array_to_tsvector(string_to_array({}, ' '))" if key == "seq" else "{}"
            index = f"UPDATE item_words SET name = {vector.format(':name')}, text = {vector.format(':text')} WHERE {key} = :seq"
            await connection.execute(
                text(index), {"name": " ".join(re.findall(r"[^\W_]+", folded_name)), "text": all_words, "seq": seq}
            )
        await connection.execute(text("DELETE FROM name_words"))
        await connection.execute(text("INSERT INTO name_words (word, reversed) VALUES ('łozko', 'okzoł'), ('ørsted', 'detsrø')"))
    await storage.close()
    storage = open_store(StorageOptions(empty_url))

    async def matching_names(q: str) -> list[str]:
        return [item.name for item in (await storage.list_items(ItemQuery.parse({"q": q, "limit": "200"}))).items]

    assert (
        await matching_names("lozko")
        == await matching_names("タワー")
        == await matching_names("ktins114")
        == await matching_names("oresund")
        == []
    )
    assert (await storage.migrate()).current
    assert await matching_names("lozko") == ["Łóżko"]
    assert await matching_names("タワー") == ["東京タワー"]
    assert await matching_names("softhyphen") == ["soft\u00adhyphen"]
    assert await matching_names("iphone 15") == ["Mbox iPhone15"]
    assert await matching_names("ktins114") == ["Chair KT-INS114"]
    assert len(await matching_names("orsted")) == 200
    assert len(await matching_names("da 京 oresund")) == 7
    assert (await storage.list_items(ItemQuery.parse({"sort": "name,sku", "limit": "200"}))).items == items_before
    search = SearchQuery.parse("orstde", FieldErrors())
    assert search is not None
    assert len(await storage.suggest(search)) == 5
    async with engine.begin() as connection:
        words = set((await connection.execute(text("SELECT word FROM name_words"))).scalars())
        assert words == {"lozko", "lampe", "softhyphen", "mbox", "iphone15", "aeble", "chair", "kt", "ins114", "orsted"}
        assert (await connection.execute(text("SELECT count(*) FROM item_words"))).scalar() == 607
    await engine.dispose()
    await storage.close()


def test_migrations_do_not_import_the_catalog() -> None:
    """An applied migration must not change when the code does."""
    versions = MIGRATIONS / "versions"
    importing = re.compile(r"^\s*(?:from|import) catalog", re.MULTILINE)
    assert [path.name for path in sorted(versions.glob("[0-9]*.py")) if importing.search(path.read_text())] == []
