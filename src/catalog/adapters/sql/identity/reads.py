"""Reads of users, sessions and keys. Each statement finds its rows through an index."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, bindparam, case, exists, func, literal_column, select

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.identity.row_mapping import (
    KEY_COLUMNS,
    SESSION_COLUMNS,
    SIGNING_KEY_COLUMNS,
    TOKEN_COLUMNS,
    USER_COLUMNS,
    to_key,
    to_presented_token,
    to_session,
    to_signing_key,
    to_user,
)
from catalog.adapters.sql.identity.tables import (
    EVERY_USER,
    NO_HEAD,
    THE_IDENTITY_HEAD,
    api_keys,
    identity_head,
    refresh_tokens,
    revocations,
    sessions,
    setup_tokens,
    signing_keys,
    users,
)
from catalog.domain.errors import SchemaOutdated
from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.session import PresentedToken, Session
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.domain.identity.user import User
from catalog.ports.identity.storage import Revocations

_SESSION_END = len(SESSION_COLUMNS)
_KEY_END = len(KEY_COLUMNS)


def presented_token_statement() -> Select[Any]:
    """Select a refresh token by its hash, with its session and user, whether a successor was used, and the unused tokens.

    Used successors are counted: with EXISTS, Postgres may read all tokens and hash them. Unused tokens are counted only if the
    token was used before, as few are: that reads all tokens of the session.
    """
    successor = refresh_tokens.alias("successor")
    used_successors = (
        select(func.count())
        .select_from(successor)
        .where(successor.c.parent == refresh_tokens.c.token_hash, successor.c.used_at.is_not(None))
        .scalar_subquery()
    )
    successor_used = used_successors > literal_column("0")
    other = refresh_tokens.alias("other")
    unused = (
        select(func.count())
        .select_from(other)
        .where(other.c.session_id == refresh_tokens.c.session_id, other.c.used_at.is_(None))
        .scalar_subquery()
    )
    unused_tokens = case((refresh_tokens.c.used_at.is_(None), literal_column("0")), else_=unused)
    return (
        select(*TOKEN_COLUMNS, *SESSION_COLUMNS, *USER_COLUMNS, successor_used.label("successor_used"), unused_tokens)
        .join(sessions, sessions.c.id == refresh_tokens.c.session_id)
        .join(users, users.c.id == sessions.c.user_id)
        .where(refresh_tokens.c.token_hash == bindparam("token_hash"))
    )


class IdentityReads:
    """Compiles the statements once, and runs them."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect) -> None:
        """Read from a database."""
        self._database = database
        compiled = database.compile
        user = select(*USER_COLUMNS)
        self._user_by_id = compiled(user.where(users.c.id == bindparam("user_id")))
        self._user_by_name = compiled(user.where(users.c.username == bindparam("name")))
        self._any_user = compiled(select(literal_column("1")).select_from(users).where(EVERY_USER).limit(1))
        self._setup_token = compiled(select(setup_tokens.c.expires_at).where(setup_tokens.c.token_hash == bindparam("hash")))
        self._users: dict[tuple[bool, bool], CompiledStatement] = {
            (search, after): compiled(_users_statement(search=search, after=after))
            for search in (False, True)
            for after in (False, True)
        }
        self._sessions_of = compiled(
            select(*SESSION_COLUMNS)
            .where(sessions.c.user_id == bindparam("owner"), sessions.c.ended_at.is_(None))
            .order_by(sessions.c.created_at.desc(), sessions.c.id.desc())
        )
        session_with_user = select(*SESSION_COLUMNS, *USER_COLUMNS).join(users, users.c.id == sessions.c.user_id)
        self._session = compiled(session_with_user.where(sessions.c.id == bindparam("session_id")))
        self._session_of_browser = compiled(session_with_user.where(sessions.c.secret_hash == bindparam("hash")))
        self._all_sessions = compiled(
            session_with_user.where(EVERY_USER, sessions.c.ended_at.is_(None)).order_by(
                users.c.username, sessions.c.created_at.desc(), sessions.c.id.desc()
            )
        )
        self._presented_token = compiled(presented_token_statement())
        key_with_user = select(*KEY_COLUMNS, *USER_COLUMNS).join(users, users.c.id == api_keys.c.user_id)
        self._key = compiled(key_with_user.where(api_keys.c.id == bindparam("key_id")))
        keys = select(*KEY_COLUMNS).order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc())
        self._keys_of = compiled(keys.where(api_keys.c.user_id == bindparam("owner")))
        self._all_keys = compiled(keys)
        self._signing_keys = compiled(
            select(*SIGNING_KEY_COLUMNS).order_by(signing_keys.c.created_at.desc(), signing_keys.c.id.desc())
        )
        self._revocations = compiled(_revocations_statement(dialect))

    async def user(self, key: UUID | str) -> User | None:
        """Look up a user."""
        if isinstance(key, UUID):
            rows = await self._database.fetch(self._user_by_id, {"user_id": key})
        else:
            rows = await self._database.fetch(self._user_by_name, {"name": key})
        return to_user(rows[0]) if rows else None

    async def users(self, search: str, after: str | None, limit: int) -> Sequence[User]:
        """Walk along the index of names."""
        statement = self._users[bool(search), after is not None]
        rows = await self._database.fetch(statement, {"search": search, "after": after, "most": limit})
        return [to_user(row) for row in rows]

    async def has_users(self) -> bool:
        """Look for one."""
        return bool(await self._database.fetch(self._any_user, {}))

    async def has_setup_token(self, token_hash: bytes, now: datetime) -> bool:
        """Look up a setup token."""
        rows = await self._database.fetch(self._setup_token, {"hash": token_hash})
        return bool(rows) and now < rows[0][0]

    async def sessions_of(self, user_id: UUID) -> Sequence[Session]:
        """Look up a user's sessions."""
        return [to_session(row) for row in await self._database.fetch(self._sessions_of, {"owner": user_id})]

    async def session(self, session_id: UUID) -> tuple[Session, User] | None:
        """Look up a session."""
        rows = await self._database.fetch(self._session, {"session_id": session_id})
        return _to_owned_session(rows[0]) if rows else None

    async def all_sessions(self) -> Sequence[tuple[Session, User]]:
        """Read those of all users."""
        return [_to_owned_session(row) for row in await self._database.fetch(self._all_sessions, {})]

    async def session_of_browser(self, secret_hash: bytes) -> tuple[Session, User] | None:
        """Look up a session by its cookie."""
        rows = await self._database.fetch(self._session_of_browser, {"hash": secret_hash})
        return _to_owned_session(rows[0]) if rows else None

    async def refresh_token(self, token_hash: bytes) -> PresentedToken | None:
        """Look up a token."""
        rows = await self._database.fetch(self._presented_token, {"token_hash": token_hash})
        return to_presented_token(rows[0]) if rows else None

    async def api_key(self, key_id: UUID) -> tuple[ApiKey, User] | None:
        """Look up a key."""
        rows = await self._database.fetch(self._key, {"key_id": key_id})
        return (to_key(rows[0][:_KEY_END]), to_user(rows[0][_KEY_END:])) if rows else None

    async def api_keys(self, user_id: UUID | None) -> Sequence[ApiKey]:
        """Look up a user's keys, or read all."""
        statement = self._all_keys if user_id is None else self._keys_of
        return [to_key(row) for row in await self._database.fetch(statement, {"owner": user_id})]

    async def signing_keys(self) -> Sequence[StoredSigningKey]:
        """Read all."""
        return [to_signing_key(row) for row in await self._database.fetch(self._signing_keys, {})]

    async def revocations(self, after: int, since: datetime) -> Revocations:
        """Read the end of the revocations. Raises: SchemaOutdated if the head is missing."""
        rows = await self._database.fetch(self._revocations, {"after": after, "since": since})
        if not rows:
            raise SchemaOutdated(NO_HEAD)
        head, floor, skipped, _ = rows[0]
        ids = frozenset(revoked for *_, revoked in rows if revoked is not None)
        return Revocations(head, ids, complete=after >= floor and not skipped)


