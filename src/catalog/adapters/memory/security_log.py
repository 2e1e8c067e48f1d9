"""The security log in memory."""

from collections.abc import Iterator, Sequence
from itertools import islice

from catalog.domain.hash_chain import ChainEnd
from catalog.domain.identity.audit import AuditFilter
from catalog.domain.identity.chain import append
from catalog.domain.identity.security_log import SecurityEntry, SecurityEvent


class MemorySecurityLog:
    """Entries in a list, and the head apart from them."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: list[SecurityEntry] = []
        self.floor = ChainEnd()
        self.head = ChainEnd()

    def append(self, events: Sequence[SecurityEvent]) -> None:
        """Append events."""
        if events:
            self._entries += append(self.head, tuple(events))
            last = self._entries[-1]
            self.head = ChainEnd(last.seq, last.digest)

    def latest(self, audit_filter: AuditFilter, before: int | None, limit: int) -> Sequence[SecurityEntry]:
        """Return matching entries, the newest first."""
        return list(islice(self._matching(audit_filter, before), limit))

    def after(self, seq: int, limit: int) -> Sequence[SecurityEntry]:
        """Return entries, the oldest first."""
        return list(islice((entry for entry in self._entries if entry.seq > seq), limit))

    def prune(self, up_to_seq: int) -> None:
        """Delete the oldest entries, and keep the digest of the last one."""
        pruned = [entry for entry in self._entries if entry.seq <= up_to_seq]
        if pruned:
            self.floor = ChainEnd(pruned[-1].seq, pruned[-1].digest)
            self._entries = self._entries[len(pruned) :]

    def _matching(self, audit_filter: AuditFilter, before: int | None) -> Iterator[SecurityEntry]:
        for entry in reversed(self._entries):
            if (before is None or entry.seq < before) and audit_filter.matches(entry.event):
                yield entry
