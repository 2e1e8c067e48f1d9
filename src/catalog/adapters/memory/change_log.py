"""The change log of the memory store, with its indexes by item or category and by deleted SKU."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from operator import attrgetter
from uuid import UUID, uuid4

from catalog.domain.changes.log import EVERY_ENTRY, LogEntry, LogFilter, LogHead, LogPage
from catalog.domain.hash_chain import ChainEnd, Link, next_digest
from catalog.domain.items.item import Item

LOG_SCAN_LIMIT = 10_000
"""Log entries that are scanned per read when filtering by kind, as in the SQL stores."""


class ChangeLog:
    """Entries in the order of their numbers, without gaps. `floor` is the number of the last entry that was pruned."""

    def __init__(self) -> None:
        """Start empty, with a new id."""
        self.floor = 0
        self._id = uuid4().hex
        self._entries: list[LogEntry] = []
        self._by_subject: dict[UUID, list[LogEntry]] = {}
        self._deletions: dict[str, LogEntry] = {}
        self._floor_digest = b""
        self._digests: list[bytes] = []

    @property
    def last_seq(self) -> int:
        """The number of the last entry."""
        return self.floor + len(self._entries)

    @property
    def head(self) -> LogHead:
        """The id of the log and the number of its last entry."""
        return LogHead(self._id, self.last_seq)

    def append(self, entries: Sequence[LogEntry]) -> None:
        """Append entries, whose numbers follow the last one."""
        self._entries += entries
        for entry in entries:
            self._by_subject.setdefault(entry.subject_id, []).append(entry)
            if entry.change.after is None and isinstance(entry.change.subject, Item):
                self._deletions[entry.change.subject.sku] = entry

    def read(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Return up to `limit` entries after number `after`."""
        if log_filter.subject is not None:
            history = self._by_subject.get(log_filter.subject, [])
            scanned = history[bisect_right(history, after, key=attrgetter("seq")) :]
        else:
            start = max(0, after - self.floor)
            end = max(start, after - self.floor + LOG_SCAN_LIMIT) if log_filter.kinds else start + limit
            scanned = self._entries[start:end]
        entries = tuple(islice(filter(log_filter.matches, scanned), limit))
        if len(entries) == limit:
            scanned_to = entries[-1].seq
        elif log_filter.kinds and log_filter.subject is None:
            scanned_to = min(after + LOG_SCAN_LIMIT, self.last_seq)
        else:
            scanned_to = self.last_seq
        return LogPage(entries, self.last_seq, self.floor, scanned_to)

    def find(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Return the newest entry of an item or category, or the one of a version."""
        newest_first = reversed(self._by_subject.get(subject_id, []))
        return next((entry for entry in newest_first if version in (None, entry.change.version)), None)

    def last_deletion(self, sku: str) -> LogEntry | None:
        """Return the last deletion of an item with this SKU."""
        return self._deletions.get(sku)

    def last_versions(self, subject_ids: Iterable[UUID]) -> dict[UUID, int]:
        """Return the last version of each item or category that the log knows."""
        return {
            subject_id: self._by_subject[subject_id][-1].change.version
            for subject_id in subject_ids
            if subject_id in self._by_subject
        }

    def chain_ends(self) -> tuple[ChainEnd, ChainEnd]:
        """Return where the chain of digests starts and ends."""
        digests = self._chained()
        start = ChainEnd(self.floor, self._floor_digest)
        return start, ChainEnd(self.last_seq, digests[-1]) if digests else start

    def chain_links(self, after: int, limit: int) -> list[Link]:
        """Return up to `limit` entries after number `after` with their digests."""
        start = max(0, after - self.floor)
        pairs = zip(self._entries[start : start + limit], self._chained()[start:], strict=False)
        return [Link(entry.seq, _content(entry), digest) for entry, digest in pairs]

    def _chained(self) -> list[bytes]:
        """Return the digest of each entry.

        They are computed when they are read: nobody but this process can change its memory, and commits stay fast.
        """
        digest = self._digests[-1] if self._digests else self._floor_digest
        for entry in islice(self._entries, len(self._digests), None):
            digest = next_digest(digest, _content(entry))
            self._digests.append(digest)
        return self._digests

    def prune(self, up_to_seq: int) -> None:
        """Delete the entries up to this number."""
        count = max(0, min(up_to_seq, self.last_seq) - self.floor)
        if count:
            self._floor_digest = self._chained()[count - 1]
            del self._digests[:count]
        pruned, self._entries = self._entries[:count], self._entries[count:]
        self.floor += count
        for subject_id, pruned_count in Counter(entry.subject_id for entry in pruned).items():
            history = self._by_subject[subject_id]
            del history[:pruned_count]
            if not history:
                del self._by_subject[subject_id]
        for entry in pruned:
            sku = entry.change.subject.sku if isinstance(entry.change.subject, Item) else None
            if sku is not None and self._deletions.get(sku) is entry:
                del self._deletions[sku]


def _content(entry: LogEntry) -> bytes:
    """Return what the digest of an entry covers."""
    return repr(entry).encode(errors="surrogatepass")
