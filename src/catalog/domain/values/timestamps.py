"""Times as text: RFC 3339, with any number of decimals."""

import re
from datetime import UTC, datetime, timedelta

_TIME = re.compile(
    r"([0-9-]{10})"
    r"(?:[Tt]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]++))?)?(?:([Zz])|([+ -][0-9]{2}:[0-9]{2})))?+"
)
_MICROSECONDS = 6
_LEAP_SECOND = "60"


def parse_time(text: str, *, zoned: bool = False) -> datetime | None:
    """Read a time in UTC: RFC 3339, or a day, which is its first moment in UTC; None when it is neither.

    Decimals beyond microseconds are cut. A leap second (`:60`) is the first moment of the next minute, as POSIX counts it. A plus
    that came as a space is taken as a plus. A day is none where the time must be `zoned`.
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
        return None  # the 31st of February, or a moment before the year 1
