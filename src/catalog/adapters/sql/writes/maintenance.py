"""Deletes old log entries and the words that no name contains any more, in small transactions."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Delete, Select, Update, bindparam, delete, select, update

from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.driver import Statement
from catalog.adapters.sql.reads.where import comparison
from catalog.adapters.sql.schema.tables import THE_HEAD, change_log, log_head, name_words
from catalog.adapters.sql.writes.stored_state import StoredStateReader

PRUNE_BATCH = 2_000
"""Log entries that are pruned in one transaction."""

SWEEP_BATCH = 200
"""Words that one statement checks for use."""

_PRUNE: Delete = delete(change_log).where(change_log.c.seq <= bindparam("upto"))
_LAST_DIGEST = select(change_log.c.digest).where(change_log.c.seq == bindparam("upto")).scalar_subquery()
_RAISE_FLOOR: Update = (
    update(log_head)
    .where(THE_HEAD, log_head.c.floor < bindparam("upto"))
    .values(floor=bindparam("upto"), floor_digest=_LAST_DIGEST)
)
_COUNT_SWEEP: Update = update(log_head).where(THE_HEAD).values(word_sweeps=log_head.c.word_sweeps + 1)


class Maintenance:
    """Deletes what is no longer needed. Each transaction holds the commit lock, as a commit does."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect, stored_state: StoredStateReader) -> None:
        """Compile the statements."""
        self._database = database
        self._dialect = dialect
        self._stored_state = stored_state
        self._prune = database.compile(_PRUNE)
        self._raise_floor = database.compile(_RAISE_FLOOR)
        self._select_words_in_use = database.compile(_words_in_use_statement(dialect))
        self._delete_unused = database.compile(_delete_unused_statement(dialect))
        self._count_sweep = database.compile(_COUNT_SWEEP)

    async def prune(self, floor: int, end: int) -> None:
        """Delete the log entries above `floor`, up to and including `end`, in batches."""
        for last in (*range(floor + PRUNE_BATCH, end, PRUNE_BATCH), end):
            await self._run([self._raise_floor.bind(upto=last), self._prune.bind(upto=last)])

    async def sweep_words(self) -> None:
        """Delete the words that no name contains, in batches. Those that are used again meanwhile are kept."""
        after = ""
        while words := await self._database.fetch(self._select_words_in_use, {"after": after}):
            unused = [word for word, used in words if not used]
            if unused:
                sweep = self._delete_unused.bind(unused=self._dialect.list_parameter(unused))
                await self._run([sweep, self._count_sweep.bind()])
            after = words[-1][0]

    async def _run(self, statements: Sequence[Statement]) -> None:
        """Run statements in a transaction of their own, which the caller cannot cancel."""
        await self._database.shielded(
            self._database.write(
                lambda pooled: self._stored_state.lock(pooled.driver, ()),
                lambda pooled, _: self._dialect.finish(pooled.driver, [statements]),
            )
        )


def _words_in_use_statement(dialect: SqlDialect) -> Select[Any]:
    """Select the next SWEEP_BATCH words after the parameter `after`, each with whether any name contains it."""
    batch = (
        select(name_words.c.word)
        .where(comparison(name_words.c.word, "gt", "after"))
        .order_by(name_words.c.word)
        .limit(SWEEP_BATCH)
    )
    word = batch.subquery().c.word
    return select(word, dialect.word_in_use(word)).order_by(word)


def _delete_unused_statement(dialect: SqlDialect) -> Delete:
    """Delete the words of the parameter `unused` that no name contains."""
    unused = dialect.any_of(name_words.c.word, "unused")
    return delete(name_words).where(unused, ~dialect.word_in_use(name_words.c.word))
