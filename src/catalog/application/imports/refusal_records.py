"""The expiring records that keep the refused rows of an import.

A record has some rows, each with its cells once and its reasons. It is compressed, because files of which every row is refused
are common, and bounded in size, because it is in memory as a whole.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter

from catalog.application.imports.refusals import Refusal, RefusedRow
from catalog.domain.changes.expiring_record import ExpiringRecord

MAX_REFUSALS_PER_RECORD = 1_000
"""Maximum refusals in one record, unless one row has more."""

MAX_RECORD_SIZE = 256 * 1024
"""Maximum characters of one record before it is compressed, unless one row has more."""

_COMPRESSION_LEVEL = 1

_values = attrgetter(*(field.name for field in fields(Refusal)))


def to_records(import_id: str, first_number: int, rows: Sequence[RefusedRow], now: datetime) -> tuple[ExpiringRecord, ...]:
    """Return the records that store these rows, in chunks that are numbered from `first_number`."""
    return tuple(
        ExpiringRecord(chunk_key(import_id, number), content, now) for number, content in enumerate(_chunks(rows), first_number)
    )


def from_record(record: ExpiringRecord) -> list[RefusedRow]:
    """Restore the rows of a chunk. One that cannot be read, such as that of another version, has none."""
    try:
        content = json.loads(zlib.decompress(record.content))
        columns = None if content["columns"] is None else tuple(content["columns"])
        return [
            RefusedRow(tuple(Refusal(*values) for values in refusals), columns, cells if isinstance(cells, str) else tuple(cells))
            for cells, refusals in content["rows"]
        ]
    except (zlib.error, ValueError, TypeError, KeyError):
        return []


def chunk_key(import_id: str, number: int) -> str:
    """Return the key of a chunk."""
    return f"import/{import_id}/refused/{number}"


def _chunks(rows: Sequence[RefusedRow]) -> Iterator[bytes]:
    """Yield the contents of records with these rows."""
    encoded: list[str] = []
    size = count = 0
    for row in rows:
        text = json.dumps((row.cells, [_values(refusal) for refusal in row.refusals]), ensure_ascii=False)
        if encoded and (size + len(text) > MAX_RECORD_SIZE or count + len(row.refusals) > MAX_REFUSALS_PER_RECORD):
            yield _content(rows[0], encoded)
            encoded, size, count = [], 0, 0
        encoded.append(text)
        size += len(text)
        count += len(row.refusals)
    if encoded:
        yield _content(rows[0], encoded)


def _content(row: RefusedRow, encoded: Sequence[str]) -> bytes:
    text = f'{{"columns": {json.dumps(row.columns)}, "rows": [{",".join(encoded)}]}}'
    return zlib.compress(text.encode(errors="backslashreplace"), _COMPRESSION_LEVEL)
