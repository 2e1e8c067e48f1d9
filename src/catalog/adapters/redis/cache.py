"""A cache shared by all replicas, on Redis or Valkey, with a circuit breaker for when it is unavailable."""

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
"""Seconds that a cache command may take. After that, querying the store is faster than waiting longer."""

MAX_CONNECTIONS = 16

MAX_VALUE_BYTES = 1024 * 1024
"""Larger responses are not cached."""

MIN_PAUSE = 0.5
MAX_PAUSE = 15.0
"""Seconds without requests to the cache after a failure. The pause doubles with each further failure, up to MAX_PAUSE."""


class _Value(msgspec.Struct, array_like=True):
    """The stored form of a cached response."""

    as_of: int
    dependencies: list[str]
    body: bytes
    headers: list[tuple[bytes, bytes]]


_FAILURES = (RedisError, OSError, TimeoutError)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Value)


class CircuitBreaker:
    """Keeps requests from waiting for a service that is down.

    After a failure the breaker opens for a while; then it lets one request through as a probe. `on_change` is called once with
    the reason when the service fails, and once with None when it recovers.
    """

    def __init__(self, on_change: Callable[[str | None], None], clock: Callable[[], float] = monotonic) -> None:
        """Start closed: every request is allowed."""
        self._on_change = on_change
        self._clock = clock
        self._failures = 0
        self._retry_at = 0.0
        self._probing = False

    def allows(self) -> bool:
        """Return whether to send a request. After a failure, True makes the caller the only probe until its result is known."""
        if not self._failures:
            return True
        if self._clock() < self._retry_at:
            return False
        self._retry_at = self._clock() + MAX_PAUSE
        self._probing = True
        return True

    def succeeded(self) -> None:
        """Record a success, and close the breaker."""
        if self._failures:
            self._failures = 0
            self._probing = False
            self._on_change(None)

    def failed(self, reason: str) -> None:
        """Record a failure. Of several concurrent requests that fail, only the first counts."""
        if self._failures and not self._probing:
            return
        self._probing = False
        self._failures += 1
        self._retry_at = self._clock() + min(MAX_PAUSE, MIN_PAUSE * 2.0 ** (self._failures - 1))
        if self._failures == 1:
            self._on_change(reason)


class RedisCache:
    """Stores each response under `namespace:key`, with an expiry."""

    def __init__(self, url: str, *, ttl: float, namespace: str, on_change: Callable[[str | None], None]) -> None:
        """Create a client for `url` that connects on first use. `ttl` is in seconds.

        Raises: ValueError if the URL is invalid.
        """
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
        """Return the response. An entry that this version cannot decode counts as a miss."""
        stored = await self._guarded(lambda: self._redis.get(f"{self._namespace}:{key}"))
        try:
            value = _decoder.decode(stored) if isinstance(stored, bytes) else None
        except msgspec.DecodeError:
            return None
        return (
            None
            if value is None
            else CachedResponse(value.as_of, tuple(value.dependencies), ResponseContent(value.body, tuple(value.headers)))
        )

    async def put(self, key: str, cached: CachedResponse) -> None:
        """Store a response, unless it is larger than MAX_VALUE_BYTES."""
        content = cached.content
        if content.size <= MAX_VALUE_BYTES:
            value = _encoder.encode(_Value(cached.as_of, list(cached.dependencies), content.body, list(content.headers)))
            await self._guarded(lambda: self._redis.set(f"{self._namespace}:{key}", value, px=self._ttl))

    async def failure(self) -> str | None:
        """Check the cache now, regardless of the breaker."""
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._redis.get(f"{self._namespace}:")
        except _FAILURES as error:
            return _reason(error)
        return None

    async def clear(self) -> None:
        """Do nothing; every entry is shared with other processes."""

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _guarded(self, command: Callable[[], Awaitable[T]]) -> T | None:
        """Run a command unless the breaker is open. Return None if the breaker is open or the command fails."""
        if not self._breaker.allows():
            return None
        try:
            async with asyncio.timeout(TIMEOUT):
                result = await command()
        except _FAILURES as error:
            self._breaker.failed(_reason(error))
            return None
        self._breaker.succeeded()
        return result


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
