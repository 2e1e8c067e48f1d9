"""Notes: what is kept beside the items for a day, like the answer that a request was given, or how far an import is.

A note is written with a change set, in its commit: it is there if and only if the changes are.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

LIFETIME = timedelta(hours=24)
"""How long a note counts."""

RETENTION = 2 * LIFETIME
"""The age at which a store may delete a note.

Twice as long as notes count, so that a process whose clock is up to a day ahead deletes none that still counts for others.
"""


@dataclass(frozen=True, slots=True)
class ExpiringRecord:
    """A text of bytes under a key. It takes the place of the one before, unless it is to be the `first`."""

    key: str
    content: bytes
    created_at: datetime
    only_if_absent: bool = False

    def is_alive(self, now: datetime) -> bool:
        """Whether it counts still."""
        return self.created_at > now - LIFETIME
