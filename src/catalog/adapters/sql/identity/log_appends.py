"""Appends events to the security log, with their digests."""

from collections.abc import Sequence

from sqlalchemy import bindparam, update

from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.driver import Statement
from catalog.adapters.sql.identity.row_mapping import ENTRY_ROW, from_entry
from catalog.adapters.sql.identity.tables import THE_SECURITY_HEAD, security_head, security_log
from catalog.domain.hash_chain import ChainEnd
from catalog.domain.identity.chain import append
from catalog.domain.identity.security_log import SecurityEvent


class LogAppends:
    """The statements that append."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect) -> None:
        """Compile them for a database."""
        self._dialect = dialect
        self._insert = database.compile(dialect.insert(security_log))
        self._move_head = database.compile(
            update(security_head)
            .where(THE_SECURITY_HEAD)
            .values(seq=bindparam("head"), digest=bindparam("head_digest", type_=security_head.c.digest.type))
        )

    def statements(self, head: ChainEnd, events: Sequence[SecurityEvent]) -> list[Statement]:
        """Return the statements that append events after the head of the log."""
        if not events:
            return []
        entries = append(head, tuple(events))
        last = entries[-1]
        return [
            self._dialect.bulk(self._insert, ENTRY_ROW, [from_entry(entry) for entry in entries]),
            self._move_head.bind(head=last.seq, head_digest=last.digest),
        ]
