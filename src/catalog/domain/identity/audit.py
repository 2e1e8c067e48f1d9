"""The audit: the change log and the security log, shown together by time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from catalog.domain.changes.log import LogEntry
from catalog.domain.identity.security_log import Result, SecurityEvent
from catalog.domain.items.item import Item

Stream = Literal["catalog", "security"]

STREAMS: tuple[Stream, ...] = ("catalog", "security")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Selects events; None means all. `until` is exclusive."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    result: Result | None = None
    address: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, event: SecurityEvent) -> bool:
        """Return whether an event is selected."""
        return (
            self.actor in (None, event.actor)
            and self.action in (None, event.action)
            and self.subject in (None, event.subject)
            and self.result in (None, event.result)
            and self.address in (None, event.address)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
        )


EVERY_EVENT = AuditFilter()
"""Selects every event."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An event with the stream that it belongs to, and its number there."""

    stream: Stream
    seq: int
    event: SecurityEvent


def change_event(entry: LogEntry) -> SecurityEvent:
    """Return an entry of the change log as an event. The subject is the SKU or slug; `detail` has the id and the version."""
    subject, origin = entry.change.subject, entry.origin
    return SecurityEvent(
        action=entry.change.kind,
        at=entry.at,
        actor=origin.actor,
        credential=origin.credential,
        address=origin.address,
        request_id=origin.request_id,
        subject=subject.sku if isinstance(subject, Item) else subject.slug,
        detail={"id": str(subject.id), "version": entry.change.version},
    )
