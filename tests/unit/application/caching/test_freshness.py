"""What still holds, by the log: own commits at once, those of others within the lease, and nothing beyond what is known."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from catalog.application.caching import freshness as module
from catalog.application.caching.freshness import MAX_STALENESS, MAX_TRACKED, item_dependencies
from catalog.domain.change import Change
from catalog.domain.changes.log import LogEntry
from catalog.domain.items.item import Item
from catalog.ports.cache import CachedResponse, ResponseContent
from tests.making import TESTER, commit, creation, revision
from tests.unit.application.caching.following import Following


@pytest.fixture
def log() -> Following:
    """A fresh one."""
    return Following()


def entries(*changes: Change[Item], first: int = 1) -> Sequence[LogEntry]:
    """Number changes as a log does."""
    return [LogEntry(seq, change, TESTER) for seq, change in enumerate(changes, first)]


async def test_nothing_is_current_before_the_first_look_nor_after_the_lease(log: Following) -> None:
    """The lease counts from the question, not from the answer."""
    assert not log.freshness.is_current()
    await log.freshness.poll()
    assert log.freshness.is_current()
    log.clock.now += MAX_STALENESS
    assert log.freshness.is_current()
    log.clock.now += 0.001
    assert not log.freshness.is_current()


async def test_an_answer_holds_until_its_subject_changes(log: Following) -> None:
    """Whoever wrote it."""
    await log.freshness.poll()
    one, two = log.about(1), log.about(2)
    await commit(log.storage, creation(1))
    assert log.freshness.is_valid(one)
    await log.freshness.poll()
    assert not log.freshness.is_valid(one)
    assert log.freshness.is_valid(two)
    assert log.freshness.is_valid(log.about(1))


async def test_own_commits_are_noted_before_others_that_came_earlier(log: Following) -> None:
    """Each entry once, whichever way it comes first; and an answer read after them is dated by the newest."""
    await log.freshness.poll()
    both = [log.about(1), log.about(2)]
    await commit(log.storage, creation(1), creation(2), creation(3))
    found = (await log.storage.changes(after=0, limit=9)).entries
    log.freshness.record_entries(found[1:])
    assert [log.freshness.is_valid(one) for one in both] == [True, False]
    assert log.freshness.latest_seq == 3
    later = log.about(2)
    await log.freshness.poll()
    log.freshness.record_entries(found)
    assert [log.freshness.is_valid(one) for one in both] == [False, False]
    assert log.freshness.is_valid(later)


async def test_an_older_entry_about_a_subject_does_not_hide_a_newer(log: Following) -> None:
    """Noted in the wrong order."""
    await log.freshness.poll()
    made = creation(1)
    found = entries(made, revision(made.subject, name="New"))
    log.freshness.record_entries(found[1:])
    between = CachedResponse(1, item_dependencies(made.subject), ResponseContent(b"", ()))
    log.freshness.record_entries(found[:1])
    assert not log.freshness.is_valid(between)


async def test_far_behind_it_goes_on_from_the_head(log: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what it passes over it knows that it may be anything; what was noted here stays known."""
    monkeypatch.setattr(module, "MAX_TRACKED", 3)
    await log.freshness.poll()
    old = log.about(99)
    await commit(log.storage, *(creation(number) for number in range(1, 6)))
    log.freshness.record_entries((await log.storage.changes(after=4, limit=9)).entries)
    await log.freshness.poll()
    assert not log.freshness.is_valid(old)
    assert log.freshness.latest_seq == 5
    assert log.freshness.is_valid(log.about(99))


async def test_what_changed_unseen_does_not_hide_behind_what_was_seen(log: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last entry that was noted about an item may not be the last one, once some were passed over."""
    monkeypatch.setattr(module, "MAX_TRACKED", 3)
    await log.freshness.poll()
    made = creation(1)
    await commit(log.storage, made)
    await log.freshness.poll()
    old = log.about(1)
    await commit(log.storage, revision(made.subject, name="New"), *(creation(number) for number in range(2, 6)))
    await log.freshness.poll()
    assert not log.freshness.is_valid(old)


async def test_where_the_log_was_pruned_it_goes_on_from_the_head(log: Following) -> None:
    """And ends."""
    await log.freshness.poll()
    old = log.about(99)
    await commit(log.storage, *(creation(number) for number in range(1, 6)))
    await log.storage.prune(3)
    await log.freshness.poll()
    assert not log.freshness.is_valid(old)
    await log.storage.prune(6)
    await commit(log.storage, creation(6))
    await log.freshness.poll()
    assert log.freshness.latest_seq == 6


async def test_of_many_subjects_the_oldest_are_known_only_together(log: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read before the newest of those that are no longer told apart does not hold."""
    monkeypatch.setattr(module, "MAX_TRACKED", 3)
    await log.freshness.poll()
    old = log.about(99)
    found = entries(*(creation(number) for number in range(1, 6)))
    log.freshness.record_entries(found[:2])
    assert log.freshness.is_valid(old)
    log.freshness.record_entries(found[2:])
    assert not log.freshness.is_valid(old)
    assert log.freshness.is_valid(log.about(99))


@pytest.mark.parametrize("change", ["another log", "an older log"])
async def test_another_log_in_its_place_makes_it_forget(log: Following, change: str) -> None:
    """A database that was brought back from a backup, say: dates of the one mean nothing in the other."""
    await commit(log.storage, creation(1), creation(2))
    await log.freshness.poll()
    if change == "another log":
        log.storage._log_id = "another"
    else:
        log.storage._log.pop()
    await log.freshness.poll()
    assert log.forgotten == 1
    assert log.freshness.latest_seq == len(log.storage._log)
    await log.freshness.poll()
    assert log.forgotten == 1


async def test_following_looks_again_and_again_and_outlives_a_store_that_is_away(
    log: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left without questions it rests; the next question wakes it."""
    monkeypatch.setattr(module, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    following = asyncio.create_task(log.freshness.follow())

    async def looked(often: int) -> None:
        async with asyncio.timeout(10):
            while log.storage.looks < often:  # noqa: ASYNC110 - what is waited for counts, it tells nobody
                await asyncio.sleep(0)

    assert not log.freshness.is_current()
    await looked(3)
    assert log.freshness.is_current()
    log.storage.away = True
    await looked(log.storage.looks + 3)
    log.clock.now += MAX_STALENESS + 0.1
    assert not log.freshness.is_current()
    log.storage.away = False
    await looked(log.storage.looks + 2)
    assert log.freshness.is_current()
    log.clock.now += module.IDLE_SECONDS + 1
    for _ in range(20):
        await asyncio.sleep(0)
    rested = log.storage.looks
    for _ in range(20):
        await asyncio.sleep(0)
    assert log.storage.looks == rested
    log.clock.now += MAX_STALENESS + 0.1
    assert not log.freshness.is_current()
    await looked(rested + 2)
    assert log.freshness.is_current()
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


def test_the_bounds_fit_each_other() -> None:
    """A look every POLL seconds keeps the lease, with room for one that is late."""
    assert 2 * module.POLL_SECONDS < MAX_STALENESS <= 0.25
    assert module.BATCH_SIZE <= MAX_TRACKED
