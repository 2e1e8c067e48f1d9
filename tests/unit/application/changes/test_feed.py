"""The live feed: every entry, in order, to every subscriber, from its position on."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.changes import feed as feed_module
from catalog.application.changes.feed import Feed
from catalog.domain.changes.log import EVERY_ENTRY, LogEntry, LogFilter, LogPage
from catalog.domain.errors import InvalidPosition, LogPruned, StoreUnavailable, TooManySubscribers
from catalog.domain.items.item import DELETED
from tests.making import commit, create_items, creation, item_id, removal, sets

CUTS = 50


class FlakyStorage(MemoryStorage):
    """A store that can be made unavailable."""

    unavailable = False

    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Read, unless the store is unavailable."""
        if self.unavailable:
            message = "unavailable"
            raise StoreUnavailable(message)
        return await super().changes(after=after, limit=limit, log_filter=log_filter)


def encode_event(entry: LogEntry) -> bytes:
    """Encode an entry as its seq."""
    return b"%d " % entry.seq


def encode_heartbeat(position: int) -> bytes:
    """Encode a heartbeat."""
    return b"(%d) " % position


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "BATCH_DELAY", 0.001)
    monkeypatch.setattr(feed_module, "POLL_SECONDS", 0.01)


@pytest.fixture
def storage() -> FlakyStorage:
    """Return an empty store."""
    return FlakyStorage()


@pytest.fixture
async def feed(storage: FlakyStorage) -> AsyncIterator[Feed]:
    """Return a feed of the store."""
    live_feed = Feed(storage, encode_event, encode_heartbeat)
    yield live_feed
    live_feed.close()


class Cuts:
    """Counts how often a subscriber was cut off."""

    def __init__(self) -> None:
        """Start at zero."""
        self.count = 0

    def __call__(self) -> None:
        """Count one."""
        self.count += 1


async def subscribe(
    feed: Feed, after: int | None = None, log_filter: LogFilter = EVERY_ENTRY, cuts: Cuts | None = None
) -> AsyncGenerator[bytes, None]:
    """Subscribe and read the heartbeat that comes first."""
    chunks = await feed.subscribe(after, log_filter, cuts or Cuts())
    assert (await anext(chunks)).startswith(b"(")
    return chunks


async def take(chunks: AsyncGenerator[bytes, None], count: int) -> list[int]:
    """Read `count` entries and return their seqs."""
    seqs: list[int] = []
    async with asyncio.timeout(30):
        while len(seqs) < count:
            seqs += [int(part) for part in (await anext(chunks)).split() if not part.startswith(b"(")]
    return seqs


async def test_entries_are_sent_from_a_position_on(feed: Feed, storage: FlakyStorage) -> None:
    """First the missed entries, then new ones. Without a position, only new ones."""
    await create_items(storage, 1, 2, 3)
    first = await subscribe(feed, 1)
    assert await take(first, 2) == [2, 3]
    second = await subscribe(feed)
    taking = asyncio.create_task(take(second, 2))
    await asyncio.sleep(0)
    await create_items(storage, 4, 5)
    assert await take(first, 2) == [4, 5]
    assert await taking == [4, 5]
    third = await subscribe(feed, 3)
    assert await take(third, 2) == [4, 5]
    assert feed.subscribers == 2  # the third has not joined yet
    await first.aclose()
    await second.aclose()
    await third.aclose()
    assert feed.subscribers == 0
    await create_items(storage, 6)
    again = await subscribe(feed, 5)
    assert await take(again, 1) == [6]
    await again.aclose()


async def test_only_entries_that_match_the_filter_are_sent(feed: Feed, storage: FlakyStorage) -> None:
    """By kind or by item, whether replayed or live."""
    (first, second) = await create_items(storage, 1, 2)
    deletions = await subscribe(feed, 0, LogFilter(frozenset({DELETED})))
    one_item = await subscribe(feed, 0, LogFilter(subject=item_id(1)))
    assert await take(one_item, 1) == [1]
    taking = asyncio.gather(take(deletions, 2), take(one_item, 1))
    await asyncio.sleep(0.02)
    await commit(storage, removal(second), removal(first))
    assert tuple(await taking) == ([3, 4], [4])


async def test_a_position_outside_the_log_is_refused(feed: Feed, storage: FlakyStorage) -> None:
    """Beyond its head, or before its floor."""
    await create_items(storage, 1, 2, 3)
    await storage.prune(2)
    with pytest.raises(InvalidPosition):
        await feed.subscribe(4, EVERY_ENTRY, Cuts())
    with pytest.raises(LogPruned):
        await feed.subscribe(1, EVERY_ENTRY, Cuts())
    assert await take(await subscribe(feed, 2), 1) == [3]


