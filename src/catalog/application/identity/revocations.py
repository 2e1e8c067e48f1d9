"""Follows the revocations of sessions and API keys, those of other processes too."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from catalog.domain.errors import Unavailable
from catalog.domain.identity.changes import IdentityChange
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage

POLL_SECONDS = 0.5
"""Seconds between two looks for revocations."""

MAX_SILENCE = 5.0
"""Seconds without contact to the store after which credentials are not remembered any more."""


class RevocationWatch:
    """Knows which sessions and keys were revoked within the life of an access token.

    `on_revoked` is called with the ids of new ones, or with None if everything may have been revoked.
    """

    def __init__(self, storage: IdentityStorage, clock: Clock, life: timedelta) -> None:
        """Follow the revocations in `storage`. `life` is that of an access token."""
        self._storage = storage
        self._clock = clock
        self._life = life
        self._seq = 0
        self._revoked: dict[UUID, tuple[int, datetime]] = {}
        self._listeners: list[Callable[[frozenset[UUID] | None], None]] = []
        self._contact: float | None = None
        self._updating = asyncio.Lock()

    def on_revoked(self, listener: Callable[[frozenset[UUID] | None], None]) -> None:
        """Call `listener` with the ids of sessions and keys that are revoked; with None to forget everything."""
        self._listeners.append(listener)

    def is_revoked(self, credential_id: UUID, as_of: int) -> bool:
        """Return whether a session or key was revoked, as far as this process knows, after revocation number `as_of`."""
        revoked = self._revoked.get(credential_id)
        return revoked is not None and revoked[0] > as_of

    async def position(self) -> int:
        """Return the number of the last revocation that this process knows. Raises: Unavailable if it never knew one."""
        if self._contact is None:
            await self.update()
        return self._seq

    async def update(self) -> None:
        """Read the new revocations. Raises: Unavailable."""
        async with self._updating:
            now = self._clock.now()
            found = await self._storage.revocations(self._seq, now - self._life)
            self._contact = monotonic()
            self._seq = found.seq
            recent = {key: (seq, until) for key, (seq, until) in self._revoked.items() if until > now}
            self._revoked = recent | dict.fromkeys(found.ids, (found.seq, now + self._life))
            if not found.complete:
                self._notify(None)
            elif found.ids:
                self._notify(found.ids)

    def _notify(self, ids: frozenset[UUID] | None) -> None:
        for listener in self._listeners:
            listener(ids)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the revocations while the context is open."""
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _follow(self) -> None:
        while True:
            try:
                await self.update()
            except Unavailable:
                if self._contact is not None and monotonic() - self._contact > MAX_SILENCE:
                    self._notify(None)
            await asyncio.sleep(POLL_SECONDS)


class IdentityCommits:
    """Commits identity changes, and makes this process notice what they revoke before the response is sent."""

    def __init__(self, storage: IdentityStorage, watch: RevocationWatch) -> None:
        """Commit to `storage`."""
        self._storage = storage
        self._watch = watch

    async def commit(self, change: IdentityChange) -> None:
        """Commit a change. Raises: as IdentityStorage.commit."""
        await self._storage.commit(change)
        if change.revokes:
            await self._watch.update()
