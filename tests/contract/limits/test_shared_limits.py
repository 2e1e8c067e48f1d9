"""Limits on Valkey: exact across processes, and what holds while the server is away."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from catalog.adapters.memory.limits import MemoryFailureCounter, MemoryRateLimiter
from catalog.adapters.redis.connection import MAX_PAUSE, TIMEOUT, RedisConnection
from catalog.adapters.redis.limits import RedisFailureCounter, RedisRateLimiter
from catalog.domain.identity.back_off import FORGET_AFTER, Failures
from catalog.ports.identity.limits import Allowance
from tests.contract.limits.counting import LIMIT, LONG
from tests.making import NOON, FixedClock
from tests.servers import ValkeyServer, valkey

ROOT = Path(__file__).parents[3]


def ignore(failure: str | None) -> None:
    """Take a report of the circuit breaker."""


def shared(
    server: ValkeyServer,
    on_change: Callable[[str | None], None] = ignore,
    clock: Callable[[], float] = monotonic,
    timeout: float = LONG,
) -> RedisConnection:
    """Return a connection to the server."""
    return RedisConnection(server.url, on_change=on_change, clock=clock, timeout=timeout)


async def test_two_processes_share_one_limit() -> None:
    """Two processes at the same time get exactly as many requests as one, and count the failures of both."""
    with valkey() as server:
        command = [sys.executable, "-m", "tests.contract.limits.counting", server.url, "test", "200"]
        processes = [
            subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
                command,
                cwd=ROOT,
                env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        allowed = [int(process.communicate(timeout=60)[0]) for process in processes]
        assert [process.returncode for process in processes] == [0, 0]
        assert sum(allowed) == LIMIT
        connection = shared(server)
        counter = RedisFailureCounter(connection, MemoryFailureCounter(FixedClock()), FixedClock(), namespace="test")
        assert await counter.failures("k") == Failures(400, NOON)
        await connection.close()


async def test_a_killed_server_is_replaced_until_it_is_back() -> None:
    """Without the server, requests and failures are counted in memory, failures from before included.

    When it is back, both are shared again, and a process goes on with the failures that it has counted. The outage is reported
    once, and so is its end.
    """
    now, reports = 0.0, list[str | None]()
    with valkey() as server:
        connection = shared(server, reports.append, clock=lambda: now)
        limiter = RedisRateLimiter(connection, MemoryRateLimiter(FixedClock()), namespace="test")
        counter = RedisFailureCounter(connection, MemoryFailureCounter(FixedClock()), FixedClock(), namespace="test")
        assert [(await limiter.take("k", 1, 60)).allowed for _ in range(2)] == [True, False]
        assert await counter.add("k", NOON) == Failures(1, NOON)

        server.kill()
        for allowed, remaining in ((True, 1), (True, 0), (False, 0)):
            assert await limiter.take("k", 2, 60) == Allowance(allowed=allowed, remaining=remaining, reset_after=60)
        assert await counter.failures("k") == Failures(1, NOON)
        assert await counter.add("k", NOON) == await counter.failures("k") == Failures(2, NOON)
        await counter.reset("k")
        assert await counter.failures("k") == Failures()
        await counter.add("k", NOON)
        assert len(reports) == 1

        server.start()
        now += MAX_PAUSE
        assert [(await limiter.take("k", 1, 60)).allowed for _ in range(2)] == [True, False]
        assert await counter.failures("k") == Failures(1, NOON)  # it was restarted empty
        assert await counter.add("k", NOON) == await counter.failures("k") == Failures(2, NOON)
        assert reports[1:] == [None]
        await limiter.close()


async def test_failures_that_the_server_has_forgotten_count() -> None:
    """A cache evicts keys. What the user has made up for is not counted again, in another process either."""
    with valkey() as server:
        connection = shared(server)
        one, other = [
            RedisFailureCounter(connection, MemoryFailureCounter(FixedClock()), FixedClock(), namespace="test") for _ in range(2)
        ]
        for _ in range(3):
            await one.add("k", NOON)
        await connection.client.flushall()
        assert await one.failures("k") == Failures(3, NOON)
        assert await one.add("k", NOON) == await other.failures("k") == Failures(4, NOON)
        await other.reset("k")
        assert await one.failures("k") == await other.failures("k") == Failures()
        assert await one.add("k", NOON) == Failures(1, NOON)
        assert 0 < await connection.client.pttl(one._name("k")) <= FORGET_AFTER / timedelta(milliseconds=1)
        await connection.close()


async def test_a_server_that_does_not_answer_delays_only_one_request() -> None:
    """A server that is stopped and still accepts connections is given up after the time limit, and then left alone."""
    reports = list[str | None]()
    with valkey() as server:
        connection = shared(server, reports.append, clock=lambda: 0.0, timeout=TIMEOUT)
        limiter = RedisRateLimiter(connection, MemoryRateLimiter(FixedClock()), namespace="test")
        other = shared(server)
        assert await other.client.client_pause(60_000)
        await other.close()
        for _ in range(100):
            assert (await limiter.take("k", 100, 60)).allowed
        assert len(reports) == 1
        await limiter.close()


async def test_an_error_of_the_server_counts_as_an_outage() -> None:
    """A key of another type, or a server that is read-only, does not stop the service."""
    with valkey() as server:
        connection = shared(server, clock=lambda: 0.0)
        limiter = RedisRateLimiter(connection, MemoryRateLimiter(FixedClock()), namespace="test")
        await limiter.take("k", 1, 60)
        (name,) = await connection.client.keys("*")
        await connection.client.delete(name)
        await connection.client.rpush(name, "not a number")
        assert (await limiter.take("k", 1, 60)).allowed
        await limiter.close()


async def test_what_is_stored_expires_and_shows_no_names() -> None:
    """Each key has an expiry and is a hash: a name may be a password typed into the wrong field."""
    with valkey() as server:
        connection = shared(server)
        await RedisRateLimiter(connection, MemoryRateLimiter(FixedClock()), namespace="test").take("secret", 5, 60)
        await RedisFailureCounter(connection, MemoryFailureCounter(FixedClock()), FixedClock(), namespace="test").add(
            "secret", NOON
        )
        names = await connection.client.keys("*")
        assert len(names) == 2
        for name in names:
            assert b"secret" not in name
            assert 0 < await connection.client.ttl(name) <= timedelta(days=1).total_seconds()
        await connection.close()


async def test_a_window_ends_on_the_server() -> None:
    """The server's clock ends a window, which begins with the first request. One without an expiry gets one."""
    with valkey() as server:
        connection = shared(server)
        limiter = RedisRateLimiter(connection, MemoryRateLimiter(FixedClock()), namespace="test")
        await limiter.take("k", 1, 60)
        (name,) = await connection.client.keys("*")
        await connection.client.persist(name)
        assert await limiter.take("k", 1, 60) == Allowance(allowed=False, remaining=0, reset_after=60)
        assert 0 < await connection.client.pttl(name) <= 60_000
        await connection.client.pexpire(name, 0)
        assert (await limiter.take("k", 1, 60)).allowed
        await limiter.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1", "nonsense", ""])
def test_an_invalid_address_is_refused(url: str) -> None:
    """The settings are refused at once."""
    with pytest.raises(ValueError, match="URL"):
        RedisConnection(url, on_change=ignore)
