"""The cache that replicas share, on Redis or Valkey. When it does not answer, it is left alone for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from catalog.ports.cache import Cached, Content

T = TypeVar("T")

DEADLINE = 0.2
"""Seconds that a question to the cache may take; a store is asked in less than what is lost by waiting longer."""

CONNECTIONS = 16

MOST_BYTES = 1024 * 1024
"""Larger answers are not brought here."""

SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
"""Seconds that a cache which failed is left alone: doubled with each failure, up to the longest."""


class _Value(msgspec.Struct, array_like=True):
    """An answer as it stands in the cache."""

    as_of: int
    subjects: list[str]
    body: bytes
    headers: list[tuple[bytes, bytes]]


_FAILURES = (RedisError, OSError, TimeoutError)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Value)


class Breaker:
    """Keeps a service that is away from costing each request its deadline.

    After a failure nothing is asked for a while; then one request tries. `tell` is called with the reason when it goes, and
    with None when it is back: once each.
    """

    def __init__(self, tell: Callable[[str | None], None], clock: Callable[[], float] = monotonic) -> None:
        """Begin closed: everything passes."""
        self._tell = tell
        self._clock = clock
        self._failures = 0
        self._again = 0.0
        self._trying = False

    def passes(self) -> bool:
        """Whether to ask now. Where it was away, this is the one attempt until its outcome is known."""
        if not self._failures:
            return True
        if self._clock() < self._again:
            return False
        self._again = self._clock() + LONGEST_PAUSE
        self._trying = True
        return True

    def succeeded(self) -> None:
        """It answered."""
        if self._failures:
            self._failures = 0
            self._trying = False
            self._tell(None)

    def failed(self, reason: str) -> None:
        """It did not answer. Of many that were asked at the same time, the first to fail counts."""
        if self._failures and not self._trying:
            return
        self._trying = False
        self._failures += 1
        self._again = self._clock() + min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0 ** (self._failures - 1))
        if self._failures == 1:
            self._tell(reason)


class RedisCache:
    """Answers under `space:key`, each for its time to live."""

    def __init__(self, url: str, *, ttl: float, space: str, tell: Callable[[str | None], None]) -> None:
        """Connect to `url` when it is first used. Raises ValueError when it cannot be read."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=DEADLINE,
            socket_timeout=DEADLINE,
            socket_connect_timeout=DEADLINE,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(pool)
        self._ttl = max(1, round(ttl * 1000))
        self._space = space
        self._breaker = Breaker(tell)

    async def get(self, key: str) -> Cached | None:
        """Ask for it; an answer in a form of another version is none."""
        found = await self._asked(lambda: self._redis.get(f"{self._space}:{key}"))
        try:
            value = _decoder.decode(found) if isinstance(found, bytes) else None
        except msgspec.DecodeError:
            return None
        return None if value is None else Cached(value.as_of, tuple(value.subjects), Content(value.body, tuple(value.headers)))

    async def put(self, key: str, cached: Cached) -> None:
        """Bring it there."""
        content = cached.content
        if content.size <= MOST_BYTES:
            value = _encoder.encode(_Value(cached.as_of, list(cached.subjects), content.body, list(content.headers)))
            await self._asked(lambda: self._redis.set(f"{self._space}:{key}", value, px=self._ttl))

    async def fault(self) -> str | None:
        """Ask it now, whatever the breaker says."""
        try:
            async with asyncio.timeout(DEADLINE):
                await self._redis.get(f"{self._space}:")
        except _FAILURES as error:
            return _reason(error)
        return None

    async def clear(self) -> None:
        """Nothing in it is this process's alone."""

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _asked(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """Ask, unless it is known to be away."""
        if not self._breaker.passes():
            return None
        try:
            async with asyncio.timeout(DEADLINE):
                answer = await question()
        except _FAILURES as error:
            self._breaker.failed(_reason(error))
            return None
        self._breaker.succeeded()
        return answer


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
