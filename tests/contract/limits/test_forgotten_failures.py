"""Failures of several processes on a Valkey that forgets keys, as a cache does: the higher count is in force, until a reset."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import pytest

from catalog.adapters.memory.limits import MemoryFailureCounter
from catalog.adapters.redis.connection import MAX_PAUSE, RedisConnection
from catalog.adapters.redis.limits import RedisFailureCounter
from catalog.domain.identity.back_off import FORGET_AFTER, Failures
from tests.contract.limits.counting import LONG
from tests.making import NOON, FixedClock
from tests.servers import ValkeyServer, valkey

LATER = NOON + timedelta(seconds=1)


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """A Valkey server."""
    with valkey() as started:
        yield started


@pytest.fixture
async def connection(server: ValkeyServer) -> AsyncIterator[RedisConnection]:
    """A connection to an empty server."""
    made = RedisConnection(server.url, on_change=lambda failure: pytest.fail(str(failure)), timeout=LONG)
    await made.client.flushall()
    yield made
    await made.close()


@pytest.fixture
def counter(connection: RedisConnection) -> Callable[..., RedisFailureCounter]:
    """Make the counter of a process, with the clock of that process."""
    return lambda clock=None: RedisFailureCounter(
        connection, MemoryFailureCounter(FixedClock()), clock or FixedClock(), namespace="test"
    )


Make = Callable[..., RedisFailureCounter]


async def test_a_low_count_of_another_process_hides_no_higher_one(connection: RedisConnection, counter: Make) -> None:
    """The process that has counted more goes on with its count, as of the last failure of all, and shares it when it fails."""
    one, other = counter(), counter()
    for _ in range(5):
        await one.add("k", NOON)
    await connection.client.flushall()
    assert await other.add("k", LATER) == await other.failures("k") == Failures(1, LATER)
    assert await one.failures("k") == Failures(5, LATER)
    assert await one.add("k", NOON) == await one.failures("k") == await other.failures("k") == Failures(6, LATER)


async def test_a_reset_holds_in_every_process(connection: RedisConnection, counter: Make) -> None:
    """The failures of a process before it count neither in that process nor with its next failure, nor after an eviction."""
    one, other, third = counter(), counter(), counter()
    for process in (one, third):
        for _ in range(5):
            await process.add("k", NOON)
    await other.reset("k")
    assert await one.failures("k") == await other.failures("k") == Failures()
    assert await third.add("k", LATER) == await one.failures("k") == await third.failures("k") == Failures(1, LATER)
    await connection.client.flushall()
    assert await one.failures("k") == Failures()
    assert (await third.failures("k")).count == 1


async def test_a_reset_holds_after_others(counter: Make) -> None:
    """Failures between two resets by the same clock do not count after the second one."""
    one, other = counter(), counter()
    await other.reset("k")
    assert await one.add("k", NOON) == await one.failures("k") == Failures(1, NOON)
    await other.reset("k")
    assert await one.failures("k") == await other.failures("k") == Failures()


@pytest.mark.parametrize("ahead", [timedelta(minutes=-1), timedelta(minutes=1)])
async def test_a_reset_holds_although_the_clocks_differ(connection: RedisConnection, counter: Make, ahead: timedelta) -> None:
    """Failures before a reset do not count, and those after it do, also if the clock of that process is ahead or behind."""
    one, other = counter(), counter(FixedClock(NOON))
    for _ in range(5):
        await one.add("k", NOON + ahead)
    await other.reset("k")
    assert await one.failures("k") == Failures()
    assert await one.add("k", NOON + ahead) == await one.failures("k") == Failures(1, NOON + ahead)
    await connection.client.flushall()
    assert (await one.failures("k")).count == 1
    await one.add("k", NOON + ahead)
    await other.reset("k")
    assert await one.failures("k") == Failures()


async def test_failures_of_an_outage_count_after_a_reset_before_it(server: ValkeyServer) -> None:
    """The reset stays in force for those before it only."""
    now = 0.0
    connection = RedisConnection(server.url, on_change=lambda _: None, clock=lambda: now, timeout=LONG)
    one = RedisFailureCounter(connection, MemoryFailureCounter(FixedClock()), FixedClock(), namespace="outage")
    await one.add("k", NOON)
    await one.reset("k")
    await connection.client.config_set("min-replicas-to-write", 1)  # it has none, so it refuses writes
    for _ in range(3):
        await one.add("k", LATER)
    now += MAX_PAUSE
    await connection.client.config_set("min-replicas-to-write", 0)
    assert await one.failures("k") == Failures(3, LATER)
    assert await one.add("k", LATER) == Failures(4, LATER)
    await connection.close()


async def test_a_reset_is_stored_as_long_as_failures_are(connection: RedisConnection, counter: Make) -> None:
    """And no longer: what is stored expires."""
    await counter().reset("k")
    (name,) = await connection.client.keys("*")
    assert 0 < await connection.client.pttl(name) <= FORGET_AFTER / timedelta(milliseconds=1)
