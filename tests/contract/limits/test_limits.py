"""Rate limits and failure counters: the same in memory and on Valkey."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from catalog.adapters.memory.limits import MemoryFailureCounter, MemoryRateLimiter
from catalog.adapters.redis.connection import RedisConnection
from catalog.adapters.redis.limits import RedisFailureCounter, RedisRateLimiter
from catalog.domain.identity.back_off import Failures
from catalog.ports.identity.limits import Allowance, FailureCounter, RateLimiter
from tests.contract.limits.counting import LONG
from tests.making import NOON, FixedClock
from tests.servers import ValkeyServer, valkey


@dataclass(frozen=True, slots=True)
class Limits:
    """A rate limiter and a failure counter of one kind."""

    limiter: RateLimiter
    counter: FailureCounter


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """A Valkey server."""
    with valkey() as started:
        yield started


@pytest.fixture(params=["memory", "redis"])
async def limits(request: pytest.FixtureRequest) -> AsyncIterator[Limits]:
    """Limits of each kind."""
    clock = FixedClock()
    if request.param == "memory":
        made = Limits(MemoryRateLimiter(clock), MemoryFailureCounter(clock))
    else:
        url, namespace = request.getfixturevalue("server").url, f"test-{request.node.name}"
        connection = RedisConnection(url, on_change=lambda failure: pytest.fail(str(failure)), timeout=LONG)
        fallback = MemoryFailureCounter(clock)
        made = Limits(
            RedisRateLimiter(connection, MemoryRateLimiter(clock), namespace=namespace),
            RedisFailureCounter(connection, fallback, clock, namespace=namespace),
        )
    yield made
    await made.limiter.close()


async def test_requests_are_allowed_up_to_the_limit(limits: Limits) -> None:
    """Each request leaves one less, and those beyond the limit are not counted."""
    answers = [await limits.limiter.take("k", 3, 60) for _ in range(5)]
    assert [answer.allowed for answer in answers] == [True, True, True, False, False]
    assert [answer.remaining for answer in answers] == [2, 1, 0, 0, 0]
    assert all(59 <= answer.reset_after <= 60 for answer in answers)


async def test_keys_are_counted_apart(limits: Limits) -> None:
    """One caller does not use up the requests of another; nor do windows of different lengths."""
    assert (await limits.limiter.take("k", 1, 60)).allowed
    assert not (await limits.limiter.take("k", 1, 60)).allowed
    for key, window in (("K", 60), ("k ", 60), ("", 60), ("k\0é\ud800" * 100, 60), ("k", 30)):
        assert (await limits.limiter.take(key, 1, window)).allowed, key


async def test_concurrent_requests_are_counted_exactly(limits: Limits) -> None:
    """Of fifty at the same time, exactly ten are allowed."""
    answers = await asyncio.gather(*(limits.limiter.take("k", 10, 60) for _ in range(50)))
    assert sum(answer.allowed for answer in answers) == 10
    assert sorted(answer.remaining for answer in answers if answer.allowed) == list(range(10))


async def test_a_limit_that_was_lowered_holds_at_once(limits: Limits) -> None:
    """What was counted under a higher limit counts; the remainder is never negative."""
    for _ in range(3):
        await limits.limiter.take("k", 5, 60)
    assert await limits.limiter.take("k", 2, 60) == Allowance(allowed=False, remaining=0, reset_after=60)
    assert (await limits.limiter.take("k", 5, 60)).remaining == 1


async def test_failures_are_counted(limits: Limits) -> None:
    """Each failure is counted with its time, and only a reset forgets them."""
    counter = limits.counter
    assert await counter.failures("k") == Failures()
    assert await counter.add("k", NOON) == Failures(1, NOON)
    later = NOON + timedelta(seconds=1, microseconds=1)
    assert await counter.add("k", later) == await counter.failures("k") == Failures(2, later)
    assert await counter.failures("other") == Failures()
    await counter.reset("k")
    await counter.reset("never counted")
    assert await counter.failures("k") == Failures()
    assert await counter.add("k", later) == Failures(1, later)


async def test_the_time_of_the_last_failure_never_goes_back(limits: Limits) -> None:
    """The clocks of two processes may differ: a failure with an earlier time does not shorten the delay."""
    await limits.counter.add("k", NOON)
    assert await limits.counter.add("k", NOON - timedelta(hours=1)) == Failures(2, NOON)


async def test_concurrent_failures_are_all_counted(limits: Limits) -> None:
    """Fifty failures at the same time count as fifty."""
    counts = [failures.count for failures in await asyncio.gather(*(limits.counter.add("k", NOON) for _ in range(50)))]
    assert sorted(counts) == list(range(1, 51))
