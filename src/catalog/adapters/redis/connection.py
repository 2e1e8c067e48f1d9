"""The connection to Redis or Valkey, with a circuit breaker for when the server is unavailable."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

T = TypeVar("T")

TIMEOUT = 0.2
"""Seconds that a command may take by default. After that, doing without the server is better than waiting longer."""

MAX_CONNECTIONS = 16

MIN_PAUSE = 0.5
MAX_PAUSE = 15.0
"""Seconds without commands after a failure. The pause doubles with each further failure, up to MAX_PAUSE."""

_FAILURES = (RedisError, OSError, TimeoutError)


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


class RedisConnection:
    """Runs commands, none of which takes longer than a time limit."""

    def __init__(
        self,
        url: str,
        *,
        on_change: Callable[[str | None], None],
        clock: Callable[[], float] = monotonic,
        timeout: float = TIMEOUT,
    ) -> None:
        """Create a client for `url` that connects on first use. `on_change` and `clock` are those of the circuit breaker.

        A command fails after `timeout` seconds. Raises: ValueError if the URL is invalid.
        """
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
        self.client = Redis.from_pool(pool)
        self._breaker = CircuitBreaker(on_change, clock)
        self._timeout = timeout

    async def run(self, command: Callable[[], Awaitable[T]]) -> T | None:
        """Run a command unless the breaker is open. Return None if the breaker is open or the command fails."""
        if not self._breaker.allows():
            return None
        try:
            async with asyncio.timeout(self._timeout):
                result = await command()
        except _FAILURES as error:
            self._breaker.failed(_reason(error))
            return None
        self._breaker.succeeded()
        return result

    async def failure(self, key: str) -> str | None:
        """Read a key now, regardless of the breaker. Return why that failed, or None."""
        try:
            async with asyncio.timeout(self._timeout):
                await self.client.get(key)
        except _FAILURES as error:
            return _reason(error)
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
