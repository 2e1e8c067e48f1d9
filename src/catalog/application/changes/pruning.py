"""Pruning the log: archive its oldest entries, then delete them."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime

from catalog.application.files.log_archive import BATCH_SIZE, archive, last_before
from catalog.application.identity.activities import UNRECORDED, ActivityLog
from catalog.domain.change import Origin
from catalog.domain.changes.log import LogEntry
from catalog.domain.identity.security_log import CHANGES_PRUNED
from catalog.ports.storage.change_log import ChangeLog

Encode = Callable[[Sequence[LogEntry]], bytes]
"""Encodes entries as JSON Lines."""


class Pruning:
    """Archives and prunes the oldest log entries."""

    def __init__(self, change_log: ChangeLog, activities: ActivityLog = UNRECORDED) -> None:
        """Prune this log, and record it in `activities`."""
        self._change_log = change_log
        self._activities = activities

    async def last_before(self, moment: datetime) -> int:
        """Return the seq just before the first entry that is not older than `moment`, or 0 if there is none."""
        return await last_before(self._batches(), moment)

    def archive(self, last_seq: int, encode: Encode) -> AsyncGenerator[bytes, None]:
        """Yield the entries up to `last_seq` in chunks, and a trailer (catalog.application.files.log_archive)."""
        return archive(self._batches(), last_seq, encode)

    async def prune(self, last_seq: int, origin: Origin) -> None:
        """Delete the entries up to `last_seq`. Archive them first."""
        with self._activities.recording(CHANGES_PRUNED, origin, "catalog") as activity:
            activity.detail["last_seq"] = last_seq
            await self._change_log.prune(last_seq)

    async def _batches(self) -> AsyncGenerator[tuple[LogEntry, ...], None]:
        after: int | None = 0
        while after is not None:
            page = await self._change_log.changes(after=after, limit=BATCH_SIZE)
            if page.entries:
                yield page.entries
            after = page.next_after
