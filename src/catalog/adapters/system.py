"""The system clock and random ids."""

import secrets
from datetime import UTC, datetime
from time import time
from uuid import UUID

from uuid_utils.compat import uuid7

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DIGIT_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]


class SystemClock:
    """The operating system's clock."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    timestamp = staticmethod(time)


class RandomIds:
    """Generates ids and default SKUs."""

    def new_id(self) -> UUID:
        """Return a UUIDv7."""
        return uuid7()

    def sku(self) -> str:
        """Return `I-` followed by 65 random bits in Crockford's base 32 (13 characters)."""
        bits = secrets.randbits(65)
        return "I-" + "".join([_DIGIT_PAIRS[bits >> shift & 1023] for shift in range(0, 60, 10)]) + _CROCKFORD[bits >> 60]
