"""Time and randomness, as the operating system has them."""

import secrets
from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


class RandomIds:
    """Identities out of time and random bits."""

    def item_id(self) -> UUID:
        """Return a UUIDv7."""
        return uuid7()

    def sku(self) -> str:
        """Return `I-` and 65 random bits."""
        bits = secrets.randbits(65)
        return "I-" + "".join([_PAIRS[bits >> shift & 1023] for shift in range(0, 60, 10)]) + _CROCKFORD[bits >> 60]
