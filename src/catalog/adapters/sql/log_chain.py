"""The content of log entries that their digests cover (catalog.domain.hash_chain).

The change is digested apart from the entry's number and origin: that can be done before the commit lock is taken.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from catalog.domain.change import Origin

_SEPARATOR = b"\x1f"
"""Stands between the parts. No other part than the JSON of states could contain it, and JSON has control characters escaped."""

_encoder = msgspec.json.Encoder()


def change_digest(row: Sequence[Any]) -> bytes:
    """Return the SHA-256 of a row of `from_change`."""
    kind, subject_id, key, version, at, before, after = row
    return _digest(kind, subject_id, key, version, at, before, after)


def _digest(  # noqa: PLR0913, PLR0917 - a row
    kind: str, subject_id: UUID, key: str, version: int, at: datetime, before: str | None, after: str | None
) -> bytes:
    parts = (
        kind.encode(),
        subject_id.bytes,
        key.encode(),
        b"%d" % version,
        at.isoformat().encode(),
        b"" if before is None else before.encode(),
        b"" if after is None else after.encode(),
    )
    return sha256(_SEPARATOR.join(parts)).digest()


def entry_content(seq: int, origin: Origin, change: bytes) -> bytes:
    """Return the content of an entry with this origin and the digest of its change."""
    return b"%d %s%s" % (seq, _origin(origin), change)


@lru_cache(maxsize=256)
def _origin(origin: Origin) -> bytes:
    return _encoder.encode((origin.actor, origin.request_id, origin.credential, origin.address))
