"""Digests that somebody replaced by something that is no digest at all: `verify` reports them, and nothing else fails."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from catalog.adapters.memory.identity import MemoryIdentityStorage
from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.audit.verification import change_log_chain, security_log_chain, verify_chain
from catalog.domain.hash_chain import ChainEnd
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.storage import Storage
from tests.contract.identity.making import event
from tests.making import create_items
from tests.run_sql import run_sql

Execute = Callable[[str], Awaitable[None]]

in_database = pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
in_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
in_memory = pytest.mark.parametrize("store", ["memory"], indirect=True)


@pytest.fixture
def execute(store_url: str) -> Execute:
    """A function that runs SQL on the database, past the service."""
    return partial(run_sql, store_url)


async def fault_of_changes(storage: Storage) -> int | None:
    """Verify the change log and return the first fault."""
    chain = await change_log_chain(storage)
    assert chain is not None
    return (await verify_chain(chain)).first_fault


async def fault_of_events(identity: IdentityStorage) -> int | None:
    """Verify the security log and return the first fault."""
    return (await verify_chain(security_log_chain(identity))).first_fault


@in_database
@pytest.mark.parametrize("digest", ["zz", "x", "abc", "not a digest", "🙂", " ", "0g" * 32])
async def test_a_head_of_changes_that_is_not_hexadecimal_is_the_fault(storage: Storage, execute: Execute, digest: str) -> None:
    """It is reported as the fault of the entry that it is noted for. Writing goes on, and the fault stays."""
    await create_items(storage, 1, 2)
    await execute(f"UPDATE log_head SET chain_end = '{digest}'")
    assert await fault_of_changes(storage) == 2
    await create_items(storage, 3)
    assert await fault_of_changes(storage) == 3


@in_database
async def test_an_empty_log_with_a_damaged_head_is_at_fault(storage: Storage, execute: Execute) -> None:
    """Its number is that of the head: 0."""
    await execute("UPDATE log_head SET chain_end = '3:zz'")
    assert await fault_of_changes(storage) == 0


@in_sqlite
@pytest.mark.parametrize("value", ["'zz'", "5", "1.5", "x'00ff'"])
async def test_a_digest_of_another_type_is_the_fault(
    storage: Storage, identity: IdentityStorage, execute: Execute, value: str
) -> None:
    """SQLite stores any type in any column."""
    await create_items(storage, 1, 2, 3)
    await identity.record([event(1), event(2), event(3)])
    await storage.prune(1)
    await identity.prune_security_log(1)
    for table, column, changes, events in (
        ("log_head", "chain_end", 3, None),
        ("log_head", "floor_digest", 2, None),
        ("change_log", "digest", 2, None),
        ("security_head", "digest", None, 3),
        ("security_head", "floor_digest", None, 2),
        ("security_log", "digest", None, 2),
    ):
        await execute(f"CREATE TABLE kept AS SELECT rowid AS number, {column} AS digest FROM {table}")
        await execute(f"UPDATE {table} SET {column} = {value}")
        assert (await fault_of_changes(storage), await fault_of_events(identity)) == (changes, events), (table, column)
        restored = f"(SELECT kept.digest FROM kept WHERE kept.number = {table}.rowid)"
        await execute(f"UPDATE {table} SET {column} = {restored}; DROP TABLE kept")
    assert (await fault_of_changes(storage), await fault_of_events(identity)) == (None, None)


@in_database
async def test_an_altered_head_of_events_is_the_fault(store: str, identity: IdentityStorage, execute: Execute) -> None:
    """Recording goes on, and the fault stays."""
    await identity.record([event(1), event(2)])
    await execute("UPDATE security_head SET digest = " + ("x'6e6f'" if store == "sqlite" else "'no'"))
    assert await fault_of_events(identity) == 2
    await identity.record([event(3)])
    assert await fault_of_events(identity) == 3


@in_memory
async def test_an_altered_head_in_memory_is_the_fault(storage: Storage, identity: IdentityStorage) -> None:
    """The same for the store that has no database to alter."""
    assert isinstance(storage, MemoryStorage)
    assert isinstance(identity, MemoryIdentityStorage)
    await identity.record([event(1), event(2)])
    identity._log.head = ChainEnd(2, b"zz")
    assert await fault_of_events(identity) == 2
