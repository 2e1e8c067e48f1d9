"""Cached reads: hits, concurrent fills, and a shared cache."""

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


class SharedCache(MemoryCache):
    """A shared cache that can be slow."""

    def __init__(self) -> None:
        """Start empty and fast."""
        super().__init__(max_bytes=1_000_000, ttl=60)
        self.closed = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def put(self, key: str, cached: CachedResponse) -> None:
        """Store the response once the gate is open."""
        await self.gate.wait()
        await super().put(key, cached)

    async def close(self) -> None:
        """Record the call."""
        self.closed = True


class Reads:
    """CachedReads over a store, with a render function for item 1 that can be slow or fail."""

    def __init__(self, shared: SharedCache | None = None) -> None:
        """Start with empty caches."""
        self.storage = MemoryStorage()
        self.local = MemoryCache(max_bytes=1_000_000, ttl=60)
        self.now = 0.0
        self.freshness = Freshness(self.storage, self.local.clear, lambda: self.now)
        self.caching = CachedReads(self.freshness, self.local, shared)
        self.storage.listen(self.freshness.record_entries)
        self.rendered = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def render(self) -> RenderedResponse:
        """Read the item, and return its name once the gate is open."""
        self.rendered += 1
        stored = (await self.storage.items_by_id([item().id]))[item().id]
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return RenderedResponse(ResponseContent(stored.name.encode(), ()), item_dependencies(stored))

    async def get(self) -> tuple[str, bool]:
        """Return the name of the item, and whether it came from a cache."""
        content, hit = await self.caching.get_or_render(KEY, self.render)
        return content.body.decode(), hit


async def prepared_reads(shared: SharedCache | None = None) -> Reads:
    """Return Reads whose store has item 1, after the first poll."""
    reads = Reads(shared)
    await commit(reads.storage, creation(1, name="First"))
    await reads.freshness.poll()
    return reads


