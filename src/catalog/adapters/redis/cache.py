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

from catalog.ports.cache import CachedResponse, ResponseContent

T = TypeVar("T")

TIMEOUT = 0.2
"""Seconds that a question to the cache may take; a store is asked in less than what is lost by waiting longer."""

MAX_CONNECTIONS = 16

MAX_VALUE_BYTES = 1024 * 1024
"""Larger answers are not brought here."""

MIN_PAUSE = 0.5
MAX_PAUSE = 15.0
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


class CircuitBreaker:
    """Keeps a service that is away from costing each request its deadline.

    After a failure nothing is asked for a while; then one request tries. `tell` is called with the reason when it goes, and
    with None when it is back: once each.
    """

    def __init__(self, on_change: Callable[[str | None], None], clock: Callable[[], float] = monotonic) -> None:
        """Begin closed: everything passes."""
        self._on_change = on_change
        self._clock = clock
        self._failures = 0
        self._retry_at = 0.0
        self._probing = False

    def allows(self) -> bool:
        """Whether to ask now. Where it was away, this is the one attempt until its outcome is known."""
        if not self._failures:
            return True
        if self._clock() < self._retry_at:
            return False
        self._retry_at = self._clock() + MAX_PAUSE
        self._probing = True
        return True

    def succeeded(self) -> None:
        """It answered."""
        if self._failures:
            self._failures = 0
            self._probing = False
            self._on_change(None)

    def failed(self, reason: str) -> None:
        """It did not answer. Of many that were asked at the same time, the first to fail counts."""
        if self._failures and not self._probing:
            return
        self._probing = False
        self._failures += 1
        self._retry_at = self._clock() + min(MAX_PAUSE, MIN_PAUSE * 2.0 ** (self._failures - 1))
        if self._failures == 1:
            self._on_change(reason)


class RedisCache:
    """Answers under `space:key`, each for its time to live."""

    def __init__(self, url: str, *, ttl: float, namespace: str, on_change: Callable[[str | None], None]) -> None:
        """Connect to `url` when it is first used. Raises ValueError when it cannot be read."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(pool)
        self._ttl = max(1, round(ttl * 1000))
        self._namespace = namespace
        self._breaker = CircuitBreaker(on_change)

    async def get(self, key: str) -> CachedResponse | None:
        """Ask for it; an answer in a form of another version is none."""
        found = await self._guarded(lambda: self._redis.get(f"{self._namespace}:{key}"))
        try:
            value = _decoder.decode(found) if isinstance(found, bytes) else None
        except msgspec.DecodeError:
            return None
        return (
            None
            if value is None
            else CachedResponse(value.as_of, tuple(value.subjects), ResponseContent(value.body, tuple(value.headers)))
        )

    async def put(self, key: str, cached: CachedResponse) -> None:
        """Bring it there."""
        content = cached.content
        if content.size <= MAX_VALUE_BYTES:
            value = _encoder.encode(_Value(cached.as_of, list(cached.dependencies), content.body, list(content.headers)))
            await self._guarded(lambda: self._redis.set(f"{self._namespace}:{key}", value, px=self._ttl))

    async def failure(self) -> str | None:
        """Ask it now, whatever the breaker says."""
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._redis.get(f"{self._namespace}:")
        except _FAILURES as error:
            return _reason(error)
        return None

    async def clear(self) -> None:
        """Nothing in it is this process's alone."""

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _guarded(self, command: Callable[[], Awaitable[T]]) -> T | None:
        """Ask, unless it is known to be away."""
        if not self._breaker.allows():
            return None
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await command()
        except _FAILURES as error:
            self._breaker.failed(_reason(error))
            return None
        self._breaker.succeeded()
        return answer


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
