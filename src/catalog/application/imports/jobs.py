"""Import jobs. Each import has an id, under which its progress and its refused rows are available for a day.

The progress is an expiring record that is written in the same commits as the slices. If the process is killed, the record shows
what was committed, and the file can be sent again because rows are matched by SKU.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, replace
from functools import partial

from catalog.application.files.row_source import RowSource
from catalog.application.imports import refusals
from catalog.application.imports.heartbeat import send_heartbeats
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.progress import (
    CANCELLED,
    DONE,
    FAILED,
    INTERRUPTED,
    REFUSED,
    RUNNING,
    ImportState,
    StoredProgress,
    cancel_key,
    state_key,
)
from catalog.application.imports.refusals import Refusal
from catalog.application.imports.registry import ImportRegistry
from catalog.application.writes.commit import RecordsFor, commit, no_records
from catalog.domain.change import Origin
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.errors import CatalogError, ImportNotFound
from catalog.domain.text.normalization import find_unstorable
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

MAX_REFUSALS_SHOWN = 1_000
"""Maximum refusals returned with an import. `ImportJobs.refusals` returns all of them."""


class _Cancelled(Exception):
    """A caller cancelled the import."""


@dataclass(frozen=True, slots=True)
class ImportSource:
    """The file to import. `open` is called in a thread once the import gets a slot; `position` is the number of bytes read."""

    open: Callable[[], RowSource]
    position: Callable[[], int]
    close: Callable[[], object] = lambda: None


class ImportJobs:
    """Runs imports in the foreground or background, and reports their progress."""

    def __init__(self, pipeline: ImportPipeline, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Run imports through `pipeline` and keep their progress in `storage`."""
        self._pipeline = pipeline
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._registry = ImportRegistry()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(
        self,
        source: ImportSource,
        plan: ImportPlan,
        origin: Origin,
        first_refusals: list[Refusal],
        records_for: RecordsFor[ImportState] = no_records,
    ) -> ImportState:
        """Run an import and return its final state. The first refusals are added to `first_refusals`; the source is closed.

        The records from `records_for` are committed at the end, unless an atomic import was refused. Slices that were committed
        before an error stay, and the import's id still shows them.

        Raises: ImportsBusy, and the errors of `ImportPipeline.run`.
        """
        try:
            self._registry.check_capacity()
            state = self._new_state(plan)
            try:
                async with self._registry.slot():
                    status = await self._import(state.id, source, plan, origin, first_refusals)
            except BaseException as error:
                await self._fail(state.id, origin, error)
                raise
            return await self._finish(state.id, origin, status, records_for=no_records if status == REFUSED else records_for)
        finally:
            source.close()

    def receiving(self) -> AbstractContextManager[None]:
        """Reserve an upload slot.

        Raises: ImportsBusy if too many uploads or imports are in progress.
        """
        return self._registry.receiving()

    async def start(
        self, source: ImportSource, plan: ImportPlan, origin: Origin, records_for: RecordsFor[ImportState] = no_records
    ) -> ImportState:
        """Start an import in the background and return its state. The records from `records_for` are committed first.

        Raises: ImportsBusy.
        """
        try:
            self._registry.check_capacity()
            state = self._new_state(plan)
            try:
                await commit(self._storage, (), origin, (state.record, *records_for(state)))
            except BaseException:
                del self._registry.states[state.id]
                raise
        except BaseException:
            source.close()
            raise
        task = asyncio.create_task(self._run_in_background(state.id, source, plan, origin), name=f"catalog-import-{state.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(0)  # let the task start: one cancelled before its start would not close the source
        return state

    async def get(self, import_id: str) -> ImportState:
        """Return the state of an import.

        Raises: ImportNotFound.
        """
        local_state = self._registry.states.get(import_id)
        if local_state is not None:
            return local_state
        if find_unstorable(import_id) is not None:
            raise ImportNotFound(import_id)
        key = state_key(import_id)
        record = (await self._storage.records((key,))).get(key)
        now = self._clock.now()
        if record is None or not record.is_alive(now):
            raise ImportNotFound(import_id)
        return ImportState.from_record(record, now)

    async def refusals(self, import_id: str) -> AsyncGenerator[Sequence[Refusal], None]:
        """Yield all refusals of an import, in order.

        Raises: ImportNotFound.
        """
        state = await self.get(import_id)
        for number in range(state.chunks):
            key = refusals.chunk_key(import_id, number)
            record = (await self._storage.records((key,))).get(key)
            if record is not None:
                yield refusals.from_record(record)

    async def cancel(self, import_id: str, origin: Origin) -> ImportState:
        """Request cancellation of an import, in whichever process it runs. Committed rows stay.

        Raises: ImportNotFound.
        """
        state = await self.get(import_id)
        if state.status == RUNNING:
            await commit(self._storage, (), origin, (ExpiringRecord(cancel_key(import_id), b"", self._clock.now()),))
        return state

    async def close(self) -> None:
        """Interrupt the background imports and store their progress."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _new_state(self, plan: ImportPlan) -> ImportState:
        now = self._clock.now()
        state = ImportState(str(self._ids.item_id()), RUNNING, now, now, plan.dry_run)
        self._registry.states[state.id] = state
        return state

    async def _run_in_background(self, import_id: str, source: ImportSource, plan: ImportPlan, origin: Origin) -> None:
        """Run an import and store its outcome."""
        heartbeats = asyncio.create_task(send_heartbeats(self._storage, self._clock, self._registry.states, import_id, origin))
        try:
            async with self._registry.slots:
                status = await self._import(import_id, source, plan, origin, [])
        except BaseException as error:
            await self._fail(import_id, origin, error)
            if not isinstance(error, CatalogError):
                raise
        else:
            await self._finish(import_id, origin, status)
        finally:
            heartbeats.cancel()
            source.close()

    async def _import(
        self, import_id: str, source: ImportSource, plan: ImportPlan, origin: Origin, first_refusals: list[Refusal]
    ) -> str:
        """Run an import, keeping its state up to date with each slice. Return its final status."""
        rows = await _open(source)
        progress = StoredProgress(state=self._registry.states[import_id], clock=self._clock, position=source.position)
        before_slice = partial(self._check_cancelled, import_id)
        try:
            async with aclosing(self._pipeline.run(rows, plan, origin, progress, before_slice=before_slice)) as slices:
                async for committed in slices:
                    progress = committed.progress
                    self._registry.states[import_id] = progress.state
                    first_refusals += committed.refusals[: MAX_REFUSALS_SHOWN - len(first_refusals)]
        except _Cancelled:
            return CANCELLED
        return REFUSED if plan.atomic and progress.report.refused and not plan.dry_run else DONE

    async def _check_cancelled(self, import_id: str) -> None:
        """Check that nobody cancelled the import. Each slice also counts as a heartbeat.

        Raises: _Cancelled.
        """
        self._registry.states[import_id] = replace(self._registry.states[import_id], at=self._clock.now())
        if await self._storage.records((cancel_key(import_id),)):
            raise _Cancelled

    async def _fail(self, import_id: str, origin: Origin, error: BaseException) -> None:
        """Store that an error or a cancellation ended the import."""
        if isinstance(error, asyncio.CancelledError):
            await self._finish(import_id, origin, INTERRUPTED)
        else:
            known = isinstance(error, CatalogError)
            message = str(error) if known else "Unexpected error. Quote the import id when reporting it."
            await self._finish(import_id, origin, FAILED, message)

    async def _finish(
        self,
        import_id: str,
        origin: Origin,
        status: str,
        error: str | None = None,
        records_for: RecordsFor[ImportState] = no_records,
    ) -> ImportState:
        """Store the final state, with the records made from it, and return it."""
        state = replace(self._registry.states[import_id], status=status, at=self._clock.now(), error=error)
        self._registry.states[import_id] = state
        try:
            await commit(self._storage, (), origin, (state.record, *records_for(state)))
        finally:
            self._registry.states.pop(import_id, None)
        return state


async def _open(source: ImportSource) -> RowSource:
    """Open a source in a thread. Close it on failure or cancellation, so that the thread stops waiting for data."""
    try:
        return await asyncio.to_thread(source.open)
    except BaseException:
        source.close()
        raise
