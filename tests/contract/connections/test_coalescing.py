"""Coalesced reads: who is served by which query, and that nobody is answered with a state older than his question."""

import asyncio
import random
from collections.abc import Collection, Mapping

import pytest

from catalog.adapters.sql.reads.coalescing import MAX_CONCURRENT, Coalescer
from catalog.adapters.sql.storage import SqlStorage
from catalog.domain.changes.log import Committed
from catalog.domain.errors import StoreUnavailable
from catalog.domain.queries.item_query import ItemQuery
from catalog.ports.storage import Storage
from tests.making import commit, create_items, item_id, revision


class Slow:
    """A store that answers when it is told to, with the state it had when it was asked."""

    def __init__(self) -> None:
        """Begin at state 0."""
        self.state = 0
        self.asked: list[set[str]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def fetch(self, keys: Collection[str]) -> Mapping[str, int]:
        """Answer for keys that are lower-case."""
        self.asked.append(set(keys))
        state = self.state
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return {key: state for key in keys if key.islower()}


async def settled() -> None:
    """Let everything go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_asked_in_one_turn_is_one_query() -> None:
    """And each gets his own, without what is not there."""
    slow = Slow()
    slow.gate.set()
    reads = Coalescer(slow.fetch)
    answers = await asyncio.gather(reads.get(["a", "b"]), reads.get(["b", "C"]), reads.get([]))
    assert slow.asked == [{"a", "b", "C"}]
    assert list(answers) == [{"a": 0, "b": 0}, {"b": 0}, {}]


async def test_an_idle_store_is_asked_at_once_and_a_busy_one_gathers() -> None:
    """So that a query serves the more, the more are waiting."""
    slow = Slow()
    reads = Coalescer(slow.fetch)
    asked = []
    for key in "abcdefg":
        asked.append(asyncio.create_task(reads.get([key])))
        await settled()
    assert slow.asked == [{"a"}, {"b"}][:MAX_CONCURRENT]
    slow.gate.set()
    await asyncio.gather(*asked)
    assert slow.asked == [{"a"}, {"b"}, {"c", "d", "e", "f", "g"}]


async def test_a_question_is_not_answered_by_a_query_that_began_before_it() -> None:
    """For that one may have seen an older state."""
    slow = Slow()
    reads = Coalescer(slow.fetch)
    before = asyncio.create_task(reads.get(["a"]))
    await settled()
    slow.state = 1
    after = asyncio.create_task(reads.get(["a"]))
    await settled()
    slow.gate.set()
    assert [await before, await after] == [{"a": 0}, {"a": 1}]


async def test_a_caller_that_is_cancelled_takes_nothing_from_the_others() -> None:
    """The query goes on."""
    slow = Slow()
    reads = Coalescer(slow.fetch)
    one, other = asyncio.create_task(reads.get(["a"])), asyncio.create_task(reads.get(["b"]))
    await settled()
    one.cancel()
    slow.gate.set()
    assert await other == {"b": 0}
    with pytest.raises(asyncio.CancelledError):
        await one


async def test_an_error_is_told_to_all_who_asked_and_to_nobody_else() -> None:
    """Each gets one of his own; a cancelled one gets none."""
    slow = Slow()
    slow.error = StoreUnavailable("away")
    reads = Coalescer(slow.fetch)
    asked = [asyncio.create_task(reads.get(["a"])) for _ in range(3)]
    await settled()
    asked[0].cancel()
    slow.gate.set()
    errors = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(error) for error in errors[1:]] == ["away", "away"]
    assert errors[1] is not errors[2]
    slow.error = None
    assert await reads.get(["a"]) == {"a": 0}


async def test_it_says_when_nobody_waits_any_more() -> None:
    """So that what is kept for one question can be let go."""
    slow = Slow()
    idle: list[int] = []
    reads = Coalescer(slow.fetch, on_idle=lambda: idle.append(len(slow.asked)))
    asked = []
    for key in "abc":
        asked.append(asyncio.create_task(reads.get([key])))
        await settled()
    assert idle == []
    slow.gate.set()
    await asyncio.gather(*asked)
    await settled()
    assert idle == [3]


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
async def test_a_page_that_many_ask_for_is_read_once_and_not_kept(storage: Storage) -> None:
    """Other questions are asked beside it."""
    assert isinstance(storage, SqlStorage)
    await create_items(storage, 1, 2, 3)
    queries = [ItemQuery.parse({"sort": sort}) for sort in ("sku", "-sku", "sku", "name")]
    pages = await asyncio.gather(*map(storage.list_items, queries))
    assert pages[0] is pages[2]
    assert [[one.sku for one in page.items] for page in pages[:2]] == [["S-1", "S-2", "S-3"], ["S-3", "S-2", "S-1"]]
    await settled()
    assert storage._items._pages == {}


async def test_closing_lets_what_is_under_way_end() -> None:
    """What waits, and what was asked only just now."""
    slow = Slow()
    reads = Coalescer(slow.fetch)
    asked = [asyncio.create_task(reads.get([key])) for key in "ab"]
    await asyncio.sleep(0)
    closing = asyncio.create_task(reads.close())
    await settled()
    slow.gate.set()
    await closing
    assert list(await asyncio.gather(*asked)) == [{"a": 0}, {"b": 0}]


async def test_nobody_reads_a_state_older_than_his_question(storage: Storage) -> None:
    """On each store: many readers by id, SKU and list, some of them cancelled, beside a writer."""
    (current,) = await create_items(storage, 1)
    acknowledged = 1
    reads = 0
    chance = random.Random(11)

    async def read() -> None:
        nonlocal reads
        while acknowledged < 60:
            before = acknowledged
            if chance.random() < 0.3:
                (found,) = (await storage.list_items(ItemQuery.parse({}))).items
            elif chance.random() < 0.5:
                (found,) = (await storage.items_by_id([item_id(1), item_id(2)])).values()
            else:
                (found,) = (await storage.items_by_sku(["S-1", "S-2"])).values()
            assert found.version >= before
            reads += 1
            await asyncio.sleep(0)  # a store that never waits would let nobody else have a turn

    async def come_and_go() -> None:
        while acknowledged < 60:
            asked = asyncio.create_task(storage.items_by_id([item_id(1)]))
            await asyncio.sleep(chance.random() * 0.001)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)

    async def write() -> None:
        nonlocal current, acknowledged
        while acknowledged < 60:
            change = revision(current, name=f"Version {current.version + 1}")
            (outcome,) = await commit(storage, change)
            assert isinstance(outcome, Committed)
            current, acknowledged = change.subject, change.version
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(read())
        group.create_task(come_and_go())
        group.create_task(write())
    assert reads > 0
