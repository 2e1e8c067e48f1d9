"""What every store tells of its log, and what it keeps beside it."""

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

ROWS = 10


async def written(storage: Storage, *notes: ExpiringRecord, change: Change[Item] | None = None) -> Outcome:
    """Commit notes, with a change or without."""
    (outcome,) = await storage.commit([ChangeSet((change,) if change else (), TESTER, notes)])
    return outcome


async def test_entries_are_found_by_kind_and_by_subject(storage: Storage) -> None:
    """Where it goes on is told, also when little was found."""
    await create_categories(storage, "lamps")
    (first, second) = await create_items(storage, 1, 2)
    repriced = certain(first.reprice({"amount": "1", "currency": "EUR"}, now=NOON))
    await commit(storage, repriced, removal(second))
    of_kind = await storage.changes(after=0, limit=10, log_filter=LogFilter(frozenset({REPRICED, categories.CREATED})))
    assert [(entry.seq, entry.change.kind) for entry in of_kind.entries] == [(1, categories.CREATED), (4, REPRICED)]
    assert (of_kind.head, of_kind.floor, of_kind.scanned_to, of_kind.next_after) == (5, 0, 5, None)
    of_one = await storage.changes(after=0, limit=1, log_filter=LogFilter(subject=second.id))
    assert ([entry.seq for entry in of_one.entries], of_one.next_after) == ([3], 3)
    rest = await storage.changes(after=3, limit=10, log_filter=LogFilter(subject=second.id))
    assert ([entry.change.kind for entry in rest.entries], rest.next_after) == ([DELETED], None)
    both = await storage.changes(after=0, limit=10, log_filter=LogFilter(frozenset({CREATED}), second.id))
    assert [entry.seq for entry in both.entries] == [3]
    assert (await storage.changes(after=5, limit=10)).entries == ()
    assert (await storage.changes(after=99, limit=10)).next_after is None


@pytest.mark.parametrize("wanted", [LogFilter(), LogFilter(frozenset({CREATED})), LogFilter(subject=item_id(1))])
async def test_nothing_comes_after_the_highest_number_that_can_be_asked_for(storage: Storage, wanted: LogFilter) -> None:
    """Nor does any store fail on it."""
    await create_items(storage, 1)
    page = await storage.changes(after=2**63 - 1, limit=10, log_filter=wanted)
    assert (page.entries, page.next_after) == ((), None)


