"""The identity storage port: where users, sessions, API keys, signing keys and the security log are stored.

tests/contract/identity checks every adapter against it. It is separate from the catalog's storage: it has its own tables and
transactions, and never takes the lock that orders the catalog's commits.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from catalog.domain.hash_chain import ChainEnd
from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.audit import AuditFilter
from catalog.domain.identity.changes import IdentityChange
from catalog.domain.identity.security_log import SecurityEntry, SecurityEvent
from catalog.domain.identity.session import PresentedToken, Session
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.domain.identity.user import User
from catalog.ports.storage.lifecycle import Lifecycle


@dataclass(frozen=True, slots=True)
class Revocations:
    """Sessions and API keys that a process has to forget: their ids, and the number of the last revocation.

    `complete` is False if some after the requested number are missing, because they were deleted or are too old, so that the
    process has to forget everything.
    """

    seq: int
    ids: frozenset[UUID] = frozenset()
    complete: bool = True


class Users(Protocol):
    """Finds users."""

    @abstractmethod
    async def user(self, key: UUID | str) -> User | None:
        """Return the user with this id or username."""

    @abstractmethod
    async def users(self, search: str, *, after: str | None, limit: int) -> Sequence[User]:
        """Return up to `limit` users by username, those after `after`, whose username contains `search`."""

    @abstractmethod
    async def has_users(self) -> bool:
        """Return whether there are any."""

    @abstractmethod
    async def add_setup_token(self, token_hash: bytes, expires_at: datetime) -> None:
        """Store a token that allows the creation of the first user (see Setup)."""

    @abstractmethod
    async def has_setup_token(self, token_hash: bytes, now: datetime) -> bool:
        """Return whether a setup token with this hash is stored and has not expired."""


class Sessions(Protocol):
    """Finds sessions."""

    @abstractmethod
    async def sessions_of(self, user_id: UUID) -> Sequence[Session]:
        """Return the sessions of a user that have not ended, at most MAX_SESSIONS, the newest first. Some may have expired."""

    @abstractmethod
    async def session(self, session_id: UUID) -> tuple[Session, User] | None:
        """Return the session with this id, and its user. It may have ended."""

    @abstractmethod
    async def all_sessions(self) -> Sequence[tuple[Session, User]]:
        """Return the sessions of all users that have not ended, by username and the newest first. Some may have expired."""

    @abstractmethod
    async def session_of_browser(self, secret_hash: bytes) -> tuple[Session, User] | None:
        """Return the session whose cookie has this hash, and its user. It may have ended."""

    @abstractmethod
    async def refresh_token(self, token_hash: bytes) -> PresentedToken | None:
        """Return the refresh token with this hash, with its session and user. The session may have ended."""

    @abstractmethod
    async def revocations(self, after: int, since: datetime) -> Revocations:
        """Return the revocations after number `after`, without those before `since`."""


class ApiKeys(Protocol):
    """Finds API keys."""

    @abstractmethod
    async def api_key(self, key_id: UUID) -> tuple[ApiKey, User] | None:
        """Return the API key with this id, and its user."""

    @abstractmethod
    async def api_keys(self, user_id: UUID | None = None) -> Sequence[ApiKey]:
        """Return the API keys of a user, or of all users, the newest first."""


class SigningKeys(Protocol):
    """Keeps the keys that sign access tokens."""

    @abstractmethod
    async def signing_keys(self) -> Sequence[StoredSigningKey]:
        """Return the signing keys, the newest first."""

    @abstractmethod
    async def add_signing_key(self, key: StoredSigningKey, events: Sequence[SecurityEvent], *, only_first: bool = False) -> None:
        """Add a signing key. With `only_first`, do nothing if there is one: several processes may start at the same time."""

    @abstractmethod
    async def delete_signing_keys(self, key_ids: Collection[str]) -> None:
        """Delete signing keys that no valid token was signed with."""


class SecurityLog(Protocol):
    """Keeps the security log. Each entry has a digest of itself and of the one before (catalog.domain.hash_chain)."""

    @abstractmethod
    async def record(self, events: Sequence[SecurityEvent]) -> None:
        """Append events, in order. If it fails, the first ones may have been appended: a large batch is several transactions."""

    @abstractmethod
    async def security_entries(self, audit_filter: AuditFilter, *, before: int | None, limit: int) -> Sequence[SecurityEntry]:
        """Return up to `limit` entries that match the filter, the newest first; only those with a number below `before`."""

    @abstractmethod
    async def security_chain(self, after: int, limit: int) -> Sequence[SecurityEntry]:
        """Return up to `limit` entries after number `after`, the oldest first, as they are stored."""

    @abstractmethod
    async def security_heads(self) -> tuple[ChainEnd, ChainEnd]:
        """Return the last entry that was pruned, and the last entry, both as noted apart from the log."""

    @abstractmethod
    async def prune_security_log(self, up_to_seq: int) -> None:
        """Delete the entries up to this number. The digest of the last one is kept."""


class IdentityStorage(Lifecycle, Users, Sessions, ApiKeys, SigningKeys, SecurityLog, Protocol):
    """Stores users, sessions, API keys, signing keys and the security log.

    Any method except `open` may raise StoreUnavailable or SchemaOutdated, and those that write OutOfSpace.
    """

    @abstractmethod
    async def commit(self, change: IdentityChange) -> Revocations:
        """Commit a change, its events included, or nothing. `plan_identity_commit` decides what that means.

        Returns what it has revoked: `seq` is the number of the last one, and those of the others lie just below it.
        Raises: StaleVersion if the user, the token or the session is not as the change expects, UsernameTaken, LastAdmin,
        TooManyApiKeys, InvalidToken if the author's credential was revoked or the first user may not be created, SessionNotFound
        or ApiKeyNotFound if what should end does not exist or is not the user's.
        """

    @abstractmethod
    async def touch(self, used_at: Mapping[UUID, datetime]) -> None:
        """Note when sessions and API keys, by id, were last used. Ids that do not exist are ignored."""

    @abstractmethod
    async def delete_expired(self, now: datetime) -> None:
        """Delete sessions that ended or expired long ago, their tokens, old revocations, and expired setup tokens."""
