"""The change log: every committed change, numbered 1, 2, 3, … without gaps, in commit order."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from catalog.domain.categories.category import Category
from catalog.domain.change import Change, Origin
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.items.item import Item

MAX_SEQ = 2**63
"""Exclusive upper bound for sequence numbers and versions: stores use signed 64-bit integers."""

AnyChange = Change[Item] | Change[Category]
"""A change of an item or a category; its `kind` starts with "item." or "category."."""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes and expiring records that are committed together or not at all. A change may depend on earlier ones in the set."""

    changes: tuple[AnyChange, ...]
    origin: Origin
    records: tuple[ExpiringRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A committed change, with its number in the log and its origin."""

    seq: int
    change: AnyChange
    origin: Origin

    @property
    def subject_id(self) -> UUID:
        """The id of the changed item or category."""
        return self.change.subject.id

    @property
    def at(self) -> datetime:
        """The time at which the change was decided."""
        return self.change.at


@dataclass(frozen=True, slots=True)
class LogHead:
    """The number of the log's last entry (0 if it is empty), and the log's id, assigned when the log was created."""

    log_id: str
    seq: int


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the log, oldest entry first.

    `head` is the number of the log's last entry (0 if it is empty), `floor` that of the last entry that was pruned (0 if none
    was), and `scanned_to` that of the last entry that was read for this page, matching or not.
    """

    entries: tuple[LogEntry, ...]
    head: int
    floor: int
    scanned_to: int

    @property
    def next_after(self) -> int | None:
        """The position from which the next page is read, or None at the end of the log."""
        return self.scanned_to if self.scanned_to < self.head else None


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Selects log entries by kind (an empty set means every kind) and by item or category (None means all)."""

    kinds: frozenset[str] = frozenset()
    subject: UUID | None = None

    def matches(self, entry: LogEntry) -> bool:
        """Return whether an entry is selected."""
        return (not self.kinds or entry.change.kind in self.kinds) and self.subject in (None, entry.subject_id)


EVERY_ENTRY = LogFilter()
"""Selects every entry."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The outcome of a committed change set: its log entries."""

    entries: tuple[LogEntry, ...]
