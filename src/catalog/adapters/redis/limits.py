"""Limits that hold for all processes together, on Redis or Valkey. Each count is one atomic script.

While the server is unavailable, each process goes on with counts of its own: an outage neither stops the service nor makes
guessing passwords free. The server may also forget keys at any time, as one does that is a cache as well.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from catalog.adapters.redis.connection import RedisConnection
from catalog.domain.identity.back_off import FORGET_AFTER, Failures
from catalog.ports.identity.limits import Allowance, FailureCounter, RateLimiter

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
local count = tonumber(redis.call('HGET', KEYS[1], 'count') or ARGV[3]) + 1
local last = tonumber(redis.call('HGET', KEYS[1], 'last') or '0')
if tonumber(ARGV[1]) > last then
  last = tonumber(ARGV[1])
end
redis.call('HSET', KEYS[1], 'count', count, 'last', last)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {count, last}
"""
"""Counts a failure. The time of the last one never goes back: the clocks of two processes may differ.

If the server does not know the key, it goes on with the failures that the process has counted before (the third argument).
"""

_RESET: Final = """
redis.call('HSET', KEYS[1], 'count', 0, 'last', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORGET_AFTER_MS = FORGET_AFTER // timedelta(milliseconds=1)


class RedisRateLimiter:
    """Counts requests of all processes. While the server is unavailable, each process counts its own in `fallback`."""

    def __init__(self, connection: RedisConnection, fallback: RateLimiter, *, namespace: str) -> None:
        """Count under `namespace:requests:…`. The connection is closed by `close`."""
        self._connection = connection
        self._fallback = fallback
        self._prefix = f"{namespace}:requests"
        self._take = connection.client.register_script(_TAKE)

    async def take(self, key: str, limit: int, window_seconds: int) -> Allowance:
        """Count a request, unless it is beyond `limit` in the window."""
        keys = [f"{self._prefix}:{window_seconds}:{_digest(key)}"]
        found = await self._connection.run(lambda: self._take(keys, [limit, window_seconds * 1000]))
        if found is None:
            return await self._fallback.take(key, limit, window_seconds)
        allowed, remaining, milliseconds = found
        return Allowance(allowed=bool(allowed), remaining=max(remaining, 0), reset_after=max(-(-milliseconds // 1000), 1))

    def take_now(self, _key: str, _limit: int, _window_seconds: int) -> None:
        """Return None: the server has to be asked."""

    async def close(self) -> None:
        """Close the connections."""
        await self._fallback.close()
        await self._connection.close()


class RedisFailureCounter:
    """Counts failures of all processes.

    Each process counts its own failures in `fallback` as well, and answers from it while the server is unavailable or has
    forgotten the key. So neither an outage nor an eviction makes guessing free.
    """

    def __init__(self, connection: RedisConnection, fallback: FailureCounter, *, namespace: str) -> None:
        """Count under `namespace:failures:…`. The connection may be shared, and is not closed by this object."""
        self._connection = connection
        self._fallback = fallback
        self._prefix = f"{namespace}:failures"
        self._add = connection.client.register_script(_ADD)
        self._reset = connection.client.register_script(_RESET)

    async def failures(self, key: str) -> Failures:
        """Return the failures with a key."""
        client = self._connection.client
        count, last = await self._connection.run(lambda: client.hmget(self._name(key), ["count", "last"])) or (None, None)
        return await self._fallback.failures(key) if count is None or last is None else _failures(int(count), int(last))

    async def add(self, key: str, now: datetime) -> Failures:
        """Count a failure and return all with this key."""
        before = await self._fallback.failures(key)  # not counted there yet: several failures at the same time count once each
        arguments = [_microseconds(now), _FORGET_AFTER_MS, before.count]
        found = await self._connection.run(lambda: self._add([self._name(key)], arguments))
        own = await self._fallback.add(key, now)
        return own if found is None else _failures(*found)

    async def reset(self, key: str) -> None:
        """Forget the failures with a key. That there are none is stored, because other processes have counts of their own."""
        await self._fallback.reset(key)
        await self._connection.run(lambda: self._reset([self._name(key)], [_FORGET_AFTER_MS]))

    def _name(self, key: str) -> str:
        return f"{self._prefix}:{_digest(key)}"


def _failures(count: int, microseconds: int) -> Failures:
    return Failures(count, _EPOCH + timedelta(microseconds=microseconds)) if count else Failures()


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _digest(key: str) -> str:
    """Return a name of fixed length that does not show the key: it may hold a password typed into the wrong field."""
    return sha256(key.encode(errors="surrogatepass")).hexdigest()
