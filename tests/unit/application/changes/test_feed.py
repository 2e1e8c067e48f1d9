"""The live feed: everything in order, to everybody, from where he left off."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.changes import feed as module
from catalog.application.changes.feed import Feed
from catalog.domain.changes.log import EVERY_ENTRY, LogEntry, LogFilter, LogPage
from catalog.domain.errors import InvalidPosition, LogPruned, StoreUnavailable, TooManySubscribers
from catalog.domain.items.item import DELETED
from tests.making import commit, create_items, creation, item_id, removal, sets

CUTS = 50


class Shaky(MemoryStorage):
    """A store that is away now and then."""

    away = False

    async def changes(self, *, after: int, limit: int, wanted: LogFilter = EVERY_ENTRY) -> LogPage:
        """Read, if it is there."""
        if self.away:
            message = "away"
            raise StoreUnavailable(message)
        return await super().changes(after=after, limit=limit, wanted=wanted)


def frame(entry: LogEntry) -> bytes:
    """Write an entry as its number."""
    return b"%d " % entry.seq


def beat(position: int) -> bytes:
    """Write a sign of life."""
    return b"(%d) " % position


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_DELAY", 0.001)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)


@pytest.fixture
def storage() -> Shaky:
    """A store that may be away."""
    return Shaky()


@pytest.fixture
async def feed(storage: Shaky) -> AsyncIterator[Feed]:
    """A feed of it."""
    made = Feed(storage, frame, beat)
    yield made
    made.close()


class Cuts:
    """Counts how often somebody was cut off."""

    def __init__(self) -> None:
        """None yet."""
        self.count = 0

    def __call__(self) -> None:
        """Count."""
        self.count += 1


async def subscribed(
    feed: Feed, after: int | None = None, wanted: LogFilter = EVERY_ENTRY, cuts: Cuts | None = None
) -> AsyncGenerator[bytes, None]:
    """Subscribe, and take the sign of life that comes first."""
    pieces = await feed.subscribe(after, wanted, cuts or Cuts())
    assert (await anext(pieces)).startswith(b"(")
    return pieces


async def take(pieces: AsyncGenerator[bytes, None], count: int) -> list[int]:
    """Take so many entries."""
    numbers: list[int] = []
    async with asyncio.timeout(30):
        while len(numbers) < count:
            numbers += [int(part) for part in (await anext(pieces)).split() if not part.startswith(b"(")]
    return numbers


async def test_what_follows_is_told_from_a_number_on(feed: Feed, storage: Shaky) -> None:
    """What was missed first, then what comes; from now on, where no number is given."""
    await create_items(storage, 1, 2, 3)
    first = await subscribed(feed, 1)
    assert await take(first, 2) == [2, 3]
    second = await subscribed(feed)
    last = asyncio.create_task(take(second, 2))
    await asyncio.sleep(0)
    await create_items(storage, 4, 5)
    assert await take(first, 2) == [4, 5]
    assert await last == [4, 5]
    third = await subscribed(feed, 3)
    assert await take(third, 2) == [4, 5]
    assert feed.subscribers == 2  # the third has not joined yet
    await first.aclose()
    await second.aclose()
    await third.aclose()
    assert feed.subscribers == 0
    await create_items(storage, 6)
    again = await subscribed(feed, 5)
    assert await take(again, 1) == [6]
    await again.aclose()


async def test_only_what_is_wanted_is_told(feed: Feed, storage: Shaky) -> None:
    """Of some kinds, of one item; missed or live."""
    (first, second) = await create_items(storage, 1, 2)
    ends = await subscribed(feed, 0, LogFilter(frozenset({DELETED})))
    ones = await subscribed(feed, 0, LogFilter(subject=item_id(1)))
    assert await take(ones, 1) == [1]
    told = asyncio.gather(take(ends, 2), take(ones, 1))
    await asyncio.sleep(0.02)
    await commit(storage, removal(second), removal(first))
    assert tuple(await told) == ([3, 4], [4])


async def test_a_number_that_the_log_has_not_is_refused(feed: Feed, storage: Shaky) -> None:
    """One beyond its end, and one before its beginning."""
    await create_items(storage, 1, 2, 3)
    await storage.prune(2)
    with pytest.raises(InvalidPosition):
        await feed.subscribe(4, EVERY_ENTRY, Cuts())
    with pytest.raises(LogPruned):
        await feed.subscribe(1, EVERY_ENTRY, Cuts())
    assert await take(await subscribed(feed, 2), 1) == [3]


async def test_nothing_is_missed_however_often_one_is_cut(feed: Feed, storage: Shaky) -> None:
    """Each time it goes on from the number that was had last, while others write."""
    chance = random.Random(7)

    async def write() -> None:
        for number in range(1, 8 * CUTS + 1):
            await create_items(storage, number)
            if number % 3 == 0:
                await asyncio.sleep(chance.random() / 200)

    writing = asyncio.create_task(write())
    steady = await subscribed(feed, 0)
    had: list[int] = []
    for _ in range(CUTS):
        pieces = await subscribed(feed, had[-1] if had else 0)
        had += await take(pieces, chance.randint(1, 6))
        await pieces.aclose()
    await writing
    pieces = await subscribed(feed, had[-1])
    had += await take(pieces, 8 * CUTS - len(had))
    assert had == list(range(1, 8 * CUTS + 1))
    assert await take(steady, 8 * CUTS) == had


async def test_who_does_not_take_what_is_there_is_cut_off(feed: Feed, storage: Shaky, monkeypatch: pytest.MonkeyPatch) -> None:
    """When what waits for him is too much; the others go on, and so does he from his last number."""
    monkeypatch.setattr(module, "MAX_BACKLOG", 10)
    cuts = Cuts()
    slow, quick = await subscribed(feed, 0, cuts=cuts), await subscribed(feed, 0)
    waiting = asyncio.create_task(anext(slow))
    told = asyncio.create_task(take(quick, 1))
    await asyncio.sleep(0.02)
    await create_items(storage, 1)
    assert (await waiting, await told) == (b"1 ", [1])
    for number in range(2, 40):
        await create_items(storage, number)
        assert await take(quick, 1) == [number]
    assert cuts.count == 1
    assert feed.subscribers == 1
    back = await subscribed(feed, 1)
    assert await take(back, 38) == list(range(2, 40))


async def test_a_piece_that_is_larger_than_the_queue_is_given_all_the_same(
    feed: Feed, storage: Shaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To one who waits for it."""
    monkeypatch.setattr(module, "MAX_BACKLOG", 1)
    pieces = await subscribed(feed, 0)
    told = asyncio.create_task(take(pieces, 3))
    await asyncio.sleep(0.02)
    await storage.commit(sets(*map(creation, range(1, 4))))
    assert await told == [1, 2, 3]


