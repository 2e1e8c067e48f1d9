"""Cursors: where a page ended, as text that only the catalog reads.

A cursor holds the place of the last item, not a number of rows; so pages neither repeat nor miss an item while others
come and go. It is bound to the question it came from by a fingerprint of filter and sort.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

from catalog.domain.errors import InvalidCursor
from catalog.domain.ordering import Ordering, Place, Term
from catalog.domain.text import unstorable

MAX_CURSOR = 16 * 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64 = range(-(2**63), 2**63)
_DAMAGED = "The cursor is damaged; take next_cursor from an answer as it stands, or leave it out to begin anew."
_FOREIGN = "The cursor belongs to another question; keep q, filters and sort as they were, or leave it out to begin anew."


def encode_cursor(place: Place, fingerprint: str) -> str:
    """Write a place down."""
    text = json.dumps([fingerprint, *map(_plain, place)], separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(text: str, ordering: Ordering, fingerprint: str) -> Place:
    """Read a place back. Raises InvalidCursor when it is damaged, or of another question."""
    try:
        values = json.loads(urlsafe_b64decode(text[:MAX_CURSOR] + "=" * (-len(text) % 4)))
        if not isinstance(values, list) or not isinstance(values[0], str):
            raise InvalidCursor(_DAMAGED)
        if values[0] != fingerprint:
            raise InvalidCursor(_FOREIGN)
        return tuple(_valued(value, term) for value, term in zip(values[1:], ordering, strict=True))
    except (ValueError, binascii.Error, IndexError, OverflowError, RecursionError) as error:
        raise InvalidCursor(_DAMAGED) from error


def _plain(value: object) -> str | int | None:
    """Turn a term's value into one that JSON has."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    if isinstance(value, UUID):
        return value.hex
    return value if value is None or isinstance(value, int) else str(value)


def _valued(value: object, term: Term) -> object:
    """Turn it back. A cursor comes from outside: nothing that a store could not compare gets through."""
    if value is None and term.nullable:
        return None
    wanted = str if term.kind in (str, UUID) else int
    if type(value) is not wanted or (isinstance(value, str) and unstorable(value)):
        raise InvalidCursor(_DAMAGED)
    if isinstance(value, int):
        if value not in _INT64:
            raise InvalidCursor(_DAMAGED)
        return _EPOCH + timedelta(microseconds=value) if term.kind is datetime else value
    return UUID(str(value)) if term.kind is UUID else value