async def settled() -> None:
    """Let all tasks run until they wait."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_second_read_is_a_hit_until_the_item_changes() -> None:
    """Then the response is rendered again."""
    reads = await prepared_reads()
    assert [await reads.get(), await reads.get(), await reads.get()] == [("First", False), ("First", True), ("First", True)]
    await commit(reads.storage, revision(item(1, name="First"), name="Second"))
    assert [await reads.get(), await reads.get()] == [("Second", False), ("Second", True)]
    assert reads.rendered == 2


async def test_everything_is_rendered_again_if_the_log_was_not_polled_in_time() -> None:
    """Even if the response is already being rendered."""
    reads = await prepared_reads()
    await reads.get()
    reads.now = 1.0
    assert await reads.caching.lookup(KEY) is None
    reads.gate.clear()
    both = [asyncio.create_task(reads.get()) for _ in range(2)]
    await settled()
    assert reads.rendered == 3
    reads.gate.set()
    assert await asyncio.gather(*both) == [("First", False)] * 2


async def test_concurrent_reads_wait_for_one_fill() -> None:
    """The response is rendered once."""
    reads = await prepared_reads()
    reads.gate.clear()
    waiting = [asyncio.create_task(reads.get()) for _ in range(50)]
    await settled()
    reads.gate.set()
    assert await asyncio.gather(*waiting) == [("First", False)] * 50
    assert reads.rendered == 1
    assert not reads.caching._fills


async def test_a_read_after_a_write_does_not_get_a_fill_started_before() -> None:
    """The outdated response is not cached either."""
    reads = await prepared_reads()
    reads.gate.clear()
    early = asyncio.create_task(reads.get())
    await settled()
    await commit(reads.storage, revision(item(1, name="First"), name="Second"))
    late = asyncio.create_task(reads.get())
    await settled()
    reads.gate.set()
    assert list(await asyncio.gather(early, late)) == [("First", False), ("Second", False)]
    assert await reads.get() == ("Second", True)
    assert not reads.caching._fills


async def test_a_slow_outdated_fill_that_ends_last_is_rendered_again() -> None:
    """It overwrites the newer response, but its `as_of` shows that it is invalid."""
    reads = await prepared_reads()
    reads.gate.clear()
    early = asyncio.create_task(reads.get())
    await settled()
    await commit(reads.storage, revision(item(1, name="First"), name="Second"))
    slow, reads.gate = reads.gate, asyncio.Event()
    reads.gate.set()
    assert await reads.get() == ("Second", False)
    slow.set()
    assert await early == ("First", False)
    assert await reads.get() == ("Second", False)


async def test_if_a_fill_fails_every_caller_renders_the_response_itself() -> None:
    """Each caller gets its own exception, and nothing is cached."""
    reads = await prepared_reads()
    reads.gate.clear()
    reads.error = StoreUnavailable("unavailable")
    waiting = [asyncio.create_task(reads.get()) for _ in range(3)]
    await settled()
    reads.gate.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in errors] == [StoreUnavailable] * 3
    assert reads.rendered == 3
    reads.error = None
    assert await reads.get() == ("First", False)


async def test_cancelling_the_first_caller_does_not_affect_the_others() -> None:
    """They render the response themselves."""
    reads = await prepared_reads()
    reads.gate.clear()
    first = asyncio.create_task(reads.get())
    others = [asyncio.create_task(reads.get()) for _ in range(2)]
    await settled()
    first.cancel()
    await settled()
    reads.gate.set()
    assert await asyncio.gather(*others) == [("First", False)] * 2
    assert first.cancelled()


async def test_a_response_of_another_process_is_a_hit() -> None:
    """As long as it is valid according to the log as this process knows it."""
    shared = SharedCache()
    reads = await prepared_reads(shared)
    await reads.get()
    await settled()
    await reads.local.clear()
    assert await reads.get() == ("First", True)
    await commit(reads.storage, revision(item(1, name="First"), name="Second"))
    await reads.local.clear()
    assert await reads.get() == ("Second", False)


async def test_the_shared_cache_is_not_read_if_the_log_was_not_polled_in_time() -> None:
    """Nothing in it could be validated."""
    shared = SharedCache()
    reads = await prepared_reads(shared)
    await reads.get()
    await settled()
    reads.now = 1.0
    assert await reads.get() == ("First", False)


async def test_writes_to_a_slow_shared_cache_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond MAX_FILLS, responses are not written to it."""
    monkeypatch.setattr(module, "MAX_FILLS", 2)
    shared = SharedCache()
    shared.gate.clear()
    reads = await prepared_reads(shared)
    for number in range(5):
        await reads.caching.get_or_render(f"{KEY}/{number}", reads.render)
    assert len(reads.caching._writes) == 2
    shared.gate.set()
    await settled()
    assert not reads.caching._writes


@pytest.mark.parametrize("with_shared", [True, False])
async def test_running_follows_the_log_and_cleans_up(*, with_shared: bool) -> None:
    """It waits for pending writes to the shared cache and closes both caches."""
    shared = SharedCache() if with_shared else None
    storage = MemoryStorage()
    local = MemoryCache(max_bytes=1_000_000, ttl=60)
    freshness = Freshness(storage, local.clear)
    caching = CachedReads(freshness, local, shared)
    async with caching.running(storage):
        async with asyncio.timeout(10):
            while not freshness.is_current():  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.001)
        await commit(storage, creation(1))
        assert freshness.latest_seq == 1
        await local.put(KEY, CachedResponse(1, (), ResponseContent(b"", ())))
    assert local.size == 0
    assert shared is None or shared.closed


async def test_an_unexpected_error_of_the_follower_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Reads still work, without the cache."""

    class Broken(MemoryStorage):
        async def head(self) -> LogHead:
            raise ZeroDivisionError

    storage = Broken()
    local = MemoryCache(max_bytes=1_000_000, ttl=60)
    caching = CachedReads(Freshness(storage, local.clear), local)
    async with caching.running(storage):
        await settled()
        assert await caching.lookup(KEY) is None
    assert "no longer followed, so the response cache is disabled" in caplog.text
