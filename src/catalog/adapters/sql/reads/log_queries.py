"""The statements that read and prune the log."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Delete, Select, Update, bindparam, delete, false, literal_column, select, true, update

from catalog.adapters.sql.row_mapping import LOG_COLUMNS, to_entry
from catalog.adapters.sql.schema.tables import THE_HEAD, change_log, log_head
from catalog.domain.changes.log import MAX_SEQ, LogFilter, LogPage

SCAN_LIMIT = 10_000
"""Entries that one statement scans when it filters by kind, because few of them may match."""

PRUNE: Delete = delete(change_log).where(change_log.c.seq <= bindparam("upto"))
RAISE_FLOOR: Update = update(log_head).where(THE_HEAD, log_head.c.floor < bindparam("upto")).values(floor=bindparam("upto"))


def log_statement(after: int, limit: int, log_filter: LogFilter) -> Select[Any]:
    """Select the log's head and floor with each entry, as LOG_COLUMNS, all from one snapshot.

    Without entries, the result is one row in which only the head and the floor are not null.
    """
    after = min(after, MAX_SEQ - 1)
    selected = select(*LOG_COLUMNS).where(change_log.c.seq > after).order_by(change_log.c.seq).limit(limit)
    if log_filter.kinds:
        selected = selected.where(change_log.c.kind.in_(sorted(log_filter.kinds)))
    if log_filter.subject is not None:
        selected = selected.where(change_log.c.subject_id == log_filter.subject)
    elif log_filter.kinds:
        selected = selected.where(change_log.c.seq <= min(after + SCAN_LIMIT, MAX_SEQ - 1))
    entries = selected.subquery("entries")
    end = select(log_head.c.seq, log_head.c.floor).where(THE_HEAD).subquery("log_end")
    return select(end.c.seq, end.c.floor, *entries.c).select_from(end.outerjoin(entries, true())).order_by(entries.c.seq)


def to_log_page(rows: Sequence[Sequence[Any]], after: int, limit: int, log_filter: LogFilter) -> LogPage:
    """Make a page from the rows of `log_statement`."""
    head, floor, *_ = rows[0]
    entries = tuple(to_entry(row[2:]) for row in rows if row[2] is not None)
    if len(entries) == limit:
        scanned_to = entries[-1].seq
    elif log_filter.kinds and log_filter.subject is None:
        scanned_to = min(after + SCAN_LIMIT, head)
    else:
        scanned_to = head
    return LogPage(entries, head, floor, scanned_to)


def entry_statement(subject_id: UUID, version: int | None) -> Select[Any]:
    """Select the entry that created a version of an item or category, or without a version the last one, as LOG_COLUMNS."""
    entries = select(*LOG_COLUMNS).where(change_log.c.subject_id == subject_id)
    if version is not None:
        return entries.where(change_log.c.version == version if version < MAX_SEQ else false())
    return entries.order_by(change_log.c.version.desc()).limit(1)


def deletion_statement(sku: str) -> Select[Any]:
    """Select the last deletion of an item with this SKU, as LOG_COLUMNS.

    The kind is checked too: a SKU of digits may be the slug of a deleted category.
    """
    of_item = change_log.c.kind.startswith(literal_column("'item.'"))
    return (
        select(*LOG_COLUMNS)
        .where(change_log.c.key == sku, change_log.c.after.is_(None), of_item)
        .order_by(change_log.c.seq.desc())
        .limit(1)
    )
