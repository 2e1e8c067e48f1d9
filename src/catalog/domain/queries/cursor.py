"""Cursors: opaque positions in an ordered list, from which the next or previous page is read.

A cursor encodes the sort values of an item, not an offset, so pages neither repeat nor skip items while others are created
and deleted. A fingerprint of filters and sort order ties it to its query.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from catalog.domain.errors import InvalidCursor
from catalog.domain.queries.ordering import Ordering, SortKey, SortValues
from catalog.domain.text.normalization import find_unstorable

MAX_CURSOR = 16 * 1024
"""The maximum length of a cursor in characters."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64 = range(-(2**63), 2**63)
# The encoded form of (backwards, ranked).
_FLAGS = {">": (False, True), "<": (True, True), "~>": (False, False), "~<": (True, False)}
_DAMAGED = "The cursor is damaged. Pass next_cursor exactly as it was returned, or omit the cursor to start over."
_MISMATCH = (
    "The cursor belongs to another query. Keep q, filters and sort unchanged between pages, or omit the cursor to start over."
)


class CursorPosition(NamedTuple):
    """The item after which a page starts or, with `backwards`, before which it ends.

    `ranked` is false if the page belongs to a search that was not ordered by rank.
    """

    sort_values: SortValues
    backwards: bool = False
    ranked: bool = True


def encode_cursor(position: CursorPosition, fingerprint: str) -> str:
    """Encode a position as a cursor."""
    flags = next(name for name, value in _FLAGS.items() if value == (position.backwards, position.ranked))
    values = [fingerprint, flags, *map(_encode_value, position.sort_values)]
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(text: str, ordering: Ordering, unranked_ordering: Ordering, fingerprint: str) -> CursorPosition:
    """Decode a cursor. Its sort values belong to `ordering`, or to `unranked_ordering` if the cursor is not ranked.

    Raises InvalidCursor if the cursor is damaged or belongs to another query.
    """
    if len(text) > MAX_CURSOR:
        raise InvalidCursor(_DAMAGED)
    try:
        values = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(values, list) or not isinstance(values[0], str) or values[1] not in _FLAGS:
            raise InvalidCursor(_DAMAGED)
        if values[0] != fingerprint:
            raise InvalidCursor(_MISMATCH)
        backwards, ranked = _FLAGS[values[1]]
        sort_keys = ordering if ranked else unranked_ordering
        sort_values = tuple(_decode_value(value, sort_key) for value, sort_key in zip(values[2:], sort_keys, strict=True))
        return CursorPosition(sort_values, backwards, ranked)
    except (ValueError, TypeError, binascii.Error, IndexError, OverflowError, RecursionError) as error:
        raise InvalidCursor(_DAMAGED) from error


def _encode_value(value: object) -> str | int:
    """Convert a sort value to one that JSON supports."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    if isinstance(value, UUID):
        return value.hex
    return value if isinstance(value, int) else str(value)


def _decode_value(value: object, sort_key: SortKey) -> object:
    """Convert a sort value back. Cursors are untrusted input: refuse every value that a store could not compare."""
    json_type = str if sort_key.kind in (str, UUID) else int
    if type(value) is not json_type or (isinstance(value, str) and find_unstorable(value)):
        raise InvalidCursor(_DAMAGED)
    if isinstance(value, int):
        if value not in _INT64:
            raise InvalidCursor(_DAMAGED)
        return _EPOCH + timedelta(microseconds=value) if sort_key.kind is datetime else value
    return UUID(str(value)) if sort_key.kind is UUID else value
