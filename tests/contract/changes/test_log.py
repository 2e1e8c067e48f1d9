"""The change log and expiring records."""

import asyncio
import sqlite3
from datetime import timedelta
from uuid import uuid5

import pytest

from catalog.adapters.sqlite.dialect import SqliteDialect
from catalog.domain.categories import category as categories
from catalog.domain.change import Change
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.expiring_record import LIFETIME, RETENTION, ExpiringRecord
from catalog.domain.changes.log import ChangeSet, Committed, LogFilter
from catalog.domain.errors import AlreadyProcessed, StaleVersion, StoreUnavailable
from catalog.domain.items.item import CREATED, DELETED, REPRICED, Item, Provenance
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.making import (
    NOON,
    TESTER,
    category,
    certain,
    commit,
    create_categories,
    create_items,
    creation,
    item_id,
    removal,
    revision,
)

ITEM_COUNT = 10


async def commit_records(storage: Storage, *records: ExpiringRecord, change: Change[Item] | None = None) -> Outcome:
    """Commit records, with or without a change, and return the outcome."""
    (outcome,) = await storage.commit([ChangeSet((change,) if change else (), TESTER, records)])
    return outcome


async def test_the_log_is_filtered_by_kind_and_by_subject(storage: Storage) -> None:
    """A page of filtered entries says where to continue, even if few entries match."""
    await create_categories(storage, "lamps")
    (first, second) = await create_items(storage, 1, 2)
    repriced = certain(first.reprice({"amount": "1", "currency": "EUR"}, now=NOON))
    await commit(storage, repriced, removal(second))
    by_kind = await storage.changes(after=0, limit=10, log_filter=LogFilter(frozenset({REPRICED, categories.CREATED})))
    assert [(entry.seq, entry.change.kind) for entry in by_kind.entries] == [(1, categories.CREATED), (4, REPRICED)]
    assert (by_kind.head, by_kind.floor, by_kind.scanned_to, by_kind.next_after) == (5, 0, 5, None)
    by_subject = await storage.changes(after=0, limit=1, log_filter=LogFilter(subject=second.id))
    assert ([entry.seq for entry in by_subject.entries], by_subject.next_after) == ([3], 3)
    next_page = await storage.changes(after=3, limit=10, log_filter=LogFilter(subject=second.id))
    assert ([entry.change.kind for entry in next_page.entries], next_page.next_after) == ([DELETED], None)
    by_kind_and_subject = await storage.changes(after=0, limit=10, log_filter=LogFilter(frozenset({CREATED}), second.id))
    assert [entry.seq for entry in by_kind_and_subject.entries] == [3]
    assert (await storage.changes(after=5, limit=10)).entries == ()
    assert (await storage.changes(after=99, limit=10)).next_after is None


@pytest.mark.parametrize("log_filter", [LogFilter(), LogFilter(frozenset({CREATED})), LogFilter(subject=item_id(1))])
async def test_no_entry_follows_the_highest_possible_seq(storage: Storage, log_filter: LogFilter) -> None:
    """Reading after the highest possible number returns an empty page instead of failing."""
    await create_items(storage, 1)
    page = await storage.changes(after=2**63 - 1, limit=10, log_filter=log_filter)
    assert (page.entries, page.next_after) == ((), None)


