"""Limits counted in the memory of the process, with a bound on the number of keys."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from catalog.domain.identity.back_off import FORGET_AFTER, Failures
from catalog.ports.clock import Clock
from catalog.ports.identity.limits import Allowance

_SECOND = timedelta(seconds=1)

MAX_KEYS = 50_000
"""Keys that are counted at the same time. Beyond it, the count of the least recently used key is forgotten."""


@dataclass(slots=True)
class _Window:
    """The requests with one key since `start`."""

    start: datetime
    end: datetime
    count: int = 0


class MemoryRateLimiter:
    """Counts the requests of this process, in windows that begin with the first request."""

    def __init__(self, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        """Count up to `max_keys` keys."""
        self._clock = clock
        self._max_keys = max_keys
        self._windows: OrderedDict[tuple[str, int], _Window] = OrderedDict()

    async def take(self, key: str, limit: int, window_seconds: int) -> Allowance:
        """Count a request, unless it is beyond `limit` in the window."""
        now = self._clock.now()
        window = self._window((key, window_seconds), now)
        count = window.count
        allowed = count < limit
        if allowed:
            window.count = count = count + 1
        return Allowance(allowed, max(limit - count, 0), -((now - window.end) // _SECOND))  # rounded up

    async def close(self) -> None:
        """Forget every count."""
        self._windows.clear()

    def _window(self, name: tuple[str, int], now: datetime) -> _Window:
        """Return the current window of a key. If the clock was set back to before its start, it begins anew."""
        window = self._windows.get(name)
        if window is not None and window.start <= now < window.end:
            self._windows.move_to_end(name)
            return window
        window = self._windows[name] = _Window(now, now + timedelta(seconds=name[1]))
        self._windows.move_to_end(name)
        while len(self._windows) > self._max_keys:
            self._windows.popitem(last=False)
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
