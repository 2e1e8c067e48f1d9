"""The commit of a batch: take the lock, read the stored state, make the commit plan, write in bulk, and commit once."""

from collections.abc import Sequence

from catalog.adapters.sql.connections.driver_pool import PooledConnection
from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.writes.known_words import KnownWords
from catalog.adapters.sql.writes.plan_rows import PlanRows
from catalog.adapters.sql.writes.prepared_rows import PreparedRows
from catalog.adapters.sql.writes.stored_state import LockedState, StoredStateReader
from catalog.adapters.sql.writes.write_statements import WriteStatements
from catalog.domain.changes.commit_plan import Outcome, plan_commit
from catalog.domain.changes.log import ChangeSet, Committed
from catalog.domain.errors import StoreUnavailable
from catalog.ports.commit_listeners import Listeners

UNKNOWN_OUTCOME = (
    "The connection to the database was lost during the commit, so this write may or may not have been stored. "
    "Read before you write again; a request with an Idempotency-Key can be repeated safely."
)


class Committer:
    """Commits batches, one at a time (see `Writer`), and notifies the listeners."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect, stored_state: StoredStateReader, listeners: Listeners) -> None:
        """Compile the statements that write."""
        self._database = database
        self._dialect = dialect
        self._stored_state = stored_state
        self._listeners = listeners
        self._write_statements = WriteStatements(database, dialect)
        self._known_words = KnownWords()

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object]) -> Sequence[Outcome]:
        """Commit a batch in one transaction and return the outcome of each change set."""
        changes = [change for change_set in batch for change in change_set.changes]
        rows = PreparedRows(changes, [part for part in prepared if isinstance(part, PreparedRows)])
        outcomes = await self._database.write(
            lambda pooled: self._stored_state.lock(pooled.driver, batch),
            lambda pooled, locked: self._finish(pooled, batch, rows, locked),
        )
        self._listeners.notify([entry for outcome in outcomes if isinstance(outcome, Committed) for entry in outcome.entries])
        return outcomes

    async def _finish(
        self, pooled: PooledConnection, batch: Sequence[ChangeSet], prepared: PreparedRows, locked: LockedState
    ) -> Sequence[Outcome]:
        """Plan the commit of a batch, write it, and commit the transaction."""
        state = locked.state
        plan = plan_commit(batch, state)
        rows = PlanRows(plan, prepared, locked.seqs, locked.digest)
        self._known_words.validate(pooled.driver, state.head, locked.word_sweeps)
        new_words = rows.name_words() - self._known_words.known
        try:
            await self._dialect.finish(pooled.driver, self._write_statements.steps(plan, rows, new_words))
        except Exception as error:
            if self._dialect.is_ambiguous(error):
                raise StoreUnavailable(UNKNOWN_OUTCOME) from error
            raise
        self._known_words.add(new_words, plan.entries[-1].seq if plan.entries else state.head)
        return plan.outcomes
