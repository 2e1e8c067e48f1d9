"""Commits identity changes: reads what a change touches, decides, and writes."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, literal_column, select, union, update

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.driver import Statement
from catalog.adapters.sql.identity.log_appends import LogAppends
from catalog.adapters.sql.identity.reads import presented_token_statement
from catalog.adapters.sql.identity.row_mapping import (
    KEY_ROW,
    SESSION_ROW,
    TOKEN_ROW,
    USER_COLUMNS,
    USER_ROW,
    from_key,
    from_session,
    from_token,
    from_user,
    to_presented_token,
    to_user,
)
from catalog.adapters.sql.identity.tables import (
    ACTIVE_ADMIN,
    EVERY_USER,
    THE_IDENTITY_HEAD,
    api_keys,
    identity_head,
    refresh_tokens,
    revocations,
    sessions,
    setup_tokens,
    users,
)
from catalog.adapters.sql.identity.transactions import Heads, IdentityTransactions, LockedIdentity, Step
from catalog.domain.identity.changes import IdentityChange
from catalog.domain.identity.commit_plan import (
    IdentityPlan,
    IdentityReads,
    StoredIdentity,
    StoredKey,
    StoredSession,
    identity_reads,
    plan_identity_commit,
)
from catalog.ports.identity.storage import Revocations

_UPDATED_USER = ("role", "disabled", "password_hash", "version", "updated_at")
_REVOCATION_ROW = ("seq", "id", "at")


class IdentityCommitter:
    """Compiles the statements once, and binds them to each change."""

    def __init__(
        self, database: SqlDatabase, dialect: SqlDialect, transactions: IdentityTransactions, log_appends: LogAppends
    ) -> None:
        """Compile the statements for a database."""
        self._dialect = dialect
        self._transactions = transactions
        self._log_appends = log_appends
        self._state = _StateReader(database, dialect)
        compiled = database.compile
        self._insert_user = compiled(dialect.insert(users))
        self._update_user = compiled(dialect.update(users, users.c.id, _UPDATED_USER))
        self._delete_user = compiled(delete(users).where(users.c.id == bindparam("user_id")))
        self._end_sessions = compiled(
            update(sessions)
            .where(dialect.any_of(sessions.c.id, "ids"))
            .values(ended_at=bindparam("at", type_=sessions.c.ended_at.type))
        )
        self._delete_keys = compiled(delete(api_keys).where(dialect.any_of(api_keys.c.id, "ids")))
        self._delete_setup_tokens = compiled(delete(setup_tokens))
        self._insert_session = compiled(dialect.insert(sessions))
        self._use_session = compiled(dialect.update(sessions, sessions.c.id, ("last_used_at",)))
        self._insert_token = compiled(dialect.insert(refresh_tokens))
        self._use_token = compiled(dialect.update(refresh_tokens, refresh_tokens.c.token_hash, ("used_at",)))
        self._move_tokens = compiled(
            update(refresh_tokens)
            .where(refresh_tokens.c.session_id == bindparam("before"))
            .values(session_id=bindparam("after", type_=refresh_tokens.c.session_id.type))
        )
        self._insert_key = compiled(dialect.insert(api_keys))
        self._insert_revocations = compiled(dialect.insert(revocations))
        self._move_head = compiled(update(identity_head).where(THE_IDENTITY_HEAD).values(seq=bindparam("head")))

    async def commit(self, change: IdentityChange) -> Revocations:
        """Commit a change. Raises: as IdentityStorage.commit."""
        reads = identity_reads(change)
        revoked = Revocations(0)

        async def decide(locked: LockedIdentity) -> Sequence[Step]:
            nonlocal revoked
            plan = plan_identity_commit(change, await self._state.read(locked.driver, reads))
            revoked = Revocations(locked.heads.revocation + len(plan.revoked), frozenset(plan.revoked))
            return self._steps(change, plan, locked.heads)

        await self._transactions.run(decide)
        return revoked

    def _steps(self, change: IdentityChange, plan: IdentityPlan, heads: Heads) -> Sequence[Step]:
        """Return what to write. Deleting a user comes last, because it deletes the user's sessions and keys."""
        deletion = change.user is not None and change.user.after is None
        first = self._ends(plan) if not deletion else []
        last = [self._delete_user.bind(user_id=change.user.subject.id)] if change.user is not None and deletion else []
        records = [*self._revocation_rows(plan, heads), *self._log_appends.statements(heads.log, [*change.events, *plan.events])]
        if change.setup is not None:
            first.append(self._delete_setup_tokens.bind())
        return [[*first, *self._user_row(change)], [*self._session_rows(change), *records], last]

    def _ends(self, plan: IdentityPlan) -> list[Statement]:
        statements = []
        if plan.ended_sessions:
            statements.append(self._end_sessions.bind(ids=self._dialect.list_parameter(plan.ended_sessions), at=plan.at))
        if plan.deleted_keys:
            statements.append(self._delete_keys.bind(ids=self._dialect.list_parameter(plan.deleted_keys)))
        return statements

    def _user_row(self, change: IdentityChange) -> list[Statement]:
        if change.user is None or change.user.after is None:
            return []
        user = change.user.after
        if change.user.before is None:
            return [self._bulk(self._insert_user, USER_ROW, [from_user(user)])]
        row = (user.id, user.role, user.disabled, user.password_hash, user.version, user.updated_at)
        return [self._bulk(self._update_user, ("key", *_UPDATED_USER), [row])]

    def _session_rows(self, change: IdentityChange) -> list[Statement]:
        statements = []
        new_tokens = []
        if change.start is not None:
            statements.append(self._bulk(self._insert_session, SESSION_ROW, [from_session(change.start.session)]))
            new_tokens += [] if change.start.token is None else [change.start.token]
            if change.start.tokens_of is not None:
                statements.append(self._move_tokens.bind(before=change.start.tokens_of, after=change.start.session.id))
        if change.rotation is not None:
            session, token = change.rotation.session, change.rotation.after
            statements.append(self._bulk(self._use_session, ("key", "last_used_at"), [(session.id, session.last_used_at)]))
            statements.append(self._bulk(self._use_token, ("key", "used_at"), [(token.token_hash, token.used_at)]))
            new_tokens.append(change.rotation.successor)
        if new_tokens:
            statements.append(self._bulk(self._insert_token, TOKEN_ROW, [from_token(token) for token in new_tokens]))
        if change.new_key is not None:
            statements.append(self._bulk(self._insert_key, KEY_ROW, [from_key(change.new_key)]))
        return statements

    def _revocation_rows(self, plan: IdentityPlan, heads: Heads) -> list[Statement]:
        if not plan.revoked:
            return []
        rows = [(seq, revoked, plan.at) for seq, revoked in enumerate(plan.revoked, heads.revocation + 1)]
        return [self._bulk(self._insert_revocations, _REVOCATION_ROW, rows), self._move_head.bind(head=rows[-1][0])]

    def _bulk(self, statement: CompiledStatement, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Statement:
        return self._dialect.bulk(statement, names, rows)


class _StateReader:
    """Reads what changes are decided on, on the connection that holds the lock."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect) -> None:
        """Compile the statements. Those with two conditions are unions, so that each part uses its own index."""
        self._dialect = dialect
        compiled = database.compile
        self._users = compiled(select(*USER_COLUMNS).where(dialect.any_of(users.c.id, "ids")))
        self._username = compiled(select(users.c.id).where(users.c.username == bindparam("name")))
        self._other_admin = compiled(
            select(literal_column("1")).select_from(users).where(*ACTIVE_ADMIN, users.c.id != bindparam("user_id")).limit(1)
        )
        self._any_user = compiled(select(literal_column("1")).select_from(users).where(EVERY_USER).limit(1))
        self._setup_token = compiled(select(setup_tokens.c.expires_at).where(setup_tokens.c.token_hash == bindparam("hash")))
        self._presented = compiled(presented_token_statement())
        session = select(sessions.c.id, sessions.c.user_id, sessions.c.ended_at, sessions.c.last_used_at)
        self._sessions = compiled(
            union(
                session.where(dialect.any_of(sessions.c.id, "ids")),
                session.where(dialect.any_of(sessions.c.user_id, "owners"), sessions.c.ended_at.is_(None)),
            )
        )
        key = select(api_keys.c.id, api_keys.c.user_id)
        self._keys = compiled(
            union(key.where(dialect.any_of(api_keys.c.id, "ids")), key.where(dialect.any_of(api_keys.c.user_id, "owners")))
        )

    async def read(self, driver: Any, reads: IdentityReads) -> StoredIdentity:  # noqa: ANN401 - a driver's connection
        """Read the stored state. What a change does not touch is not read."""
        to_list = self._dialect.list_parameter

        async def fetch(statement: CompiledStatement, **values: Any) -> list[Sequence[Any]]:  # noqa: ANN401 - whatever columns take
            return statement.rows(await self._dialect.fetch(driver, statement.sql, statement.parameters(values)))

        user_rows = await fetch(self._users, ids=to_list(reads.users)) if reads.users else []
        taken = await fetch(self._username, name=reads.username) if reads.username is not None else []
        admins = await fetch(self._other_admin, user_id=reads.admins_except) if reads.admins_except is not None else [()]
        allows_setup = reads.setup is not None and not await fetch(self._any_user)
        if allows_setup and reads.setup is not None and reads.setup.token_hash is not None:
            rows = await fetch(self._setup_token, hash=reads.setup.token_hash)
            allows_setup = bool(rows) and reads.setup.at < rows[0][0]
        presented = await fetch(self._presented, token_hash=reads.token_hash) if reads.token_hash is not None else []
        session_rows: list[Sequence[Any]] = []
        if reads.sessions or reads.sessions_of:
            session_rows = await fetch(self._sessions, ids=to_list(reads.sessions), owners=to_list(reads.sessions_of))
        key_rows: list[Sequence[Any]] = []
        if reads.keys or reads.keys_of:
            key_rows = await fetch(self._keys, ids=to_list(reads.keys), owners=to_list(reads.keys_of))
        return StoredIdentity(
            users={user.id: user for user in map(to_user, user_rows)},
            username_taken=bool(taken),
            has_other_admin=bool(admins),
            allows_setup=allows_setup,
            presented=to_presented_token(presented[0]) if presented else None,
            sessions=[StoredSession(row[0], row[1], row[2] is not None, row[3]) for row in session_rows],
            keys=[StoredKey(*row) for row in key_rows],
        )
