"""The port for the current time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """Return the current time in UTC, with microseconds."""

    def timestamp(self) -> float:
        """Return the same time in seconds since 1970, for what is asked with each request: it is faster."""
