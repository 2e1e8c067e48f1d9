"""What every store promises of writes that meet: one order, no lost update, a log without a gap."""

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


async def log_of(storage: Storage) -> list[LogEntry]:
    """Read the whole log, in stretches."""
    entries: list[LogEntry] = []
    while True:
        page = await storage.changes(after=len(entries), limit=100)
        entries += page.entries
        if len(entries) == page.head:
            return entries


async def test_twenty_writers_race_for_a_sku_and_one_wins(storage: Storage) -> None:
    """The others are told that it is taken."""
    results = await asyncio.gather(*(commit(storage, creation(number, sku="ONE")) for number in range(1, WRITERS + 1)))
    outcomes = [outcome for result in results for outcome in result]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Committed"] + ["SkuTaken"] * (WRITERS - 1)
    assert isinstance(next(one for one in outcomes if not isinstance(one, Committed)), SkuTaken)
    assert len(await log_of(storage)) == 1


async def test_twenty_writers_race_for_each_version_and_one_wins_each(storage: Storage) -> None:
    """No update is lost: the versions are those of the winners, one after the other."""
    (current,) = await create_items(storage, 1)
    for turn in range(10):
        changes = [revision(current, name=f"by {writer} in turn {turn}") for writer in range(WRITERS)]
        results = await asyncio.gather(*(commit(storage, change) for change in changes))
        winners = [change for change, (outcome,) in zip(changes, results, strict=True) if isinstance(outcome, Committed)]
        assert sum(isinstance(outcome, StaleVersion) for (outcome,) in results) == WRITERS - 1
        (winner,) = winners
        current = winner.subject
        assert await storage.items_by_id([current.id]) == {current.id: current}
    assert [entry.change.version for entry in await log_of(storage)] == list(range(1, 12))


async def test_what_was_prepared_is_committed_like_anything_else(storage: Storage) -> None:
    """Whether it is of these changes, or of others, or of some of them; and only what is admitted is written."""
    born, other = creation(1, name="First of all", attributes={"a": "b"}), creation(2, name="Second")
    changed, planted = revision(born.subject, name="Changed"), category("chairs")
    ready = [storage.prepare((born, creation(7))), storage.prepare((planted,)), storage.prepare((changed, other))]
    assert (await log_of(storage), await storage.items_by_sku(["S-1", "S-2", "S-7"])) == ([], {})
    batch = [ChangeSet((planted, born), TESTER), ChangeSet((creation(1),), TESTER), ChangeSet((other,), Origin("another", "r"))]
    outcomes = await storage.commit(batch, ready[:2])
    assert [type(outcome) for outcome in outcomes] == [Committed, ItemExists, Committed]
    await storage.commit([ChangeSet((changed,), TESTER)], ready)
    assert [(entry.change, entry.origin) for entry in await log_of(storage)] == [
        (planted, TESTER),
        (born, TESTER),
        (other, Origin("another", "r")),
        (changed, TESTER),
    ]
    kept = {item.id: item for item in (changed.subject, other.subject)}
    assert await storage.items_by_id([*kept, creation(7).subject.id]) == kept
    assert await names(storage, q="changed b") == ["Changed"]


async def test_the_log_tells_everything_in_order(storage: Storage) -> None:
    """Each change with its number, its states, its time and who asked for it."""
    born = creation(1, price={"amount": "1.50", "currency": "EUR"}, attributes={"a": 1.0, "b": 1})
    changed = revision(born.subject, description="text", sku="T")
    gone = removal(changed.subject)
    await storage.commit([ChangeSet((born, changed), TESTER)])
    await commit(storage, gone)
    page = await storage.changes(after=0, limit=10)
    assert page.head == 3
    assert page.entries == tuple(LogEntry(seq, change, TESTER) for seq, change in enumerate((born, changed, gone), 1))
    assert (await storage.changes(after=1, limit=1)).entries == page.entries[1:2]
    assert (await storage.changes(after=3, limit=1)).entries == ()


