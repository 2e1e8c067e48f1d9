"""Identity changes: what is written to the identity store together or not at all."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from catalog.domain.change import Change
from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.principal import Author
from catalog.domain.identity.security_log import SecurityEvent
from catalog.domain.identity.session import RefreshToken, Rotation, Session
from catalog.domain.identity.user import User


@dataclass(frozen=True, slots=True)
class SessionStart:
    """A new session, with its first refresh token unless it is that of a browser.

    It is committed only if the user has still the same version, so that nobody signs in with a password just replaced. Another
    session of the user ends if there are too many (see MAX_SESSIONS). If it replaces a session, which ends with the same change,
    it takes over the refresh tokens of that one (`tokens_of`).
    """

    session: Session
    user: User
    token: RefreshToken | None = None
    tokens_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """Ends one session (`session_id`), or all of a user."""

    at: datetime
    session_id: UUID | None = None
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class KeyRevocation:
    """Deletes one API key (`key_id`), or all of a user. Then each has an event, which `plan_identity_commit` adds."""

    key_id: UUID | None = None
    user_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """The creation of the first user. It is committed only if there is no user, and the token, if any, is stored and valid.

    It deletes all setup tokens.
    """

    at: datetime
    token_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """A user's change, sessions that start, go on or end, keys that are made or revoked, and the events that tell of it.

    With an `author`, it is committed only if the author's user, role and credential are still valid when it is: a process may
    notice a moment too late that a session was revoked, and a key or a user that it makes would stay.
    `forget_keys_of` is a user whose keys the processes have to look up again, because the user was disabled or enabled.
    """

    author: Author | None = None
    user: Change[User] | None = None
    setup: Setup | None = None
    start: SessionStart | None = None
    rotation: Rotation | None = None
    ends: tuple[SessionEnd, ...] = ()
    new_key: ApiKey | None = None
    revocation: KeyRevocation | None = None
    forget_keys_of: UUID | None = None
    events: tuple[SecurityEvent, ...] = ()

    @property
    def at(self) -> datetime:
        """The time of the change. Raises: ValueError if no part of it has one: what revokes a key needs an event."""
        times = [end.at for end in self.ends] + [event.at for event in self.events]
        if self.user is not None:
            times.append(self.user.at)
        if self.start is not None:
            times.append(self.start.session.last_used_at)
        if not times:
            message = "A change that revokes API keys needs an event"
            raise ValueError(message)
        return max(times)

    @property
    def may_remove_admin(self) -> bool:
        """Whether there is an active admin less afterwards. A store then raises LastAdmin if it was the last one."""
        change = self.user
        if change is None or change.before is None or not change.before.is_active_admin:
            return False
        return change.after is None or not change.after.is_active_admin
