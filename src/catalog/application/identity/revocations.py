"""Follows the revocations of sessions and API keys, those of other processes too."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from catalog.application.identity.periodic import repeated
from catalog.application.identity.throttled_read import ThrottledRead
from catalog.domain.errors import StaleVersion, Unavailable
from catalog.domain.identity.changes import IdentityChange
from catalog.domain.identity.session import MAX_ACCESS_LIFE
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage, Revocations

POLL_SECONDS = 0.5
"""Seconds between two looks for revocations."""

MAX_SILENCE = 5.0
"""Seconds without contact to the store after which nothing that it holds is remembered."""

CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far the clocks of two processes may differ, and how long a commit may take."""

KEPT_FOR = MAX_ACCESS_LIFE + CLOCK_TOLERANCE
"""How long revocations are remembered. It is not the life of today's tokens: those of another setting may still be valid."""

MAX_ATTEMPTS = 5
"""How often a change is decided, because another one of the same user or token came first."""

OnRevoked = Callable[[frozenset[UUID] | None], None]
"""Is called with the ids of sessions and keys that are revoked, or with None if any may have been."""


class _Revocation(NamedTuple):
    seq: int
    until: datetime


class RevocationWatch:
    """Knows which sessions and keys were revoked within the longest life of an access token."""

    def __init__(self, storage: IdentityStorage, clock: Clock, timer: Callable[[], float] = monotonic) -> None:
        """Follow the revocations in `storage`. `timer` measures the time without contact to it."""
        self._storage = storage
        self._clock = clock
        self._timer = timer
        self._seq = 0
        self._revoked: dict[UUID, _Revocation] = {}
        self._listeners: list[OnRevoked] = []
        self._contact: float | None = None
        self._updating = asyncio.Lock()
        self._looks = ThrottledRead(self.update, timer)

    def on_revoked(self, listener: OnRevoked) -> None:
        """Call `listener` when something is revoked."""
        self._listeners.append(listener)

    def is_revoked(self, credential_id: UUID, as_of: int | None) -> bool:
        """Return whether a session or key was revoked, as far as this process knows.

        With `as_of`, only revocations after this number count: the credential was looked up then.
        """
        if not self._revoked:  # as usual, and faster: it is asked for each request
            return False
        revoked = self._revoked.get(credential_id)
        return revoked is not None and (as_of is None or revoked.seq > as_of)

    def is_current(self) -> bool:
        """Return whether the revocations of all processes are known, except those of the last seconds."""
        return self._contact is not None and self._timer() - self._contact <= MAX_SILENCE

    async def position(self) -> int:
        """Return the number of the last revocation that this process knows.

        Raises: Unavailable if none were read since the start, also without asking again if that failed a moment ago.
        """
        if self._contact is None:
            await self._looks.run_if_due()
        return self._seq

    async def update(self) -> None:
        """Read the new revocations, in a read that begins after this call. Raises: Unavailable."""
        async with self._updating:
            now, asked, after = self._clock.now(), self._timer(), self._seq
            found = await self._storage.revocations(after, now - KEPT_FOR)
            # A restored backup may have fewer revocations than this process has seen.
            is_complete = found.complete and found.seq >= after
            self._seq, self._contact = max(found.seq, self._seq) if is_complete else found.seq, asked
            self._revoked = {key: revocation for key, revocation in self._revoked.items() if revocation.until > now}
            self._note(found, now)
            if found.ids or not is_complete:
                self._notify(found.ids if is_complete else None)

    def committed(self, own: Revocations) -> None:
        """Note what a commit of this process has revoked, without asking the store.

        If another process has revoked something before, which is not known yet, that is read the next time.
        """
        if not own.ids:
            return
        self._note(own, self._clock.now())
        if self._seq == own.seq - len(own.ids):
            self._seq = own.seq
        self._notify(own.ids)

    @asynccontextmanager
    async def running(self, interval: float = POLL_SECONDS) -> AsyncIterator[None]:
        """Follow the revocations while the context is open."""
        async with repeated(self._look, interval):
            yield

    async def _look(self) -> None:
        """Read the new revocations. After a long silence, any credential may have been revoked."""
        try:
            await self._looks.run()
        except Unavailable:
            if not self.is_current():
                self._notify(None)
            raise

    def _note(self, revocations: Revocations, now: datetime) -> None:
        self._revoked |= dict.fromkeys(revocations.ids, _Revocation(revocations.seq, now + KEPT_FOR))

    def _notify(self, ids: frozenset[UUID] | None) -> None:
        for listener in self._listeners:
            listener(ids)


class IdentityCommits:
    """Commits identity changes, and makes this process notice what they revoke before the response is sent."""

    def __init__(self, storage: IdentityStorage, watch: RevocationWatch) -> None:
        """Commit to `storage`."""
        self._storage = storage
        self._watch = watch

    async def commit(self, change: IdentityChange) -> None:
        """Commit a change. Raises: as IdentityStorage.commit."""
        self._watch.committed(await self._storage.commit(change))

    async def try_commit(self, change: IdentityChange) -> bool:
        """Commit a change. Return False if it has to be decided again, because another one came first.

        Raises: as IdentityStorage.commit, except StaleVersion.
        """
        try:
            await self.commit(change)
        except StaleVersion:
            return False
        return True
