"""The writer: a single task per process performs every write, so that cancelling a caller cannot interrupt a commit.

Writes that arrive during a commit are committed together in the next one (group commit), with a single flush to disk. A write
that arrives while the writer is idle is committed immediately.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from catalog.adapters.sql.connections.futures import set_exception, set_result
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import CatalogError, StoreBusy, StoreUnavailable

Batch = Sequence[ChangeSet]
PreparedChanges = Sequence[object]
"""The results of `Storage.prepare` for a batch."""

Write = Callable[[Batch, PreparedChanges], Awaitable[Sequence[Outcome]]]

MAX_GROUP_CHANGES = 2_000
"""Changes in one commit, unless a single batch has more."""

PendingWrite = tuple[Batch, PreparedChanges, asyncio.Future[Sequence[Outcome]]]


class Writer:
    """Writes batches in order, several in one commit, and returns each caller's outcomes."""

    def __init__(self, write: Write, *, max_pending: int) -> None:
        """Write with `write`; let up to `max_pending` change sets wait."""
        self._write = write
        self._max_pending = max_pending
        self._pending: deque[PendingWrite] = deque()
        self._pending_count = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def submit(self, batch: Batch, prepared: PreparedChanges = ()) -> Sequence[Outcome]:
        """Write a batch and return its outcomes.

        Raises StoreBusy if too many change sets are waiting, and StoreUnavailable if the writer is closing.
        """
        if self._closing:
            message = "The store is closing; nothing was written."
            raise StoreUnavailable(message)
        if self._pending_count and self._pending_count + len(batch) > self._max_pending:
            message = f"{self._pending_count} writes are already waiting; this one was not written. Try again in a moment."
            raise StoreBusy(message)
        future = asyncio.get_running_loop().create_future()
        self._pending.append((batch, prepared, future))
        self._pending_count += len(batch)
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="catalog-writer")
        outcomes: Sequence[Outcome] = await future
        return outcomes

    async def close(self) -> None:
        """Refuse further writes, write the pending batches, and stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        """Write groups until the writer is closed and nothing is pending."""
        while self._pending or not self._closing:
            if not self._pending:
                self._wake.clear()
                await self._wake.wait()
                continue
            group = self._next_group()
            await self._write_group(group)

    def _next_group(self) -> list[PendingWrite]:
        """Take pending batches, in order, up to the limit of one commit."""
        group: list[PendingWrite] = []
        changes = 0
        while self._pending:
            size = sum(len(change_set.changes) for change_set in self._pending[0][0])
            if group and changes + size > MAX_GROUP_CHANGES:
                break
            group.append(self._pending.popleft())
            changes += size
        self._pending_count = sum(len(batch) for batch, *_ in self._pending)
        return group

    async def _write_group(self, group: list[PendingWrite]) -> None:
        """Write a group and resolve its futures. If that fails unexpectedly, write each batch separately.

        The retry is safe because `write` never raises after it has committed. If it cannot know whether it has, it raises
        StoreUnavailable, which is not retried.
        """
        try:
            outcomes = await self._write(
                [change_set for batch, *_ in group for change_set in batch],
                [rows for _, prepared, _ in group for rows in prepared],
            )
        except CatalogError as error:
            for *_, future in group:
                set_exception(future, error)
        except Exception as error:  # noqa: BLE001 - every error is passed on to its callers, and the writer keeps running
            if len(group) == 1:
                set_exception(group[0][2], error)
                return
            for single in group:
                await self._write_group([single])
        else:
            remaining = iter(outcomes)
            for batch, _, future in group:
                set_result(future, [next(remaining) for _ in batch])