def _to_owned_session(row: Sequence[Any]) -> tuple[Session, User]:
    return to_session(row[:_SESSION_END]), to_user(row[_SESSION_END:])


def _users_statement(*, search: bool, after: bool) -> Select[Any]:
    """Select a page of users by name.

    `replace` finds a part of a name on every database alike: LIKE ignores case on SQLite, and has wildcards.
    """
    conditions: list[ColumnElement[bool]] = [EVERY_USER]
    if after:
        conditions.append(users.c.username > bindparam("after"))
    if search:
        conditions.append(
            func.replace(users.c.username, bindparam("search", type_=Text()), literal_column("''")) != users.c.username
        )
    return select(*USER_COLUMNS).where(*conditions).order_by(users.c.username).limit(bindparam("most"))


def _revocations_statement(dialect: SqlDialect) -> Select[Any]:
    """Select the heads, whether revocations are left out because they are too old, and the ids of the others.

    Most calls find none. So only the index of numbers is used: that of times would find the same ones again and again.
    """
    after = bindparam("after", type_=revocations.c.seq.type)
    since = bindparam("since", type_=revocations.c.at.type)
    at = dialect.without_index(revocations.c.at)
    skipped = exists().where(revocations.c.seq > after, at < since)
    return (
        select(identity_head.c.seq, identity_head.c.floor, skipped.label("skipped"), revocations.c.id)
        .select_from(identity_head.outerjoin(revocations, (revocations.c.seq > after) & (at >= since)))
        .where(THE_IDENTITY_HEAD)
    )
