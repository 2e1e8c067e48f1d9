"""Transactions on the tables of identity: lock, decide, write. Only one is under way at a time, in all processes.

They never lock the catalog's head, so a sign-in does not wait for an import. On SQLite there is one write lock for everything; so
each transaction is short, and after one of a series, the lock is left to others for as long as it was held.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy import select

from catalog.adapters.sql.connections.driver_pool import PooledConnection
from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.driver import Statement
from catalog.adapters.sql.identity.tables import NO_HEAD, THE_IDENTITY_HEAD, THE_SECURITY_HEAD, identity_head, security_head
from catalog.adapters.sql.log_chain import as_bytes
from catalog.domain.errors import CatalogError, SchemaOutdated, StoreUnavailable
from catalog.domain.hash_chain import ChainEnd

LOCK_IDENTITY = "SELECT seq FROM identity_head WHERE one = 1 FOR UPDATE"
"""Locks the row that every transaction here locks first, where BEGIN does not lock the whole database."""

_CLOSED = "The store is closed; nothing was written."
_UNKNOWN_OUTCOME = (
    "The connection to the database was lost during the commit, so this change may or may not have been stored. "
    "Read before you try again."
)

Step = Sequence[Statement]


class Heads(NamedTuple):
    """What a transaction finds after locking: the last revocation, the last one deleted, and both ends of the security log."""

    revocation: int
    revocation_floor: int
    log: ChainEnd
    log_floor: ChainEnd


class LockedIdentity(NamedTuple):
    """The lock is held: the heads, and the connection to read on."""

    heads: Heads
    driver: Any


Decide = Callable[[LockedIdentity], Awaitable[Sequence[Step]]]
"""Reads, and returns what to write; nothing to write nothing. Raises a CatalogError to roll back."""


class IdentityTransactions:
    """Runs transactions one after the other."""

    def __init__(self, database: SqlDatabase) -> None:
        """Write to a database whose driver locks with LOCK_IDENTITY."""
        self._database = database
        self._heads = database.compile(
            select(
                identity_head.c.seq,
                identity_head.c.floor,
                security_head.c.seq,
                as_bytes(security_head.c.digest),
                security_head.c.floor,
                as_bytes(security_head.c.floor_digest),
            ).where(THE_IDENTITY_HEAD, THE_SECURITY_HEAD)
        )
        self._closed = False

    async def close(self) -> None:
        """Refuse further transactions."""
        self._closed = True

    async def heads(self) -> Heads:
        """Read the heads without locking."""
        return _heads(await self._database.fetch(self._heads, {}))

    async def run(self, decide: Decide) -> bool:
        """Lock, call `decide`, write what it returns, and commit. Return whether it had something to write.

        The caller may be cancelled, but not the transaction. Raises: what `decide` raises, and Unavailable.
        """
        if self._closed:
            raise StoreUnavailable(_CLOSED)
        result = await self._database.shielded(self._run(decide))
        if isinstance(result, CatalogError):
            raise result
        return result

    async def run_each(self, decisions: Iterable[Decide]) -> None:
        """Run a transaction for each decision, and leave the lock to others in between."""
        held = 0.0
        for decide in decisions:
            await asyncio.sleep(held)
            start = monotonic()
            await self.run(decide)
            held = monotonic() - start

    async def run_until_done(self, decide: Decide) -> None:
        """Run transactions until there is nothing to write, and leave the lock to others in between."""
        while True:
            start = monotonic()
            if not await self.run(decide):
                return
            await asyncio.sleep(monotonic() - start)

    async def _run(self, decide: Decide) -> bool | CatalogError:
        return await self._database.write(self._begin, lambda pooled, heads: self._finish(pooled, heads, decide))

    async def _begin(self, pooled: PooledConnection) -> Heads:
        rows = await self._database.driver.begin(pooled.driver, self._heads.sql, self._heads.parameters({}))
        return _heads(self._heads.rows(rows))

    async def _finish(self, pooled: PooledConnection, heads: Heads, decide: Decide) -> bool | CatalogError:
        """Decide and write. A refusal is returned and not raised, because the connection is still good."""
        driver = self._database.driver
        try:
            steps = [step for step in await decide(LockedIdentity(heads, pooled.driver)) if step]
        except CatalogError as refusal:
            await driver.fetch(pooled.driver, "ROLLBACK", [])
            return refusal
        if not steps:
            await driver.fetch(pooled.driver, "ROLLBACK", [])
            return False
        try:
            await driver.finish(pooled.driver, steps)
        except Exception as error:
            if driver.is_ambiguous(error):
                raise StoreUnavailable(_UNKNOWN_OUTCOME) from error
            raise
        return True


def _heads(rows: Sequence[Sequence[Any]]) -> Heads:
    if not rows:
        raise SchemaOutdated(NO_HEAD)
    revocation, revocation_floor, seq, digest, floor, floor_digest = rows[0]
    return Heads(revocation, revocation_floor, ChainEnd(seq, digest), ChainEnd(floor, floor_digest))
