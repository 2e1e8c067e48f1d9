"""The writer: one task a process owns every write, so that a caller that is cancelled cannot cut one in two.

Whatever waits when a commit ends goes into the next one together (group commit), and one flush to disk serves them all.
A lone write is committed at once and waits for no company.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from catalog.adapters.sql.connections.futures import set_exception, set_result
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import CatalogError, StoreBusy, StoreUnavailable

Batch = Sequence[ChangeSet]
Prepared = Sequence[object]
"""What was prepared of a batch (catalog.ports.storage)."""

Write = Callable[[Batch, Prepared], Awaitable[Sequence[Outcome]]]

MAX_GROUP_CHANGES = 2_000
"""How many changes one commit takes, unless a single batch has more."""

PendingWrite = tuple[Batch, Prepared, asyncio.Future[Sequence[Outcome]]]


class Writer:
    """Takes batches, writes them in order, several at once, and answers each."""

    def __init__(self, write: Write, *, queue: int) -> None:
        """Write with `write`; let up to `queue` change sets wait."""
        self._write = write
        self._queue = queue
        self._waiting: deque[PendingWrite] = deque()
        self._size = 0
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def submit(self, batch: Batch, ready: Prepared = ()) -> Sequence[Outcome]:
        """Have a batch written, and return its outcomes."""
        if self._closing:
            message = "The store is closing; nothing was written."
            raise StoreUnavailable(message)
        if self._size and self._size + len(batch) > self._queue:
            message = f"{self._size} writes wait already; nothing of this one was written. Try again in a moment."
            raise StoreBusy(message)
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, ready, answer))
        self._size += len(batch)
        self._work.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="catalog-writer")
        outcomes: Sequence[Outcome] = await answer
        return outcomes

    async def close(self) -> None:
        """Take no more, write what waits, and end."""
        self._closing = True
        self._work.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        """Write as long as there is something to write."""
        while self._waiting or not self._closing:
            if not self._waiting:
                self._work.clear()
                await self._work.wait()
                continue
            group = self._next_group()
            await self._serve(group)

    def _next_group(self) -> list[PendingWrite]:
        """Take what waits, in order, as far as one commit goes."""
        group: list[PendingWrite] = []
        changes = 0
        while self._waiting:
            size = sum(len(change_set.changes) for change_set in self._waiting[0][0])
            if group and changes + size > MAX_GROUP_CHANGES:
                break
            group.append(self._waiting.popleft())
            changes += size
        self._size = sum(len(batch) for batch, *_ in self._waiting)
        return group

    async def _serve(self, group: list[PendingWrite]) -> None:
        """Write a group and answer each of it. If a group fails in an unforeseen way, each batch is tried by itself.

        That is safe only because `write` never raises once it has committed, and raises StoreUnavailable, which is not
        retried, when it cannot know whether it has.
        """
        try:
            outcomes = await self._write(
                [change_set for batch, *_ in group for change_set in batch], [its for _, ready, _ in group for its in ready]
            )
        except CatalogError as error:
            for *_, answer in group:
                set_exception(answer, error)
        except Exception as error:  # noqa: BLE001 - whatever it was, it goes to whom it concerns, and the writer lives on
            if len(group) == 1:
                set_exception(group[0][2], error)
                return
            for single in group:
                await self._serve([single])
        else:
            remaining = iter(outcomes)
            for batch, _, answer in group:
                set_result(answer, [next(remaining) for _ in batch])
