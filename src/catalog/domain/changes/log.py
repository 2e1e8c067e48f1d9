"""The change log: everything that was ever committed, numbered 1, 2, 3, … without a gap, in the order of the commits."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from catalog.domain.categories.category import Category
from catalog.domain.change import Change, Origin
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.items.item import Item

MAX_SEQ = 2**63
"""No entry has this number or version, or a higher one: stores count in 64 bits."""

AnyChange = Change[Item] | Change[Category]
"""What the log is made of; `kind` begins with what it happened to."""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes that are written all or nothing, in their order, and notes beside them; a later change may build on an earlier."""

    changes: tuple[AnyChange, ...]
    origin: Origin
    records: tuple[ExpiringRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A committed change, with its number in the log and who asked for it."""

    seq: int
    change: AnyChange
    origin: Origin

    @property
    def subject_id(self) -> UUID:
        """The item or category that it happened to."""
        return self.change.subject.id

    @property
    def at(self) -> datetime:
        """When it was decided."""
        return self.change.at


@dataclass(frozen=True, slots=True)
class LogHead:
    """Where a log ends (0: it is empty), and which log it is: an id that it got when it was begun."""

    log_id: str
    seq: int


@dataclass(frozen=True, slots=True)
class LogPage:
    """A stretch of the log, oldest first.

    `head` is the number of the log's newest entry (0: it is empty), `floor` that of the last one that was pruned (0: none
    was), and `reached` how far was looked: what was asked for goes on after it.
    """

    entries: tuple[LogEntry, ...]
    head: int
    floor: int
    scanned_to: int

    @property
    def next_after(self) -> int | None:
        """Where to go on; None at the end."""
        return self.scanned_to if self.scanned_to < self.head else None


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries of the log are asked for: those of some kinds (none named: of all), those of one item or category."""

    kinds: frozenset[str] = frozenset()
    subject: UUID | None = None

    def matches(self, entry: LogEntry) -> bool:
        """Whether an entry is asked for."""
        return (not self.kinds or entry.change.kind in self.kinds) and self.subject in (None, entry.subject_id)


EVERY_ENTRY = LogFilter()
"""All entries."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The proof that a change set was written: its entries in the log."""

    entries: tuple[LogEntry, ...]
