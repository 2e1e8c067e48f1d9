"""A user's own sessions: listing them, and signing out."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from catalog.application.identity.caller import Caller
from catalog.application.identity.revocations import IdentityCommits
from catalog.domain.identity.changes import IdentityChange, SessionEnd
from catalog.domain.identity.errors import SessionNotFound
from catalog.domain.identity.security_log import SESSION_ENDED
from catalog.domain.identity.session import Session, SessionLimits
from catalog.domain.identity.user import User
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage


class UserSessions:
    """Lists and ends sessions."""

    def __init__(self, storage: IdentityStorage, commits: IdentityCommits, clock: Clock, limits: SessionLimits) -> None:
        """Find the sessions in `storage`."""
        self._storage = storage
        self._commits = commits
        self._clock = clock
        self._limits = limits

    async def own(self, caller: Caller) -> Sequence[Session]:
        """Return the caller's live sessions, the newest first. Raises: CredentialNotAllowed."""
        return await self.of_user(caller.principal.require_sign_in().user_id)

    async def of_user(self, user_id: UUID) -> Sequence[Session]:
        """Return a user's live sessions, the newest first."""
        now = self._clock.now()
        return [session for session in await self._storage.sessions_of(user_id) if session.is_live(now, self._limits)]

    async def of_everybody(self) -> Sequence[tuple[Session, User]]:
        """Return the live sessions of all users, by username and the newest first."""
        now = self._clock.now()
        return [found for found in await self._storage.all_sessions() if found[0].is_live(now, self._limits)]

    async def find(self, session_id: UUID) -> tuple[Session, User]:
        """Return a live session of any user, and the user. Raises: SessionNotFound."""
        found = await self._storage.session(session_id)
        if found is None or not found[0].is_live(self._clock.now(), self._limits):
            raise SessionNotFound(session_id)
        return found

    async def end(self, session_id: UUID, caller: Caller) -> None:
        """End one of the caller's sessions. Raises: CredentialNotAllowed, SessionNotFound."""
        user_id, _ = caller.principal.require_sign_in()
        if all(session.id != session_id for session in await self.of_user(user_id)):
            raise SessionNotFound(session_id)
        await self._end(session_id, user_id, caller.principal.username, caller)

    async def sign_out(self, caller: Caller, *, everywhere: bool) -> None:
        """End the caller's session, or all sessions of the user. Raises: CredentialNotAllowed."""
        user_id, session_id = caller.principal.require_sign_in()
        with suppress(SessionNotFound):  # it ended a moment ago
            await self._end(None if everywhere else session_id, user_id, caller.principal.username, caller)

    async def end_of(self, user: User, caller: Caller, session_id: UUID | None = None) -> None:
        """End a session of any user, or all of them, for an administrator. Raises: SessionNotFound."""
        await self._end(session_id, user.id, user.username, caller)

    async def _end(self, session_id: UUID | None, user_id: UUID, username: str | None, caller: Caller) -> None:
        now = self._clock.now()
        event = caller.event(SESSION_ENDED, now, username, {"session": "all" if session_id is None else str(session_id)})
        end = SessionEnd(now, session_id=session_id, user_id=user_id)
        await self._commits.commit(IdentityChange(ends=(end,), events=(event,)))
