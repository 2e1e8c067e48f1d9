"""The delay after failed sign-ins. With one name from one network, it doubles with each failure, up to 15 minutes.

Whoever guesses from many networks is delayed by the name alone, but only by seconds, and where somebody signed in with that
name not long ago, not at all: otherwise strangers could keep a user out.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

FREE_FAILURES = 5
"""Failures before the first delay."""

NAME_FAILURES = 50
"""Failures with one name, from any address, before the first delay."""

LONGEST = timedelta(minutes=15)
"""The longest delay of a name in one network."""

LONGEST_OF_NAME = timedelta(seconds=10)
"""The longest delay of a name everywhere: enough to limit guesses to some thousands a day."""

FORGET_AFTER = timedelta(days=1)
"""How long failures are remembered after the last one, and networks after a sign-in."""

_IPV4_PREFIX, _IPV6_PREFIX = 24, 64
"""The length of the network that counts as one caller: addresses within it are cheap."""


@dataclass(frozen=True, slots=True)
class Failures:
    """The number of failures in succession, and the time of the last one."""

    count: int = 0
    last_at: datetime | None = None


def delay_after(failures: Failures, free: int, longest: timedelta, now: datetime) -> timedelta:
    """Return how long to wait: nothing for the first `free` failures, then 1 s, 2 s, 4 s and so on, up to `longest`."""
    if failures.last_at is None or failures.count < free:
        return timedelta(0)
    exponent = min(failures.count - free, math.ceil(math.log2(longest.total_seconds())))
    delay = min(timedelta(seconds=2**exponent), longest)
    return max(failures.last_at + delay - now, timedelta(0))


def network_of(address: str) -> str:
    """Return the network of an address: /24 for IPv4, /64 for IPv6. Anything else, such as a Unix socket's name, is its own."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None:
        parsed = mapped
    prefix = _IPV4_PREFIX if parsed.version == 4 else _IPV6_PREFIX  # noqa: PLR2004 - the version of the protocol
    return str(ip_network((parsed, prefix), strict=False))