async def test_rare_kinds_are_looked_for_in_a_part_of_the_log_at_a_time(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And found in the end, from where each answer says to go on."""
    monkeypatch.setattr("catalog.adapters.sql.reads.log_queries.SCAN_LIMIT", 3)
    items = await create_items(storage, *range(1, ROWS))
    await commit(storage, removal(items[0]))
    await create_items(storage, ROWS)
    after: int | None = 0
    found = []
    while after is not None:
        page = await storage.changes(after=after, limit=5, log_filter=LogFilter(frozenset({DELETED})))
        found += [entry.seq for entry in page.entries]
        assert page.next_after is None or page.next_after > after
        after = page.next_after
    assert found == [ROWS]


async def test_the_change_that_made_a_version_is_found(storage: Storage) -> None:
    """And the last one, and the last removal under a SKU."""
    (first,) = await create_items(storage, 1)
    second = revision(first, name="Other")
    last = removal(second.subject)
    await commit(storage, second, last)
    again = creation(2, sku="S-1")
    await commit(storage, again, removal(again.subject), creation(3, sku="S-1"))
    for version, change in ((1, creation(1)), (2, second), (3, last), (None, last)):
        entry = await storage.find_entry(first.id, version)
        assert entry is not None
        assert entry.change == change
    assert await storage.find_entry(first.id, 4) is None
    assert await storage.find_entry(item_id(9)) is None
    removed = await storage.last_deletion("S-1")
    assert removed is not None
    assert removed.subject_id == again.subject.id
    assert await storage.last_deletion("S-3") is None


async def test_a_pruned_log_says_where_it_begins(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers stay as they are, and go on; pruning twice, or beyond the end, does no harm."""
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


async def test_commits_go_on_while_the_log_is_pruned(storage: Storage) -> None:
    """And no number is lost."""
    await create_items(storage, *range(1, 50))
    await asyncio.gather(storage.prune(40), *(create_items(storage, number) for number in range(50, 70)))
    page = await storage.changes(after=40, limit=100)
    assert [entry.seq for entry in page.entries] == list(range(41, 70))


async def test_a_note_is_written_with_its_changes_or_not_at_all(storage: Storage) -> None:
    """It takes the place of the one before; without changes it moves nothing."""
    assert isinstance(await written(storage, ExpiringRecord("a", b"\x00one", NOON), ExpiringRecord("b", b"", NOON)), Committed)
    assert isinstance(await written(storage, ExpiringRecord("a", b"two", NOON), change=creation(1)), Committed)
    assert not isinstance(await written(storage, ExpiringRecord("a", b"three", NOON), change=creation(2, sku="S-1")), Committed)
    assert await storage.records(["a", "b", "c"]) == {"a": ExpiringRecord("a", b"two", NOON), "b": ExpiringRecord("b", b"", NOON)}
    assert await storage.records([]) == {}
    assert (await storage.head()).seq == 1


async def test_what_is_to_be_the_first_note_is_refused_where_one_is(storage: Storage) -> None:
    """With all its changes; in the same batch too. One that is older than a day is as good as none."""
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
    assert isinstance(await written(storage, almost, change=creation(3)), AlreadyProcessed)
    assert set(await storage.items_by_id([item_id(number) for number in range(1, 4)])) == {item_id(1)}
    later = ExpiringRecord("once", b"3", NOON + LIFETIME, only_if_absent=True)
    assert isinstance(await written(storage, later, change=creation(4)), Committed)
    assert (await storage.records(["once"]))["once"].content == b"3"


async def test_notes_are_swept_after_two_days(storage: Storage) -> None:
    """When others are written."""
    await written(storage, ExpiringRecord("old", b"", NOON), ExpiringRecord("newer", b"", NOON + timedelta(hours=1)))
    await written(storage, ExpiringRecord("next", b"", NOON + RETENTION + timedelta(minutes=1)))
    assert set(await storage.records(["old", "newer", "next"])) == {"newer", "next"}


async def test_a_clock_that_is_a_day_ahead_sweeps_no_note_that_counts(storage: Storage) -> None:
    """A replica that trusts its own clock too much must not have others do a request a second time."""
    await written(storage, ExpiringRecord("fresh", b"", NOON))
    await written(storage, ExpiringRecord("ahead", b"", NOON + LIFETIME - timedelta(seconds=1)))
    assert set(await storage.records(["fresh", "ahead"])) == {"fresh", "ahead"}


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
async def test_a_clock_that_was_ahead_and_is_put_back_does_not_stop_the_sweeping(storage: Storage) -> None:
    """The time of the last sweep lies in the future then."""
    await written(storage, ExpiringRecord("ahead", b"", NOON + 5 * RETENTION))
    await written(storage, ExpiringRecord("old", b"", NOON))
    await written(storage, ExpiringRecord("now", b"", NOON + RETENTION + timedelta(minutes=1)))
    assert set(await storage.records(["ahead", "old", "now"])) == {"ahead", "now"}


async def test_an_item_that_comes_back_goes_on_from_its_last_version(storage: Storage) -> None:
    """So that nothing that named it before names it again; a life out of another catalog included."""
    (first,) = await create_items(storage, 1)
    end = removal(first)
    await commit(storage, end)
    back = first.restore(deleted_version=end.version, now=NOON + timedelta(days=1))
    assert (back.subject.version, back.subject.created_at) == (3, first.created_at)
    (outcome,) = await commit(storage, back)
    assert isinstance(outcome, Committed)
    await commit(storage, removal(back.subject))
    (outcome,) = await commit(storage, back)
    assert isinstance(outcome, StaleVersion)
    life = Provenance(first.id, 1, first.created_at, first.updated_at)
    elsewhere = Item.create(
        {"sku": "S-1", "name": "Item 1"}, item_id=item_id(8), default_sku="", now=NOON + timedelta(days=2), provenance=life
    )
    (outcome,) = await commit(storage, elsewhere)
    assert isinstance(outcome, StaleVersion)


async def test_an_item_that_goes_and_comes_back_in_one_batch_is_there(storage: Storage) -> None:
    """Under its number and with its words."""
    (first,) = await create_items(storage, 1, name="Chair")
    end = removal(first)
    back = first.restore(deleted_version=end.version, now=NOON + timedelta(days=1))
    (outcome,) = await storage.commit([ChangeSet((end, back), TESTER)])
    assert isinstance(outcome, Committed)
    assert await storage.items_by_sku(["S-1"]) == {"S-1": back.subject}


async def test_waiting_for_the_log_ends_with_a_commit(storage: Storage, store: str, store_url: str) -> None:
    """Of this process or, where others can write, of another; and without one, when the time is over."""
    await storage.wait(0, 0.01)
    other = storage if store == "memory" else open_store(StorageOptions(store_url))
    await storage.head()

    async def news() -> None:
        while (await storage.head()).seq == 0:
            await storage.wait(0, 30)

    waiting = asyncio.create_task(news())
    await asyncio.sleep(0.05)
    await create_items(other, 1)
    await asyncio.wait_for(waiting, 20)
    if other is not storage:
        await other.close()


async def test_a_category_that_comes_again_is_another(storage: Storage) -> None:
    """Its entries are its own."""
    first = category("lamps")
    await commit(storage, first)
    await commit(storage, first.subject.delete(now=NOON), category("lamps", generation=2))
    page = await storage.changes(after=0, limit=10, log_filter=LogFilter(subject=first.subject.id))
    assert [entry.seq for entry in page.entries] == [1, 2]
    assert await storage.find_entry(uuid5(first.subject.id, "x")) is None


@pytest.mark.parametrize("store", ["sqlite"])
async def test_a_file_that_cannot_be_asked_for_news_is_told_as_away(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows the log goes on when it is back."""
    await storage.head()

    async def broken(*_: object) -> None:
        message = "disk I/O error"
        raise sqlite3.OperationalError(message)

    with monkeypatch.context() as patched:
        patched.setattr(SqliteDialect, "fetch", broken)
        with pytest.raises(StoreUnavailable):
            await storage.wait(0, 5)
    await storage.wait(0, 0.01)
