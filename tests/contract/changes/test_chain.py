"""The chain of the change log: whatever is altered in the database past the service is found, and nothing else is."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.sql.schema.migrate import downgrade, upgrade
from catalog.application.audit.verification import Verdict, change_log_chain, verify_chain
from catalog.domain.change import Origin
from catalog.domain.changes.log import ChangeSet
from catalog.domain.hash_chain import ChainEnd
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.conftest import STORES
from tests.making import certain, commit, create_categories, create_items, creation, removal, revision
from tests.run_sql import run_sql

ROOT = Path(__file__).parents[3]

ORIGIN = Origin("anna", "request", "key:1", "192.0.2.1")

Execute = Callable[[str], Awaitable[None]]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store. The minimal store keeps no chain."""
    kind: str = request.param
    return kind


in_database = pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def execute(store_url: str) -> Execute:
    """A function that runs SQL on the database, past the service."""
    return partial(run_sql, store_url)


async def verify(storage: Storage, expected: ChainEnd | None = None) -> Verdict:
    """Verify the change log."""
    chain = await change_log_chain(storage)
    assert chain is not None
    return await verify_chain(chain, expected)


async def write(storage: Storage) -> None:
    """Write six entries of every shape, with a whole origin."""
    (first, _) = await create_items(storage, 1, 2)
    await create_categories(storage, "lamps")
    repriced = certain(first.reprice({"amount": "1", "currency": "EUR"}, now=first.updated_at))
    await storage.commit([ChangeSet((repriced, creation(3, name="Öl\u2028 🙂")), ORIGIN)])
    await storage.commit([ChangeSet((removal(repriced.subject),), ORIGIN)])
    assert (await storage.head()).seq == 6


async def test_a_log_that_nobody_altered_has_no_fault(storage: Storage) -> None:
    """Neither an empty one nor one with entries of every kind, also if it is opened again."""
    assert await verify(storage) == Verdict(ChainEnd(), ChainEnd())
    await write(storage)
    verdict = await verify(storage)
    assert (verdict.checked, verdict.first_fault, verdict.end.seq, len(verdict.end.digest)) == (6, None, 6, 32)
    await create_items(storage, 7)
    again = await verify(storage, verdict.end)
    assert (again.checked, again.first_fault) == (7, None)


@in_database
@pytest.mark.parametrize(
    "assignment",
    [
        "kind = 'item.updated'",
        "subject_id = (SELECT subject_id FROM change_log WHERE seq = 3), version = 50",
        "key = 'OTHER'",
        "version = version + 1",
        "actor = 'nobody'",
        "request_id = NULL",
        "credential = 'key:2'",
        "credential = NULL",
        "address = '192.0.2.2'",
        "before = after",
        "before = after, after = NULL",
        "after = replace(after, '🙂', '!')",
        "digest = NULL",
        "digest = (SELECT digest FROM change_log WHERE seq = 4)",
        "seq = 99",
    ],
)
async def test_an_altered_column_is_found(storage: Storage, execute: Execute, assignment: str) -> None:
    """The digest covers every column of a row."""
    await write(storage)
    await execute(f"UPDATE change_log SET {assignment} WHERE seq = 5")
    verdict = await verify(storage)
    assert (verdict.first_fault, verdict.checked) == (5, 4)


@in_database
async def test_an_altered_time_is_found(store: str, storage: Storage, execute: Execute) -> None:
    """A microsecond is enough."""
    await write(storage)
    later = "at + 1" if store == "sqlite" else "at + interval '1 microsecond'"
    await execute(f"UPDATE change_log SET at = {later} WHERE seq = 2")
    assert (await verify(storage)).first_fault == 2


_COLUMNS = "kind, subject_id, key, at, actor, request_id, before, after, credential, address"


def insert(seq: int, original: int, digest: str = "digest") -> str:
    """Return the SQL that inserts a copy of a row under another number."""
    return (
        f"INSERT INTO change_log (seq, version, digest, {_COLUMNS})"
        f" SELECT {seq}, 99, {digest}, {_COLUMNS} FROM change_log WHERE seq = {original};"
    )


_SWAP = (
    "UPDATE change_log SET seq = -2 WHERE seq = 2; UPDATE change_log SET seq = 2 WHERE seq = 4;"
    "UPDATE change_log SET seq = 4 WHERE seq = -2"
)
_MAKE_ROOM = "UPDATE change_log SET seq = seq + 100 WHERE seq > 3; UPDATE change_log SET seq = seq - 99 WHERE seq > 100;"


