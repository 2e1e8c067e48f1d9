"""Answers out of the cache, fills that many wait for, and a shared cache that may say anything."""

import asyncio

import pytest

from catalog.adapters.memory.cache import MemoryCache
from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.caching import cached_reads as module
from catalog.application.caching.cached_reads import CachedReads, RenderedResponse
from catalog.application.caching.freshness import Freshness, item_dependencies
from catalog.domain.changes.log import LogHead
from catalog.domain.errors import StoreUnavailable
from catalog.ports.cache import CachedResponse, ResponseContent
from tests.making import commit, creation, item, revision

KEY = "items/1"


class Far(MemoryCache):
    """A shared cache that remembers what was put, and can be slow."""

    def __init__(self) -> None:
        """Be empty, and quick."""
        super().__init__(max_bytes=1_000_000, ttl=60)
        self.closed = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def put(self, key: str, cached: CachedResponse) -> None:
        """Keep it, once the gate is open."""
        await self.gate.wait()
        await super().put(key, cached)

    async def close(self) -> None:
        """Note it."""
        self.closed = True


class Asked:
    """A caching over a store with item 1, and the one who makes its answer."""

    def __init__(self, far: Far | None = None) -> None:
        """Begin with nothing cached."""
        self.storage = MemoryStorage()
        self.near = MemoryCache(max_bytes=1_000_000, ttl=60)
        self.now = 0.0
        self.freshness = Freshness(self.storage, self.near.clear, lambda: self.now)
        self.caching = CachedReads(self.freshness, self.near, far)
        self.storage.listen(self.freshness.record_entries)
        self.made = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def make(self) -> RenderedResponse:
        """Read the item, and answer when the gate opens."""
        self.made += 1
        found = (await self.storage.items_by_id([item().id]))[item().id]
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return RenderedResponse(ResponseContent(found.name.encode(), ()), item_dependencies(found))

    async def answer(self) -> tuple[str, bool]:
        """Ask."""
        content, hit = await self.caching.get_or_render(KEY, self.make)
        return content.body.decode(), hit


async def asked(far: Far | None = None) -> Asked:
    """Make one whose store has item 1, and has been looked at."""
    made = Asked(far)
    await commit(made.storage, creation(1, name="First"))
    await made.freshness.poll()
    return made


