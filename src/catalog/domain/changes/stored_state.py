"""What a store must read before a batch can be decided, and what it finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from catalog.domain.changes.log import AnyChange, ChangeSet
from catalog.domain.items.item import Item


class CategoryNode(NamedTuple):
    """A category as the conflict rules see it: its id, its version, and the slug of its parent."""

    id: UUID
    version: int
    parent: str | None


@dataclass(slots=True)
class ReadSet:
    """The read set: what a store must read before a batch can be decided.

    `ids`, `skus` and `slugs` identify items and categories; if `needs_tree` is true, all categories are needed.
    `deleted_slugs` are categories whose items must be counted, `restored_ids` items that may have a tombstone, and
    `record_keys` the keys of expiring records that are written only if absent.
    """

    ids: set[UUID] = field(default_factory=set)
    skus: set[str] = field(default_factory=set)
    slugs: set[str] = field(default_factory=set)
    deleted_slugs: set[str] = field(default_factory=set)
    restored_ids: set[UUID] = field(default_factory=set)
    record_keys: set[str] = field(default_factory=set)
    needs_tree: bool = False


@dataclass(frozen=True, slots=True)
class StoredState:
    """The stored state: the log's head, and what the store holds for a batch's read set.

    `versions` maps item ids to their versions, `item_ids_by_sku` SKUs to item ids, `categories` slugs to nodes, and
    `item_counts` slugs to the number of items in the category. `tombstones` maps the ids of deleted items to their last
    versions, and `record_times` the keys of expiring records to the times at which they were created.
    """

    head: int
    versions: Mapping[UUID, int]
    item_ids_by_sku: Mapping[str, UUID]
    categories: Mapping[str, CategoryNode] = field(default_factory=dict)
    item_counts: Mapping[str, int] = field(default_factory=dict)
    tombstones: Mapping[UUID, int] = field(default_factory=dict)
    record_times: Mapping[str, datetime] = field(default_factory=dict)


def read_set(batch: Sequence[ChangeSet]) -> ReadSet:
    """Return the read set of a batch."""
    needed = ReadSet()
    for change_set in batch:
        for change in change_set.changes:
            subject = change.subject
            if isinstance(subject, Item):
                needed.ids.add(subject.id)
                if _may_have_tombstone(change):
                    needed.restored_ids.add(subject.id)
                if change.after is not None:
                    needed.skus.add(subject.sku)
                    if subject.category is not None:
                        needed.slugs.add(subject.category)
            else:
                needed.needs_tree = True
                if change.after is None:
                    needed.deleted_slugs.add(subject.slug)
        needed.record_keys.update(record.key for record in change_set.records if record.only_if_absent)
    return needed


def _may_have_tombstone(change: AnyChange) -> bool:
    """Return whether an item is inserted with a history: restored, or imported from another catalog."""
    subject = change.subject
    return change.before is None and isinstance(subject, Item) and (subject.version > 1 or subject.created_at < change.at)
