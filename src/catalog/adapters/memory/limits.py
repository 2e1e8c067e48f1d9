"""Limits counted in the memory of the process, with a bound on the number of keys."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from catalog.domain.identity.back_off import FORGET_AFTER, Failures
from catalog.ports.clock import Clock
from catalog.ports.identity.limits import Allowance

MAX_KEYS = 50_000
"""Keys that are counted at the same time. Beyond it, the oldest count is forgotten."""


@dataclass(slots=True)
class _Window:
    """The requests with one key since `start`, in seconds since 1970."""

    start: float
    end: float
    count: int = 0


class MemoryRateLimiter:
    """Counts the requests of this process, in windows that begin with the first request."""

    def __init__(self, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        """Count up to `max_keys` keys."""
        self._now = clock.timestamp
        self._max_keys = max_keys
        self._windows: dict[tuple[str, int], _Window] = {}

    async def take(self, key: str, limit: int, window_seconds: int) -> Allowance:
        """Count a request, unless it is beyond `limit` in the window."""
        return self.take_now(key, limit, window_seconds)

    def take_now(self, key: str, limit: int, window_seconds: int) -> Allowance:
        """Count a request, unless it is beyond `limit` in the window."""
        now = self._now()
        name = (key, window_seconds)
        window = self._windows.get(name)
        if window is None or not window.start <= now < window.end:  # before its start: the clock was set back
            window = self._begin(name, now)
        remaining = limit - window.count
        if remaining <= 0:  # less than 0: counted with a higher limit before
            return Allowance(allowed=False, remaining=0, reset_after=math.ceil(window.end - now))
        window.count += 1
        return Allowance(True, remaining - 1, math.ceil(window.end - now))

    async def close(self) -> None:
        """Forget every count."""
        self._windows.clear()

    def _begin(self, name: tuple[str, int], now: float) -> _Window:
        """Begin a window. If there are too many, those that began first are forgotten: they end first."""
        self._windows.pop(name, None)
        while len(self._windows) >= self._max_keys:
            del self._windows[next(iter(self._windows))]
        window = self._windows[name] = _Window(now, now + name[1])
        return window


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
