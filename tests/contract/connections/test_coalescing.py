"""Coalesced reads: which query serves which caller, and that no caller gets a state older than its request."""

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


class SlowStore:
    """A store that answers when its gate opens, with the state that it had when it was queried."""

    def __init__(self) -> None:
        """Start with state 0 and a closed gate."""
        self.state = 0
        self.queries: list[set[str]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def fetch(self, keys: Collection[str]) -> Mapping[str, int]:
        """Return the state for each lower-case key."""
        self.queries.append(set(keys))
        state = self.state
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return {key: state for key in keys if key.islower()}


async def let_tasks_run() -> None:
    """Let all tasks run until they wait for something else."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_reads_in_one_turn_of_the_event_loop_share_a_query() -> None:
    """Each caller of a shared query gets only the values of its own keys."""
    store = SlowStore()
    store.gate.set()
    coalescer = Coalescer(store.fetch)
    results = await asyncio.gather(coalescer.get(["a", "b"]), coalescer.get(["b", "C"]), coalescer.get([]))
    assert store.queries == [{"a", "b", "C"}]
    assert list(results) == [{"a": 0, "b": 0}, {"b": 0}, {}]


async def test_an_idle_store_is_queried_immediately_and_a_busy_one_collects_reads() -> None:
    """The more callers are waiting, the more of them the next query serves."""
    store = SlowStore()
    coalescer = Coalescer(store.fetch)
    reads = []
    for key in "abcdefg":
        reads.append(asyncio.create_task(coalescer.get([key])))
        await let_tasks_run()
    assert store.queries == [{"a"}, {"b"}][:MAX_CONCURRENT]
    store.gate.set()
    await asyncio.gather(*reads)
    assert store.queries == [{"a"}, {"b"}, {"c", "d", "e", "f", "g"}]


async def test_a_read_is_not_served_by_a_query_that_started_before_it() -> None:
    """A read waits for a new query, because one that has started may have seen an older state."""
    store = SlowStore()
    coalescer = Coalescer(store.fetch)
    before = asyncio.create_task(coalescer.get(["a"]))
    await let_tasks_run()
    store.state = 1
    after = asyncio.create_task(coalescer.get(["a"]))
    await let_tasks_run()
    store.gate.set()
    assert [await before, await after] == [{"a": 0}, {"a": 1}]


async def test_cancelling_a_caller_does_not_affect_the_others() -> None:
    """The query continues for the other callers when one is cancelled."""
    store = SlowStore()
    coalescer = Coalescer(store.fetch)
    cancelled, other = asyncio.create_task(coalescer.get(["a"])), asyncio.create_task(coalescer.get(["b"]))
    await let_tasks_run()
    cancelled.cancel()
    store.gate.set()
    assert await other == {"b": 0}
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_an_error_reaches_every_caller_of_the_query_and_no_other() -> None:
    """Each caller of a failing query gets its own copy of the error. A cancelled caller and later ones get none."""
    store = SlowStore()
    store.error = StoreUnavailable("away")
    coalescer = Coalescer(store.fetch)
    reads = [asyncio.create_task(coalescer.get(["a"])) for _ in range(3)]
    await let_tasks_run()
    reads[0].cancel()
    store.gate.set()
    errors = await asyncio.gather(*reads, return_exceptions=True)
    assert [str(error) for error in errors[1:]] == ["away", "away"]
    assert errors[1] is not errors[2]
    store.error = None
    assert await coalescer.get(["a"]) == {"a": 0}


async def test_on_idle_is_called_when_no_caller_is_waiting() -> None:
    """The coalescer calls `on_idle` once no caller is waiting, so that its owner can discard it."""
    store = SlowStore()
    idle_calls: list[int] = []
    coalescer = Coalescer(store.fetch, on_idle=lambda: idle_calls.append(len(store.queries)))
    reads = []
    for key in "abc":
        reads.append(asyncio.create_task(coalescer.get([key])))
        await let_tasks_run()
    assert idle_calls == []
    store.gate.set()
    await asyncio.gather(*reads)
    await let_tasks_run()
    assert idle_calls == [3]


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
async def test_concurrent_reads_of_a_page_share_a_query(storage: Storage) -> None:
    """Concurrent reads of a page share one query, other queries run separately, and nothing stays cached."""
    assert isinstance(storage, SqlStorage)
    await create_items(storage, 1, 2, 3)
    queries = [ItemQuery.parse({"sort": sort}) for sort in ("sku", "-sku", "sku", "name")]
    pages = await asyncio.gather(*map(storage.list_items, queries))
    assert pages[0] is pages[2]
    assert [[item.sku for item in page.items] for page in pages[:2]] == [["S-1", "S-2", "S-3"], ["S-3", "S-2", "S-1"]]
    await let_tasks_run()
    assert storage._pages == {}


async def test_closing_waits_for_reads_to_finish() -> None:
    """Closing waits for every read, even one that was requested just before."""
    store = SlowStore()
    coalescer = Coalescer(store.fetch)
    reads = [asyncio.create_task(coalescer.get([key])) for key in "ab"]
    await asyncio.sleep(0)
    closing = asyncio.create_task(coalescer.close())
    await let_tasks_run()
    store.gate.set()
    await closing
    assert list(await asyncio.gather(*reads)) == [{"a": 0}, {"b": 0}]


async def test_no_read_returns_a_state_older_than_its_request(storage: Storage) -> None:
    """Reads by id, by SKU and of lists are never outdated, even beside a writer and cancelled readers."""
    (current,) = await create_items(storage, 1)
    acknowledged = 1
    reads = 0
    rng = random.Random(11)

    async def read() -> None:
        nonlocal reads
        while acknowledged < 60:
            before = acknowledged
            if rng.random() < 0.3:
                (item,) = (await storage.list_items(ItemQuery.parse({}))).items
            elif rng.random() < 0.5:
                (item,) = (await storage.items_by_id([item_id(1), item_id(2)])).values()
            else:
                (item,) = (await storage.items_by_sku(["S-1", "S-2"])).values()
            assert item.version >= before
            reads += 1
            await asyncio.sleep(0)  # a store that never waits would block the event loop

    async def read_and_cancel() -> None:
        while acknowledged < 60:
            request = asyncio.create_task(storage.items_by_id([item_id(1)]))
            await asyncio.sleep(rng.random() * 0.001)
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)

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
        group.create_task(read_and_cancel())
        group.create_task(write())
    assert reads > 0
