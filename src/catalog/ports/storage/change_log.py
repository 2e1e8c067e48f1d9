"""The change log: reading and pruning it. Entries are written only by commits."""

from abc import abstractmethod
from typing import Protocol
from uuid import UUID

from catalog.domain.changes.log import EVERY_ENTRY, LogEntry, LogFilter, LogHead, LogPage


class ChangeLog(Protocol):
    """Every committed change, numbered 1, 2, 3, … without gaps."""

    @abstractmethod
    async def head(self) -> LogHead:
        """Return the log's head. Cheap, and never blocked by other reads."""

    @abstractmethod
    async def changes(self, *, after: int, limit: int, log_filter: LogFilter = EVERY_ENTRY) -> LogPage:
        """Return up to `limit` log entries that match `log_filter` and have a `seq` greater than `after`, oldest first.

        If matches are rare, a store may stop scanning early and return fewer entries; continue from `page.next_after`.
        """

    @abstractmethod
    async def find_entry(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Return the log entry that created this version of an item or category; by default, its latest entry.

        Return None if there is no such entry or it was pruned. Cost: one index lookup.
        """

    @abstractmethod
    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Return the latest log entry that deleted an item with this SKU, or None if there is none or it was pruned."""

    @abstractmethod
    async def prune(self, up_to_seq: int) -> None:
        """Delete the log entries up to and including `up_to_seq`, and raise the log's floor. The others keep their numbers.

        Works in small transactions, so commits are never blocked for long. Safe to repeat after an error.
        """
