"""Limits that hold for all processes together, on Redis or Valkey. Each count is one atomic script.

While the server is unavailable, each process goes on with counts of its own: an outage neither stops the service nor makes
guessing passwords free. The server may also forget keys at any time, as one does that is a cache as well.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from catalog.adapters.redis.connection import RedisConnection
from catalog.domain.identity.back_off import FORGET_AFTER, Failures
from catalog.ports.clock import Clock
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
local stored = redis.call('HMGET', KEYS[1], 'count', 'last', 'reset')
local count, reset = tonumber(stored[1] or '0'), tonumber(stored[3] or '0')
local last = math.max(tonumber(stored[2] or '0'), tonumber(ARGV[1]))
local own, own_last = tonumber(ARGV[3]), tonumber(ARGV[4])
if own > count and own_last > reset then
  count, last = own, math.max(last, own_last)
end
count = count + 1
redis.call('HSET', KEYS[1], 'count', count, 'last', last)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {count, last, reset}
"""
"""Counts a failure. The time of the last one never goes back: the clocks of two processes may differ.

If the process has counted more before (the third argument), and the last of those (the fourth) was after the last reset, the
server has forgotten some, and goes on with that number.
"""

_RESET: Final = """
local stored = redis.call('HMGET', KEYS[1], 'last', 'reset')
local reset = math.max(tonumber(ARGV[1]), tonumber(stored[1] or '0'), tonumber(stored[2] or '0') + 1)
redis.call('HSET', KEYS[1], 'count', 0, 'last', 0, 'reset', reset)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
"""Forgets the failures, and stores when. That time is not before any failure that is stored, whatever the clocks say."""

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

    def meter(self, _key: str, _limit: int, _window_seconds: int) -> None:
        """Return None: the server has to be asked."""

    async def close(self) -> None:
        """Close the connections."""
        await self._fallback.close()
        await self._connection.close()


class RedisFailureCounter:
    """Counts failures of all processes.

    Each process counts its own failures in `fallback` as well, and answers from it while the server is unavailable or has
    forgotten some: then that count is the higher one. So neither an outage nor an eviction makes guessing free. A reset is
    stored with its time, and earlier failures do not count any more in any process.
    """

    def __init__(self, connection: RedisConnection, fallback: FailureCounter, clock: Clock, *, namespace: str) -> None:
        """Count under `namespace:failures:…`. The connection may be shared, and is not closed by this object."""
        self._connection = connection
        self._fallback = fallback
        self._clock = clock
        self._prefix = f"{namespace}:failures"
        self._add = connection.client.register_script(_ADD)
        self._reset = connection.client.register_script(_RESET)

    async def failures(self, key: str) -> Failures:
        """Return the failures with a key."""
        client = self._connection.client
        fields = await self._connection.run(lambda: client.hmget(self._name(key), ["count", "last", "reset"])) or (0, 0, 0)
        count, last, reset = (int(field or 0) for field in fields)
        own = await self._own(key, reset)
        if own.last_at is None or own.count <= count:
            return _failures(count, last)
        return Failures(own.count, max(own.last_at, _time(last)))

    async def add(self, key: str, now: datetime) -> Failures:
        """Count a failure and return all with this key."""
        before = await self._fallback.failures(key)  # not counted there yet: several failures at the same time count once each
        before_at = 0 if before.last_at is None else _microseconds(before.last_at)
        arguments = [_microseconds(now), _FORGET_AFTER_MS, before.count, before_at]
        found = await self._connection.run(lambda: self._add([self._name(key)], arguments))
        if found is None:
            return await self._fallback.add(key, now)
        count, last, reset = found
        await self._own(key, reset)
        await self._fallback.add(key, _time(max(last, reset + 1)))  # after the reset, also by a clock that is behind
        return _failures(count, last)

    async def reset(self, key: str) -> None:
        """Forget the failures with a key. The reset is stored, because other processes have counts of their own."""
        await self._fallback.reset(key)
        arguments = [_microseconds(self._clock.now()), _FORGET_AFTER_MS]
        await self._connection.run(lambda: self._reset([self._name(key)], arguments))

    async def _own(self, key: str, reset: int) -> Failures:
        """Return the failures of this process, which are forgotten if a process has reset them all since."""
        own = await self._fallback.failures(key)
        if own.last_at is None or _microseconds(own.last_at) > reset:
            return own
        await self._fallback.reset(key)
        return Failures()

    def _name(self, key: str) -> str:
        return f"{self._prefix}:{_digest(key)}"


def _failures(count: int, microseconds: int) -> Failures:
    return Failures(count, _time(microseconds)) if count else Failures()


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _digest(key: str) -> str:
    """Return a name of fixed length that does not show the key: it may hold a password typed into the wrong field."""
    return sha256(key.encode(errors="surrogatepass")).hexdigest()
