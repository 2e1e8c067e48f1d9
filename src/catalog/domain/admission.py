"""Admission: which change sets of a batch may be written. Pure, and the same for every store.

A store takes its lock, reads the `Standing` of the items and SKUs that a batch names, asks `admit`, writes what it is
told, and commits once. No rule about conflicts is anywhere else; a database's constraints are only the net beneath.
"""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from catalog.domain.change import Change
from catalog.domain.changelog import ChangeSet, Committed, LogEntry
from catalog.domain.errors import CatalogError, Conflict, ItemExists, ItemNotFound, NotFound, SkuTaken, StaleVersion
from catalog.domain.item import Item

Outcome = Committed | CatalogError
"""What became of one change set: written, or the reason why it was not."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in the store before a batch: the log's newest number, versions by item, items by SKU (of those named)."""

    head: int
    versions: Mapping[UUID, int]
    owners: Mapping[str, UUID]


@dataclass(frozen=True, slots=True)
class Born:
    """An item that was not in the store, with the number of the log entry that brought it."""

    seq: int
    item: Item


@dataclass(frozen=True, slots=True)
class Admission:
    """What to answer to each change set, in the batch's order, and what to write: the net of all that was admitted."""

    outcomes: tuple[Outcome, ...]
    entries: tuple[LogEntry, ...] = ()
    born: tuple[Born, ...] = ()
    changed: tuple[Change[Item], ...] = ()
    removed: tuple[UUID, ...] = ()

    @property
    def renamed(self) -> tuple[UUID, ...]:
        """The changed items that get another SKU: a store frees their old ones before it writes."""
        return tuple(net.subject.id for net in self.changed if net.before and net.before.sku != net.subject.sku)


def named(batch: Sequence[ChangeSet]) -> tuple[set[UUID], set[str]]:
    """Tell which items and SKUs a store reads the standing of before it asks for admission."""
    changes = [change for change_set in batch for change in change_set.changes]
    return {change.subject.id for change in changes}, {change.after.sku for change in changes if change.after}


class _State:
    """The catalog as it would be: what stands, and over it what was admitted so far. None: it is there no more."""

    def __init__(self, standing: Standing) -> None:
        self.versions: dict[UUID, int | None] = dict(standing.versions)
        self.owners: dict[str, UUID | None] = dict(standing.owners)

    def take(self, change_set: ChangeSet) -> Conflict | NotFound | None:
        """Take a change set whole, or say why it cannot be taken and stay as it was."""
        versions = ChainMap({}, self.versions)
        owners = ChainMap({}, self.owners)
        for change in change_set.changes:
            refusal = _refusal(change, versions, owners)
            if refusal is not None:
                return refusal
            if change.before is not None:
                owners[change.before.sku] = None
            if change.after is not None:
                owners[change.after.sku] = change.after.id
            versions[change.subject.id] = None if change.after is None else change.after.version
        self.versions.update(versions.maps[0])
        self.owners.update(owners.maps[0])
        return None


def _refusal(
    change: Change[Item], versions: Mapping[UUID, int | None], owners: Mapping[str, UUID | None]
) -> Conflict | NotFound | None:
    """Say why a change cannot stand beside what is there."""
    item_id = change.subject.id
    version = versions.get(item_id)
    if change.before is None and version is not None:
        return ItemExists(item_id)
    if change.before is not None and version is None:
        return ItemNotFound(item_id)
    if change.before is not None and version != change.before.version:
        return StaleVersion(item_id)
    if change.after is not None and owners.get(change.after.sku) not in (None, item_id):
        return SkuTaken(change.after.sku)
    return None


def admit(batch: Sequence[ChangeSet], standing: Standing) -> Admission:
    """Decide, in order, which change sets are admitted; each sees those admitted before it, and is taken whole or not at all."""
    state = _State(standing)
    outcomes: list[Outcome] = []
    entries: list[LogEntry] = []
    for change_set in batch:
        refusal = state.take(change_set)
        if refusal is not None:
            outcomes.append(refusal)
            continue
        first = standing.head + len(entries) + 1
        written = tuple(LogEntry(seq, change, change_set.origin) for seq, change in enumerate(change_set.changes, first))
        entries += written
        outcomes.append(Committed(written))
    return _net(tuple(outcomes), tuple(entries), standing)


def _net(outcomes: tuple[Outcome, ...], entries: tuple[LogEntry, ...], standing: Standing) -> Admission:
    """Sum up: an item changed five times is written once, and one that came and went is not written at all."""
    first: dict[UUID, LogEntry] = {}
    last: dict[UUID, LogEntry] = {}
    birth: dict[UUID, int] = {}
    for entry in entries:
        first.setdefault(entry.item_id, entry)
        last[entry.item_id] = entry
        if entry.change.before is None:
            birth[entry.item_id] = entry.seq
    born: list[Born] = []
    changed: list[Change[Item]] = []
    removed: list[UUID] = []
    for item_id, entry in last.items():
        after = entry.change.after
        if item_id not in standing.versions:
            if after is not None:
                born.append(Born(birth[item_id], after))
        elif after is None:
            removed.append(item_id)
        else:
            changed.append(Change(entry.change.kind, first[item_id].change.before, after, entry.at))
    return Admission(outcomes, entries, tuple(born), tuple(changed), tuple(removed))
