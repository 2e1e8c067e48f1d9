"""Concurrent commits: one order, no lost update, and a log without gaps."""

import asyncio
import gc
import random
import sys
from pathlib import Path
from uuid import UUID

import pytest

from catalog.adapters.sql.storage import SqlStorage
from catalog.domain.change import Origin
from catalog.domain.changes.log import ChangeSet, Committed, LogEntry
from catalog.domain.errors import ItemExists, SkuTaken, StaleVersion, StoreBusy, StoreUnavailable
from catalog.domain.items.item import Item
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.making import TESTER, as_item, category, commit, create_items, creation, item, names, removal, revision

WRITERS = 20
ROOT = Path(__file__).parents[3]

shared_stores = pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)


async def read_log(storage: Storage) -> list[LogEntry]:
    """Return the whole log, read page by page."""
    entries: list[LogEntry] = []
    while True:
        page = await storage.changes(after=len(entries), limit=100)
        entries += page.entries
        if len(entries) == page.head:
            return entries


async def test_twenty_writers_race_for_a_sku_and_one_wins(storage: Storage) -> None:
    """One writer commits, and the others get SkuTaken."""
    results = await asyncio.gather(*(commit(storage, creation(number, sku="ONE")) for number in range(1, WRITERS + 1)))
    outcomes = [outcome for result in results for outcome in result]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Committed"] + ["SkuTaken"] * (WRITERS - 1)
    assert isinstance(next(outcome for outcome in outcomes if not isinstance(outcome, Committed)), SkuTaken)
    assert len(await read_log(storage)) == 1


async def test_twenty_writers_race_for_each_version_and_one_wins_each(storage: Storage) -> None:
    """No update is lost: the versions are those of the winners, in order."""
    (current,) = await create_items(storage, 1)
    for turn in range(10):
        changes = [revision(current, name=f"by {writer} in turn {turn}") for writer in range(WRITERS)]
        results = await asyncio.gather(*(commit(storage, change) for change in changes))
        winners = [change for change, (outcome,) in zip(changes, results, strict=True) if isinstance(outcome, Committed)]
        assert sum(isinstance(outcome, StaleVersion) for (outcome,) in results) == WRITERS - 1
        (winner,) = winners
        current = winner.subject
        assert await storage.items_by_id([current.id]) == {current.id: current}
    assert [entry.change.version for entry in await read_log(storage)] == list(range(1, 12))


async def test_prepared_changes_are_committed_like_any_others(storage: Storage) -> None:
    """The prepared changes may be those of the batch, some of them, or others. Only changes that are committed are written."""
    created, other = creation(1, name="First of all", attributes={"a": "b"}), creation(2, name="Second")
    updated, chairs = revision(created.subject, name="Changed"), category("chairs")
    prepared = [storage.prepare((created, creation(7))), storage.prepare((chairs,)), storage.prepare((updated, other))]
    assert (await read_log(storage), await storage.items_by_sku(["S-1", "S-2", "S-7"])) == ([], {})
    batch = [ChangeSet((chairs, created), TESTER), ChangeSet((creation(1),), TESTER), ChangeSet((other,), Origin("another", "r"))]
    outcomes = await storage.commit(batch, prepared[:2])
    assert [type(outcome) for outcome in outcomes] == [Committed, ItemExists, Committed]
    await storage.commit([ChangeSet((updated,), TESTER)], prepared)
    assert [(entry.change, entry.origin) for entry in await read_log(storage)] == [
        (chairs, TESTER),
        (created, TESTER),
        (other, Origin("another", "r")),
        (updated, TESTER),
    ]
    expected = {item.id: item for item in (updated.subject, other.subject)}
    assert await storage.items_by_id([*expected, creation(7).subject.id]) == expected
    assert await names(storage, q="changed b") == ["Changed"]


async def test_the_log_records_every_change_in_order(storage: Storage) -> None:
    """Each entry has its number, the states before and after, the time and the origin of the change."""
    created = creation(1, price={"amount": "1.50", "currency": "EUR"}, attributes={"a": 1.0, "b": 1})
    updated = revision(created.subject, description="text", sku="T")
    deleted = removal(updated.subject)
    await storage.commit([ChangeSet((created, updated), TESTER)])
    await commit(storage, deleted)
    page = await storage.changes(after=0, limit=10)
    assert page.head == 3
    assert page.entries == tuple(LogEntry(seq, change, TESTER) for seq, change in enumerate((created, updated, deleted), 1))
    assert (await storage.changes(after=1, limit=1)).entries == page.entries[1:2]
    assert (await storage.changes(after=3, limit=1)).entries == ()


