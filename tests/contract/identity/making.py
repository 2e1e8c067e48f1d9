"""Short ways to make users, sessions and keys in tests."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.changes import IdentityChange, SessionStart
from catalog.domain.identity.roles import ROLE_SCOPES, Role
from catalog.domain.identity.security_log import SecurityEvent
from catalog.domain.identity.session import RefreshToken, Session, SessionKind, SessionLimits
from catalog.domain.identity.user import User
from catalog.ports.identity.storage import IdentityStorage
from tests.making import NOON, item_id

LIMITS = SessionLimits()


def seconds(number: float) -> timedelta:
    """Return a number of seconds."""
    return timedelta(seconds=number)


def event(number: int = 1, *, at: datetime = NOON, **fields: object) -> SecurityEvent:
    """Return an event of the security log."""
    detail = {"number": number, "text": "Grüße"}
    return SecurityEvent(**{"action": "access.denied", "at": at, "result": "denied", "detail": detail, **fields})  # type: ignore[arg-type]


async def add_user(identity: IdentityStorage, number: int, name: str | None = None, role: Role = "user") -> User:
    """Create a user."""
    change = User.create(user_id=item_id(number), username=name or f"user{number}", role=role, password_hash="hash", now=NOON)
    await identity.commit(IdentityChange(user=change, events=(event(action=change.kind),)))
    return change.subject


def session_of(user: User, number: int, *, at: datetime = NOON, secret: bytes | None = None) -> Session:
    """Return a new session."""
    kind: SessionKind = "token" if secret is None else "cookie"
    return Session.start(
        item_id(number),
        user,
        kind,
        ROLE_SCOPES[user.role],
        now=at,
        limits=LIMITS,
        address="192.0.2.1",
        user_agent="tests",
        secret_hash=secret,
    )


async def start_session(
    identity: IdentityStorage, user: User, number: int, *, at: datetime = NOON, secret: bytes | None = None
) -> Session:
    """Start a session; without a cookie's secret, with the refresh token `token NUMBER`."""
    session = session_of(user, number, at=at, secret=secret)
    token = RefreshToken(token_hash=token_hash(number), session_id=session.id, created_at=at) if secret is None else None
    await identity.commit(IdentityChange(start=SessionStart(session, user, token)))
    return session


def token_hash(number: int) -> bytes:
    """Return the hash of a refresh token. It has bytes that are no text."""
    return b"\x00\xff" + str(number).encode()


def key_of(user: User, number: int, *, at: datetime = NOON) -> ApiKey:
    """Return a new API key."""
    return ApiKey(
        id=item_id(number),
        user_id=user.id,
        name=f"key {number}",
        scopes=ROLE_SCOPES[user.role],
        secret_hash=token_hash(number),
        created_at=at,
    )


async def add_key(identity: IdentityStorage, user: User, number: int, *, at: datetime = NOON) -> ApiKey:
    """Make an API key."""
    key = key_of(user, number, at=at)
    await identity.commit(IdentityChange(new_key=key))
    return key


async def revoked_ids(identity: IdentityStorage, after: int = 0) -> frozenset[UUID]:
    """Return the ids that were revoked."""
    return (await identity.revocations(after, NOON - timedelta(days=1))).ids


async def commit_all(rivals: Sequence[IdentityStorage], changes: Sequence[IdentityChange]) -> list[BaseException | None]:
    """Commit changes at the same time, on all storages in turn. Return the error of each, or None."""
    commits = (rivals[number % len(rivals)].commit(change) for number, change in enumerate(changes))
    outcomes = await asyncio.gather(*commits, return_exceptions=True)
    return [outcome if isinstance(outcome, BaseException) else None for outcome in outcomes]
