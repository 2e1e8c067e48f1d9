"""The change log: everything that was ever committed, numbered 1, 2, 3, … without a gap, in the order of the commits."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from catalog.domain.category import Category
from catalog.domain.change import Change, Origin
from catalog.domain.item import Item

AnyChange = Change[Item] | Change[Category]
"""What the log is made of; `kind` begins with what it happened to."""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes that are written all or nothing, in their order; a later one may build on an earlier."""

    changes: tuple[AnyChange, ...]
    origin: Origin


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

    log: str
    seq: int


@dataclass(frozen=True, slots=True)
class LogPage:
    """A stretch of the log, oldest first, and the number of its newest entry (0: the log is empty)."""

    entries: tuple[LogEntry, ...]
    head: int


@dataclass(frozen=True, slots=True)
class Committed:
    """The proof that a change set was written: its entries in the log."""

    entries: tuple[LogEntry, ...]
