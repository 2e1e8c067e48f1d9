"""In-memory identity storage. It keeps every promise of the port except durability."""

import operator
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from catalog.adapters.memory.security_log import MemorySecurityLog
from catalog.domain.errors import StoreUnavailable
from catalog.domain.hash_chain import ChainEnd
from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.audit import AuditFilter
from catalog.domain.identity.changes import IdentityChange, SessionStart
from catalog.domain.identity.commit_plan import (
    IdentityPlan,
    StoredIdentity,
    StoredKey,
    StoredSession,
    identity_reads,
    plan_identity_commit,
)
from catalog.domain.identity.security_log import SecurityEntry, SecurityEvent
from catalog.domain.identity.session import KEPT_AFTER_END, PresentedToken, RefreshToken, Session
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.domain.identity.user import User
from catalog.ports.identity.storage import IdentityStorage, Revocations
from catalog.ports.storage import StorageOptions


class _Revocation(NamedTuple):
    seq: int
    id: UUID
    at: datetime


class MemoryIdentityStorage(IdentityStorage):
    """Dictionaries. No method awaits while it reads or writes, so each is a transaction."""

    durable = False

    def __init__(self) -> None:
        """Start empty."""
        self._users: dict[UUID, User] = {}
        self._user_ids: dict[str, UUID] = {}
        self._sessions: dict[UUID, Session] = {}
        self._tokens: dict[bytes, RefreshToken] = {}
        self._keys: dict[UUID, ApiKey] = {}
        self._setup_tokens: dict[bytes, datetime] = {}
        self._signing_keys: dict[str, StoredSigningKey] = {}
        self._revocations: list[_Revocation] = []
        self._revocation_head = 0
        self._revocation_floor = 0
        self._log = MemorySecurityLog()
        self._closed = False

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Refuse further commits."""
        self._closed = True

    async def user(self, key: UUID | str) -> User | None:
        """Look up a user."""
        user_id = self._user_ids.get(key) if isinstance(key, str) else key
        return None if user_id is None else self._users.get(user_id)

    async def users(self, search: str, *, after: str | None, limit: int) -> Sequence[User]:
        """Sort the matching names."""
        names = sorted(name for name in self._user_ids if search in name and (after is None or name > after))
        return [self._users[self._user_ids[name]] for name in names[:limit]]

    async def has_users(self) -> bool:
        """Return whether there are any."""
        return bool(self._users)

    async def add_setup_token(self, token_hash: bytes, expires_at: datetime) -> None:
        """Note a hash."""
        self._check_open()
        self._setup_tokens[token_hash] = expires_at

    async def has_setup_token(self, token_hash: bytes, now: datetime) -> bool:
        """Look up a hash."""
        return self._is_setup_token(token_hash, now)

    async def sessions_of(self, user_id: UUID) -> Sequence[Session]:
        """Filter the sessions."""
        return _newest_first(
            session for session in self._sessions.values() if session.user_id == user_id and not session.ended_at
        )

    async def session(self, session_id: UUID) -> tuple[Session, User] | None:
        """Look up a session."""
        session = self._sessions.get(session_id)
        return None if session is None else (session, self._users[session.user_id])

    async def all_sessions(self) -> Sequence[tuple[Session, User]]:
        """Filter the sessions of each user."""
        users = sorted(self._users.values(), key=operator.attrgetter("username"))
        return [(session, user) for user in users for session in await self.sessions_of(user.id)]

    async def session_of_browser(self, secret_hash: bytes) -> tuple[Session, User] | None:
        """Search the sessions."""
        for session in self._sessions.values():
            if session.secret_hash == secret_hash:
                return session, self._users[session.user_id]
        return None

    async def refresh_token(self, token_hash: bytes) -> PresentedToken | None:
        """Look up a token."""
        return self._presented(token_hash)

    async def revocations(self, after: int, since: datetime) -> Revocations:
        """Return the end of the list."""
        later = self._revocations[bisect_right(self._revocations, after, key=operator.itemgetter(0)) :]
        recent = frozenset(revocation.id for revocation in later if revocation.at >= since)
        complete = after >= self._revocation_floor and all(revocation.at >= since for revocation in later)
        return Revocations(self._revocation_head, recent, complete)

    async def api_key(self, key_id: UUID) -> tuple[ApiKey, User] | None:
        """Look up a key."""
        key = self._keys.get(key_id)
        return None if key is None else (key, self._users[key.user_id])

    async def api_keys(self, user_id: UUID | None = None) -> Sequence[ApiKey]:
        """Filter the keys."""
        return _newest_first(key for key in self._keys.values() if user_id in (None, key.user_id))

    async def signing_keys(self) -> Sequence[StoredSigningKey]:
        """Sort the keys."""
        return _newest_first(self._signing_keys.values())

    async def add_signing_key(self, key: StoredSigningKey, events: Sequence[SecurityEvent], *, only_first: bool = False) -> None:
        """Add a key, unless there is one."""
        self._check_open()
        if not (only_first and self._signing_keys):
            self._signing_keys[key.id] = key
            self._log.append(events)

    async def delete_signing_keys(self, key_ids: Collection[str]) -> None:
        """Delete keys."""
        self._check_open()
        self._signing_keys = {key_id: key for key_id, key in self._signing_keys.items() if key_id not in key_ids}

    async def record(self, events: Sequence[SecurityEvent]) -> None:
        """Append to the log."""
        self._check_open()
        self._log.append(events)

    async def security_entries(self, audit_filter: AuditFilter, *, before: int | None, limit: int) -> Sequence[SecurityEntry]:
        """Search the log from its end."""
        return self._log.latest(audit_filter, before, limit)

    async def security_chain(self, after: int, limit: int) -> Sequence[SecurityEntry]:
        """Return a part of the log."""
        return self._log.after(after, limit)

    async def security_heads(self) -> tuple[ChainEnd, ChainEnd]:
        """Return the anchor and the head."""
        return self._log.floor, self._log.head

    async def prune_security_log(self, up_to_seq: int) -> None:
        """Cut off the beginning of the log."""
        self._check_open()
        self._log.prune(up_to_seq)

    async def commit(self, change: IdentityChange) -> Revocations:
        """Decide, then write."""
        self._check_open()
        plan = plan_identity_commit(change, self._stored(change))
        self._write_user(change)
        if change.setup is not None:
            self._setup_tokens.clear()
        for session_id in plan.ended_sessions & self._sessions.keys():
            self._sessions[session_id] = replace(self._sessions[session_id], ended_at=plan.at)
        for key_id in plan.deleted_keys:
            self._keys.pop(key_id, None)
        if change.start is not None:
            self._start_session(change.start)
        if change.rotation is not None:
            session = change.rotation.session
            self._sessions[session.id] = replace(self._sessions[session.id], last_used_at=session.last_used_at)
            self._add_token(change.rotation.after)
            self._add_token(change.rotation.successor)
        if change.new_key is not None:
            self._keys[change.new_key.id] = change.new_key
        self._revoke(plan)
        self._log.append([*change.events, *plan.events])
        return Revocations(self._revocation_head, frozenset(plan.revoked))

    async def touch(self, used_at: Mapping[UUID, datetime]) -> None:
        """Note the times that are later than those noted before."""
        self._check_open()
        for key, at in used_at.items():
            if key in self._sessions:
                session = self._sessions[key]
                self._sessions[key] = replace(session, last_used_at=max(session.last_used_at, at))
            elif key in self._keys:
                api_key = self._keys[key]
                self._keys[key] = replace(api_key, last_used_at=max(api_key.last_used_at or at, at))

    async def delete_expired(self, now: datetime) -> None:
        """Filter setup tokens, sessions, tokens and revocations."""
        self._check_open()
        self._setup_tokens = {key: expires_at for key, expires_at in self._setup_tokens.items() if expires_at > now}
        limit = now - KEPT_AFTER_END
        self._keep_sessions(lambda session: min(session.expires_at, session.ended_at or session.expires_at) >= limit)
        expired = [revocation.seq for revocation in self._revocations if revocation.at < limit]
        if expired:
            self._revocation_floor = expired[-1]
            self._revocations = [revocation for revocation in self._revocations if revocation.seq > self._revocation_floor]

    def _check_open(self) -> None:
        if self._closed:
            message = "The store is closed; nothing was written."
            raise StoreUnavailable(message)

    def _stored(self, change: IdentityChange) -> StoredIdentity:
        """Return what a change is decided on."""
        reads = identity_reads(change)
        return StoredIdentity(
            users=self._users,
            username_taken=reads.username in self._user_ids,
            has_other_admin=reads.admins_except is None
            or any(user.is_active_admin and user.id != reads.admins_except for user in self._users.values()),
            allows_setup=reads.setup is not None
            and not self._users
            and (reads.setup.token_hash is None or self._is_setup_token(reads.setup.token_hash, reads.setup.at)),
            presented=None if reads.token_hash is None else self._presented(reads.token_hash),
            sessions=[
                StoredSession(session.id, session.user_id, session.ended_at is not None, session.last_used_at)
                for session in self._sessions.values()
                if session.id in reads.sessions or session.user_id in reads.sessions_of
            ],
            keys=[
                StoredKey(key.id, key.user_id)
                for key in self._keys.values()
                if key.id in reads.keys or key.user_id in reads.keys_of
            ],
        )

    def _is_setup_token(self, token_hash: bytes, now: datetime) -> bool:
        expires_at = self._setup_tokens.get(token_hash)
        return expires_at is not None and now < expires_at

    def _presented(self, token_hash: bytes) -> PresentedToken | None:
        token = self._tokens.get(token_hash)
        if token is None:
            return None
        session = self._sessions[token.session_id]
        successor_used = any(other.parent == token_hash and other.used_at is not None for other in self._tokens.values())
        unused_tokens = 0
        if token.used_at is not None:
            unused_tokens = sum(other.session_id == session.id and other.used_at is None for other in self._tokens.values())
        return PresentedToken(token, session, self._users[session.user_id], successor_used, unused_tokens)

    def _write_user(self, change: IdentityChange) -> None:
        if change.user is None:
            return
        user = change.user.subject
        if change.user.after is not None:
            self._users[user.id] = user
            self._user_ids[user.username] = user.id
            return
        del self._users[user.id], self._user_ids[user.username]
        self._keep_sessions(lambda session: session.user_id != user.id)

    def _keep_sessions(self, keep: Callable[[Session], bool]) -> None:
        """Delete all other sessions, with their tokens."""
        self._sessions = {key: session for key, session in self._sessions.items() if keep(session)}
        self._tokens = {key: token for key, token in self._tokens.items() if token.session_id in self._sessions}

    def _start_session(self, start: SessionStart) -> None:
        self._sessions[start.session.id] = start.session
        self._add_token(start.token)
        if start.tokens_of is not None:
            for token in [token for token in self._tokens.values() if token.session_id == start.tokens_of]:
                self._add_token(replace(token, session_id=start.session.id))

    def _add_token(self, token: RefreshToken | None) -> None:
        if token is not None:
            self._tokens[token.token_hash] = token

    def _revoke(self, plan: IdentityPlan) -> None:
        if plan.at is None:
            return
        for revoked in plan.revoked:
            self._revocation_head += 1
            self._revocations.append(_Revocation(self._revocation_head, revoked, plan.at))


def open_memory_identity(_options: StorageOptions) -> MemoryIdentityStorage:
    """Return the identity storage for `memory://`."""
    return MemoryIdentityStorage()


class _Dated(Protocol):
    @property
    def id(self) -> UUID | str: ...

    @property
    def created_at(self) -> datetime: ...


D = TypeVar("D", bound=_Dated)


def _newest_first(values: Iterable[D]) -> list[D]:
    return sorted(values, key=lambda value: (value.created_at, str(value.id)), reverse=True)
