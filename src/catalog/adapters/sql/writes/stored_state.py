"""Begins the transaction of a commit and reads the stored state that the batch is decided on, in one query."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CompoundSelect, Integer, cast, func, literal_column, null, select, union_all

from catalog.adapters.sql.connections.head_watcher import EMPTY_LOG_HEAD
from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.log_chain import parse_digest
from catalog.adapters.sql.schema.tables import (
    EVERY_CATEGORY,
    THE_HEAD,
    categories,
    change_log,
    expiring_records,
    items,
    log_head,
)
from catalog.domain.changes.log import ChangeSet
from catalog.domain.changes.stored_state import CategoryNode, StoredState, read_set
from catalog.domain.errors import SchemaOutdated

_ITEM, _CATEGORY, _ITEM_COUNT, _TOMBSTONE, _RECORD, _HEAD = range(6)
"""The kinds of rows that the state statement returns."""


class LockedState(NamedTuple):
    """What a transaction read after taking the lock: the stored state of a batch's read set, and the `seq` of each item.

    `word_sweeps` is how many times unused words were deleted, and `digest` is that of the log's last entry.
    """

    state: StoredState
    seqs: Mapping[UUID, int]
    word_sweeps: int
    digest: bytes


class StoredStateReader:
    """Takes the commit lock and reads the stored state."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect) -> None:
        """Compile the statements for the four kinds of read sets."""
        self._dialect = dialect
        self._statements = {
            (tree, history): database.compile(_state_statement(dialect, tree=tree, history=history))
            for tree in (False, True)
            for history in (False, True)
        }

    async def lock(self, driver: Any, batch: Sequence[ChangeSet]) -> LockedState:  # noqa: ANN401 - a driver's connection
        """Begin a transaction that holds the commit lock, and read the stored state of the batch's read set.

        Raises SchemaOutdated if the log's head is missing.
        """
        reads = read_set(batch)
        list_parameter = self._dialect.list_parameter
        values = {
            "ids": list_parameter(reads.ids),
            "skus": list_parameter(reads.skus),
            "slugs": list_parameter(reads.slugs),
            "deleted_slugs": list_parameter(reads.deleted_slugs),
            "restored_ids": list_parameter(reads.restored_ids),
            "record_keys": list_parameter(reads.record_keys),
        }
        statement = self._statements[reads.needs_tree, bool(reads.restored_ids or reads.record_keys)]
        rows = await self._dialect.begin(driver, statement.sql, statement.parameters(values))
        return _locked_state(statement.rows(rows))


def _locked_state(rows: Iterable[Sequence[Any]]) -> LockedState:
    """Sort the rows of the state statement by their kinds. Raises SchemaOutdated if the head's is missing."""
    versions: dict[UUID, int] = {}
    item_ids_by_sku: dict[str, UUID] = {}
    seqs: dict[UUID, int] = {}
    category_nodes: dict[str, CategoryNode] = {}
    item_counts: dict[str, int] = {}
    tombstones: dict[UUID, int] = {}
    record_times: dict[str, datetime] = {}
    head: int | None = None
    sweeps = 0
    digest = ""
    for kind, subject_id, version, key, number, parent, *at in rows:
        if kind == _ITEM:
            versions[subject_id], item_ids_by_sku[key], seqs[subject_id] = version, subject_id, number
        elif kind == _CATEGORY:
            category_nodes[key] = CategoryNode(subject_id, version, parent)
        elif kind == _ITEM_COUNT:
            item_counts[key] = number
        elif kind == _TOMBSTONE:
            tombstones[subject_id] = number
        elif kind == _RECORD:
            record_times[key] = at[0]
        else:
            head, sweeps, digest = number, version, key
    if head is None:
        raise SchemaOutdated(EMPTY_LOG_HEAD)
    state = StoredState(head, versions, item_ids_by_sku, category_nodes, item_counts, tombstones, record_times)
    return LockedState(state, seqs, sweeps, parse_digest(digest))


def _state_statement(dialect: SqlDialect, *, tree: bool, history: bool) -> CompoundSelect[Any]:
    """Select the stored state of a read set. Each part uses its own index: with OR instead of UNION, Postgres scanned the table.

    `tree` adds all categories, and the item counts of those to be deleted; `history` adds tombstones and record times.
    """
    item = select(
        literal_column(str(_ITEM), Integer()).label("kind"),
        items.c.id,
        items.c.version,
        items.c.sku,
        items.c.seq,
        cast(null(), categories.c.parent.type).label("parent"),
    )
    category = select(
        literal_column(str(_CATEGORY)), categories.c.id, categories.c.version, categories.c.slug, null(), categories.c.parent
    ).select_from(categories)
    parts = [item.where(dialect.any_of(items.c.id, "ids")), item.where(dialect.any_of(items.c.sku, "skus"))]
    if tree:
        parts.append(category.where(EVERY_CATEGORY))
        parts.append(
            select(literal_column(str(_ITEM_COUNT)), null(), null(), items.c.category, func.count(), null())
            .where(dialect.any_of(items.c.category, "deleted_slugs"))
            .group_by(items.c.category)
        )
    else:
        parts.append(category.where(dialect.any_of(categories.c.slug, "slugs")))
    if history:
        parts.append(
            select(
                literal_column(str(_TOMBSTONE)), change_log.c.subject_id, null(), null(), func.max(change_log.c.version), null()
            )
            .where(dialect.any_of(change_log.c.subject_id, "restored_ids"))
            .group_by(change_log.c.subject_id)
        )
    parts.append(
        select(literal_column(str(_HEAD)), null(), log_head.c.word_sweeps, log_head.c.digest, log_head.c.seq, null()).where(
            THE_HEAD
        )
    )
    if not history:
        return union_all(*parts)
    # The times of records need another column, which only this statement has.
    at = cast(null(), expiring_records.c.created_at.type).label("at")
    record = select(
        literal_column(str(_RECORD)), null(), null(), expiring_records.c.key, null(), null(), expiring_records.c.created_at
    )
    return union_all(
        *(part.add_columns(at) for part in parts), record.where(dialect.any_of(expiring_records.c.key, "record_keys"))
    )
