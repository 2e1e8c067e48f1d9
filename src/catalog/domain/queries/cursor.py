"""Cursors: where a page began or ended, as text that only the catalog reads.

A cursor holds the place of an item, not a number of rows; so pages neither repeat nor miss an item while others come and
go. It is bound to the question it came from by a fingerprint of filter and sort.
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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64 = range(-(2**63), 2**63)
# What a mark's flags are written as: which way the list goes, and whether it is ranked.
_FLAGS = {">": (False, True), "<": (True, True), "~>": (False, False), "~<": (True, False)}
_DAMAGED = "The cursor is damaged; take next_cursor from an answer as it stands, or leave it out to begin anew."
_FOREIGN = "The cursor belongs to another question; keep q, filters and sort as they were, or leave it out to begin anew."


class CursorPosition(NamedTuple):
    """Where a list goes on: behind a place, or before it. `ranked` is false where a search was not in the order of ranks."""

    sort_values: SortValues
    backwards: bool = False
    ranked: bool = True


def encode_cursor(mark: CursorPosition, fingerprint: str) -> str:
    """Write a mark down."""
    flags = next(name for name, meant in _FLAGS.items() if meant == (mark.backwards, mark.ranked))
    text = json.dumps([fingerprint, flags, *map(_plain, mark.sort_values)], separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(text: str, ordering: Ordering, unranked: Ordering, fingerprint: str) -> CursorPosition:
    """Read a mark back; its place is one of `ordering`, or of `unranked`.

    Raises InvalidCursor when it is damaged, or of another question.
    """
    if len(text) > MAX_CURSOR:
        raise InvalidCursor(_DAMAGED)
    try:
        values = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(values, list) or not isinstance(values[0], str) or values[1] not in _FLAGS:
            raise InvalidCursor(_DAMAGED)
        if values[0] != fingerprint:
            raise InvalidCursor(_FOREIGN)
        backwards, ranked = _FLAGS[values[1]]
        terms = ordering if ranked else unranked
        place = tuple(_valued(value, term) for value, term in zip(values[2:], terms, strict=True))
        return CursorPosition(place, backwards, ranked)
    except (ValueError, TypeError, binascii.Error, IndexError, OverflowError, RecursionError) as error:
        raise InvalidCursor(_DAMAGED) from error


def _plain(value: object) -> str | int:
    """Turn a term's value into one that JSON has."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    if isinstance(value, UUID):
        return value.hex
    return value if isinstance(value, int) else str(value)


def _valued(value: object, term: SortKey) -> object:
    """Turn it back. A cursor comes from outside: nothing that a store could not compare gets through."""
    wanted = str if term.kind in (str, UUID) else int
    if type(value) is not wanted or (isinstance(value, str) and find_unstorable(value)):
        raise InvalidCursor(_DAMAGED)
    if isinstance(value, int):
        if value not in _INT64:
            raise InvalidCursor(_DAMAGED)
        return _EPOCH + timedelta(microseconds=value) if term.kind is datetime else value
    return UUID(str(value)) if term.kind is UUID else value