@in_database
@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("DELETE FROM change_log WHERE seq = 1", 1),
        ("DELETE FROM change_log WHERE seq IN (3, 4)", 3),
        ("DELETE FROM change_log WHERE seq = 6", 6),
        ("DELETE FROM change_log", 1),
        (_SWAP, 2),
        ("UPDATE log_head SET chain_end = ''", 6),
        ("UPDATE log_head SET chain_end = '6:xy'", 6),
        ("UPDATE log_head SET seq = 5", 5),
        ("UPDATE log_head SET seq = 7", 7),
        (insert(7, 5, "NULL") + "UPDATE log_head SET seq = 7", 7),
        ("UPDATE log_head SET floor = 2", 3),
        ("UPDATE log_head SET chained_from = 3", 4),
        ("UPDATE log_head SET chained_from = 6", 6),
        ("UPDATE change_log SET digest = NULL; UPDATE log_head SET chain_end = '', chained_from = 5", 6),
        (insert(7, 5), 7),
        (_MAKE_ROOM + insert(4, 2) + "UPDATE log_head SET seq = 7", 4),
    ],
)
async def test_a_tampered_log_is_found(storage: Storage, execute: Execute, sql: str, first: int) -> None:
    """Rows that are removed, inserted or swapped, and an altered head: the number of the first wrong entry is named."""
    await write(storage)
    await execute(sql)
    assert (await verify(storage)).first_fault == first


@in_database
async def test_a_log_that_was_cut_is_found_with_an_end_noted_elsewhere(store: str, storage: Storage, execute: Execute) -> None:
    """If the head is set back as well, the rest is a valid chain. So is one with the same numbers that was written later."""
    await write(storage)
    noted = (await verify(storage)).end
    as_text = "hex(digest)" if store == "sqlite" else "encode(digest, 'hex')"
    await execute(
        "DELETE FROM change_log WHERE seq > 4;"
        f"UPDATE log_head SET seq = 4, chain_end = (SELECT '4:' || lower({as_text}) FROM change_log WHERE seq = 4)"
    )
    assert (await verify(storage)).first_fault is None
    assert (await verify(storage, noted)).first_fault == 5
    await create_categories(storage, "chairs", "tables")
    assert (await verify(storage)).first_fault is None
    assert (await verify(storage, noted)).first_fault == 6


@pytest.mark.parametrize("store", ["memory"], indirect=True)
async def test_an_altered_entry_in_memory_is_found(storage: Storage) -> None:
    """Once a digest was computed, the entry can't be altered any more without being found."""
    assert isinstance(storage, MemoryStorage)
    await write(storage)
    assert (await verify(storage)).first_fault is None
    entries = storage._log._entries
    original = list(entries)
    entries[2] = replace(entries[2], origin=ORIGIN)
    assert (await verify(storage)).first_fault == 3
    entries[:] = original
    entries[3], entries[4] = entries[4], entries[3]
    assert (await verify(storage)).first_fault == 4
    entries[:] = original
    assert (await verify(storage)).first_fault is None
    del entries[1]
    assert (await verify(storage)).first_fault == 2


async def test_pruning_keeps_the_anchor(storage: Storage) -> None:
    """The rest is verified from the digest of the last entry that was pruned. So is an empty rest, and what comes after it."""
    await write(storage)
    before = await verify(storage)
    await storage.prune(4)
    verdict = await verify(storage, before.end)
    assert (verdict.start.seq, len(verdict.start.digest), verdict.end, verdict.first_fault) == (4, 32, before.end, None)
    await storage.prune(6)
    assert await verify(storage) == Verdict(before.end, before.end)
    await create_items(storage, 7)
    verdict = await verify(storage)
    assert (verdict.checked, verdict.first_fault) == (1, None)


@in_database
@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("UPDATE log_head SET floor_digest = NULL", 5),
        ("UPDATE log_head SET floor = 5", 5),
        (insert(2, 5, "NULL"), 2),
    ],
)
async def test_an_altered_anchor_is_found(storage: Storage, execute: Execute, sql: str, first: int) -> None:
    """The anchor is compared with the first entry, and nothing may be before it."""
    await write(storage)
    await storage.prune(4)
    await execute(sql)
    assert (await verify(storage)).first_fault == first


