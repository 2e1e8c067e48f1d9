"""The audit: the change log and the security log, shown together by time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from catalog.domain.identity.security_log import Result, SecurityEvent

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
