"""Parses timestamps: RFC 3339, with any number of decimal places."""

import re
from datetime import UTC, datetime, timedelta

_TIME = re.compile(
    r"([0-9-]{10})"
    r"(?:[Tt]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]++))?)?(?:([Zz])|([+ -][0-9]{2}:[0-9]{2})))?+"
)
_MICROSECONDS = 6
_LEAP_SECOND = "60"


def parse_time(text: str, *, zoned: bool = False) -> datetime | None:
    """Parse an RFC 3339 time, or a date, which means its start in UTC. Returns a time in UTC, or None if the text is invalid.

    Decimal places beyond microseconds are cut. A leap second (`:60`) becomes the start of the next minute, as in POSIX. A space
    instead of the plus of an offset is accepted, because URL decoding turns a plus into a space. If `zoned` is true,
    an offset is required, so a date is invalid.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, minute, second, decimals, zulu, offset = match.groups()
    if zoned and not (zulu or offset):
        return None
    zone = "+00:00" if offset is None else offset.replace(" ", "+")
    leap = second == _LEAP_SECOND
    fraction = "000000" if leap else (decimals or "")[:_MICROSECONDS].ljust(_MICROSECONDS, "0")
    try:
        moment = datetime.fromisoformat(f"{day}T{minute or '00:00'}:{'59' if leap else second or '00'}.{fraction}{zone}")
        return (moment + timedelta(seconds=leap)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None  # for example, February 31, or a time before the year 1
