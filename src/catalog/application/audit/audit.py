"""The audit: the change log and the security log by time, newest first, in pages of bounded work."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from catalog.application.audit.request import AuditCursor, AuditRequest
from catalog.domain.identity.audit import AuditEvent, AuditFilter, change_event
from catalog.domain.identity.security_log import SecurityEvent
from catalog.ports.identity.storage import SecurityLog
from catalog.ports.storage.change_log import ChangeLog

WINDOW = 500
"""Entries of the change log that are read at a time."""

MAX_WINDOWS = 10
"""Windows that are read for a page. The change log has no index of actors and addresses, so it is scanned."""

CLOCK_TOLERANCE = timedelta(hours=1)
"""How far the times in a log may be out of order, because the clocks of processes differ."""

_NOT_READ = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Events of both streams, newest first, and where to go on; None if nothing is left.

    A page may have few events or none although there are more, because only a part of the log was scanned.
    """

    events: Sequence[AuditEvent]
    next_cursor: AuditCursor | None


class _Part(NamedTuple):
    """What was read of one stream: selected events, newest first.

    `before` is the number below which reading goes on, 0 if nothing is left. `at` is the time of the last entry that was read.
    """

    events: Sequence[AuditEvent] = ()
    before: int = 0
    at: datetime = _NOT_READ


class Audit:
    """Shows who did what."""

    def __init__(self, change_log: ChangeLog, security_log: SecurityLog | None) -> None:
        """Read these logs. A storage without identity has no security log."""
        self._change_log = change_log
        self._security_log = security_log

    async def page(self, request: AuditRequest) -> AuditPage:
        """Return a page. With its cursor, the next one goes on exactly there, whatever was appended meanwhile."""
        start = request.cursor or AuditCursor(await self._end_of_changes(request), await self._end_of_security())
        changes = _Part() if request.stream == "security" else await self._changes(request, start.catalog)
        security = _Part() if request.stream == "catalog" else await self._security(request, start.security)
        events = _merge(changes, security, request.limit)
        cursor = AuditCursor(_position(changes, start.catalog, events), _position(security, start.security, events))
        return AuditPage(events, cursor if cursor.catalog or cursor.security else None)

    async def _end_of_changes(self, request: AuditRequest) -> int:
        """Return the number below which reading starts: that of the first entry after `until`, found by bisection."""
        end = (await self._change_log.head()).seq + 1
        until = request.audit_filter.until
        if until is None:
            return end
        until += min(CLOCK_TOLERANCE, _NOT_READ - until)
        low = (await self._change_log.changes(after=0, limit=1)).floor + 1
        while low < end:
            middle = (low + end) // 2
            entries = (await self._change_log.changes(after=middle - 1, limit=1)).entries
            if entries and entries[0].at < until:
                low = middle + 1
            else:
                end = middle
        return end

    async def _end_of_security(self) -> int:
        return 0 if self._security_log is None else (await self._security_log.security_heads())[1].seq + 1

    async def _changes(self, request: AuditRequest, before: int) -> _Part:
        """Scan the change log backwards, window by window."""
        selected: list[AuditEvent] = []
        since = request.audit_filter.since
        oldest = None if since is None else since - min(CLOCK_TOLERANCE, since - datetime.min.replace(tzinfo=UTC))
        last, at = before - 1, _NOT_READ
        for _ in range(MAX_WINDOWS):
            if last < 1:
                return _Part(selected)
            after = max(0, last - WINDOW)
            page = await self._change_log.changes(after=after, limit=last - after)
            for entry in reversed(page.entries):
                at = entry.at
                if oldest is not None and at < oldest:
                    return _Part(selected)
                event = change_event(entry)
                if entry.seq <= last and _selects(request.audit_filter, event):
                    selected.append(AuditEvent("catalog", entry.seq, event))
                    if len(selected) == request.limit:
                        return _Part(selected, entry.seq, at)
            last = after if after > page.floor else 0
        return _Part(selected, last + 1 if last else 0, at)

    async def _security(self, request: AuditRequest, before: int) -> _Part:
        """Read the security log, which has indexes."""
        if self._security_log is None or before <= 1:
            return _Part()
        entries = await self._security_log.security_entries(request.audit_filter, before=before, limit=request.limit)
        events = [AuditEvent("security", entry.seq, entry.event) for entry in entries]
        return _Part(events, events[-1].seq, events[-1].event.at) if len(events) == request.limit else _Part(events)


def _selects(audit_filter: AuditFilter, event: SecurityEvent) -> bool:
    """Return whether a change is selected. Its subject may also be given by id."""
    if audit_filter.subject == event.detail["id"]:
        audit_filter = replace(audit_filter, subject=None)
    return audit_filter.matches(event)


def _merge(changes: _Part, security: _Part, limit: int) -> list[AuditEvent]:
    """Return events of both streams by time, up to the point where one of them has to be read further."""
    merged: list[AuditEvent] = []
    left = [list(reversed(changes.events)), list(reversed(security.events))]
    while len(merged) < limit:
        times = [
            events[-1].event.at if events else part.at
            for part, events in zip((changes, security), left, strict=True)
            if events or part.before
        ]
        candidates = [events for events in left if events]
        newest = max(candidates, key=lambda events: events[-1].event.at, default=None)
        if newest is None or newest[-1].event.at < max(times):
            break
        merged.append(newest.pop())
    return merged


def _position(part: _Part, start: int, shown: Sequence[AuditEvent]) -> int:
    """Return the number below which the next page goes on in the stream of this part."""
    if not part.events:
        return part.before
    seqs = [event.seq for event in shown if event.stream == part.events[0].stream]
    if len(seqs) == len(part.events):
        return part.before
    return seqs[-1] if seqs else start
