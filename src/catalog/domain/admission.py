"""Admission: which change sets of a batch may be written. Pure, and the same for every store.

A store takes its lock, reads the `Standing` of what a batch names, asks `admit`, writes what it is told, and commits
once. No rule about conflicts is anywhere else; a database's constraints are only the net beneath.
"""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from catalog.domain.category import Category
from catalog.domain.change import Change
from catalog.domain.changelog import ChangeSet, Committed, LogEntry
from catalog.domain.errors import (
    CatalogError,
    CategoryCycle,
    CategoryInUse,
    CategoryNotFound,
    CategoryTooDeep,
    ItemExists,
    ItemNotFound,
    SkuTaken,
    SlugTaken,
    StaleVersion,
    UnknownCategory,
)
from catalog.domain.item import Item
from catalog.domain.tree import MAX_DEPTH, ancestors

Outcome = Committed | CatalogError
"""What became of one change set: written, or the reason why it was not."""


class Spot(NamedTuple):
    """A category as it stands: who it is, in which version, and below which other."""

    id: UUID
    version: int
    parent: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is in the store before a batch: the log's newest number, and what is there of that which the batch names.

    `versions` are those of items, `owners` the items by SKU, `places` the categories by slug, `inhabitants` how many
    items stand in a category.
    """

    head: int
    versions: Mapping[UUID, int]
    owners: Mapping[str, UUID]
    places: Mapping[str, Spot] = field(default_factory=dict)
    inhabitants: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Named:
    """What a batch names: items, SKUs, categories (all of them where `tree` is true), and those whose items count."""

    ids: set[UUID] = field(default_factory=set)
    skus: set[str] = field(default_factory=set)
    slugs: set[str] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)
    tree: bool = False


@dataclass(frozen=True, slots=True)
class Born:
    """An item that was not in the store, with the number of the log entry that brought it."""

    seq: int
    item: Item


@dataclass(frozen=True, slots=True)
class Grove:
    """What a batch does to the categories, on balance."""

    born: tuple[Category, ...] = ()
    changed: tuple[Category, ...] = ()
    removed: tuple[Category, ...] = ()

    def __bool__(self) -> bool:
        """Whether it does anything."""
        return bool(self.born or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class Admission:
    """What to answer to each change set, in the batch's order, and what to write: the net of all that was admitted.

    `removed` are the items as they stood in the store.
    """

    outcomes: tuple[Outcome, ...]
    entries: tuple[LogEntry, ...] = ()
    born: tuple[Born, ...] = ()
    changed: tuple[Change[Item], ...] = ()
    removed: tuple[Item, ...] = ()
    grove: Grove = Grove()

    @property
    def renamed(self) -> tuple[UUID, ...]:
        """The changed items that get another SKU: a store frees their old ones before it writes."""
        return tuple(net.subject.id for net in self.changed if net.before and net.before.sku != net.subject.sku)


def named(batch: Sequence[ChangeSet]) -> Named:
    """Tell what a store reads the standing of before it asks for admission."""
    found = Named()
    for change_set in batch:
        for change in change_set.changes:
            subject = change.subject
            if isinstance(subject, Item):
                found.ids.add(subject.id)
                if change.after is not None:
                    found.skus.add(subject.sku)
                    if subject.category is not None:
                        found.slugs.add(subject.category)
            else:
                found.tree = True
                if change.after is None:
                    found.leaving.add(subject.slug)
    return found


class _State:
    """What is in the store as far as the batch was admitted so far. None: it is there no more."""

    def __init__(self, standing: Standing) -> None:
        self._versions: dict[UUID, int | None] = dict(standing.versions)
        self._owners: dict[str, UUID | None] = dict(standing.owners)
        self._places: dict[str, Spot | None] = dict(standing.places)
        self._inhabitants: dict[str, int] = dict(standing.inhabitants)

    def take(self, change_set: ChangeSet) -> CatalogError | None:
        """Take a change set whole, or say why it cannot be taken and stay as it was."""
        trial = _Trial(
            ChainMap({}, self._versions), ChainMap({}, self._owners), ChainMap({}, self._places), ChainMap({}, self._inhabitants)
        )
        for change in change_set.changes:
            refusal = trial.take_item(change) if isinstance(change.subject, Item) else trial.take_category(change)
            if refusal is not None:
                return refusal
        self._versions.update(trial.versions.maps[0])
        self._owners.update(trial.owners.maps[0])
        self._places.update(trial.places.maps[0])
        self._inhabitants.update(trial.inhabitants.maps[0])
        return None


class _Trial(NamedTuple):
    """The state with the changes of one change set, which may yet be refused."""

    versions: ChainMap[UUID, int | None]
    owners: ChainMap[str, UUID | None]
    places: ChainMap[str, Spot | None]
    inhabitants: ChainMap[str, int]

    def take_item(self, change: Change[Item]) -> CatalogError | None:
        """Take a change of an item, or say why it cannot stand beside what is there."""
        before, after, item_id = change.before, change.after, change.subject.id
        version = self.versions.get(item_id)
        if before is None and version is not None:
            return ItemExists(item_id)
        if before is not None and version is None:
            return ItemNotFound(item_id)
        if before is not None and version != before.version:
            return StaleVersion(item_id)
        if after is not None and self.owners.get(after.sku) not in (None, item_id):
            return SkuTaken(after.sku)
        if after is not None and after.category is not None and self.places.get(after.category) is None:
            return UnknownCategory(after.category, ("category",))
        if before is not None:
            self.owners[before.sku] = None
            self._moved(before.category, -1)
        if after is not None:
            self.owners[after.sku] = item_id
            self._moved(after.category, 1)
        self.versions[item_id] = None if after is None else after.version
        return None

    def take_category(self, change: Change[Category]) -> CatalogError | None:
        """Take a change of a category, likewise."""
        before, after, slug = change.before, change.after, change.subject.slug
        place = self.places.get(slug)
        if before is None and place is not None:
            return SlugTaken(slug)
        if before is not None and (place is None or place.id != before.id):
            return CategoryNotFound(slug)
        if before is not None and place is not None and place.version != before.version:
            return StaleVersion(before.id, f"category {slug}")
        refusal = self._in_use(slug) if after is None else self._misplaced(slug, after.parent)
        if refusal is None:
            self.places[slug] = None if after is None else Spot(after.id, after.version, after.parent)
        return refusal

    def _moved(self, slug: str | None, by: int) -> None:
        """Count who comes and goes; where nobody asks how many there are, the number means nothing."""
        if slug is not None:
            self.inhabitants[slug] = self.inhabitants.get(slug, 0) + by

    def _in_use(self, slug: str) -> CategoryInUse | None:
        """Say by what a category is held, if it is."""
        children = len(self._children(slug))
        items = self.inhabitants.get(slug, 0)
        return CategoryInUse(slug, children, items) if children or items else None

    def _misplaced(self, slug: str, parent: str | None) -> CatalogError | None:
        """Say why a category cannot stand below this parent."""
        if parent is None:
            above = 0
        else:
            if self.places.get(parent) is None:
                return UnknownCategory(parent, ("parent",))
            way = list(ancestors(parent, self.places))
            if slug in way:
                return CategoryCycle(slug, parent)
            above = len(way)
        return CategoryTooDeep(slug, MAX_DEPTH) if above + self._height(slug) > MAX_DEPTH else None

    def _height(self, slug: str) -> int:
        """Count the longest way down from a category, itself included."""
        height, level = 1, self._children(slug) if slug in self.places else []
        while level:
            height += 1
            level = [child for each in level for child in self._children(each)]
        return height

    def _children(self, slug: str) -> list[str]:
        return [child for child, place in self.places.items() if place is not None and place.parent == slug]


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
    return _net(tuple(outcomes), tuple(entries))


def _net(outcomes: tuple[Outcome, ...], entries: tuple[LogEntry, ...]) -> Admission:
    """Sum up: what changed five times is written once, and what came and went is not written at all."""
    first: dict[UUID, LogEntry] = {}
    last: dict[UUID, LogEntry] = {}
    birth: dict[UUID, int] = {}
    for entry in entries:
        first.setdefault(entry.subject_id, entry)
        last[entry.subject_id] = entry
        if entry.change.before is None:
            birth[entry.subject_id] = entry.seq
    born: list[Born] = []
    changed: list[Change[Item]] = []
    removed: list[Item] = []
    planted: list[Category] = []
    altered: list[Category] = []
    felled: list[Category] = []
    for subject_id, entry in last.items():
        before, after = first[subject_id].change.before, entry.change.after
        if isinstance(after, Category):
            (planted if before is None else altered).append(after)
        elif isinstance(before, Category):
            felled.append(before)
        elif after is None:
            removed += [] if before is None else [before]
        elif before is None:
            born.append(Born(birth[subject_id], after))
        else:
            changed.append(Change(entry.change.kind, before, after, entry.at))
    grove = Grove(tuple(planted), tuple(altered), tuple(felled))
    return Admission(outcomes, entries, tuple(born), tuple(changed), tuple(removed), grove)
