"""Timestamps are parsed by RFC 3339."""

from datetime import UTC, datetime, timedelta

import pytest

from catalog.domain.values.timestamps import parse_time
from tests.making import NOON

DAY = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T12:00:00.123456Z", NOON),
        ("2026-11-20t12:00:00.123456z", NOON),
        ("2026-11-20T12:00:00.1234567Z", NOON),
        ("2026-11-20T12:00:00.123456789+00:00", NOON),
        ("2026-11-20T14:00:00.1234569999+02:00", NOON),
        ("2026-11-20T12:00:00.1Z", DAY + timedelta(hours=12, milliseconds=100)),
        ("2026-11-20T12:00Z", DAY + timedelta(hours=12)),
        ("2026-11-19T23:59:60Z", DAY),
        ("2026-11-19T23:59:60.5Z", DAY),
        ("9999-12-31T23:59:59.999999999Z", datetime.max.replace(tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_a_time_has_any_number_of_decimals(text: str, expected: datetime) -> None:
    """Decimal places beyond microseconds are cut; a leap second is the start of the next minute."""
    assert parse_time(text) == parse_time(text, zoned=True) == expected


def test_a_date_means_its_start() -> None:
    """If an offset is required, a date is invalid."""
    assert parse_time("2026-11-20") == DAY
    assert parse_time("2026-11-20", zoned=True) is None


@pytest.mark.parametrize(
    "text", ["", "2026-11-20T12:00:00", "2026-11-20T12:00:00.Z", "2026-02-30", "9999-12-31T23:59:60Z", "0001-01-01T00:00+01:00"]
)
def test_an_invalid_time_is_none(text: str) -> None:
    """Times outside the range of datetime are invalid too."""
    assert parse_time(text) is None
