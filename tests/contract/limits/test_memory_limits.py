"""Limits in memory: their clock and their bounds."""

from datetime import timedelta

from catalog.adapters.memory.limits import MemoryFailureCounter, MemoryRateLimiter
from catalog.domain.identity.back_off import FORGET_AFTER, Failures
from catalog.ports.identity.limits import Allowance
from tests.making import NOON, FixedClock


async def test_a_window_ends() -> None:
    """A window begins with the first request and ends to the microsecond; then the next one begins."""
    clock = FixedClock()
    limiter = MemoryRateLimiter(clock)
    await limiter.take("k", 1, 60)
    clock.move(seconds=59, microseconds=999_999)
    assert await limiter.take("k", 1, 60) == Allowance(allowed=False, remaining=0, reset_after=1)
    clock.move(microseconds=1)
    assert await limiter.take("k", 1, 60) == Allowance(allowed=True, remaining=0, reset_after=60)


async def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    """A window that has not begun yet begins anew."""
    clock = FixedClock()
    limiter = MemoryRateLimiter(clock)
    await limiter.take("k", 1, 60)
    clock.move(days=-1)
    assert (await limiter.take("k", 1, 60)).allowed
    assert not (await limiter.take("k", 1, 60)).allowed


async def test_the_limiter_forgets_the_oldest_window() -> None:
    """A flood of keys takes bounded memory. The oldest window would have been the first to end."""
    clock = FixedClock()
    limiter = MemoryRateLimiter(clock, max_keys=3)
    for key in ("a", "b", "c"):
        await limiter.take(key, 1, 60)
    clock.move(seconds=61)
    for key in ("a", "d"):
        await limiter.take(key, 1, 60)
    assert [key for key, _ in limiter._meters] == ["c", "a", "d"]
    assert not (await limiter.take("a", 1, 60)).allowed
    assert (await limiter.take("b", 1, 60)).allowed
    await limiter.close()
    assert not limiter._meters


async def test_who_keeps_a_meter_shares_its_count_with_the_others() -> None:
    """Over several windows, whoever began them."""
    clock = FixedClock()
    limiter = MemoryRateLimiter(clock)
    meter = limiter.meter("k", 3, 60)
    for begins in (meter.take, limiter.meter("k", 3, 60).take):
        assert begins() == Allowance(allowed=True, remaining=2, reset_after=60)
        assert (await limiter.take("k", 3, 60)).remaining == 1
        assert meter.take().remaining == 0
        assert not limiter.meter("k", 3, 60).take().allowed
        assert not meter.take().allowed
        clock.move(seconds=60)


async def test_a_meter_that_is_in_use_is_not_forgotten_first() -> None:
    """Nor counted anew for others with its key, although nobody asks for it again."""
    clock = FixedClock()
    limiter = MemoryRateLimiter(clock, max_keys=2)
    meter = limiter.meter("a", 2, 60)
    meter.take()
    await limiter.take("b", 2, 60)
    clock.move(seconds=61)
    meter.take()
    await limiter.take("c", 2, 60)
    assert [key for key, _ in limiter._meters] == ["a", "c"]
    assert (await limiter.take("a", 2, 60)).remaining == 0


async def test_failures_are_forgotten_a_day_after_the_last_one() -> None:
    """Each failure starts the day anew. What was forgotten takes no memory."""
    clock = FixedClock()
    counter = MemoryFailureCounter(clock)
    await counter.add("k", NOON)
    clock.move(hours=23)
    await counter.add("k", clock.now())
    clock.move(hours=23)
    assert (await counter.failures("k")).count == 2
    clock.time = NOON + timedelta(hours=23) + FORGET_AFTER
    assert await counter.failures("k") == Failures()
    assert not counter._failures
    assert await counter.add("k", clock.now()) == Failures(1, clock.now())


async def test_the_counter_forgets_the_least_recently_used_key() -> None:
    """A flood of names takes bounded memory, and a key that is looked at stays. Looking at a key does not store it."""
    counter = MemoryFailureCounter(FixedClock(), max_keys=2)
    await counter.add("a", NOON)
    await counter.add("b", NOON)
    await counter.failures("a")
    await counter.failures("unknown")
    await counter.add("c", NOON)
    assert list(counter._failures) == ["a", "c"]