async def test_who_is_ahead_of_the_reader_is_told_nothing_twice(
    feed: Feed, storage: Shaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He has read himself what the others are yet to be told."""
    monkeypatch.setattr(module, "BATCH_DELAY", 0.3)
    behind = await subscribed(feed, 0)
    told = asyncio.create_task(take(behind, 3))
    await asyncio.sleep(0.05)
    await create_items(storage, 1)
    while feed._position != 1:  # noqa: ASYNC110 - now the reader pauses
        await asyncio.sleep(0.001)
    await create_items(storage, 2, 3)
    ahead = await subscribed(feed, 2)
    assert await take(ahead, 1) == [3]
    assert await told == [1, 2, 3]


async def test_a_sign_of_life_comes_when_nothing_else_does(feed: Feed, storage: Shaky, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how far one is; also while the store is away. Who takes none of them is cut off too."""
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(module, "MAX_BACKLOG", 50)
    await create_items(storage, 1)
    cuts = Cuts()
    pieces, asleep = await subscribed(feed, 1), await subscribed(feed, 1, cuts=cuts)
    first = asyncio.create_task(anext(asleep))
    assert (await anext(pieces)).startswith(b"(1) ")
    await first
    storage.away = True
    assert (await anext(pieces)).startswith(b"(1) ")
    while not cuts.count:
        await anext(pieces)
    storage.away = False


async def test_at_the_end_all_are_let_go(feed: Feed, storage: Shaky) -> None:
    """With what waits for them; nobody is taken any more, and who is just about to join goes as well."""
    await create_items(storage, 1)
    pieces = await subscribed(feed, 0)
    assert await take(pieces, 1) == [1]
    waiting = asyncio.create_task(anext(pieces, None))
    late = await subscribed(feed, 0)
    await asyncio.sleep(0.02)
    feed.close()
    assert await waiting is None
    assert [piece async for piece in late] in ([], [b"1 "])
    with pytest.raises(StoreUnavailable):
        await feed.subscribe(None, EVERY_ENTRY, Cuts())


async def test_where_the_log_is_no_more_what_it_was_all_must_ask_anew(feed: Feed, storage: Shaky) -> None:
    """Pruned beyond a reader who is behind: he is let go, or told so while he reads what he missed."""
    await create_items(storage, *range(1, 6))
    pieces = await subscribed(feed, 5)
    waiting = asyncio.create_task(anext(pieces, None))
    await asyncio.sleep(0.02)
    storage.away = True
    await asyncio.sleep(0.03)
    await create_items(storage, 6, 7)
    await storage.prune(7)
    storage.away = False
    assert await waiting is None
    behind = await feed.subscribe(7, EVERY_ENTRY, Cuts())
    await create_items(storage, 8, 9)
    await storage.prune(9)
    assert await anext(behind) == b"(7) "
    with pytest.raises(LogPruned):
        await anext(behind)


async def test_an_unforeseen_failure_leaves_nobody_waiting(feed: Feed, storage: Shaky, monkeypatch: pytest.MonkeyPatch) -> None:
    """The subscribers are let go, and the next one is served again."""
    pieces = await subscribed(feed, 0)
    waiting = asyncio.create_task(anext(pieces, None))
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
    assert await take(await subscribed(feed, 0), 1) == [1]


async def test_who_joins_while_others_are_told_misses_nothing(
    feed: Feed, storage: Shaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what is told between his last look and his joining, nor twice what he has read already."""
    ahead = await subscribed(feed, 0)
    await storage.commit(sets(*map(creation, range(1, 8))))
    assert await take(ahead, 7) == list(range(1, 8))
    late = await subscribed(feed, 0)
    assert await take(late, 7) == list(range(1, 8))
    # He has read all there is, and not joined yet.
    monkeypatch.setattr(module, "BATCH_SIZE", 2)
    await storage.commit(sets(*map(creation, range(8, 13))))
    assert await take(ahead, 5) == list(range(8, 13))
    assert await take(late, 5) == list(range(8, 13))
    more = asyncio.gather(take(late, 1), take(ahead, 1))
    await asyncio.sleep(0.02)
    await commit(storage, creation(13))
    assert tuple(await more) == ([13], [13])


async def test_there_is_a_limit_of_subscribers(storage: Shaky) -> None:
    """Those that have not joined yet count; whoever goes makes room, also who goes before he took anything."""
    feed = Feed(storage, frame, beat, max_subscribers=2)
    await create_items(storage, 1, 2, 3)
    first = await subscribed(feed)
    unused = await feed.subscribe(0, EVERY_ENTRY, Cuts())
    with pytest.raises(TooManySubscribers, match="2 readers"):
        await feed.subscribe(None, EVERY_ENTRY, Cuts())
    del unused
    with pytest.raises(InvalidPosition):
        await feed.subscribe(99, EVERY_ENTRY, Cuts())
    second = await subscribed(feed, 2)
    with pytest.raises(TooManySubscribers):
        await feed.subscribe(None, EVERY_ENTRY, Cuts())
    await first.aclose()
    third = await subscribed(feed)
    assert await take(second, 1) == [3]
    await second.aclose()
    await third.aclose()
    feed.close()


async def test_a_position_that_no_log_can_have_is_refused(feed: Feed) -> None:
    """Before a store is asked, which counts in 64 bits."""
    with pytest.raises(InvalidPosition):
        await feed.subscribe(2**63, EVERY_ENTRY, Cuts())


async def test_when_too_much_waits_for_all_together_the_slowest_are_cut(
    feed: Feed, storage: Shaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no more of them than need be; the piece that is taken next is not counted, for subscribers share it."""
    monkeypatch.setattr(module, "MAX_TOTAL_BACKLOG", 30)
    cuts = [Cuts(), Cuts(), Cuts()]
    slow, quick, slower = [await subscribed(feed, cuts=its) for its in cuts]
    takes = [asyncio.create_task(anext(pieces)) for pieces in (slow, quick, slower)]
    await asyncio.sleep(0)
    await create_items(storage, 1)
    await asyncio.gather(*takes)
    for number in range(2, 9):
        await create_items(storage, number)
        assert await take(quick, 1) == [number]
        if number == 3:
            assert await take(slow, 2) == [2, 3]
    while not sum(its.count for its in cuts):
        number += 1
        await create_items(storage, number)
        assert await take(quick, 1) == [number]
    assert [its.count for its in cuts] == [0, 0, 1]
    with pytest.raises(StopAsyncIteration):
        await anext(slower)
    assert (await take(slow, number - 3))[-1] == number
    await slow.aclose()
    await quick.aclose()


async def test_subscribers_who_want_the_same_share_a_piece(feed: Feed, storage: Shaky) -> None:
    """So that a thousand of them take no more memory than one."""
    wanted = LogFilter(subject=item_id(2))
    readers = [await subscribed(feed, wanted=wanted) for _ in range(2)]
    takes = [asyncio.create_task(anext(pieces)) for pieces in readers]
    await asyncio.sleep(0)
    await create_items(storage, 1, 2)
    first, second = await asyncio.gather(*takes)
    assert first is second
    assert first == b"2 "
    for pieces in readers:
        await pieces.aclose()
