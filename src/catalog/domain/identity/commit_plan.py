"""Decides whether an identity change can be committed, and which credentials it revokes. Every store asks it, under its lock."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from catalog.domain.change import Change
from catalog.domain.errors import StaleVersion
from catalog.domain.identity.api_key import MAX_API_KEYS
from catalog.domain.identity.changes import IdentityChange, SessionEnd, Setup
from catalog.domain.identity.errors import (
    ApiKeyNotFound,
    InvalidSetupToken,
    InvalidToken,
    LastAdmin,
    SessionNotFound,
    TooManyApiKeys,
    UsernameTaken,
)
from catalog.domain.identity.principal import Author
from catalog.domain.identity.security_log import KEY_REVOKED, SESSION_ENDED, SecurityEvent
from catalog.domain.identity.session import MAX_SESSIONS, PresentedToken, Rotation
from catalog.domain.identity.user import User


class StoredSession(NamedTuple):
    """A session as far as ending it needs."""

    id: UUID
    user_id: UUID
    has_ended: bool
    last_used_at: datetime


class StoredKey(NamedTuple):
    """An API key as far as revoking it needs."""

    id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class IdentityReads:
    """What a store has to read before a change can be decided.

    `setup` asks whether there is no user, and, if it has a token, whether that is stored and does not expire before `at`.
    `sessions_of` are users of whom all sessions are needed that have not ended, and `keys_of` those of whom all API keys are.
    """

    users: frozenset[UUID]
    username: str | None
    admins_except: UUID | None
    setup: Setup | None
    token_hash: bytes | None
    sessions: frozenset[UUID]
    sessions_of: frozenset[UUID]
    keys: frozenset[UUID]
    keys_of: frozenset[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredIdentity:
    """What a store holds of what a change touches (see IdentityReads)."""

    users: Mapping[UUID, User] = field(default_factory=dict)
    username_taken: bool = False
    has_other_admin: bool = True
    allows_setup: bool = False
    presented: PresentedToken | None = None
    sessions: Collection[StoredSession] = ()
    keys: Collection[StoredKey] = ()


@dataclass(frozen=True, slots=True)
class IdentityPlan:
    """What a change does to sessions and keys: those that end, those that are deleted, and a revocation for each id in `revoked`.

    `at` is the time of the revocations, and None if there are none. `events` are recorded after those of the change.
    """

    ended_sessions: frozenset[UUID] = frozenset()
    deleted_keys: frozenset[UUID] = frozenset()
    revoked: tuple[UUID, ...] = ()
    at: datetime | None = None
    events: tuple[SecurityEvent, ...] = ()


def identity_reads(change: IdentityChange) -> IdentityReads:
    """Return what has to be read before a change can be decided."""
    author, credential = (None, None) if change.author is None else (change.author.user_id, change.author.credential_id)
    deleted = {_changed_user(change)} if _is_deletion(change) else set()
    revocation = change.revocation
    key_users = (_key_owner(change), change.forget_keys_of, revocation.user_id if revocation else None, *deleted)
    creation = change.user if change.user is not None and change.user.before is None else None
    return IdentityReads(
        users=_present(_changed_user(change), _starting_user(change), _key_owner(change), author),
        username=None if creation is None else creation.subject.username,
        admins_except=_changed_user(change) if change.may_remove_admin else None,
        setup=change.setup,
        token_hash=None if change.rotation is None else change.rotation.before.token_hash,
        sessions=_present(*(end.session_id for end in change.ends), credential),
        sessions_of=_present(*(end.user_id for end in change.ends if end.session_id is None), _starting_user(change), *deleted),
        keys=_present(revocation.key_id if revocation else None, credential),
        keys_of=_present(*key_users),
    )


def plan_identity_commit(change: IdentityChange, stored: StoredIdentity) -> IdentityPlan:
    """Return what a change does. Raises: as IdentityStorage.commit."""
    users = dict(stored.users)
    if change.author is not None:
        _check_author(change.author, stored)
    if change.setup is not None and not stored.allows_setup:
        raise InvalidSetupToken
    if change.user is not None:
        _check_user(change.user, stored)
        if change.may_remove_admin and not stored.has_other_admin:
            raise LastAdmin(change.user.subject.username)
        users.pop(change.user.subject.id, None)
        if change.user.after is not None:
            users[change.user.after.id] = change.user.after
    if change.start is not None:
        _check_version(users.get(change.start.session.user_id), change.start.user)
    if change.rotation is not None:
        _check_rotation(change.rotation, stored.presented)
    if change.new_key is not None:
        _check_new_key(users.get(change.new_key.user_id), change.new_key.user_id, stored.keys)
    return _revocations(change, stored)


def _check_author(author: Author, stored: StoredIdentity) -> None:
    user = stored.users.get(author.user_id)
    credentials = {key.id for key in stored.keys} | {session.id for session in stored.sessions if not session.has_ended}
    if user is None or user.disabled or user.role != author.role or author.credential_id not in credentials:
        raise InvalidToken


def _check_user(user: Change[User], stored: StoredIdentity) -> None:
    if user.before is not None:
        _check_version(stored.users.get(user.before.id), user.before)
    elif user.subject.id in stored.users:
        raise StaleVersion(user.subject.id, "user")
    elif stored.username_taken:
        raise UsernameTaken(user.subject.username)


def _check_version(stored: User | None, expected: User) -> None:
    if stored is None or stored.version != expected.version:
        raise StaleVersion(expected.id, "user")


def _check_rotation(rotation: Rotation, presented: PresentedToken | None) -> None:
    """Check that the token is as it was when its replacement was decided, and that its session and user are still active."""
    is_current = (
        presented is not None
        and presented.token.used_at == rotation.before.used_at
        and not presented.successor_used
        and presented.has_room
        and presented.session.id == rotation.session.id
        and presented.session.ended_at is None
        and not presented.user.disabled
    )
    if not is_current:
        raise StaleVersion(rotation.session.id, "session")


def _check_new_key(owner: User | None, owner_id: UUID, keys: Collection[StoredKey]) -> None:
    if owner is None or owner.disabled:
        raise StaleVersion(owner_id, "user")
    if sum(key.user_id == owner_id for key in keys) >= MAX_API_KEYS:
        raise TooManyApiKeys(MAX_API_KEYS)


def _revocations(change: IdentityChange, stored: StoredIdentity) -> IdentityPlan:
    deleted_user = _changed_user(change) if _is_deletion(change) else None
    ended = {session.id for end in change.ends for session in _ended_by(end, stored)}
    displaced = _displaced(change, stored, ended)
    ended.update(displaced)
    deleted = {key.id for key in _deleted_keys(change, stored)}
    if deleted_user is not None:
        ended |= {session.id for session in stored.sessions if session.user_id == deleted_user and not session.has_ended}
        deleted |= {key.id for key in stored.keys if key.user_id == deleted_user}
    forgotten = {key.id for key in stored.keys if key.user_id == change.forget_keys_of}
    revoked = tuple(sorted(ended | deleted | forgotten))
    events = (*_displacements(change, displaced), *_key_revocations(change, deleted))
    return IdentityPlan(frozenset(ended), frozenset(deleted), revoked, change.at if revoked else None, events)


def _ended_by(end: SessionEnd, stored: StoredIdentity) -> Iterator[StoredSession]:
    """Return the sessions that end. One that has ended before ends without error: two requests may do the same."""
    if end.session_id is None:
        found = [session for session in stored.sessions if session.user_id == end.user_id]
    else:
        found = [session for session in stored.sessions if session.id == end.session_id]
        if not found or end.user_id not in (None, found[0].user_id):
            raise SessionNotFound(end.session_id)
    return (session for session in found if not session.has_ended)


def _displaced(change: IdentityChange, stored: StoredIdentity, ended: Collection[UUID]) -> Sequence[UUID]:
    """Return the sessions that end because another one of the user starts: those that were not used for the longest time."""
    user_id = _starting_user(change)
    others = [
        session for session in stored.sessions if session.user_id == user_id and not session.has_ended and session.id not in ended
    ]
    others.sort(key=lambda session: (session.last_used_at, session.id))
    return [session.id for session in others[: max(0, len(others) + 1 - MAX_SESSIONS)]]


def _displacements(change: IdentityChange, displaced: Collection[UUID]) -> list[SecurityEvent]:
    """Return the events of sessions that end because another one starts."""
    reason = f"more than {MAX_SESSIONS} sessions"
    return [_consequence(change, SESSION_ENDED, {"session": str(session_id), "reason": reason}) for session_id in displaced]


def _key_revocations(change: IdentityChange, deleted: Collection[UUID]) -> list[SecurityEvent]:
    """Return the events of all keys that are deleted with a user or a password. That of a single key comes with the change."""
    named = None if change.revocation is None else change.revocation.key_id
    return [_consequence(change, KEY_REVOKED, {"key": str(key_id)}) for key_id in sorted(deleted) if key_id != named]


def _consequence(change: IdentityChange, action: str, detail: Mapping[str, str | int]) -> SecurityEvent:
    """Return an event that follows from the change. Who, from where and of which user is as in the change's first event."""
    cause = change.events[0] if change.events else SecurityEvent(action=action, at=change.at)
    return replace(cause, action=action, detail=detail)


def _deleted_keys(change: IdentityChange, stored: StoredIdentity) -> Iterator[StoredKey]:
    revocation = change.revocation
    if revocation is None:
        return iter(())
    if revocation.key_id is None:
        return (key for key in stored.keys if key.user_id == revocation.user_id)
    found = [key for key in stored.keys if key.id == revocation.key_id]
    if not found or revocation.user_id not in (None, found[0].user_id):
        raise ApiKeyNotFound(revocation.key_id)
    return iter(found)


def _changed_user(change: IdentityChange) -> UUID | None:
    return None if change.user is None else change.user.subject.id


def _starting_user(change: IdentityChange) -> UUID | None:
    return None if change.start is None else change.start.session.user_id


def _key_owner(change: IdentityChange) -> UUID | None:
    return None if change.new_key is None else change.new_key.user_id


def _is_deletion(change: IdentityChange) -> bool:
    return change.user is not None and change.user.after is None


def _present(*ids: UUID | None) -> frozenset[UUID]:
    return frozenset(key for key in ids if key is not None)
