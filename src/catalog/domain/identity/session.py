"""Sessions: what begins with a sign-in and ends with a sign-out, and the refresh tokens that keep one alive.

A refresh token is used once: it is replaced by its successor. If a used one is presented again, somebody has a copy, and the
session ends (RFC 9700, section 4.14.2). But two tabs of one client may present the same token at nearly the same time, and a
client may lose the response. So for some seconds a used token may be presented again, as long as no successor was used.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Self
from uuid import UUID

from catalog.domain.identity.errors import InvalidToken
from catalog.domain.identity.scopes import Scopes
from catalog.domain.identity.user import User

GRACE = timedelta(seconds=10)
"""How long a refresh token may be presented again after its first use."""

MAX_UNUSED_TOKENS = 100
"""Refresh tokens of a session that nobody has used yet. Each client has one; those of responses that were lost stay.

Beyond it, only the first use of a token gets another one: within the grace, each presentation would add one.
"""

MAX_SESSIONS = 100
"""Sessions that a user can have. When another one starts, the one that was not used for the longest time ends."""

MAX_USER_AGENT = 200
"""Maximum length of the name that a client gives itself, in characters. The rest is cut."""

MAX_ACCESS_LIFE = timedelta(hours=1)
"""How long an access token may be valid at most, whatever the settings say. Processes know the revocations of that time."""

JUST_ENDED = timedelta(minutes=1)
"""How long after the end of a session a browser may still get responses to requests that it sent with its cookie."""

KEPT_AFTER_END = timedelta(days=1)
"""How long sessions are kept after they ended or expired, and revocations after they happened. Longer than any access token."""

SessionKind = Literal["token", "cookie"]
"""Whether the client has tokens, or a browser has a cookie."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session may last at most (`total`), and without being used (`idle`)."""

    idle: timedelta = timedelta(days=7)
    total: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session of a user. `scopes` are those that were asked for, or those of the role.

    `secret_hash` is the SHA-256 of a browser's cookie, and None for tokens, which have hashes of their own. `expires_at` does
    not move; without use the session ends earlier. `ended_at` is None while it lasts.
    """

    id: UUID
    user_id: UUID
    kind: SessionKind
    scopes: Scopes
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str | None = None
    user_agent: str | None = None
    secret_hash: bytes | None = None
    ended_at: datetime | None = None

    @classmethod
    def start(  # noqa: PLR0913 - each is a fact about the sign-in
        cls,
        session_id: UUID,
        user: User,
        kind: SessionKind,
        scopes: Scopes,
        *,
        now: datetime,
        limits: SessionLimits,
        address: str | None = None,
        user_agent: str | None = None,
        secret_hash: bytes | None = None,
    ) -> Self:
        """Return a new session of a user."""
        return cls(
            id=session_id,
            user_id=user.id,
            kind=kind,
            scopes=scopes,
            created_at=now,
            last_used_at=now,
            expires_at=now + limits.total,
            address=address,
            user_agent=None if user_agent is None else user_agent[:MAX_USER_AGENT],
            secret_hash=secret_hash,
        )

    def renew(self, session_id: UUID, *, now: datetime, secret_hash: bytes | None = None) -> Self:
        """Return the session under another id, so that access tokens and the cookie from before end. It does not last longer."""
        return replace(self, id=session_id, secret_hash=secret_hash, last_used_at=now)

    def has_just_ended(self, now: datetime) -> bool:
        """Return whether the session ended a moment ago. It may have been renewed, or its user has signed in again."""
        return self.ended_at is not None and now - self.ended_at < JUST_ENDED

    def is_live(self, now: datetime, limits: SessionLimits) -> bool:
        """Return whether the session has neither ended nor expired."""
        return self.ended_at is None and now < min(self.expires_at, self.last_used_at + limits.idle)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """A refresh token: its SHA-256, and the token that it succeeds. `used_at` is its first use."""

    token_hash: bytes
    session_id: UUID
    parent: bytes | None = None
    created_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """What a store knows about a refresh token that a client presents.

    `unused_tokens` is the number of tokens of the session that nobody has used yet. Only of a token that was used before.
    """

    token: RefreshToken
    session: Session
    user: User
    successor_used: bool = False
    unused_tokens: int = 0

    @property
    def has_room(self) -> bool:
        """Whether the token may get a successor: its first use adds none to those of the session that are not used yet."""
        return self.token.used_at is None or self.unused_tokens < MAX_UNUSED_TOKENS


@dataclass(frozen=True, slots=True)
class Rotation:
    """The replacement of a refresh token by its successor.

    A store commits it only if the token has the same `used_at` and session as before, no successor was used, the session has
    room for another token, and neither the session has ended nor the user was disabled; otherwise it raises StaleVersion, and
    the caller decides again.
    """

    before: RefreshToken
    after: RefreshToken
    successor: RefreshToken
    session: Session


def rotate(presented: PresentedToken, successor_hash: bytes, *, now: datetime, limits: SessionLimits) -> Rotation | None:
    """Return the replacement of a refresh token; None if it was stolen, so that the session has to end.

    Raises: InvalidToken if the session has ended or expired, has too many tokens, or the user is disabled.
    """
    token, session = presented.token, presented.session
    if not session.is_live(now, limits) or presented.user.disabled:
        raise InvalidToken
    if token.used_at is not None and (presented.successor_used or now - token.used_at > GRACE):
        return None
    if not presented.has_room:
        message = "The session has too many refresh tokens that are not used; use one of them, or sign in again."
        raise InvalidToken(message)
    successor = RefreshToken(token_hash=successor_hash, session_id=session.id, parent=token.token_hash, created_at=now)
    return Rotation(token, replace(token, used_at=token.used_at or now), successor, replace(session, last_used_at=now))