async def test_nothing_is_missed_however_often_a_subscriber_reconnects(feed: Feed, storage: FlakyStorage) -> None:
    """It resumes from the last seq it received, while others write."""
    rng = random.Random(7)

    async def write() -> None:
        for number in range(1, 8 * CUTS + 1):
            await create_items(storage, number)
            if number % 3 == 0:
                await asyncio.sleep(rng.random() / 200)

    writing = asyncio.create_task(write())
    steady = await subscribe(feed, 0)
    received: list[int] = []
    for _ in range(CUTS):
        chunks = await subscribe(feed, received[-1] if received else 0)
        received += await take(chunks, rng.randint(1, 6))
        await chunks.aclose()
    await writing
    chunks = await subscribe(feed, received[-1])
    received += await take(chunks, 8 * CUTS - len(received))
    assert received == list(range(1, 8 * CUTS + 1))
    assert await take(steady, 8 * CUTS) == received


async def test_a_slow_subscriber_is_cut_off(feed: Feed, storage: FlakyStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its queue is full. The others continue, and it can resume from its last seq."""
    monkeypatch.setattr(feed_module, "MAX_BACKLOG", 10)
    cuts = Cuts()
    slow, quick = await subscribe(feed, 0, cuts=cuts), await subscribe(feed, 0)
    waiting = asyncio.create_task(anext(slow))
    taking = asyncio.create_task(take(quick, 1))
    await asyncio.sleep(0.02)
    await create_items(storage, 1)
    assert (await waiting, await taking) == (b"1 ", [1])
    for number in range(2, 40):
        await create_items(storage, number)
        assert await take(quick, 1) == [number]
    assert cuts.count == 1
    assert feed.subscribers == 1
    resumed = await subscribe(feed, 1)
    assert await take(resumed, 38) == list(range(2, 40))


async def test_a_chunk_larger_than_the_queue_is_delivered(
    feed: Feed, storage: FlakyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a subscriber that waits for it."""
    monkeypatch.setattr(feed_module, "MAX_BACKLOG", 1)
    chunks = await subscribe(feed, 0)
    taking = asyncio.create_task(take(chunks, 3))
    await asyncio.sleep(0.02)
    await storage.commit(sets(*map(creation, range(1, 4))))
    assert await taking == [1, 2, 3]


async def test_a_subscriber_ahead_of_the_feed_gets_nothing_twice(
    feed: Feed, storage: FlakyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has replayed entries that the feed has yet to send to the others."""
    monkeypatch.setattr(feed_module, "BATCH_DELAY", 0.3)
    behind = await subscribe(feed, 0)
    taking = asyncio.create_task(take(behind, 3))
    await asyncio.sleep(0.05)
    await create_items(storage, 1)
    while feed._position != 1:  # noqa: ASYNC110 - then the feed pauses
        await asyncio.sleep(0.001)
    await create_items(storage, 2, 3)
    ahead = await subscribe(feed, 2)
    assert await take(ahead, 1) == [3]
    assert await taking == [1, 2, 3]


async def test_heartbeats_are_sent_when_there_are_no_entries(
    feed: Feed, storage: FlakyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the position of the feed, even while the store is unavailable. Subscribers that read none of them are cut off too."""
    monkeypatch.setattr(feed_module, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(feed_module, "MAX_BACKLOG", 50)
    await create_items(storage, 1)
    cuts = Cuts()
    chunks, slow = await subscribe(feed, 1), await subscribe(feed, 1, cuts=cuts)
    first = asyncio.create_task(anext(slow))
    assert (await anext(chunks)).startswith(b"(1) ")
    await first
    storage.unavailable = True
    assert (await anext(chunks)).startswith(b"(1) ")
    while not cuts.count:
        await anext(chunks)
    storage.unavailable = False


async def test_closing_the_feed_ends_all_subscriptions(feed: Feed, storage: FlakyStorage) -> None:
    """After their queued entries, including one that is about to join. New ones are refused."""
    await create_items(storage, 1)
    chunks = await subscribe(feed, 0)
    assert await take(chunks, 1) == [1]
    waiting = asyncio.create_task(anext(chunks, None))
    late = await subscribe(feed, 0)
    await asyncio.sleep(0.02)
    feed.close()
    assert await waiting is None
    assert [chunk async for chunk in late] in ([], [b"1 "])
    with pytest.raises(StoreUnavailable):
        await feed.subscribe(None, EVERY_ENTRY, Cuts())


async def test_pruning_unread_entries_ends_the_subscription(feed: Feed, storage: FlakyStorage) -> None:
    """A live subscription just ends; one that replays the log gets an error."""
    await create_items(storage, *range(1, 6))
    chunks = await subscribe(feed, 5)
    waiting = asyncio.create_task(anext(chunks, None))
    await asyncio.sleep(0.02)
    storage.unavailable = True
    await asyncio.sleep(0.03)
    await create_items(storage, 6, 7)
    await storage.prune(7)
    storage.unavailable = False
    assert await waiting is None
    behind = await feed.subscribe(7, EVERY_ENTRY, Cuts())
    await create_items(storage, 8, 9)
    await storage.prune(9)
    assert await anext(behind) == b"(7) "
    with pytest.raises(LogPruned):
        await anext(behind)


async def test_an_unexpected_error_leaves_no_subscriber_waiting(
    feed: Feed, storage: FlakyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subscriptions end, and the next subscriber is served again."""
    chunks = await subscribe(feed, 0)
    waiting = asyncio.create_task(anext(chunks, None))
    await asyncio.sleep(0.02)
    following = feed._following

    def broken(_self: Feed, _entries: Sequence[LogEntry]) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Feed, "_publish", broken)
        await create_items(storage, 1)
        assert await waiting is None
    assert following is not None
    assert isinstance(following.exception(), ZeroDivisionError)
    assert await take(await subscribe(feed, 0), 1) == [1]


async def test_joining_while_entries_are_sent_misses_nothing(
    feed: Feed, storage: FlakyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets each entry once: those it replayed, and those sent between its last read and its joining."""
    ahead = await subscribe(feed, 0)
    await storage.commit(sets(*map(creation, range(1, 8))))
    assert await take(ahead, 7) == list(range(1, 8))
    late = await subscribe(feed, 0)
    assert await take(late, 7) == list(range(1, 8))
    # It has read the whole log and not joined yet.
    monkeypatch.setattr(feed_module, "BATCH_SIZE", 2)
    await storage.commit(sets(*map(creation, range(8, 13))))
    assert await take(ahead, 5) == list(range(8, 13))
    assert await take(late, 5) == list(range(8, 13))
    taking = asyncio.gather(take(late, 1), take(ahead, 1))
    await asyncio.sleep(0.02)
    await commit(storage, creation(13))
    assert tuple(await taking) == ([13], [13])


async def test_the_number_of_subscribers_is_limited(storage: FlakyStorage) -> None:
    """Those that have not joined count too. One that leaves makes room, even if it never read anything."""
    feed = Feed(storage, encode_event, encode_heartbeat, max_subscribers=2)
    await create_items(storage, 1, 2, 3)
    first = await subscribe(feed)
    unused = await feed.subscribe(0, EVERY_ENTRY, Cuts())
    with pytest.raises(TooManySubscribers, match="2 readers"):
        await feed.subscribe(None, EVERY_ENTRY, Cuts())
    del unused
    with pytest.raises(InvalidPosition):
        await feed.subscribe(99, EVERY_ENTRY, Cuts())
    second = await subscribe(feed, 2)
    with pytest.raises(TooManySubscribers):
        await feed.subscribe(None, EVERY_ENTRY, Cuts())
    await first.aclose()
    third = await subscribe(feed)
    assert await take(second, 1) == [3]
    await second.aclose()
    await third.aclose()
    feed.close()


async def test_a_position_beyond_64_bits_is_refused(feed: Feed) -> None:
    """Before the store is queried."""
    with pytest.raises(InvalidPosition):
        await feed.subscribe(2**63, EVERY_ENTRY, Cuts())


async def test_the_slowest_subscribers_are_cut_off_when_the_total_backlog_is_too_large(
    feed: Feed, storage: FlakyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more of them than necessary. The next chunk does not count, because subscribers share it."""
    monkeypatch.setattr(feed_module, "MAX_TOTAL_BACKLOG", 30)
    cuts = [Cuts(), Cuts(), Cuts()]
    slow, quick, slower = [await subscribe(feed, cuts=counter) for counter in cuts]
    takes = [asyncio.create_task(anext(chunks)) for chunks in (slow, quick, slower)]
    await asyncio.sleep(0)
    await create_items(storage, 1)
    await asyncio.gather(*takes)
    for number in range(2, 9):
        await create_items(storage, number)
        assert await take(quick, 1) == [number]
        if number == 3:
            assert await take(slow, 2) == [2, 3]
    while not sum(counter.count for counter in cuts):
        number += 1
        await create_items(storage, number)
        assert await take(quick, 1) == [number]
    assert [counter.count for counter in cuts] == [0, 0, 1]
    with pytest.raises(StopAsyncIteration):
        await anext(slower)
    assert (await take(slow, number - 3))[-1] == number
    await slow.aclose()
    await quick.aclose()


async def test_subscribers_with_the_same_filter_share_a_chunk(feed: Feed, storage: FlakyStorage) -> None:
    """A thousand of them take no more memory than one."""
    log_filter = LogFilter(subject=item_id(2))
    readers = [await subscribe(feed, log_filter=log_filter) for _ in range(2)]
    takes = [asyncio.create_task(anext(chunks)) for chunks in readers]
    await asyncio.sleep(0)
    await create_items(storage, 1, 2)
    first, second = await asyncio.gather(*takes)
    assert first is second
    assert first == b"2 "
    for chunks in readers:
        await chunks.aclose()
