"""The security log: appending in batches, reading with filters, and pruning."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, select, update

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.identity.log_appends import LogAppends
from catalog.adapters.sql.identity.row_mapping import ENTRY_COLUMNS, to_entry
from catalog.adapters.sql.identity.tables import THE_SECURITY_HEAD, security_head, security_log
from catalog.adapters.sql.identity.transactions import IdentityTransactions, LockedIdentity, Step
from catalog.adapters.sql.log_chain import as_bytes
from catalog.domain.identity.audit import AuditFilter
from catalog.domain.identity.security_log import SecurityEntry, SecurityEvent

MAX_EVENTS = 100
"""Events appended in one transaction."""

MAX_PRUNED = 500
"""Entries deleted in one transaction."""

_EQUALITIES = ("actor", "action", "subject", "result", "address")


class SqlSecurityLog:
    """Compiles a statement for each combination of filters, and keeps it."""

    def __init__(
        self, database: SqlDatabase, dialect: SqlDialect, transactions: IdentityTransactions, log_appends: LogAppends
    ) -> None:
        """Keep the log in a database."""
        self._database = database
        self._dialect = dialect
        self._transactions = transactions
        self._log_appends = log_appends
        self._filtered: dict[frozenset[str], CompiledStatement] = {}
        compiled = database.compile
        self._chain = compiled(
            select(*ENTRY_COLUMNS)
            .where(security_log.c.seq > bindparam("after"))
            .order_by(security_log.c.seq)
            .limit(bindparam("most"))
        )
        self._oldest = compiled(
            select(security_log.c.seq, as_bytes(security_log.c.digest))
            .where(security_log.c.seq <= bindparam("up_to"))
            .order_by(security_log.c.seq)
            .limit(MAX_PRUNED)
        )
        self._delete = compiled(delete(security_log).where(security_log.c.seq <= bindparam("up_to")))
        self._move_floor = compiled(
            update(security_head)
            .where(THE_SECURITY_HEAD)
            .values(floor=bindparam("new_floor"), floor_digest=bindparam("new_digest", type_=security_head.c.floor_digest.type))
        )

    async def record(self, events: Sequence[SecurityEvent]) -> None:
        """Append events, a few in each transaction."""
        batches = [events[first : first + MAX_EVENTS] for first in range(0, len(events), MAX_EVENTS)]
        await self._transactions.run_each([partial(self._append, batch) for batch in batches])

    async def _append(self, batch: Sequence[SecurityEvent], locked: LockedIdentity) -> Sequence[Step]:
        return [self._log_appends.statements(locked.heads.log, batch)]

    async def latest(self, audit_filter: AuditFilter, before: int | None, limit: int) -> Sequence[SecurityEntry]:
        """Return matching entries, the newest first."""
        values = {name: value for name in _EQUALITIES if (value := getattr(audit_filter, name)) is not None}
        values |= {name: value for name in ("since", "until") if (value := getattr(audit_filter, name)) is not None}
        values |= {} if before is None else {"before": before}
        shape = frozenset(values)
        statement = self._filtered.get(shape)
        if statement is None:
            statement = self._filtered[shape] = self._database.compile(_filtered_statement(shape))
        return [to_entry(row) for row in await self._database.fetch(statement, {**values, "most": limit})]

    async def chain(self, after: int, limit: int) -> Sequence[SecurityEntry]:
        """Return entries, the oldest first."""
        return [to_entry(row) for row in await self._database.fetch(self._chain, {"after": after, "most": limit})]

    async def prune(self, up_to_seq: int) -> None:
        """Delete the oldest entries, some in each transaction, and keep the digest of the last one."""

        async def delete_some(locked: LockedIdentity) -> Sequence[Step]:
            parameters = self._oldest.parameters({"up_to": up_to_seq})
            rows = self._oldest.rows(await self._dialect.fetch(locked.driver, self._oldest.sql, parameters))
            if not rows:
                return []
            seq, digest = rows[-1]
            return [[self._delete.bind(up_to=seq), self._move_floor.bind(new_floor=seq, new_digest=digest)]]

        await self._transactions.run_until_done(delete_some)


def _filtered_statement(shape: frozenset[str]) -> Select[Any]:
    columns = security_log.c
    conditions: list[ColumnElement[bool]] = [columns[name] == bindparam(name) for name in _EQUALITIES if name in shape]
    if "since" in shape:
        conditions.append(columns.at >= bindparam("since"))
    if "until" in shape:
        conditions.append(columns.at < bindparam("until"))
    if "before" in shape:
        conditions.append(columns.seq < bindparam("before"))
    return select(*ENTRY_COLUMNS).where(*conditions).order_by(columns.seq.desc()).limit(bindparam("most"))
