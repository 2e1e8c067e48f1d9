"""Chained digests: each entry of a log has the SHA-256 of the digest before it and of its own content.

Whoever changes, removes or inserts an entry has to change all digests after it. The last digest is noted elsewhere too.
"""

import json
from hashlib import sha256

from catalog.domain.identity.security_log import ChainHead, SecurityEntry, SecurityEvent, storable

START = b""
"""What stands for the digest before the first entry."""


def chain(previous: bytes, content: bytes) -> bytes:
    """Return the digest of an entry from the digest before it and its content."""
    return sha256(previous + content).digest()


def canonical(seq: int, event: SecurityEvent) -> bytes:
    """Return the content of an event that its digest covers: always the same bytes for the same event."""
    fields = (
        seq,
        event.action,
        event.at.isoformat(),
        event.result,
        event.actor,
        event.credential,
        event.address,
        event.request_id,
        event.subject,
        dict(event.detail),
        event.count,
    )
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")


def append(head: ChainHead, events: "list[SecurityEvent] | tuple[SecurityEvent, ...]") -> list[SecurityEntry]:
    """Return the entries of these events after the head of a log. Characters that no store can hold are replaced first."""
    entries: list[SecurityEntry] = []
    digest = head.digest
    for seq, event in enumerate(map(storable, events), head.seq + 1):
        digest = chain(digest, canonical(seq, event))
        entries.append(SecurityEntry(seq, event, digest))
    return entries


def first_fault(before: ChainHead, entries: "list[SecurityEntry] | tuple[SecurityEntry, ...]") -> int | None:
    """Return the number of the first entry that was altered, removed or inserted; None if all follow each other."""
    head = before
    for entry in entries:
        expected = head.seq + 1
        if entry.seq != expected or entry.digest != chain(head.digest, canonical(entry.seq, entry.event)):
            return min(expected, entry.seq)
        head = ChainHead(entry.seq, entry.digest)
    return None
