"""A process that takes requests and counts failures on a Valkey server: `python counting.py URL NAMESPACE NUMBER`."""

import asyncio
import sys

from catalog.adapters.memory.limits import MemoryFailureCounter, MemoryRateLimiter
from catalog.adapters.redis.connection import RedisConnection
from catalog.adapters.redis.limits import RedisFailureCounter, RedisRateLimiter
from tests.making import NOON, FixedClock

LIMIT = 100

LONG = 60.0
"""Seconds that a command may take where that is not what is tested: the machine may be busy."""


async def count(url: str, namespace: str, number: int) -> None:
    """Say that it is ready, wait for a line, take requests and add failures; print how many were allowed."""
    connection = RedisConnection(url, on_change=lambda failure: sys.exit(failure or 0), timeout=LONG)
    limiter = RedisRateLimiter(connection, MemoryRateLimiter(FixedClock()), namespace=namespace)
    counter = RedisFailureCounter(connection, MemoryFailureCounter(FixedClock()), FixedClock(), namespace=namespace)
    assert await connection.failure(namespace) is None
    print("ready", flush=True)  # noqa: T201 - the other process waits for it
    sys.stdin.readline()
    allowed = 0
    for _ in range(number // 10):
        answers = await asyncio.gather(*(limiter.take("k", LIMIT, 60) for _ in range(10)))
        allowed += sum(answer.allowed for answer in answers)
        await asyncio.gather(*(counter.add("k", NOON) for _ in range(10)))
    print(allowed)  # noqa: T201 - the result
    await limiter.close()


if __name__ == "__main__":
    asyncio.run(count(sys.argv[1], sys.argv[2], int(sys.argv[3])))
