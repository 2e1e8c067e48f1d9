"""Read-only members: what the catalog keeps itself may be sent back as it was read, and in no other way."""

from datetime import datetime
from uuid import UUID

from catalog.domain.validation import FieldErrors
from catalog.domain.values.fields import parse_key
from catalog.domain.values.timestamps import parse_time


def refuse_read_only(name: str, raw: object, current: object, faults: FieldErrors) -> None:
    """Note a read-only member unless `raw` repeats its `current` value; there is none (None) on create."""
    if current is None:
        faults.add((name,), "read_only", f"The field {name} is kept by the catalog; leave it out.")
    elif not _repeats(raw, current):
        message = f"The field {name} is kept by the catalog and cannot be changed; leave it out, or send it as it is."
        faults.add((name,), "read_only", message)


def _repeats(raw: object, value: object) -> bool:
    """Whether a caller sent back a value."""
    if isinstance(value, UUID):
        return isinstance(raw, str) and parse_key(raw) == value
    if isinstance(value, datetime):
        return isinstance(raw, str) and parse_time(raw, zoned=True) == value
    return not isinstance(raw, bool) and raw == value
