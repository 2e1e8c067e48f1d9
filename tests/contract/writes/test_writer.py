"""The writer: how it groups batches, and which callers get an error when a write fails."""

import asyncio
from collections.abc import Sequence

import pytest

from catalog.adapters.sql.writes.writer import MAX_GROUP_CHANGES, Writer
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet, Committed
from catalog.domain.errors import StoreUnavailable
from tests.making import TESTER, as_item, creation


class FakeStore:
    """A store that records the SKUs of each group, and fails for chosen SKUs."""

    def __init__(self) -> None:
        """Start without groups or failures."""
        self.groups: list[list[str]] = []
        self.failures: dict[str, Exception] = {}

    async def write(self, batch: Sequence[ChangeSet], _ready: Sequence[object]) -> Sequence[Outcome]:
        """Record the SKUs of a group, or raise the error that is set for one of them."""
        skus = [as_item(change_set.changes[0].subject).sku for change_set in batch]
        await asyncio.sleep(0)
        for sku in skus:
            if sku in self.failures:
                raise self.failures[sku]
        self.groups.append(skus)
        return [Committed(()) for _ in batch]


def batch_of_one(number: int, size: int = 1) -> list[ChangeSet]:
    """Return a batch of one change set with `size` changes."""
    return [ChangeSet((creation(number),) * size, TESTER)]


async def test_an_idle_writer_writes_immediately_and_a_busy_one_groups_batches() -> None:
    """An idle writer writes immediately. Batches that arrive during a write are committed together."""
    store = FakeStore()
    writer = Writer(store.write, max_pending=100)
    first = asyncio.create_task(writer.submit(batch_of_one(1)))
    await asyncio.sleep(0.01)
    assert store.groups == [["S-1"]]
    await asyncio.gather(first, *(writer.submit(batch_of_one(number)) for number in range(2, 6)))
    assert store.groups == [["S-1"], ["S-2", "S-3", "S-4", "S-5"]]
    await writer.close()


async def test_a_group_has_a_limit_and_a_batch_is_never_split() -> None:
    """A limit on the changes in a group bounds how long the lock is held. A batch is never split."""
    store = FakeStore()
    writer = Writer(store.write, max_pending=100)
    half = MAX_GROUP_CHANGES // 2 + 1
    await asyncio.gather(
        *(writer.submit(batch_of_one(number, half)) for number in (1, 2)),
        writer.submit(batch_of_one(3)),
        writer.submit(batch_of_one(4, 3 * half)),
    )
    assert store.groups == [["S-1"], ["S-2", "S-3"], ["S-4"]]
    await writer.close()


async def test_an_unexpected_error_reaches_only_the_caller_that_caused_it() -> None:
    """After an unexpected error, the other batches of the group are written separately."""
    store = FakeStore()
    store.failures["S-2"] = RuntimeError("a bug")
    writer = Writer(store.write, max_pending=100)
    results = await asyncio.gather(*(writer.submit(batch_of_one(number)) for number in (1, 2, 3)), return_exceptions=True)
    assert [isinstance(result, RuntimeError) for result in results] == [False, True, False]
    assert store.groups == [["S-1"], ["S-3"]]
    await writer.close()


async def test_an_unavailable_store_fails_every_caller_and_is_not_retried() -> None:
    """Each caller gets its own copy of the error if the store is unavailable."""
    store = FakeStore()
    store.failures["S-1"] = StoreUnavailable("away")
    writer = Writer(store.write, max_pending=100)
    results = await asyncio.gather(*(writer.submit(batch_of_one(number)) for number in (1, 2)), return_exceptions=True)
    assert [str(result) for result in results] == ["away", "away"]
    assert results[0] is not results[1]
    assert store.groups == []
    assert await writer.submit(batch_of_one(3)) == [Committed(())]
    await writer.close()


@pytest.mark.parametrize("used", [True, False])
async def test_an_idle_writer_can_be_closed(*, used: bool) -> None:
    """A writer can be closed whether or not it has written anything."""
    writer = Writer(FakeStore().write, max_pending=100)
    if used:
        await writer.submit(batch_of_one(1))
    await writer.close()
