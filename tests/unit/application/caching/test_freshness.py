"""Freshness: own commits count at once, commits of other processes within MAX_STALENESS."""

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
    """A Freshness on an empty store."""
    return Following()


def entries(*changes: Change[Item], first: int = 1) -> Sequence[LogEntry]:
    """Number changes like a log does."""
    return [LogEntry(seq, change, TESTER) for seq, change in enumerate(changes, first)]


async def test_nothing_is_current_before_the_first_poll_or_after_the_maximum_staleness(log: Following) -> None:
    """Staleness is measured from the start of the poll, not from its end."""
    assert not log.freshness.is_current()
    await log.freshness.poll()
    assert log.freshness.is_current()
    log.clock.now += MAX_STALENESS
    assert log.freshness.is_current()
    log.clock.now += 0.001
    assert not log.freshness.is_current()


async def test_a_response_is_valid_until_a_dependency_changes(log: Following) -> None:
    """Whichever process created the change."""
    await log.freshness.poll()
    first, second = log.response_about(1), log.response_about(2)
    await commit(log.storage, creation(1))
    assert log.freshness.is_valid(first)
    await log.freshness.poll()
    assert not log.freshness.is_valid(first)
    assert log.freshness.is_valid(second)
    assert log.freshness.is_valid(log.response_about(1))


async def test_own_commits_are_recorded_before_earlier_ones_of_other_processes(log: Following) -> None:
    """Each entry is recorded once, and a response read afterwards has the highest `seq` as its `as_of`."""
    await log.freshness.poll()
    both = [log.response_about(1), log.response_about(2)]
    await commit(log.storage, creation(1), creation(2), creation(3))
    log_entries = (await log.storage.changes(after=0, limit=9)).entries
    log.freshness.record_entries(log_entries[1:])
    assert [log.freshness.is_valid(response) for response in both] == [True, False]
    assert log.freshness.latest_seq == 3
    later = log.response_about(2)
    await log.freshness.poll()
    log.freshness.record_entries(log_entries)
    assert [log.freshness.is_valid(response) for response in both] == [False, False]
    assert log.freshness.is_valid(later)


async def test_an_older_entry_does_not_hide_a_newer_one_about_the_same_item(log: Following) -> None:
    """Entries may be recorded in the wrong order."""
    await log.freshness.poll()
    created = creation(1)
    log_entries = entries(created, revision(created.subject, name="New"))
    log.freshness.record_entries(log_entries[1:])
    between = CachedResponse(1, item_dependencies(created.subject), ResponseContent(b"", ()))
    log.freshness.record_entries(log_entries[:1])
    assert not log.freshness.is_valid(between)


async def test_if_it_is_far_behind_it_continues_from_the_head(log: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    """The skipped entries may have changed anything. Entries recorded before are kept."""
    monkeypatch.setattr(module, "MAX_TRACKED", 3)
    await log.freshness.poll()
    old = log.response_about(99)
    await commit(log.storage, *(creation(number) for number in range(1, 6)))
    log.freshness.record_entries((await log.storage.changes(after=4, limit=9)).entries)
    await log.freshness.poll()
    assert not log.freshness.is_valid(old)
    assert log.freshness.latest_seq == 5
    assert log.freshness.is_valid(log.response_about(99))


async def test_a_skipped_change_is_not_hidden_by_a_recorded_one(log: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    """After entries were skipped, the last recorded entry about an item may not be its latest one."""
    monkeypatch.setattr(module, "MAX_TRACKED", 3)
    await log.freshness.poll()
    created = creation(1)
    await commit(log.storage, created)
    await log.freshness.poll()
    old = log.response_about(1)
    await commit(log.storage, revision(created.subject, name="New"), *(creation(number) for number in range(2, 6)))
    await log.freshness.poll()
    assert not log.freshness.is_valid(old)


async def test_if_the_log_was_pruned_it_continues_from_the_head(log: Following) -> None:
    """It does not wait for the missing entries."""
    await log.freshness.poll()
    old = log.response_about(99)
    await commit(log.storage, *(creation(number) for number in range(1, 6)))
    await log.storage.prune(3)
    await log.freshness.poll()
    assert not log.freshness.is_valid(old)
    await log.storage.prune(6)
    await commit(log.storage, creation(6))
    await log.freshness.poll()
    assert log.freshness.latest_seq == 6


async def test_only_the_latest_changed_dependencies_are_tracked_individually(
    log: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A response read before the latest change that is no longer tracked is invalid."""
    monkeypatch.setattr(module, "MAX_TRACKED", 3)
    await log.freshness.poll()
    old = log.response_about(99)
    log_entries = entries(*(creation(number) for number in range(1, 6)))
    log.freshness.record_entries(log_entries[:2])
    assert log.freshness.is_valid(old)
    log.freshness.record_entries(log_entries[2:])
    assert not log.freshness.is_valid(old)
    assert log.freshness.is_valid(log.response_about(99))


@pytest.mark.parametrize("change", ["another log", "an older log"])
async def test_the_cache_is_cleared_if_the_log_is_replaced(log: Following, change: str) -> None:
    """For example by restoring a backup: positions in one log mean nothing in the other."""
    await commit(log.storage, creation(1), creation(2))
    await log.freshness.poll()
    if change == "another log":
        log.storage._log._id = "another"
    else:
        log.storage._log._entries.pop()
    await log.freshness.poll()
    assert log.cleared == 1
    assert log.freshness.latest_seq == log.storage._log.last_seq
    await log.freshness.poll()
    assert log.cleared == 1


async def test_the_follower_keeps_polling_and_survives_an_unavailable_store(
    log: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without requests it pauses; the next request resumes it."""
    monkeypatch.setattr(module, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    following = asyncio.create_task(log.freshness.follow())

    async def wait_for_polls(count: int) -> None:
        async with asyncio.timeout(10):
            while log.storage.polls < count:  # noqa: ASYNC110 - the counter has no event to wait for
                await asyncio.sleep(0)

    assert not log.freshness.is_current()
    await wait_for_polls(3)
    assert log.freshness.is_current()
    log.storage.unavailable = True
    await wait_for_polls(log.storage.polls + 3)
    log.clock.now += MAX_STALENESS + 0.1
    assert not log.freshness.is_current()
    log.storage.unavailable = False
    await wait_for_polls(log.storage.polls + 2)
    assert log.freshness.is_current()
    log.clock.now += module.IDLE_SECONDS + 1
    for _ in range(20):
        await asyncio.sleep(0)
    polls_when_paused = log.storage.polls
    for _ in range(20):
        await asyncio.sleep(0)
    assert log.storage.polls == polls_when_paused
    log.clock.now += MAX_STALENESS + 0.1
    assert not log.freshness.is_current()
    await wait_for_polls(polls_when_paused + 2)
    assert log.freshness.is_current()
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


def test_the_constants_fit_together() -> None:
    """Polling every POLL_SECONDS stays within MAX_STALENESS even if one poll is late."""
    assert 2 * module.POLL_SECONDS < MAX_STALENESS <= 0.25
    assert module.BATCH_SIZE <= MAX_TRACKED
