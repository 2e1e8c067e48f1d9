"""The statements that read and prune the log."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Delete, Select, Update, bindparam, delete, false, select, true, update

from catalog.adapters.sql.row_mapping import LOG_COLUMNS, to_entry
from catalog.adapters.sql.schema.tables import THE_HEAD, change_log, log_head
from catalog.domain.changes.log import MAX_SEQ, LogFilter, LogPage

SCAN_LIMIT = 10_000
"""Entries that are looked at in one go for those of some kinds, of which there may be few."""

PRUNE: Delete = delete(change_log).where(change_log.c.seq <= bindparam("upto"))
RAISE_FLOOR: Update = update(log_head).where(THE_HEAD, log_head.c.floor < bindparam("upto")).values(floor=bindparam("upto"))


def log_statement(after: int, limit: int, wanted: LogFilter) -> Select[Any]:
    """Return a stretch of the log as LOG_COLUMNS, and beside each row the log's head and floor: all of one state.

    Where there are no entries there is one row all the same, empty but for the head and the floor.
    """
    after = min(after, MAX_SEQ - 1)
    stretch = select(*LOG_COLUMNS).where(change_log.c.seq > after).order_by(change_log.c.seq).limit(limit)
    if wanted.kinds:
        stretch = stretch.where(change_log.c.kind.in_(sorted(wanted.kinds)))
    if wanted.subject is not None:
        stretch = stretch.where(change_log.c.subject_id == wanted.subject)
    elif wanted.kinds:
        stretch = stretch.where(change_log.c.seq <= min(after + SCAN_LIMIT, MAX_SEQ - 1))
    found = stretch.subquery("stretch")
    end = select(log_head.c.seq, log_head.c.floor).where(THE_HEAD).subquery("log_end")
    return select(end.c.seq, end.c.floor, *found.c).select_from(end.outerjoin(found, true())).order_by(found.c.seq)


def to_log_page(rows: Sequence[Sequence[Any]], after: int, limit: int, wanted: LogFilter) -> LogPage:
    """Make a page of the rows of `log_statement`."""
    head, floor, *_ = rows[0]
    entries = tuple(to_entry(row[2:]) for row in rows if row[2] is not None)
    if len(entries) == limit:
        reached = entries[-1].seq
    elif wanted.kinds and wanted.subject is None:
        reached = min(after + SCAN_LIMIT, head)
    else:
        reached = head
    return LogPage(entries, head, floor, reached)


def entry_statement(subject_id: UUID, version: int | None) -> Select[Any]:
    """Return the entry that made a version, or the last one, as LOG_COLUMNS."""
    its = select(*LOG_COLUMNS).where(change_log.c.subject_id == subject_id)
    if version is not None:
        return its.where(change_log.c.version == version if version < MAX_SEQ else false())
    return its.order_by(change_log.c.version.desc()).limit(1)


def deletion_statement(sku: str) -> Select[Any]:
    """Return the last removal under a SKU as LOG_COLUMNS.

    (The slugs that removals of categories have are no SKUs: those are upper-case.)
    """
    return (
        select(*LOG_COLUMNS)
        .where(change_log.c.key == sku, change_log.c.after.is_(None))
        .order_by(change_log.c.seq.desc())
        .limit(1)
    )
