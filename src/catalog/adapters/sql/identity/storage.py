"""Identity storage on a SQL database, beside the catalog's tables and with connections of its own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select

from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.identity.commit import IdentityCommitter
from catalog.adapters.sql.identity.log_appends import LogAppends
from catalog.adapters.sql.identity.maintenance import IdentityMaintenance
from catalog.adapters.sql.identity.reads import IdentityReads
from catalog.adapters.sql.identity.row_mapping import SIGNING_KEY_ROW, from_signing_key
from catalog.adapters.sql.identity.security_log import SqlSecurityLog
from catalog.adapters.sql.identity.tables import setup_tokens, signing_keys
from catalog.adapters.sql.identity.transactions import IdentityTransactions, LockedIdentity, Step
from catalog.domain.hash_chain import ChainEnd
from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.audit import AuditFilter
from catalog.domain.identity.changes import IdentityChange
from catalog.domain.identity.security_log import SecurityEntry, SecurityEvent
from catalog.domain.identity.session import PresentedToken, Session
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.domain.identity.user import User
from catalog.ports.identity.storage import IdentityStorage, Revocations
from catalog.ports.storage import StorageOptions

_POOL_SIZE = 2
"""Connections for reading. Few requests read: what is looked up is remembered."""


def identity_options(options: StorageOptions) -> StorageOptions:
    """Return the options of a storage with smaller pools, for the connections of identity."""
    return replace(options, pool_size=min(options.pool_size, _POOL_SIZE), pool_overflow=min(options.pool_overflow, _POOL_SIZE))


class SqlIdentityStorage(IdentityStorage):
    """An `IdentityStorage` on SQLAlchemy Core; the dialect locks `identity_head` (see `transactions`)."""

    durable = True

    def __init__(self, database: SqlDatabase, dialect: SqlDialect) -> None:
        """Store in a database."""
        self._database = database
        self._dialect = dialect
        self._transactions = IdentityTransactions(database)
        self._log_appends = LogAppends(database, dialect)
        self._reads = IdentityReads(database, dialect)
        self._committer = IdentityCommitter(database, dialect, self._transactions, self._log_appends)
        self._log = SqlSecurityLog(database, dialect, self._transactions, self._log_appends)
        self._maintenance = IdentityMaintenance(database, dialect, self._transactions)
        self._any_signing_key = database.compile(select(signing_keys.c.id).order_by(signing_keys.c.id).limit(1))
        self._insert_setup_token = database.compile(dialect.insert(setup_tokens))
        self._insert_signing_key = database.compile(dialect.insert(signing_keys))
        self._delete_signing_keys = database.compile(delete(signing_keys).where(dialect.any_of(signing_keys.c.id, "ids")))

    async def open(self) -> None:
        """Do nothing: the engines connect on first use."""

    async def close(self) -> None:
        """Refuse further commits, finish those under way, and close the connections."""
        await self._transactions.close()
        await self._database.close()

    async def user(self, key: UUID | str) -> User | None:
        """Look up a user."""
        return await self._reads.user(key)

    async def users(self, search: str, *, after: str | None, limit: int) -> Sequence[User]:
        """Walk along the index of names."""
        return await self._reads.users(search, after, limit)

    async def has_users(self) -> bool:
        """Look for one."""
        return await self._reads.has_users()

    async def add_setup_token(self, token_hash: bytes, expires_at: datetime) -> None:
        """Add a setup token."""
        row = self._dialect.bulk(self._insert_setup_token, ("token_hash", "expires_at"), [(token_hash, expires_at)])

        async def decide(_locked: LockedIdentity) -> Sequence[Step]:
            return [[row]]

        await self._transactions.run(decide)

    async def has_setup_token(self, token_hash: bytes, now: datetime) -> bool:
        """Look up a setup token."""
        return await self._reads.has_setup_token(token_hash, now)

    async def sessions_of(self, user_id: UUID) -> Sequence[Session]:
        """Look up a user's sessions."""
        return await self._reads.sessions_of(user_id)

    async def session(self, session_id: UUID) -> tuple[Session, User] | None:
        """Look up a session."""
        return await self._reads.session(session_id)

    async def all_sessions(self) -> Sequence[tuple[Session, User]]:
        """Read those of all users."""
        return await self._reads.all_sessions()

    async def session_of_browser(self, secret_hash: bytes) -> tuple[Session, User] | None:
        """Look up a session by its cookie."""
        return await self._reads.session_of_browser(secret_hash)

    async def refresh_token(self, token_hash: bytes) -> PresentedToken | None:
        """Look up a token."""
        return await self._reads.refresh_token(token_hash)

    async def revocations(self, after: int, since: datetime) -> Revocations:
        """Read the end of the revocations."""
        return await self._reads.revocations(after, since)

    async def api_key(self, key_id: UUID) -> tuple[ApiKey, User] | None:
        """Look up a key."""
        return await self._reads.api_key(key_id)

    async def api_keys(self, user_id: UUID | None = None) -> Sequence[ApiKey]:
        """Look up a user's keys, or read all."""
        return await self._reads.api_keys(user_id)

    async def signing_keys(self) -> Sequence[StoredSigningKey]:
        """Read all."""
        return await self._reads.signing_keys()

    async def add_signing_key(self, key: StoredSigningKey, events: Sequence[SecurityEvent], *, only_first: bool = False) -> None:
        """Add a key, unless there is one."""
        row = self._dialect.bulk(self._insert_signing_key, SIGNING_KEY_ROW, [from_signing_key(key)])

        async def decide(locked: LockedIdentity) -> Sequence[Step]:
            if only_first and await self._has_signing_keys(locked):
                return []
            return [[row, *self._log_appends.statements(locked.heads.log, events)]]

        await self._transactions.run(decide)

    async def _has_signing_keys(self, locked: LockedIdentity) -> bool:
        statement = self._any_signing_key
        return bool(await self._dialect.fetch(locked.driver, statement.sql, statement.parameters({})))

    async def delete_signing_keys(self, key_ids: Collection[str]) -> None:
        """Delete keys."""
        deletion = self._delete_signing_keys.bind(ids=self._dialect.list_parameter(key_ids))

        async def decide(_locked: LockedIdentity) -> Sequence[Step]:
            return [[deletion]]

        await self._transactions.run(decide)

    async def record(self, events: Sequence[SecurityEvent]) -> None:
        """Append events, a few in each transaction."""
        await self._log.record(events)

    async def security_entries(self, audit_filter: AuditFilter, *, before: int | None, limit: int) -> Sequence[SecurityEntry]:
        """Read with a filter."""
        return await self._log.latest(audit_filter, before, limit)

    async def security_chain(self, after: int, limit: int) -> Sequence[SecurityEntry]:
        """Read in order."""
        return await self._log.chain(after, limit)

    async def security_heads(self) -> tuple[ChainEnd, ChainEnd]:
        """Read the row of the heads."""
        heads = await self._transactions.heads()
        return heads.log_floor, heads.log

    async def prune_security_log(self, up_to_seq: int) -> None:
        """Delete the oldest entries, some in each transaction."""
        await self._log.prune(up_to_seq)

    async def commit(self, change: IdentityChange) -> Revocations:
        """Commit in a transaction that holds the lock of identity."""
        return await self._committer.commit(change)

    async def touch(self, used_at: Mapping[UUID, datetime]) -> None:
        """Update rows, some in each transaction."""
        await self._maintenance.touch(used_at)

    async def delete_expired(self, now: datetime) -> None:
        """Delete rows, some in each transaction."""
        await self._maintenance.delete_expired(now)
