"""Writing: commits, and the expiring records that are written with them."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import ChangeSet


class Commits(Protocol):
    """Writes change sets."""

    @abstractmethod
    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Commit a batch in one transaction and return the outcome of each change set, in order.

        This is the only way to write. Each change set is committed completely or not at all: its outcome is Committed or the
        error that refused it, as decided by catalog.domain.changes.commit_plan. Log entries and expiring records are
        written in the same transaction. All commits of all processes are serialized by one lock, so `seq` has no gaps.

        `prepared` holds results of `prepare`. They may cover some of the changes, and changes that are not in the batch.

        Cancelling the caller does not cancel or damage the commit. A committed change set is never reported as failed. If
        the connection is lost while the transaction is being committed, its outcome is unknown: the call raises
        StoreUnavailable, and the store does not retry.

        Raises StoreBusy if too many change sets are waiting to be written; nothing was written.
        """


class ExpiringRecords(Protocol):
    """Reads the expiring records that commits have written."""

    @abstractmethod
    async def records(self, keys: Collection[str]) -> Mapping[str, ExpiringRecord]:
        """Return the expiring records with these keys, by key. Some may have expired already; check `is_alive`."""
