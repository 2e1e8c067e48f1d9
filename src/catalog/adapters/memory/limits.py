"""Limits counted in the memory of the process, with a bound on the number of keys."""

import math
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from functools import partial

from catalog.domain.identity.back_off import FORGET_AFTER, Failures
from catalog.ports.clock import Clock
from catalog.ports.identity.limits import Allowance

MAX_KEYS = 50_000
"""Keys that are counted at the same time. Beyond it, the oldest count is forgotten."""

_new_tuple = tuple.__new__
"""Makes a named tuple in a third of the time that its class takes."""


class _Meter:
    """Counts the requests with one key, in windows that begin with the first request after the one before has ended."""

    __slots__ = ("_begun", "_count", "_end", "_now", "_seconds", "_start", "limit")

    def __init__(self, now: Callable[[], float], seconds: int, begun: "Callable[[_Meter], None]") -> None:
        """Call `begun` with the meter when a window begins."""
        self._now = now
        self._seconds = seconds
        self._begun = begun
        self._start = self._end = -math.inf
        self._count = 0
        self.limit = 0
        """The requests that are allowed in a window, by who asked last."""

    def take(self) -> Allowance:
        """Count a request, unless it is beyond the limit in the window."""
        now = self._now()
        if not self._start <= now < self._end:  # before its start: the clock was set back
            self._start, self._end, self._count = now, now + self._seconds, 0
            self._begun(self)
        remaining = self.limit - self._count - 1
        if remaining < 0:
            return Allowance(allowed=False, remaining=0, reset_after=math.ceil(self._end - now))
        self._count += 1
        return _new_tuple(Allowance, (True, remaining, math.ceil(self._end - now)))


class MemoryRateLimiter:
    """Counts the requests of this process, in windows that begin with the first request."""

    def __init__(self, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        """Count up to `max_keys` keys."""
        self._now = clock.timestamp
        self._max_keys = max_keys
        self._meters: dict[tuple[str, int], _Meter] = {}

    async def take(self, key: str, limit: int, window_seconds: int) -> Allowance:
        """Count a request, unless it is beyond `limit` in the window."""
        return self.meter(key, limit, window_seconds).take()

    def meter(self, key: str, limit: int, window_seconds: int) -> _Meter:
        """Return what counts the requests with a key."""
        name = (key, window_seconds)
        meter = self._meters.get(name)
        if meter is None:
            meter = _Meter(self._now, window_seconds, partial(self._keep, name))
            self._keep(name, meter)
        meter.limit = limit
        return meter

    def _keep(self, name: tuple[str, int], meter: _Meter) -> None:
        """Put a meter last. If there are too many, those whose window was the first to begin are forgotten: it ends first."""
        self._meters.pop(name, None)
        while len(self._meters) >= self._max_keys:
            del self._meters[next(iter(self._meters))]
        self._meters[name] = meter

    async def close(self) -> None:
        """Forget every count."""
        self._meters.clear()


class MemoryFailureCounter:
    """Counts the failures of this process."""

    def __init__(self, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        """Count up to `max_keys` keys."""
        self._clock = clock
        self._max_keys = max_keys
        self._failures: OrderedDict[str, Failures] = OrderedDict()

    async def failures(self, key: str) -> Failures:
        """Return the failures with a key."""
        failures = self._failures.get(key, Failures())
        if failures.last_at is None or self._clock.now() - failures.last_at >= FORGET_AFTER:
            self._failures.pop(key, None)
            return Failures()
        self._failures.move_to_end(key)
        return failures

    async def add(self, key: str, now: datetime) -> Failures:
        """Count a failure and return all with this key."""
        before = await self.failures(key)
        failures = Failures(before.count + 1, max(now, before.last_at or now))
        self._failures[key] = failures
        self._failures.move_to_end(key)
        while len(self._failures) > self._max_keys:
            self._failures.popitem(last=False)
        return failures

    async def reset(self, key: str) -> None:
        """Forget the failures with a key."""
        self._failures.pop(key, None)
