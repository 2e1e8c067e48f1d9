"""The ports for limits: requests in a time, and failed sign-ins in succession."""

from datetime import datetime
from typing import NamedTuple, Protocol

from catalog.domain.identity.back_off import Failures


class Allowance(NamedTuple):
    """Whether a request is allowed, how many are left in this window, and the seconds until it ends."""

    allowed: bool
    remaining: int
    reset_after: int


class Meter(Protocol):
    """Counts the requests with one key in this process."""

    def take(self) -> Allowance:
        """Count a request, unless it is beyond the limit in the window."""


class RateLimiter(Protocol):
    """Counts requests by key, in this process or in all."""

    async def take(self, key: str, limit: int, window_seconds: int) -> Allowance:
        """Count a request, unless it is beyond `limit` in the window."""

    def meter(self, key: str, limit: int, window_seconds: int) -> Meter | None:
        """Return what counts as `take` does without waiting, to be kept for many requests; None if counting takes waiting."""

    async def close(self) -> None:
        """Release all resources."""


class FailureCounter(Protocol):
    """Counts failures in succession by key, in this process or in all. Forgets them some time after the last one."""

    async def failures(self, key: str) -> Failures:
        """Return the failures with a key."""

    async def add(self, key: str, now: datetime) -> Failures:
        """Count a failure and return all with this key."""

    async def reset(self, key: str) -> None:
        """Forget the failures with a key."""
