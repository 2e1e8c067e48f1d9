"""The content of log entries that their digests cover (catalog.domain.hash_chain).

The change is digested apart from the entry's number and origin: that can be done before the commit lock is taken.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, LargeBinary, cast

from catalog.domain.change import Origin
from catalog.domain.hash_chain import ChainEnd

_encoder = msgspec.json.Encoder()


def change_digest(row: Sequence[Any]) -> bytes:
    """Return the SHA-256 of a row of `from_change`."""
    kind, subject_id, key, version, at, before, after = row
    # The same text as at.isoformat(), which takes several times as long.
    time = msgspec.to_builtins(at).replace("Z", "+00:00")
    # The id has a fixed length. No other part than the JSON of states could contain the separator, and JSON has control
    # characters escaped.
    text = f"{kind}\x1f{key}\x1f{version}\x1f{time}\x1f{before or ''}\x1f{after or ''}"
    return sha256(subject_id.bytes + text.encode()).digest()


def origin_content(origin: Origin) -> bytes:
    """Return the part of the content that the entries of a change set have in common."""
    return _encoder.encode((origin.actor, origin.request_id, origin.credential, origin.address))


def entry_content(seq: int, origin: bytes, change: bytes) -> bytes:
    """Return the content of an entry with the content of its origin and the digest of its change."""
    return b"%d %s%s" % (seq, origin, change)


def parse_chain_end(text: str, head: int) -> ChainEnd:
    """Return the end of the log from the head's `chain_end` and `seq`. It has no digest if the newest entry has none.

    A process of an older version, which knows no digests, appends such entries while a new version is rolled out. Verification
    reports them. If somebody replaced the text by something else (in SQLite, any value), that is the digest of no entry.
    """
    try:
        end = ChainEnd.parse(str(text))
    except ValueError:
        return ChainEnd(head, str(text).encode())
    return end if end.seq == head else ChainEnd(head)


def as_bytes(digest: ColumnElement[Any]) -> ColumnElement[bytes]:
    """Select a digest as bytes: in SQLite, somebody may have replaced it by a value of another type."""
    return cast(digest, LargeBinary())
