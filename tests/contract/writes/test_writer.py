"""The writer by itself: how it groups, and whom it answers when something fails."""

import asyncio
from collections.abc import Sequence

import pytest

from catalog.adapters.sql.writes.writer import MAX_GROUP_CHANGES, Writer
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet, Committed
from catalog.domain.errors import StoreUnavailable
from tests.making import TESTER, as_item, creation


class Written:
    """Writes into a list; fails on demand."""

    def __init__(self) -> None:
        """Begin empty."""
        self.groups: list[list[str]] = []
        self.bad: dict[str, Exception] = {}

    async def write(self, batch: Sequence[ChangeSet], _ready: Sequence[object]) -> Sequence[Outcome]:
        """Note the SKUs of a group; raise when a bad one is among them."""
        skus = [as_item(change_set.changes[0].subject).sku for change_set in batch]
        await asyncio.sleep(0)
        for sku in skus:
            if sku in self.bad:
                raise self.bad[sku]
        self.groups.append(skus)
        return [Committed(()) for _ in batch]


def one(number: int, size: int = 1) -> list[ChangeSet]:
    """Make a batch of one change set."""
    return [ChangeSet((creation(number),) * size, TESTER)]


async def test_a_lone_write_waits_for_no_company_and_those_that_wait_go_together() -> None:
    """Group commit."""
    written = Written()
    writer = Writer(written.write, queue=100)
    first = asyncio.create_task(writer.submit(one(1)))
    await asyncio.sleep(0.01)
    assert written.groups == [["S-1"]]
    await asyncio.gather(first, *(writer.submit(one(number)) for number in range(2, 6)))
    assert written.groups == [["S-1"], ["S-2", "S-3", "S-4", "S-5"]]
    await writer.close()


async def test_a_group_has_a_limit_and_a_batch_is_never_parted() -> None:
    """So that a lock is not held for ever."""
    written = Written()
    writer = Writer(written.write, queue=100)
    half = MAX_GROUP_CHANGES // 2 + 1
    await asyncio.gather(
        *(writer.submit(one(number, half)) for number in (1, 2)), writer.submit(one(3)), writer.submit(one(4, 3 * half))
    )
    assert written.groups == [["S-1"], ["S-2", "S-3"], ["S-4"]]
    await writer.close()


async def test_an_unforeseen_failure_meets_only_the_one_it_concerns() -> None:
    """The others of the group are written by themselves."""
    written = Written()
    written.bad["S-2"] = RuntimeError("a fault of ours")
    writer = Writer(written.write, queue=100)
    results = await asyncio.gather(*(writer.submit(one(number)) for number in (1, 2, 3)), return_exceptions=True)
    assert [isinstance(result, RuntimeError) for result in results] == [False, True, False]
    assert written.groups == [["S-1"], ["S-3"]]
    await writer.close()


async def test_a_store_that_is_away_is_told_to_all_and_not_tried_again() -> None:
    """Each gets an error of his own."""
    written = Written()
    written.bad["S-1"] = StoreUnavailable("away")
    writer = Writer(written.write, queue=100)
    results = await asyncio.gather(*(writer.submit(one(number)) for number in (1, 2)), return_exceptions=True)
    assert [str(result) for result in results] == ["away", "away"]
    assert results[0] is not results[1]
    assert written.groups == []
    assert await writer.submit(one(3)) == [Committed(())]
    await writer.close()


@pytest.mark.parametrize("used", [True, False])
async def test_an_idle_writer_closes(*, used: bool) -> None:
    """Whether or not it ever wrote."""
    writer = Writer(Written().write, queue=100)
    if used:
        await writer.submit(one(1))
    await writer.close()