async def settled() -> None:
    """Let everything go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_second_answer_is_a_hit_until_the_item_changes() -> None:
    """And then a new one is made."""
    it = await asked()
    assert [await it.answer(), await it.answer(), await it.answer()] == [("First", False), ("First", True), ("First", True)]
    await commit(it.storage, revision(item(1, name="First"), name="Second"))
    assert [await it.answer(), await it.answer()] == [("Second", False), ("Second", True)]
    assert it.made == 2


async def test_a_lapsed_lease_makes_everything_be_asked_anew() -> None:
    """Also of those who would wait for a fill that has begun."""
    it = await asked()
    await it.answer()
    it.now = 1.0
    assert await it.caching.lookup(KEY) is None
    it.gate.clear()
    both = [asyncio.create_task(it.answer()) for _ in range(2)]
    await settled()
    assert it.made == 3
    it.gate.set()
    assert await asyncio.gather(*both) == [("First", False)] * 2


async def test_many_who_ask_at_once_wait_for_one_fill() -> None:
    """Nobody has it made a second time."""
    it = await asked()
    it.gate.clear()
    waiting = [asyncio.create_task(it.answer()) for _ in range(50)]
    await settled()
    it.gate.set()
    assert await asyncio.gather(*waiting) == [("First", False)] * 50
    assert it.made == 1
    assert not it.caching._fills


async def test_who_asks_after_a_write_does_not_get_a_fill_that_began_before() -> None:
    """And what that fill brings is not kept for others."""
    it = await asked()
    it.gate.clear()
    early = asyncio.create_task(it.answer())
    await settled()
    await commit(it.storage, revision(item(1, name="First"), name="Second"))
    late = asyncio.create_task(it.answer())
    await settled()
    it.gate.set()
    assert list(await asyncio.gather(early, late)) == [("First", False), ("Second", False)]
    assert await it.answer() == ("Second", True)
    assert not it.caching._fills


async def test_a_slow_old_fill_that_ends_last_is_made_again() -> None:
    """It overwrote the newer answer, but its date tells that it does not hold."""
    it = await asked()
    it.gate.clear()
    early = asyncio.create_task(it.answer())
    await settled()
    await commit(it.storage, revision(item(1, name="First"), name="Second"))
    slow, it.gate = it.gate, asyncio.Event()
    it.gate.set()
    assert await it.answer() == ("Second", False)
    slow.set()
    assert await early == ("First", False)
    assert await it.answer() == ("Second", False)


async def test_where_a_fill_fails_each_tries_for_himself() -> None:
    """And gets an error of his own; nothing is kept."""
    it = await asked()
    it.gate.clear()
    it.error = StoreUnavailable("away")
    waiting = [asyncio.create_task(it.answer()) for _ in range(3)]
    await settled()
    it.gate.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in answers] == [StoreUnavailable] * 3
    assert it.made == 3
    it.error = None
    assert await it.answer() == ("First", False)


async def test_a_first_asker_that_goes_takes_nobody_with_him() -> None:
    """The others have it made themselves."""
    it = await asked()
    it.gate.clear()
    first = asyncio.create_task(it.answer())
    others = [asyncio.create_task(it.answer()) for _ in range(2)]
    await settled()
    first.cancel()
    await settled()
    it.gate.set()
    assert await asyncio.gather(*others) == [("First", False)] * 2
    assert first.cancelled()


async def test_what_another_process_made_is_a_hit() -> None:
    """As long as it holds by this process's knowledge of the log."""
    far = Far()
    it = await asked(far)
    await it.answer()
    await settled()
    await it.near.clear()
    assert await it.answer() == ("First", True)
    await commit(it.storage, revision(item(1, name="First"), name="Second"))
    await it.near.clear()
    assert await it.answer() == ("Second", False)


async def test_a_shared_cache_is_not_asked_while_the_lease_is_lapsed() -> None:
    """For nothing in it could be trusted."""
    far = Far()
    it = await asked(far)
    await it.answer()
    await settled()
    it.now = 1.0
    assert await it.answer() == ("First", False)


async def test_a_slow_shared_cache_does_not_pile_up_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number they are not brought there."""
    monkeypatch.setattr(module, "MAX_FILLS", 2)
    far = Far()
    far.gate.clear()
    it = await asked(far)
    for number in range(5):
        await it.caching.get_or_render(f"{KEY}/{number}", it.make)
    assert len(it.caching._writes) == 2
    far.gate.set()
    await settled()
    assert not it.caching._writes


@pytest.mark.parametrize("shared", [True, False])
async def test_running_follows_the_log_and_ends(*, shared: bool) -> None:
    """What is under way to the shared cache is waited for, and both are closed."""
    far = Far() if shared else None
    storage = MemoryStorage()
    near = MemoryCache(max_bytes=1_000_000, ttl=60)
    freshness = Freshness(storage, near.clear)
    caching = CachedReads(freshness, near, far)
    async with caching.running(storage):
        async with asyncio.timeout(10):
            while not freshness.is_current():  # noqa: ASYNC110 - it is looked at now and then, and tells nobody
                await asyncio.sleep(0.001)
        await commit(storage, creation(1))
        assert freshness.latest_seq == 1
        await near.put(KEY, CachedResponse(1, (), ResponseContent(b"", ())))
    assert near.size == 0
    assert far is None or far.closed


async def test_a_log_that_cannot_be_followed_for_a_fault_of_ours_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Everything is answered all the same, from the store."""

    class Broken(MemoryStorage):
        async def head(self) -> LogHead:
            raise ZeroDivisionError

    storage = Broken()
    near = MemoryCache(max_bytes=1_000_000, ttl=60)
    caching = CachedReads(Freshness(storage, near.clear), near)
    async with caching.running(storage):
        await settled()
        assert await caching.lookup(KEY) is None
    assert "not followed any more" in caplog.text
