"""A user's own sessions: listing them, and signing out."""

from collections.abc import Sequence
from uuid import UUID

from catalog.application.identity.caller import Caller
from catalog.application.identity.revocations import IdentityCommits
from catalog.domain.identity.changes import IdentityChange, SessionEnd
from catalog.domain.identity.errors import CredentialNotAllowed, SessionNotFound
from catalog.domain.identity.security_log import SESSION_ENDED
from catalog.domain.identity.session import Session, SessionLimits
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
        return await self.of_user(_user_id(caller))

    async def of_user(self, user_id: UUID) -> Sequence[Session]:
        """Return a user's live sessions, the newest first."""
        now = self._clock.now()
        return [session for session in await self._storage.sessions_of(user_id) if session.is_live(now, self._limits)]

    async def end(self, session_id: UUID, caller: Caller, *, user_id: UUID | None = None) -> None:
        """End one of the caller's sessions, or of the user's with `user_id`. Raises: CredentialNotAllowed, SessionNotFound."""
        owner = _user_id(caller) if user_id is None else user_id
        if all(session.id != session_id for session in await self.of_user(owner)):
            raise SessionNotFound(session_id)
        await self._end(SessionEnd(self._clock.now(), session_id=session_id), caller, {"session": str(session_id)})

    async def sign_out(self, caller: Caller, *, everywhere: bool) -> None:
        """End the caller's session, or all sessions of the user. Raises: CredentialNotAllowed."""
        now = self._clock.now()
        user_id, session_id = _user_id(caller), caller.principal.session_id
        if everywhere:
            await self._end(SessionEnd(now, user_id=user_id), caller, {"session": "all"})
        else:
            await self._end(SessionEnd(now, session_id=session_id), caller, {"session": str(session_id)})

    async def _end(self, end: SessionEnd, caller: Caller, detail: dict[str, str | int]) -> None:
        event = caller.event(SESSION_ENDED, end.at, caller.principal.username, detail)
        await self._commits.commit(IdentityChange(ends=(end,), events=(event,)))


def _user_id(caller: Caller) -> UUID:
    """Return the id of a user who has signed in."""
    caller.principal.require_sign_in()
    if caller.principal.user_id is None:
        raise CredentialNotAllowed
    return caller.principal.user_id