async def test_a_filtered_read_scans_a_limited_part_of_the_log(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read scans a part of the log. Following `next_after` from page to page finds every matching entry."""
    monkeypatch.setattr("catalog.adapters.sql.reads.log_queries.SCAN_LIMIT", 3)
    items = await create_items(storage, *range(1, ITEM_COUNT))
    await commit(storage, removal(items[0]))
    await create_items(storage, ITEM_COUNT)
    after: int | None = 0
    seqs = []
    while after is not None:
        page = await storage.changes(after=after, limit=5, log_filter=LogFilter(frozenset({DELETED})))
        seqs += [entry.seq for entry in page.entries]
        assert page.next_after is None or page.next_after > after
        after = page.next_after
    assert seqs == [ITEM_COUNT]


async def test_the_change_that_created_a_version_is_found(storage: Storage) -> None:
    """Without a version, `find_entry` returns the item's last change. `last_deletion` returns the last deletion under a SKU."""
    (first,) = await create_items(storage, 1)
    second = revision(first, name="Other")
    deletion = removal(second.subject)
    await commit(storage, second, deletion)
    recreation = creation(2, sku="S-1")
    await commit(storage, recreation, removal(recreation.subject), creation(3, sku="S-1"))
    for version, change in ((1, creation(1)), (2, second), (3, deletion), (None, deletion)):
        entry = await storage.find_entry(first.id, version)
        assert entry is not None
        assert entry.change == change
    assert await storage.find_entry(first.id, 4) is None
    assert await storage.find_entry(item_id(9)) is None
    last_deletion = await storage.last_deletion("S-1")
    assert last_deletion is not None
    assert last_deletion.subject_id == recreation.subject.id
    assert await storage.last_deletion("S-3") is None


async def test_a_pruned_log_reports_its_floor(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pruning changes no numbers, and new ones continue after the head. Pruning twice, or beyond the head, does no harm."""
    monkeypatch.setattr("catalog.adapters.sql.storage._PRUNE_BATCH", 2)
    items = await create_items(storage, *range(1, 6))
    await commit(storage, removal(items[0]))
    await storage.prune(5)
    await storage.prune(3)
    page = await storage.changes(after=0, limit=10)
    assert ([entry.seq for entry in page.entries], page.head, page.floor) == ([6], 6, 5)
    assert await storage.find_entry(items[1].id) is None
    assert await storage.last_deletion("S-1") is not None
    assert (await storage.changes(after=0, limit=10, log_filter=LogFilter(subject=items[0].id))).entries == page.entries
    await storage.prune(99)
    assert await storage.last_deletion("S-1") is None
    page = await storage.changes(after=0, limit=10)
    assert (page.entries, page.head, page.floor, page.next_after) == ((), 6, 6, None)
    await create_items(storage, 7)
    assert [entry.seq for entry in (await storage.changes(after=6, limit=10)).entries] == [7]
    assert (await storage.head()).seq == 7


async def test_commits_succeed_while_the_log_is_pruned(storage: Storage) -> None:
    """Commits during pruning succeed, and no number is lost."""
    await create_items(storage, *range(1, 50))
    await asyncio.gather(storage.prune(40), *(create_items(storage, number) for number in range(50, 70)))
    page = await storage.changes(after=40, limit=100)
    assert [entry.seq for entry in page.entries] == list(range(41, 70))


async def test_a_record_is_written_with_its_change_set_or_not_at_all(storage: Storage) -> None:
    """A record replaces an earlier one with the same key. A change set without changes does not move the head."""
    assert isinstance(
        await commit_records(storage, ExpiringRecord("a", b"\x00one", NOON), ExpiringRecord("b", b"", NOON)), Committed
    )
    assert isinstance(await commit_records(storage, ExpiringRecord("a", b"two", NOON), change=creation(1)), Committed)
    assert not isinstance(
        await commit_records(storage, ExpiringRecord("a", b"three", NOON), change=creation(2, sku="S-1")), Committed
    )
    assert await storage.records(["a", "b", "c"]) == {"a": ExpiringRecord("a", b"two", NOON), "b": ExpiringRecord("b", b"", NOON)}
    assert await storage.records([]) == {}
    assert (await storage.head()).seq == 1


async def test_a_record_that_must_be_absent_is_refused_if_it_exists(storage: Storage) -> None:
    """An existing record refuses the whole change set, even if it is from the same batch. An expired record does not count."""
    first = ExpiringRecord("once", b"1", NOON, only_if_absent=True)
    outcomes = await storage.commit(
        [
            ChangeSet((creation(1),), TESTER, (first,)),
            ChangeSet((creation(2),), TESTER, (first,)),
            ChangeSet((), TESTER, (first,)),
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [Committed, AlreadyProcessed, AlreadyProcessed]
    almost = ExpiringRecord("once", b"2", NOON + LIFETIME - timedelta(microseconds=1), only_if_absent=True)
    assert isinstance(await commit_records(storage, almost, change=creation(3)), AlreadyProcessed)
    assert set(await storage.items_by_id([item_id(number) for number in range(1, 4)])) == {item_id(1)}
    later = ExpiringRecord("once", b"3", NOON + LIFETIME, only_if_absent=True)
    assert isinstance(await commit_records(storage, later, change=creation(4)), Committed)
    assert (await storage.records(["once"]))["once"].content == b"3"


async def test_records_are_deleted_after_two_days(storage: Storage) -> None:
    """Old records are deleted when new ones are written."""
    await commit_records(storage, ExpiringRecord("old", b"", NOON), ExpiringRecord("newer", b"", NOON + timedelta(hours=1)))
    await commit_records(storage, ExpiringRecord("next", b"", NOON + RETENTION + timedelta(minutes=1)))
    assert set(await storage.records(["old", "newer", "next"])) == {"newer", "next"}


async def test_a_clock_that_is_a_day_ahead_deletes_no_valid_record(storage: Storage) -> None:
    """A replica whose clock is ahead deletes no record that others need to avoid running a request twice."""
    await commit_records(storage, ExpiringRecord("fresh", b"", NOON))
    await commit_records(storage, ExpiringRecord("ahead", b"", NOON + LIFETIME - timedelta(seconds=1)))
    assert set(await storage.records(["fresh", "ahead"])) == {"fresh", "ahead"}


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
async def test_old_records_are_deleted_after_a_clock_was_set_back(storage: Storage) -> None:
    """Old records are deleted even if the time of the last deletion is in the future."""
    await commit_records(storage, ExpiringRecord("ahead", b"", NOON + 5 * RETENTION))
    await commit_records(storage, ExpiringRecord("old", b"", NOON))
    await commit_records(storage, ExpiringRecord("now", b"", NOON + RETENTION + timedelta(minutes=1)))
    assert set(await storage.records(["ahead", "old", "now"])) == {"ahead", "now"}


async def test_a_restored_item_continues_from_its_last_version(storage: Storage) -> None:
    """No version is used twice, not even if the item is imported from another catalog."""
    (first,) = await create_items(storage, 1)
    deletion = removal(first)
    await commit(storage, deletion)
    restoration = first.restore(deleted_version=deletion.version, now=NOON + timedelta(days=1))
    assert (restoration.subject.version, restoration.subject.created_at) == (3, first.created_at)
    (outcome,) = await commit(storage, restoration)
    assert isinstance(outcome, Committed)
    await commit(storage, removal(restoration.subject))
    (outcome,) = await commit(storage, restoration)
    assert isinstance(outcome, StaleVersion)
    provenance = Provenance(first.id, 1, first.created_at, first.updated_at)
    imported = Item.create(
        {"sku": "S-1", "name": "Item 1"}, item_id=item_id(8), default_sku="", now=NOON + timedelta(days=2), provenance=provenance
    )
    (outcome,) = await commit(storage, imported)
    assert isinstance(outcome, StaleVersion)


async def test_an_item_that_is_deleted_and_restored_in_one_change_set_exists(storage: Storage) -> None:
    """An item that is deleted and restored in one change set can be read by its SKU."""
    (first,) = await create_items(storage, 1, name="Chair")
    deletion = removal(first)
    restoration = first.restore(deleted_version=deletion.version, now=NOON + timedelta(days=1))
    (outcome,) = await storage.commit([ChangeSet((deletion, restoration), TESTER)])
    assert isinstance(outcome, Committed)
    assert await storage.items_by_sku(["S-1"]) == {"S-1": restoration.subject}


async def test_waiting_ends_with_a_commit(storage: Storage, store: str, store_url: str) -> None:
    """`wait` returns after a commit, also of another process if the store can be shared.

    Otherwise it returns when its time is up.
    """
    await storage.wait(0, 0.01)
    other = storage if store in ("memory", "minimal") else open_store(StorageOptions(store_url))
    await storage.head()

    async def wait_for_commit() -> None:
        while (await storage.head()).seq == 0:
            await storage.wait(0, 30)

    waiting = asyncio.create_task(wait_for_commit())
    await asyncio.sleep(0.05)
    await create_items(other, 1)
    await asyncio.wait_for(waiting, 20)
    if other is not storage:
        await other.close()


async def test_a_category_that_is_created_again_is_a_new_one(storage: Storage) -> None:
    """A category that is created again has its own entries in the log."""
    first = category("lamps")
    await commit(storage, first)
    await commit(storage, first.subject.delete(now=NOON), category("lamps", generation=2))
    page = await storage.changes(after=0, limit=10, log_filter=LogFilter(subject=first.subject.id))
    assert [entry.seq for entry in page.entries] == [1, 2]
    assert await storage.find_entry(uuid5(first.subject.id, "x")) is None


@pytest.mark.parametrize("store", ["sqlite"])
async def test_waiting_on_an_unreadable_file_raises_store_unavailable(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """`wait` raises StoreUnavailable if the file cannot be read, and works again once it can."""
    await storage.head()

    async def fail(*_: object) -> None:
        message = "disk I/O error"
        raise sqlite3.OperationalError(message)

    with monkeypatch.context() as patch:
        patch.setattr(SqliteDialect, "fetch", fail)
        with pytest.raises(StoreUnavailable):
            await storage.wait(0, 5)
    await storage.wait(0, 0.01)
