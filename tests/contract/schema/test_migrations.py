"""The schema's history: up, down and up again, by many at once, and to the tables that the code works on."""

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

from catalog.adapters.sql.schema.migrate import HEAD_REVISION, MIGRATIONS, alembic_config, downgrade, upgrade
from catalog.adapters.sql.schema.tables import ByCodePoint, metadata
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


def test_the_schema_that_is_wanted_is_the_newest() -> None:
    """A new migration must be named as the one to work on."""
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD_REVISION]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases) -> str:
    """The address of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return databases.url(asyncio.run(databases.create()))


def engine(url: str) -> AsyncEngine:
    """Make a plain engine, with the drivers that are there."""
    return create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:"))


def shape(connection: Connection) -> dict[str, dict[str, bool]]:
    """Return the tables with their columns, and whether these may be absent."""
    inspector = inspect(connection)
    return {
        table: {column["name"]: bool(column["nullable"]) for column in inspector.get_columns(table)}
        for table in inspector.get_table_names()
    }


async def test_migrations_go_up_down_and_up(empty_url: str) -> None:
    """And lead to the tables of the code."""
    plain = engine(empty_url)
    async with plain.begin() as connection:
        await connection.run_sync(upgrade)
        first = await connection.run_sync(shape)
        await connection.run_sync(lambda inner: downgrade(inner, "base"))
        assert set(await connection.run_sync(shape)) == {"alembic_version"}
        await connection.run_sync(upgrade)
        assert await connection.run_sync(shape) == first
    await plain.dispose()
    for table in metadata.sorted_tables:
        assert first[table.name] == {column.name: bool(column.nullable) for column in table.columns}


async def test_four_processes_may_migrate_at_once(empty_url: str) -> None:
    """One does it, the others find it done."""
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
    start = str(time.time() + 3)  # when all of them have imported what they need
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, empty_url, start, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    said = [(await process.communicate())[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    storage = open_store(StorageOptions(empty_url))
    await create_items(storage, 1)
    await storage.close()


async def test_a_schema_of_a_newer_version_is_left_alone(empty_url: str) -> None:
    """And told as such."""
    storage = open_store(StorageOptions(empty_url))
    await storage.migrate()
    plain = engine(empty_url)
    async with plain.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    await plain.dispose()
    with pytest.raises(SchemaOutdated, match="newer Catalog"):
        await storage.migrate()
    with pytest.raises(SchemaOutdated, match=f"not {HEAD_REVISION}"):
        await storage.ping()
    await storage.close()


async def test_postgres_compares_by_code_point_whatever_its_collation(databases: Databases, postgres_template: str) -> None:
    """The columns say so themselves; the Postgres of the wheel knows no collation that would sort otherwise."""
    connection = await asyncpg.connect(databases.url(postgres_template))
    rows = await connection.fetch(
        "SELECT table_name || '.' || column_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'text'"
    )
    await connection.close()
    compared = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.type is ByCodePoint
    }
    assert {name for name, collation in rows if collation == "C"} == compared
    assert {"items.sku", "items.name_key", "items.currency"} <= compared


async def test_postgres_keeps_few_words_waiting_for_their_index(databases: Databases, postgres_template: str) -> None:
    """Each search reads all that wait."""
    connection = await asyncpg.connect(databases.url(postgres_template))
    options = await connection.fetchval("SELECT reloptions FROM pg_class WHERE relname = 'item_words_text'")
    await connection.close()
    assert options == ["gin_pending_list_limit=512"]


async def test_a_sqlite_file_is_written_durably(tmp_path: Path) -> None:
    """In WAL mode, synced at each commit."""
    storage = open_store(StorageOptions(f"sqlite:///{tmp_path / 'catalog.db'}"))
    await storage.migrate()
    async with storage._database.engines.writing.connect() as connection:  # type: ignore[attr-defined]
        pragmas = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 2000}
    await storage.close()
    plain = create_engine(f"sqlite:///{tmp_path / 'catalog.db'}")
    with plain.connect() as connection_:
        assert connection_.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    plain.dispose()


async def test_items_that_were_there_before_categories_keep_theirs(empty_url: str) -> None:
    """As roots of the tree, by entries of the log; and their attributes and names are indexed."""
    storage = open_store(StorageOptions(empty_url))
    await storage.migrate()
    await create_categories(storage, "home/garden-chairs", "lamps")
    for number, slug in enumerate(["garden-chairs", "garden-chairs", "lamps", None], 1):
        await create_items(storage, number, category=slug, name="Folding chair", attributes={"size": number, "new": True})
    head = (await storage.changes(after=0, limit=1)).head
    plain = engine(empty_url)
    async with plain.begin() as connection:
        await connection.run_sync(lambda inner: downgrade(inner, "0002"))
    await plain.dispose()
    await storage.close()
    storage = open_store(StorageOptions(empty_url))
    assert (await storage.migrate()).current
    tree = Tree(await storage.categories())
    assert [(each.slug, each.name, each.parent, each.version) for each in tree] == [
        ("garden-chairs", "Garden chairs", None, 1),
        ("lamps", "Lamps", None, 1),
    ]
    entries = (await storage.changes(after=head, limit=9)).entries
    assert [(entry.seq, entry.change.after, entry.origin.actor) for entry in entries] == [
        (head + number, category, "migration") for number, category in enumerate(tree, 1)
    ]
    assert [one.sku for one in (await storage.list_items(ItemQuery.parse({"attr.size__gte": "3", "sort": "sku"}))).items] == [
        "S-3",
        "S-4",
    ]
    search = SearchQuery.parse("foldign", FieldErrors())
    assert search is not None
    assert len(await storage.suggest(search)) == 4
    await create_items(storage, 9, category="lamps")
    assert await storage.category_counts() == {"garden-chairs": 2, "lamps": 2}
    await storage.close()


def folded_as_before(text: str) -> str:
    """Fold as the schema 0005 had it."""
    decomposed = normalize("NFKD", normalize("NFKD", text).casefold())
    return "".join(sign for sign in decomposed if not category(sign).startswith("M"))


async def test_what_was_folded_otherwise_is_folded_anew(empty_url: str) -> None:
    """Sort keys, the index of each item and the words of names, slice by slice; and words that no name has are gone."""
    storage = open_store(StorageOptions(empty_url))
    await storage.migrate()
    names = {1: "Łóżko", 2: "Lampe", 3: "東京タワー", 4: "soft\u00adhyphen", 5: "Mbox iPhone15", 6: "Æble", 7: "Chair KT-INS114"}
    for number, name in names.items():
        await create_items(storage, number, name=name, description="Über Øresund, 京都 5", attributes={"a": "Đà", "n": 1})
    await create_items(storage, *range(100, 700), name="Ørsted")
    everything = (await storage.list_items(ItemQuery.parse({"sort": "name,sku", "limit": "200"}))).items
    plain = engine(empty_url)
    async with plain.begin() as connection:
        await connection.run_sync(lambda inner: downgrade(inner, "0005"))
        rows = (await connection.execute(text("SELECT seq, name, description FROM items"))).all()
        key = "seq" if connection.dialect.name == "postgresql" else "rowid"
        for seq, name, description in rows:
            old = folded_as_before(name)
            every = " ".join(re.findall(r"[^\W_]+", f"{old} {folded_as_before(description or '')}"))
            await connection.execute(text("UPDATE items SET name_key = :old WHERE seq = :seq"), {"old": old, "seq": seq})
            made = "array_to_tsvector(string_to_array({}, ' '))" if key == "seq" else "{}"
            index = f"UPDATE item_words SET name = {made.format(':name')}, text = {made.format(':text')} WHERE {key} = :seq"
            await connection.execute(text(index), {"name": " ".join(re.findall(r"[^\W_]+", old)), "text": every, "seq": seq})
        await connection.execute(text("DELETE FROM name_words"))
        await connection.execute(text("INSERT INTO name_words (word, reversed) VALUES ('łozko', 'okzoł'), ('ørsted', 'detsrø')"))
    await storage.close()
    storage = open_store(StorageOptions(empty_url))

    async def found(q: str) -> list[str]:
        return [one.name for one in (await storage.list_items(ItemQuery.parse({"q": q, "limit": "200"}))).items]

    assert await found("lozko") == await found("タワー") == await found("ktins114") == await found("oresund") == []
    assert (await storage.migrate()).current
    assert await found("lozko") == ["Łóżko"]
    assert await found("タワー") == ["東京タワー"]
    assert await found("softhyphen") == ["soft\u00adhyphen"]
    assert await found("iphone 15") == ["Mbox iPhone15"]
    assert await found("ktins114") == ["Chair KT-INS114"]
    assert len(await found("orsted")) == 200
    assert len(await found("da 京 oresund")) == 7
    assert (await storage.list_items(ItemQuery.parse({"sort": "name,sku", "limit": "200"}))).items == everything
    search = SearchQuery.parse("orstde", FieldErrors())
    assert search is not None
    assert len(await storage.suggest(search)) == 5
    async with plain.begin() as connection:
        words = set((await connection.execute(text("SELECT word FROM name_words"))).scalars())
        assert words == {"lozko", "lampe", "softhyphen", "mbox", "iphone15", "aeble", "chair", "kt", "ins114", "orsted"}
        assert (await connection.execute(text("SELECT count(*) FROM item_words"))).scalar() == 607
    await plain.dispose()
    await storage.close()


def test_migrations_import_nothing_of_the_catalog() -> None:
    """An applied migration must not change its meaning when the code does."""
    versions = MIGRATIONS / "versions"
    importing = re.compile(r"^\s*(?:from|import) catalog", re.MULTILINE)
    assert [path.name for path in sorted(versions.glob("[0-9]*.py")) if importing.search(path.read_text())] == []