@shared_stores
async def test_processes_that_write_at_once_make_one_log(storage: Storage, store_url: str) -> None:
    """Gap-free, in the order of the commits, and its replay gives what is in the store."""
    await commit(storage, creation(1, sku="CONTESTED"))
    rounds = 100
    command = [sys.executable, "-m", "tests.contract.rival", store_url]
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(*command, name, str(rounds), cwd=ROOT, stdin=pipe, stdout=pipe)
        for name in ("1", "2")
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    printed = [said for said, _ in await asyncio.gather(*(process.communicate(b"go\n") for process in processes))]
    assert [process.returncode for process in processes] == [0, 0]
    entries = await log_of(storage)
    won = sum(map(int, printed))
    assert [entry.seq for entry in entries] == list(range(1, 1 + 1 + 2 * 3 * rounds + won))
    replayed: dict[UUID, Item] = {}
    for entry in entries:
        assert replayed.get(entry.subject_id) == entry.change.before
        replayed[entry.subject_id] = as_item(entry.change.after)
    assert await storage.items_by_id(replayed.keys()) == replayed
    assert (await storage.items_by_sku(["CONTESTED"]))["CONTESTED"].version == won + 1
    assert 0 < won <= 2 * rounds


async def test_a_caller_that_is_cancelled_harms_nobody(storage: Storage) -> None:
    """In mid-commit or before: each change set is in the log or not at all, and the next write goes through."""
    chance = random.Random(7)
    for number in range(1, 201, 2):
        write = asyncio.create_task(storage.commit([ChangeSet((creation(number), creation(number + 1)), TESTER)]))
        read = asyncio.create_task(storage.items_by_id([item(number).id]))
        await asyncio.sleep(chance.choice([0, 0, 0.0005, 0.002]))
        write.cancel()
        read.cancel()
        await asyncio.gather(write, read, return_exceptions=True)
    await commit(storage, creation(1000))
    entries = await log_of(storage)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    in_log = {entry.subject_id for entry in entries}
    for number in range(1, 201, 2):
        assert (item(number).id in in_log) is (item(number + 1).id in in_log)
    assert (await storage.items_by_id(in_log)).keys() == in_log
    if isinstance(storage, SqlStorage):
        # Looked at before closing, which makes the pools anew; reads that nobody waits for may be under way a moment longer.
        for _ in range(200):
            if storage.connections_in_use == 0:
                break
            await asyncio.sleep(0.01)
        assert storage.connections_in_use == 0


async def test_a_read_that_is_cancelled_is_not_cut_off(storage: Storage, caplog: pytest.LogCaptureFixture) -> None:
    """Cutting it off would cost its connection, and leave an exception that nobody fetches."""
    await create_items(storage, 1)
    chance = random.Random(7)
    for _ in range(200):
        read = asyncio.create_task(storage.items_by_id([item(1).id]))
        await asyncio.sleep(chance.random() * 0.0015)
        read.cancel()
        await asyncio.gather(read, return_exceptions=True)
    assert len(await storage.items_by_id([item(1).id])) == 1
    await storage.close()
    gc.collect()
    assert caplog.records == []


@shared_stores
async def test_closing_finishes_what_was_asked_for(storage: Storage, store_url: str) -> None:
    """And takes nothing more."""
    writes = [asyncio.create_task(commit(storage, creation(number))) for number in range(1, 31)]
    await asyncio.sleep(0)
    await storage.close()
    assert all(isinstance(outcome, Committed) for outcomes in await asyncio.gather(*writes) for outcome in outcomes)
    with pytest.raises(StoreUnavailable, match="closing"):
        await commit(storage, creation(99))
    again = open_store(StorageOptions(store_url))
    assert (await again.changes(after=0, limit=1)).head == 30
    await again.close()


@shared_stores
async def test_more_writes_than_may_wait_are_refused(store_url: str) -> None:
    """At once, by name, and nothing of them is written."""
    storage = open_store(StorageOptions(store_url, max_pending_writes=10))
    results = await asyncio.gather(*(commit(storage, creation(number)) for number in range(1, 31)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, StoreBusy)]
    assert 0 < len(refused) == 30 - (await storage.changes(after=0, limit=1)).head
    assert all(
        isinstance(outcome, Committed) for result in results if not isinstance(result, BaseException) for outcome in result
    )
    await storage.close()
