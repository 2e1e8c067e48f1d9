"""Expiring records: bytes stored for a day, such as the stored response of a request or the progress of an import.

A record is written in the same commit as its change set, so it exists if and only if the changes do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

LIFETIME = timedelta(hours=24)
"""The age at which a record expires."""

RETENTION = 2 * LIFETIME
"""The age at which a store may delete a record.

Twice the lifetime, so that a process whose clock is up to a day ahead deletes no record that has not expired for others.
"""


@dataclass(frozen=True, slots=True)
class ExpiringRecord:
    """Bytes stored under a key. Overwrites an earlier record unless `only_if_absent` is set."""

    key: str
    content: bytes
    created_at: datetime
    only_if_absent: bool = False

    def is_alive(self, now: datetime) -> bool:
        """Return whether the record has not expired yet."""
        return self.created_at > now - LIFETIME
