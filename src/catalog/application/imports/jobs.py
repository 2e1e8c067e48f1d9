"""Import jobs. Each import has an id, under which its progress and its refused rows are available for a day.

The progress is an expiring record that is written in the same commits as the slices. If the process is killed, the record shows
what was committed, and the file can be sent again because rows are matched by SKU.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from catalog.application.files.row_source import RowSource
from catalog.application.imports import refusal_records
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
from catalog.application.imports.refusals import Refusal, RefusedRow, flat
from catalog.application.imports.registry import ImportRegistry
from catalog.application.writes.commit import commit
from catalog.application.writes.write import Decision, Write
from catalog.domain.change import Origin
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.errors import CatalogError, ImportNotFound, ImportsBusy
from catalog.domain.text.normalization import find_unstorable
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

MAX_REFUSALS_SHOWN = 1_000
"""Maximum refusals returned with an import. `ImportJobs.refusals` returns all of them."""


FIRST_REFUSALS = 20
"""Maximum refusals shown with the state of an import."""


class _Cancelled(Exception):
    """A caller cancelled the import."""


@dataclass(frozen=True, slots=True)
class ImportSource:
    """The file to import. `open` is called in a thread once the import gets a slot; `position` is the number of bytes read."""

    open: Callable[[], RowSource]
    position: Callable[[], int]
    close: Callable[[], object] = lambda: None


async def _may_go_on() -> None:
    """Let an import go on, whoever its owner is."""


@dataclass(frozen=True, slots=True)
class ImportOwner:
    """The user who runs an import: the id, and a check before each slice that raises an error if the user may not go on."""

    id: str
    check: Callable[[], Awaitable[None]] = _may_go_on


@dataclass(frozen=True, slots=True)
class FinishedImport:
    """An import that has ended: its final state, and up to MAX_REFUSALS_SHOWN refusals."""

    state: ImportState
    refusals: Sequence[Refusal]


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

    def run(
        self, source: ImportSource, plan: ImportPlan, origin: Origin, owner: ImportOwner | None = None
    ) -> Write[FinishedImport]:
        """Run an import and return its final state with the first refusals. The source is closed.

        Slices that were committed before an error stay, and the import's id still shows them.

        Raises: ImportsBusy, and the errors of `ImportPipeline.run`.
        """
        return Write(self._storage, origin, lambda: self._run(source, plan, origin, owner))

    async def _run(
        self, source: ImportSource, plan: ImportPlan, origin: Origin, owner: ImportOwner | None
    ) -> Decision[FinishedImport]:
        """Import the file, and decide what to commit at the end: the final state."""
        try:
            self._registry.check_capacity()
            state = self._new_state(plan, owner)
            try:
                async with self._registry.slots.hold():
                    status, first_refusals = await self._import(state.id, source, plan, origin, owner)
            except BaseException as error:
                await self._fail(state.id, origin, error)
                raise
        finally:
            source.close()
        state = self._end(state.id, status)
        result = FinishedImport(state, first_refusals)
        return Decision((), result, (state.record,), is_refusal=status == REFUSED, commit_scope=self._ending(state.id))

    @asynccontextmanager
    async def _ending(self, import_id: str) -> AsyncGenerator[None, None]:
        """Show the final state of an import until it is stored."""
        try:
            yield
        finally:
            self._registry.states.pop(import_id, None)

    def receiving(self) -> AbstractContextManager[None]:
        """Reserve an upload slot.

        Raises: ImportsBusy if too many uploads or imports are in progress.
        """
        return self._registry.receiving()

    def start(
        self, source: ImportSource, plan: ImportPlan, origin: Origin, owner: ImportOwner | None = None
    ) -> Write[ImportState]:
        """Start an import in the background, as soon as its state is committed, and return its state.

        Raises: ImportsBusy.
        """

        async def decide() -> Decision[ImportState]:
            try:
                self._registry.check_capacity()
            except ImportsBusy:
                source.close()
                raise
            state = self._new_state(plan, owner)
            return Decision((), state, (state.record,), commit_scope=self._starting(state.id, source, plan, origin, owner))

        return Write(self._storage, origin, decide)

    @asynccontextmanager
    async def _starting(
        self, import_id: str, source: ImportSource, plan: ImportPlan, origin: Origin, owner: ImportOwner | None
    ) -> AsyncGenerator[None, None]:
        """Start an import after the commit, or discard it if the commit fails."""
        try:
            yield
        except BaseException:
            del self._registry.states[import_id]
            source.close()
            raise
        running = self._run_in_background(import_id, source, plan, origin, owner)
        task = asyncio.create_task(running, name=f"catalog-import-{import_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(0)  # let the task start: one cancelled before its start would not close the source

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
        state = ImportState.from_record(record, now)
        if state is None:
            raise ImportNotFound(import_id)
        return state

    async def first_refusals(self, import_id: str) -> list[Refusal]:
        """Return the first FIRST_REFUSALS refusals of an import.

        Raises: ImportNotFound.
        """
        found: list[Refusal] = []
        async with aclosing(self.refusals(import_id)) as chunks:
            async for chunk in chunks:
                found += chunk
                if len(found) >= FIRST_REFUSALS:
                    break
        return found[:FIRST_REFUSALS]

    async def refusals(self, import_id: str) -> AsyncGenerator[Sequence[Refusal], None]:
        """Yield all refusals of an import, in order.

        Raises: ImportNotFound.
        """
        async with aclosing(self.refused_rows(import_id)) as chunks:
            async for rows in chunks:
                yield flat(rows)

    async def refused_rows(self, import_id: str) -> AsyncGenerator[Sequence[RefusedRow], None]:
        """Yield all refused rows of an import, in order. Those in a record that is gone or cannot be read are left out.

        Raises: ImportNotFound.
        """
        state = await self.get(import_id)
        for number in range(state.chunks):
            key = refusal_records.chunk_key(import_id, number)
            record = (await self._storage.records((key,))).get(key)
            rows = [] if record is None else refusal_records.from_record(record)
            if rows:
                yield rows

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

    def _new_state(self, plan: ImportPlan, owner: ImportOwner | None) -> ImportState:
        now = self._clock.now()
        state = ImportState(str(self._ids.new_id()), RUNNING, now, now, plan.dry_run, owner=None if owner is None else owner.id)
        self._registry.states[state.id] = state
        return state

    async def _run_in_background(
        self, import_id: str, source: ImportSource, plan: ImportPlan, origin: Origin, owner: ImportOwner | None
    ) -> None:
        """Run an import and store its outcome."""
        heartbeats = asyncio.create_task(send_heartbeats(self._storage, self._clock, self._registry.states, import_id, origin))
        try:
            async with self._registry.slots.hold(patient=True):
                status, _ = await self._import(import_id, source, plan, origin, owner)
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
        self, import_id: str, source: ImportSource, plan: ImportPlan, origin: Origin, owner: ImportOwner | None
    ) -> tuple[str, Sequence[Refusal]]:
        """Run an import, keeping its state up to date with each slice. Return its final status and the first refusals."""
        first_refusals: list[Refusal] = []
        with self._pipeline.opening(plan, origin, import_id):
            rows = await _open(source)
        progress = StoredProgress(state=self._registry.states[import_id], clock=self._clock, position=source.position)
        before_slice = partial(self._check_before_slice, import_id, _may_go_on if owner is None else owner.check)
        try:
            async with aclosing(self._pipeline.run(rows, plan, origin, progress, before_slice=before_slice)) as slices:
                async for committed in slices:
                    progress = committed.progress
                    self._registry.states[import_id] = progress.state
                    first_refusals += committed.refusals[: MAX_REFUSALS_SHOWN - len(first_refusals)]
        except _Cancelled:
            return CANCELLED, first_refusals
        refused = plan.atomic and progress.report.is_refused and not plan.dry_run
        return REFUSED if refused else DONE, first_refusals

    async def _check_before_slice(self, import_id: str, check_owner: Callable[[], Awaitable[None]]) -> None:
        """Check that nobody cancelled the import, and that its owner may go on. Each slice also counts as a heartbeat.

        Raises: _Cancelled, what `check_owner` raises.
        """
        await check_owner()
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

    async def _finish(self, import_id: str, origin: Origin, status: str, error: str | None = None) -> None:
        """Store the final state."""
        state = self._end(import_id, status, error)
        async with self._ending(import_id):
            await commit(self._storage, (), origin, (state.record,))

    def _end(self, import_id: str, status: str, error: str | None = None) -> ImportState:
        """Return the final state of an import, and show it until it is stored."""
        state = replace(self._registry.states[import_id], status=status, at=self._clock.now(), error=error)
        self._registry.states[import_id] = state
        return state


async def _open(source: ImportSource) -> RowSource:
    """Open a source in a thread. Close it on failure or cancellation, so that the thread stops waiting for data."""
    try:
        return await asyncio.to_thread(source.open)
    except BaseException:
        source.close()
        raise
