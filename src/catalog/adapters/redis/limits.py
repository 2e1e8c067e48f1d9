"""Limits that hold for all processes together, on Redis or Valkey. Each count is one atomic script.

While the server is unavailable, the rate limiter allows every request: a limit that is out of reach must not stop the service.
The failure counter goes on in the memory of the process, because guessing passwords must never become free.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from catalog.adapters.redis.connection import RedisConnection
from catalog.domain.identity.back_off import Failures
from catalog.ports.identity.limits import Allowance, FailureCounter

FORGET_AFTER = timedelta(days=1)
"""How long failures are remembered after the last one."""

_TAKE: Final = """
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
local limit = tonumber(ARGV[1])
local allowed = 0
if count < limit then
  count = redis.call('INCR', KEYS[1])
  allowed = 1
end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[2])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {allowed, limit - count, left}
"""
"""Counts a request in a window that begins with the first one. Returns whether it is allowed, what is left, and for how long."""

_ADD: Final = """
local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
local last = tonumber(redis.call('HGET', KEYS[1], 'last') or '0')
if tonumber(ARGV[1]) > last then
  redis.call('HSET', KEYS[1], 'last', ARGV[1])
  last = tonumber(ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {count, last}
"""
"""Counts a failure. The time of the last one never goes back: the clocks of two processes may differ."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RedisRateLimiter:
    """Counts requests of all processes. While the server is unavailable, every request is allowed."""

    def __init__(self, connection: RedisConnection, *, namespace: str) -> None:
        """Count under `namespace:requests:…`. The connection is closed by `close`."""
        self._connection = connection
        self._prefix = f"{namespace}:requests"
        self._take = connection.client.register_script(_TAKE)

    async def take(self, key: str, limit: int, window_seconds: int) -> Allowance:
        """Count a request, unless it is beyond `limit` in the window."""
        keys = [f"{self._prefix}:{window_seconds}:{_digest(key)}"]
        found = await self._connection.run(lambda: self._take(keys, [limit, window_seconds * 1000]))
        if found is None:
            return Allowance(allowed=True, remaining=max(limit - 1, 0), reset_after=window_seconds)
        allowed, remaining, milliseconds = found
        return Allowance(allowed=bool(allowed), remaining=max(remaining, 0), reset_after=max(-(-milliseconds // 1000), 1))

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()


class RedisFailureCounter:
    """Counts failures of all processes.

    Each process counts its own failures in `fallback` as well, and answers from it while the server is unavailable. So an
    outage does not make guessing free. Failures counted during an outage are not transferred afterwards.
    """

    def __init__(self, connection: RedisConnection, fallback: FailureCounter, *, namespace: str) -> None:
        """Count under `namespace:failures:…`. The connection may be shared, and is not closed by this object."""
        self._connection = connection
        self._fallback = fallback
        self._prefix = f"{namespace}:failures"
        self._add = connection.client.register_script(_ADD)

    async def failures(self, key: str) -> Failures:
        """Return the failures with a key."""
        client = self._connection.client
        found = await self._connection.run(lambda: client.hmget(self._name(key), ["count", "last"]))
        if found is None:
            return await self._fallback.failures(key)
        count, last = found
        return Failures() if count is None or last is None else _failures(int(count), int(last))

    async def add(self, key: str, now: datetime) -> Failures:
        """Count a failure and return all with this key."""
        own = await self._fallback.add(key, now)
        arguments = [(now - _EPOCH) // timedelta(microseconds=1), FORGET_AFTER // timedelta(milliseconds=1)]
        found = await self._connection.run(lambda: self._add([self._name(key)], arguments))
        return own if found is None else _failures(*found)

    async def reset(self, key: str) -> None:
        """Forget the failures with a key."""
        await self._fallback.reset(key)
        client = self._connection.client
        await self._connection.run(lambda: client.delete(self._name(key)))

    def _name(self, key: str) -> str:
        return f"{self._prefix}:{_digest(key)}"


def _failures(count: int, microseconds: int) -> Failures:
    return Failures(count, _EPOCH + timedelta(microseconds=microseconds))


def _digest(key: str) -> str:
    """Return a name of fixed length that does not show the key: it may hold a password typed into the wrong field."""
    return sha256(key.encode(errors="surrogatepass")).hexdigest()
