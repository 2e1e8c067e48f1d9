"""Commit plans: which change sets of a batch are committed, and which rows are written. Pure, and the same for every store.

A store takes its lock, reads the stored state of the batch's read set, calls `plan_commit`, writes the rows of the commit
plan, and commits once. All rules about conflicts are in the domain; a database's constraints are only a safety net.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from catalog.domain.categories.category import Category
from catalog.domain.change import Change
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import ChangeSet, Committed, LogEntry
from catalog.domain.changes.stored_state import StoredState
from catalog.domain.changes.working_state import WorkingState
from catalog.domain.errors import CatalogError
from catalog.domain.items.item import Item

Outcome = Committed | CatalogError
"""The outcome of one change set: its log entries, or the error that prevented it."""


@dataclass(frozen=True, slots=True)
class Insert:
    """An item to insert, with the number of the log entry that created it."""

    seq: int
    item: Item


@dataclass(frozen=True, slots=True)
class CategoryWrites:
    """The categories to insert, update and delete: the net effect of a batch."""

    inserted: tuple[Category, ...] = ()
    updated: tuple[Category, ...] = ()
    deleted: tuple[Category, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is anything to write."""
        return bool(self.inserted or self.updated or self.deleted)


@dataclass(frozen=True, slots=True)
class CommitPlan:
    """The commit plan: the outcome of each change set in the batch's order, and the rows to write.

    The rows are the net effect of all committed change sets. `deleted` holds items as they are in the store.
    """

    outcomes: tuple[Outcome, ...]
    entries: tuple[LogEntry, ...] = ()
    inserted: tuple[Insert, ...] = ()
    updated: tuple[Change[Item], ...] = ()
    deleted: tuple[Item, ...] = ()
    categories: CategoryWrites = CategoryWrites()
    records: tuple[ExpiringRecord, ...] = ()

    @property
    def changed_skus(self) -> tuple[UUID, ...]:
        """The ids of updated items whose SKU changes. A store releases their old SKUs before it writes."""
        return tuple(change.subject.id for change in self.updated if change.before and change.before.sku != change.subject.sku)


def plan_commit(batch: Sequence[ChangeSet], state: StoredState) -> CommitPlan:
    """Return the commit plan of a batch, given the stored state of its read set.

    Change sets are decided in order. Each is committed as a whole or not at all, and sees those that precede it.
    """
    working = WorkingState(state)
    outcomes: list[Outcome] = []
    entries: list[LogEntry] = []
    records: dict[str, ExpiringRecord] = {}
    for change_set in batch:
        error = working.apply(change_set.changes, change_set.records)
        if error is not None:
            outcomes.append(error)
            continue
        next_seq = state.head + len(entries) + 1
        committed = tuple(LogEntry(seq, change, change_set.origin) for seq, change in enumerate(change_set.changes, next_seq))
        entries += committed
        outcomes.append(Committed(committed))
        records.update((record.key, record) for record in change_set.records)
    return _net_effect(tuple(outcomes), tuple(entries), tuple(records.values()))


def _net_effect(outcomes: tuple[Outcome, ...], entries: tuple[LogEntry, ...], records: tuple[ExpiringRecord, ...]) -> CommitPlan:
    """Build the commit plan: several changes of a row become one, and a row created and deleted in the batch is not written."""
    first: dict[UUID, LogEntry] = {}
    last: dict[UUID, LogEntry] = {}
    insert_seqs: dict[UUID, int] = {}
    for entry in entries:
        subject_id = entry.subject_id
        first.setdefault(subject_id, entry)
        last[subject_id] = entry
        if entry.change.before is None:
            insert_seqs[subject_id] = entry.seq
    inserted: list[Insert] = []
    updated: list[Change[Item]] = []
    deleted: list[Item] = []
    inserted_categories: list[Category] = []
    updated_categories: list[Category] = []
    deleted_categories: list[Category] = []
    for subject_id, entry in last.items():
        before, after = first[subject_id].change.before, entry.change.after
        if isinstance(after, Category):
            (inserted_categories if before is None else updated_categories).append(after)
        elif isinstance(before, Category):
            deleted_categories.append(before)
        elif after is None:
            deleted += [] if before is None else [before]
        elif before is None:
            inserted.append(Insert(insert_seqs[subject_id], after))
        else:
            updated.append(Change(entry.change.kind, before, after, entry.at))
    categories = CategoryWrites(tuple(inserted_categories), tuple(updated_categories), tuple(deleted_categories))
    return CommitPlan(outcomes, entries, tuple(inserted), tuple(updated), tuple(deleted), categories, records)
