"""Refused rows: why each was refused, and the records that keep the reasons."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from catalog.application.imports.field_names import flatten
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.errors import FieldError

MAX_REFUSALS_PER_RECORD = 1_000
"""Maximum refusals in one record."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason why a row was refused; one for each error. `field` is a flat name, or empty for the row as a whole."""

    line: int
    sku: str
    field: str
    code: str
    reason: str


def refusals_of(line: int, sku: str, errors: Iterable[FieldError]) -> list[Refusal]:
    """Convert the errors of a row to refusals."""
    return [Refusal(line, sku, flatten(error.path), error.code, error.message) for error in errors]


def to_records(import_id: str, first_number: int, refusals: Sequence[Refusal], now: datetime) -> tuple[ExpiringRecord, ...]:
    """Return the records that store these refusals, in chunks that are numbered from `first_number`."""
    starts = range(0, len(refusals), MAX_REFUSALS_PER_RECORD)
    return tuple(
        ExpiringRecord(
            chunk_key(import_id, number),
            json.dumps([astuple(refusal) for refusal in refusals[start : start + MAX_REFUSALS_PER_RECORD]]).encode(),
            now,
        )
        for number, start in enumerate(starts, first_number)
    )


def from_record(record: ExpiringRecord) -> list[Refusal]:
    """Restore the refusals of a chunk."""
    return [Refusal(*values) for values in json.loads(record.content)]


def chunk_key(import_id: str, number: int) -> str:
    """Return the key of a chunk."""
    return f"import/{import_id}/refused/{number}"
