"""Notes when credentials were last used, and deletes what has expired. A few rows in each transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, literal_column, select, union_all, update

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.driver import Statement
from catalog.adapters.sql.identity.tables import (
    THE_IDENTITY_HEAD,
    api_keys,
    identity_head,
    refresh_tokens,
    revocations,
    sessions,
    setup_tokens,
)
from catalog.adapters.sql.identity.transactions import IdentityTransactions, LockedIdentity, Step
from catalog.domain.identity.session import KEPT_AFTER_END

MAX_TOUCHED = 200
"""Credentials whose last use is noted in one transaction."""

MAX_DELETED = 500
"""Rows deleted in one transaction."""

_MAX_SESSIONS = 50
_SESSION, _KEY = 0, 1


class IdentityMaintenance:
    """Compiles the statements once."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect, transactions: IdentityTransactions) -> None:
        """Maintain a database."""
        self._dialect = dialect
        self._transactions = transactions
        compiled = database.compile
        self._last_used = compiled(
            union_all(
                select(literal_column(str(_SESSION)).label("kind"), sessions.c.id, sessions.c.last_used_at).where(
                    dialect.any_of(sessions.c.id, "ids")
                ),
                select(literal_column(str(_KEY)), api_keys.c.id, api_keys.c.last_used_at).where(
                    dialect.any_of(api_keys.c.id, "ids")
                ),
            )
        )
        self._touch = {
            _SESSION: compiled(dialect.update(sessions, sessions.c.id, ("last_used_at",))),
            _KEY: compiled(dialect.update(api_keys, api_keys.c.id, ("last_used_at",))),
        }
        self._expired = compiled(
            select(sessions.c.id)
            .where(sessions.c.expires_at < bindparam("limit"))
            .order_by(sessions.c.expires_at)
            .limit(_MAX_SESSIONS)
        )
        self._ended = compiled(
            select(sessions.c.id)
            .where(sessions.c.ended_at < bindparam("limit"))
            .order_by(sessions.c.ended_at)
            .limit(_MAX_SESSIONS)
        )
        some_tokens = select(refresh_tokens.c.token_hash).where(dialect.any_of(refresh_tokens.c.session_id, "ids"))
        self._more_tokens = compiled(some_tokens.offset(MAX_DELETED).limit(1))
        self._delete_tokens = compiled(
            delete(refresh_tokens).where(refresh_tokens.c.token_hash.in_(some_tokens.limit(MAX_DELETED)))
        )
        self._delete_sessions = compiled(delete(sessions).where(dialect.any_of(sessions.c.id, "ids")))
        self._last_old_revocation = compiled(
            select(revocations.c.seq).where(revocations.c.at < bindparam("limit")).order_by(revocations.c.at.desc()).limit(1)
        )
        self._delete_revocations = compiled(delete(revocations).where(revocations.c.seq <= bindparam("up_to")))
        is_old = setup_tokens.c.expires_at <= bindparam("limit")
        self._old_setup_token = compiled(select(setup_tokens.c.token_hash).where(is_old).limit(1))
        self._delete_setup_tokens = compiled(delete(setup_tokens).where(is_old))
        self._move_floor = compiled(update(identity_head).where(THE_IDENTITY_HEAD).values(floor=bindparam("new_floor")))

    async def touch(self, used_at: Mapping[UUID, datetime]) -> None:
        """Note the times that are later than those noted before."""
        uses = list(used_at.items())
        batches = [dict(uses[first : first + MAX_TOUCHED]) for first in range(0, len(uses), MAX_TOUCHED)]
        await self._transactions.run_each([partial(self._touch_some, batch) for batch in batches])

    async def _touch_some(self, used_at: Mapping[UUID, datetime], locked: LockedIdentity) -> Sequence[Step]:
        rows = await self._fetch(locked, self._last_used, ids=self._dialect.list_parameter(used_at.keys()))
        step: list[Statement] = []
        for kind, statement in self._touch.items():
            later = [(key, used_at[key]) for found, key, at in rows if found == kind and (at is None or at < used_at[key])]
            if later:
                step.append(self._dialect.bulk(statement, ("key", "last_used_at"), later))
        return [step]

    async def delete_expired(self, now: datetime) -> None:
        """Delete setup tokens, sessions with their tokens, and then revocations."""
        limit = now - KEPT_AFTER_END

        async def delete_sessions(locked: LockedIdentity) -> Sequence[Step]:
            rows = await self._fetch(locked, self._expired, limit=limit) or await self._fetch(locked, self._ended, limit=limit)
            if not rows:
                return []
            ids = self._dialect.list_parameter([session_id for (session_id,) in rows])
            if await self._fetch(locked, self._more_tokens, ids=ids):
                return [[self._delete_tokens.bind(ids=ids)]]
            return [[self._delete_sessions.bind(ids=ids)]]

        async def delete_revocations(locked: LockedIdentity) -> Sequence[Step]:
            rows = await self._fetch(locked, self._last_old_revocation, limit=limit)
            if not rows:
                return []
            up_to = min(rows[0][0], locked.heads.revocation_floor + MAX_DELETED)
            return [[self._delete_revocations.bind(up_to=up_to), self._move_floor.bind(new_floor=up_to)]]

        async def delete_setup_tokens(locked: LockedIdentity) -> Sequence[Step]:
            if not await self._fetch(locked, self._old_setup_token, limit=now):
                return []
            return [[self._delete_setup_tokens.bind(limit=now)]]

        await self._transactions.run(delete_setup_tokens)
        await self._transactions.run_until_done(delete_sessions)
        await self._transactions.run_until_done(delete_revocations)

    async def _fetch(self, locked: LockedIdentity, statement: CompiledStatement, **values: Any) -> list[Sequence[Any]]:  # noqa: ANN401 - whatever columns take
        rows = await self._dialect.fetch(locked.driver, statement.sql, statement.parameters(values))
        return statement.rows(rows)