@shared_stores
async def test_concurrent_processes_write_one_log(storage: Storage, store_url: str) -> None:
    """The log has no gaps and is in the order of the commits. Replaying it gives the state of the store."""
    await commit(storage, creation(1, sku="CONTESTED"))
    rounds = 100
    command = [sys.executable, "-m", "tests.contract.concurrent_writer", store_url]
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(*command, name, str(rounds), cwd=ROOT, stdin=pipe, stdout=pipe)
        for name in ("1", "2")
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    printed = [output for output, _ in await asyncio.gather(*(process.communicate(b"go\n") for process in processes))]
    assert [process.returncode for process in processes] == [0, 0]
    entries = await read_log(storage)
    successes = sum(map(int, printed))
    assert [entry.seq for entry in entries] == list(range(1, 1 + 1 + 2 * 3 * rounds + successes))
    replayed: dict[UUID, Item] = {}
    for entry in entries:
        assert replayed.get(entry.subject_id) == entry.change.before
        replayed[entry.subject_id] = as_item(entry.change.after)
    assert await storage.items_by_id(replayed.keys()) == replayed
    assert (await storage.items_by_sku(["CONTESTED"]))["CONTESTED"].version == successes + 1
    assert 0 < successes <= 2 * rounds


async def test_cancelling_a_caller_affects_no_other(storage: Storage) -> None:
    """A change set whose caller is cancelled is in the log or not at all, and the next write succeeds."""
    rng = random.Random(7)
    for number in range(1, 201, 2):
        write = asyncio.create_task(storage.commit([ChangeSet((creation(number), creation(number + 1)), TESTER)]))
        read = asyncio.create_task(storage.items_by_id([item(number).id]))
        await asyncio.sleep(rng.choice([0, 0, 0.0005, 0.002]))
        write.cancel()
        read.cancel()
        await asyncio.gather(write, read, return_exceptions=True)
    await commit(storage, creation(1000))
    entries = await read_log(storage)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    in_log = {entry.subject_id for entry in entries}
    for number in range(1, 201, 2):
        assert (item(number).id in in_log) is (item(number + 1).id in in_log)
    assert (await storage.items_by_id(in_log)).keys() == in_log
    if isinstance(storage, SqlStorage):
        # Checked before closing, which replaces the pools. Reads whose caller was cancelled may still run for a moment.
        for _ in range(200):
            if storage.connections_in_use == 0:
                break
            await asyncio.sleep(0.01)
        assert storage.connections_in_use == 0


async def test_cancelling_a_caller_does_not_interrupt_its_read(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    """A read continues when its caller is cancelled.

    Interrupting it would close its connection and leave an unretrieved exception.
    """
    await create_items(storage, 1)
    rng = random.Random(7)
    for _ in range(200):
        read = asyncio.create_task(storage.items_by_id([item(1).id]))
        await asyncio.sleep(rng.random() * 0.0015)
        read.cancel()
        await asyncio.gather(read, return_exceptions=True)
    assert len(await storage.items_by_id([item(1).id])) == 1
    await storage.close()
    gc.collect()
    assert caplog.records == []


@shared_stores
async def test_closing_finishes_pending_writes(storage: Storage, store_url: str) -> None:
    """Closing finishes pending writes and refuses later ones."""
    writes = [asyncio.create_task(commit(storage, creation(number))) for number in range(1, 31)]
    await asyncio.sleep(0)
    await storage.close()
    assert all(isinstance(outcome, Committed) for outcomes in await asyncio.gather(*writes) for outcome in outcomes)
    with pytest.raises(StoreUnavailable, match="closing"):
        await commit(storage, creation(99))
    reopened = open_store(StorageOptions(store_url))
    assert (await reopened.changes(after=0, limit=1)).head == 30
    await reopened.close()


@shared_stores
async def test_writes_beyond_the_queue_limit_are_refused(store_url: str) -> None:
    """Writes beyond the queue limit are refused immediately with StoreBusy, and none of them is written."""
    storage = open_store(StorageOptions(store_url, max_pending_writes=10))
    results = await asyncio.gather(*(commit(storage, creation(number)) for number in range(1, 31)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, StoreBusy)]
    assert 0 < len(refused) == 30 - (await storage.changes(after=0, limit=1)).head
    assert all(
        isinstance(outcome, Committed) for result in results if not isinstance(result, BaseException) for outcome in result
    )
    await storage.close()
