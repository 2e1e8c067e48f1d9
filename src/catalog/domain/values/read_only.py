"""Read-only fields: callers may send them back with their current values, but cannot change them."""

from datetime import datetime
from uuid import UUID

from catalog.domain.validation import FieldErrors
from catalog.domain.values.sku import parse_key
from catalog.domain.values.timestamps import parse_time


def reject_read_only(name: str, raw: object, current: object, errors: FieldErrors) -> None:
    """Add an error unless `raw` repeats the field's `current` value. On create there is none, and `current` is None."""
    if current is None:
        errors.add((name,), "read_only", f"The field {name} is read-only; leave it out.")
    elif not _is_same_value(raw, current):
        message = f"The field {name} is read-only; leave it out or send its current value."
        errors.add((name,), "read_only", message)


def _is_same_value(raw: object, value: object) -> bool:
    """Return whether a raw value is the JSON form of `value`."""
    if isinstance(value, UUID):
        return isinstance(raw, str) and parse_key(raw) == value
    if isinstance(value, datetime):
        return isinstance(raw, str) and parse_time(raw, zoned=True) == value
    return not isinstance(raw, bool) and raw == value