async def test_group_commits_are_one_chain(storage: Storage) -> None:
    """Concurrent change sets are committed in batches; refused ones leave no gap."""
    (item,) = await create_items(storage, 1)
    rivals = [commit(storage, revision(item, name=f"Name {number}")) for number in range(10)]
    await asyncio.gather(*(commit(storage, creation(number)) for number in range(2, 60)), *rivals)
    verdict = await verify(storage)
    assert (verdict.checked, verdict.first_fault) == (60, None)


@in_database
async def test_entries_of_an_older_version_are_reported_until_they_are_accepted(storage: Storage, execute: Execute) -> None:
    """While a new version is rolled out, processes of the old one append entries without digests, and move the head's number."""
    await write(storage)
    before = (await verify(storage)).end
    await execute(insert(7, 5, "NULL") + "UPDATE log_head SET seq = 7")
    await create_items(storage, 8)
    await execute(insert(9, 4, "NULL") + "UPDATE log_head SET seq = 9")
    verdict = await verify(storage, before)
    assert (verdict.first_fault, verdict.lacks_digest, verdict.noted) == (7, True, ChainEnd(9))
    accepted = await verify(storage, verdict.noted)
    assert (accepted.first_fault, accepted.checked) == (None, 9)
    await create_items(storage, 10, 11)
    accepted = await verify(storage, verdict.noted)
    assert (accepted.first_fault, accepted.checked) == (None, 11)
    assert (await verify(storage, accepted.end)).first_fault is None
    await execute("UPDATE change_log SET actor = 'nobody' WHERE seq = 8")
    assert (await verify(storage, accepted.end)).first_fault == 8
    await storage.prune(9)
    assert (await verify(storage)).first_fault is None


@in_database
async def test_several_processes_keep_one_chain(storage: Storage, store_url: str) -> None:
    """Each continues the digest that the other has committed, also while the log is verified and pruned."""
    await commit(storage, creation(1, sku="CONTESTED"))
    command = [sys.executable, "-m", "tests.contract.concurrent_writer", store_url]
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(*command, name, "20", cwd=ROOT, stdin=pipe, stdout=pipe) for name in ("1", "2")
    ]
    for process in processes:
        assert process.stdout is not None
        await process.stdout.readline()
    writing = asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    while not writing.done():
        verdict = await verify(storage)
        assert verdict.first_fault is None
        await storage.prune(verdict.start.seq + verdict.checked // 2)
    await writing
    assert [process.returncode for process in processes] == [0, 0]
    assert (await verify(storage)).first_fault is None
    assert (await storage.head()).seq > 120


@in_database
async def test_the_chain_of_an_older_database_begins_where_it_begins(store_url: str, execute: Execute) -> None:
    """Entries from before the migration have no digests. A downgrade drops all, and a later upgrade begins anew."""
    engine = create_async_engine(store_url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:"))

    async def migrate(step: Callable[..., None], *revision_ids: str) -> None:
        async with engine.begin() as connection:
            await connection.run_sync(lambda synchronous: step(synchronous, *revision_ids))

    async def with_storage(use: Callable[[Storage], Awaitable[Any]]) -> Any:  # noqa: ANN401 - what `use` returns
        opened = open_store(StorageOptions(store_url))
        try:
            return await use(opened)
        finally:
            await opened.close()

    async def create(number: int, opened: Storage) -> None:
        await create_items(opened, number)

    await with_storage(write)
    for numbers, start in (((7, 8), 6), ((9,), 8)):
        await migrate(downgrade, "0009")
        await migrate(upgrade)
        assert await with_storage(verify) == Verdict(ChainEnd(start), ChainEnd(start))
        for number in numbers:
            await with_storage(partial(create, number))
        verdict = await with_storage(verify)
        assert (verdict.start, verdict.checked, verdict.first_fault) == (ChainEnd(start), len(numbers), None)
    await with_storage(lambda opened: opened.prune(4))
    assert (await with_storage(verify)).start == ChainEnd(8)
    await with_storage(lambda opened: opened.prune(9))
    verdict = await with_storage(verify)
    assert (verdict.start.seq, verdict.checked, verdict.first_fault) == (9, 0, None)
    await engine.dispose()
    await execute("UPDATE log_head SET chain_end = '9:cc'")
    assert (await with_storage(verify)).first_fault == 9
