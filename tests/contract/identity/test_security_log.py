"""The security log: numbers without gaps, a chain of digests, filters, and pruning that keeps its anchor."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from catalog.adapters.memory.identity import MemoryIdentityStorage
from catalog.domain.identity.audit import EVERY_EVENT, AuditFilter
from catalog.domain.identity.chain import first_fault
from catalog.domain.identity.security_log import ChainHead, SecurityEvent
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import event, seconds
from tests.making import NOON


async def fault(identity: IdentityStorage) -> int | None:
    """Return the number of the first entry that does not fit the chain, the head included."""
    floor, head = await identity.security_heads()
    entries = list(await identity.security_chain(floor.seq, 1_000))
    found = first_fault(floor, entries)
    if found is not None:
        return found
    last = ChainHead(entries[-1].seq, entries[-1].digest) if entries else floor
    return None if last == head else last.seq + 1


async def numbers(identity: IdentityStorage, audit_filter: AuditFilter = EVERY_EVENT, before: int | None = None) -> list[int]:
    """Return the numbers of matching entries."""
    return [entry.seq for entry in await identity.security_entries(audit_filter, before=before, limit=99)]


async def test_an_empty_log(identity: IdentityStorage) -> None:
    """An empty log has two empty heads and no fault."""
    assert await identity.security_heads() == (ChainHead(), ChainHead())
    assert await identity.security_chain(0, 9) == await identity.security_entries(EVERY_EVENT, before=None, limit=9) == []
    await identity.record([])
    assert await fault(identity) is None


async def test_events_are_stored_whole(identity: IdentityStorage) -> None:
    """Every field is returned as it was, so that the chain holds."""
    events = [
        SecurityEvent(action="session.ended", at=NOON),
        SecurityEvent(
            action="sign_in.failed",
            at=NOON - seconds(0.000001),
            result="failure",
            actor="änna",
            credential="session:1",
            address="2001:db8::1",
            request_id="r",
            subject="sha256:1",
            detail={"z": 2**62, "a": '"\\\n 🙂', "": ""},
            count=2**40,
        ),
    ]
    await identity.record(events)
    assert [entry.event for entry in await identity.security_chain(0, 9)] == events
    assert await fault(identity) is None
    assert (await identity.security_heads())[1].seq == 2


async def test_characters_that_cannot_be_stored_are_replaced(identity: IdentityStorage) -> None:
    """An event with NUL or a lone surrogate, as a requested path may have, does not stop the others of its batch."""
    await identity.record([event(1), event(subject="/a\x00b", actor="\ud800", detail={"path\x00": "\udfff", "n": 1})])
    stored = (await identity.security_chain(0, 9))[1].event
    assert (stored.subject, stored.actor, stored.detail) == ("/a\ufffdb", "\ufffd", {"path\ufffd": "\ufffd", "n": 1})
    assert await fault(identity) is None


async def test_parallel_appends_are_one_chain(rivals: list[IdentityStorage]) -> None:
    """Batches from several storages are appended one after the other, without gaps."""
    await asyncio.gather(*(rivals[number % len(rivals)].record([event(number)] * 3) for number in range(30)))
    entries = await rivals[0].security_chain(0, 1_000)
    assert [entry.seq for entry in entries] == list(range(1, 91))
    assert await fault(rivals[-1]) is None
    assert [entry.event.detail["number"] for entry in entries[::3]] == [entry.event.detail["number"] for entry in entries[2::3]]


async def test_a_large_batch_is_appended_in_order(identity: IdentityStorage) -> None:
    """More events than one transaction takes are appended in their order."""
    await identity.record([event(number) for number in range(250)])
    assert [entry.event.detail["number"] for entry in await identity.security_chain(0, 999)] == list(range(250))
    assert await fault(identity) is None


async def test_entries_are_selected(identity: IdentityStorage) -> None:
    """Each filter selects, alone and with others; entries come newest first, in pages."""
    fields: list[dict[str, Any]] = [
        {"actor": "anna", "action": "user.created", "subject": "berta", "result": "success", "address": "192.0.2.1"},
        {"actor": "anna", "action": "user.deleted", "subject": "carl", "result": "success", "address": "192.0.2.2"},
        {"actor": None, "action": "sign_in.failed", "subject": "anna", "result": "failure", "address": "192.0.2.2"},
        {"actor": "berta", "action": "access.denied", "subject": None, "result": "denied", "address": None},
    ]
    await identity.record([event(at=NOON + timedelta(hours=hour), **each) for hour, each in enumerate(fields)])
    assert await numbers(identity) == [4, 3, 2, 1]
    assert await numbers(identity, AuditFilter(actor="anna")) == [2, 1]
    assert await numbers(identity, AuditFilter(action="user.deleted")) == [2]
    assert await numbers(identity, AuditFilter(subject="anna")) == [3]
    assert await numbers(identity, AuditFilter(result="success")) == [2, 1]
    assert await numbers(identity, AuditFilter(address="192.0.2.2")) == [3, 2]
    assert await numbers(identity, AuditFilter(actor="anna", address="192.0.2.2", result="success")) == [2]
    assert await numbers(identity, AuditFilter(actor="nobody")) == []
    hour = timedelta(hours=1)
    assert await numbers(identity, AuditFilter(since=NOON + hour)) == [4, 3, 2]
    assert await numbers(identity, AuditFilter(until=NOON + hour)) == [1]
    assert await numbers(identity, AuditFilter(since=NOON + hour, until=NOON + 3 * hour)) == [3, 2]
    assert await numbers(identity, before=3) == [2, 1]
    assert await numbers(identity, AuditFilter(result="success"), before=2) == [1]
    page = await identity.security_entries(EVERY_EVENT, before=None, limit=3)
    assert [entry.seq for entry in page] == [4, 3, 2]


async def test_pruning_keeps_the_anchor(identity: IdentityStorage) -> None:
    """The chain begins with the digest of the last entry that was pruned. Numbers go on."""
    await identity.record([event(number) for number in range(10)])
    entries = await identity.security_chain(0, 99)
    await identity.prune_security_log(4)
    assert (await identity.security_heads())[0] == ChainHead(4, entries[3].digest)
    assert await numbers(identity) == [10, 9, 8, 7, 6, 5]
    assert await fault(identity) is None
    await identity.prune_security_log(2)
    await identity.prune_security_log(99)
    assert await identity.security_heads() == (ChainHead(10, entries[9].digest),) * 2
    await identity.record([event(11)])
    assert await numbers(identity) == [11]
    assert await fault(identity) is None


async def test_a_long_log_is_pruned_in_several_transactions(identity: IdentityStorage) -> None:
    """More entries than one transaction deletes are pruned as well."""
    await identity.record([event(number) for number in range(1_200)])
    await identity.prune_security_log(1_100)
    assert [entry.seq for entry in await identity.security_chain(0, 1)] == [1_101]
    assert await fault(identity) is None


Execute = Callable[[str], Awaitable[None]]


@pytest.fixture
async def tamper(store: str, store_url: str, identity: IdentityStorage) -> Execute:
    """A function that runs SQL on the database, past the storage. In memory, it does the same to the list."""

    async def execute(sql: str) -> None:
        if store == "sqlite":
            with sqlite3.connect(Path(store_url.removeprefix("sqlite:///"))) as connection:
                connection.execute(sql)
            connection.close()
        elif store == "postgres":
            connection = await asyncpg.connect(store_url)
            await connection.execute(sql)
            await connection.close()
        else:
            assert isinstance(identity, MemoryIdentityStorage)
            _tamper_in_memory(identity, sql)

    return execute


def _tamper_in_memory(identity: MemoryIdentityStorage, sql: str) -> None:
    entries = identity._log._entries
    if sql.startswith("DELETE"):
        del entries[int(sql.rpartition(" ")[2]) - 1]
    elif sql.startswith("INSERT"):
        entries.append(type(entries[0])(7, entries[0].event, entries[0].digest))
    else:
        old = entries[2]
        entries[2] = type(old)(old.seq, event(99), old.digest)


@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("UPDATE security_log SET actor = 'nobody' WHERE seq = 3", 3),
        ("UPDATE security_log SET result = 'success' WHERE seq = 3", 3),
        ("UPDATE security_log SET detail = '{' WHERE seq = 3", 3),
        ("UPDATE security_log SET count = 7 WHERE seq = 3", 3),
        ("DELETE FROM security_log WHERE seq = 1", 1),
        ("DELETE FROM security_log WHERE seq = 4", 4),
        ("DELETE FROM security_log WHERE seq = 6", 6),
        (
            (
                "INSERT INTO security_log (seq, action, at, result, detail, count, digest)"
                " SELECT 7, action, at, result, detail, count, digest FROM security_log WHERE seq = 1"
            ),
            7,
        ),
    ],
)
async def test_a_tampered_log_is_found(identity: IdentityStorage, tamper: Execute, sql: str, first: int) -> None:
    """An altered, removed or inserted row is found, and the number of the first one is named."""
    await identity.record([event(number) for number in range(6)])
    assert await fault(identity) is None
    await tamper(sql)
    assert await fault(identity) == first
