"""The port for hashing passwords."""

from typing import Protocol


class PasswordHasher(Protocol):
    """Hashes passwords slowly, so that a stolen hash is expensive to break. Never blocks the event loop."""

    async def hash(self, password: str) -> str:
        """Return a hash of a password, with its salt and parameters."""

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Return whether a password has this hash. Without a hash, take as long as with one and return False."""

    def needs_rehash(self, password_hash: str) -> bool:
        """Return whether a hash was made with other parameters than those of today."""


class CommonPasswords(Protocol):
    """Knows which passwords many people use."""

    def __contains__(self, password: str) -> bool:
        """Return whether a password, in lower case, is on the list."""
