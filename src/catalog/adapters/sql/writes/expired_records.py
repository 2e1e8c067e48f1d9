"""Deletes expired records, in the commits that write new ones."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete

from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.driver import Statement
from catalog.adapters.sql.schema.tables import expiring_records
from catalog.domain.changes.expiring_record import RETENTION

_INTERVAL = timedelta(minutes=1)
"""The time between two deletions."""


class ExpiredRecords:
    """Remembers when expired records were last deleted."""

    def __init__(self, database: SqlDatabase) -> None:
        """Compile the statement."""
        self._delete = database.compile(
            delete(expiring_records).where(
                expiring_records.c.created_at < bindparam("before", type_=expiring_records.c.created_at.type)
            )
        )
        self._last_deletion: datetime | None = None

    def deletion(self, now: datetime) -> list[Statement]:
        """Return a statement that deletes expired records, at most once per interval."""
        if self._last_deletion is not None and self._last_deletion <= now < self._last_deletion + _INTERVAL:
            return []
        self._last_deletion = now
        return [self._delete.bind(before=now - RETENTION)]
