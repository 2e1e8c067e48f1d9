"""Signing keys as they are stored."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StoredSigningKey:
    """A key that signs access tokens: its id, its private part as text, and when it was made."""

    id: str
    private_key: str
    created_at: datetime

    def __repr__(self) -> str:
        """Return the key without its private part."""
        return f"StoredSigningKey({self.id!r})"
