"""The chain of the security log (catalog.domain.hash_chain): what the digest of an entry covers."""

import json
from collections.abc import Sequence

from catalog.domain.hash_chain import ChainEnd, Link, next_digest
from catalog.domain.identity.security_log import SecurityEntry, SecurityEvent, storable


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


def append(head: ChainEnd, events: Sequence[SecurityEvent]) -> list[SecurityEntry]:
    """Return the entries of these events after the head of a log. Characters that no store can hold are replaced first."""
    entries: list[SecurityEntry] = []
    digest = head.digest
    for seq, event in enumerate(map(storable, events), head.seq + 1):
        digest = next_digest(digest, canonical(seq, event))
        entries.append(SecurityEntry(seq, event, digest))
    return entries


def to_link(entry: SecurityEntry) -> Link:
    """Return an entry as a link of the chain."""
    return Link(entry.seq, canonical(entry.seq, entry.event), entry.digest)
