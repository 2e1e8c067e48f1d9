"""What each process does once a minute: it notes uses, reads the signing keys, and deletes what has expired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from catalog.application.identity.authenticator import Authenticator
from catalog.application.identity.periodic import repeated, together
from catalog.application.identity.signing_keys import SigningKeys
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage

INTERVAL = 60.0
"""Seconds between two runs."""

DELETION_INTERVAL = timedelta(hours=1)
"""How often expired sessions, tokens and revocations are deleted."""


class IdentityMaintenance:
    """Maintains the identity of a process and its store."""

    def __init__(self, storage: IdentityStorage, authenticator: Authenticator, signing_keys: SigningKeys, clock: Clock) -> None:
        """Delete from `storage`, the first time in the second run: at the start of many processes there is enough to do."""
        self._storage = storage
        self._authenticator = authenticator
        self._signing_keys = signing_keys
        self._clock = clock
        self._next_deletion = clock.now() + timedelta(seconds=INTERVAL / 2)

    async def delete_expired(self) -> None:
        """Delete what has expired, if that is due. Raises: Unavailable; then it is due the next time."""
        now: datetime = self._clock.now()
        if now >= self._next_deletion:
            await self._storage.delete_expired(now)
            self._next_deletion = now + DELETION_INTERVAL

    @asynccontextmanager
    async def running(self, interval: float = INTERVAL) -> AsyncIterator[None]:
        """Do it regularly while the context is open, and note the last uses when it closes.

        Each task has a loop of its own, so that one that fails or hangs does not keep the others from being done: on a full disk,
        uses cannot be noted, but what has expired must be deleted.
        """
        note_uses = self._authenticator.note_uses
        async with together(
            repeated(self._signing_keys.load, interval),
            repeated(self.delete_expired, interval),
            repeated(note_uses, interval, last=note_uses),
        ):
            yield
