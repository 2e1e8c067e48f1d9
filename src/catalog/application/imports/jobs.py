"""Import jobs. Each import has an id, under which its progress and its refused rows are available for a day.

The progress is an expiring record that is written in the same commits as the slices. If the process is killed, the record shows
what was committed, and the file can be sent again because rows are matched by SKU.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from catalog.application.files.row_source import RowSource
from catalog.application.imports.pipeline import ImportPipeline, ImportReport
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.rows import Refusal
from catalog.application.writes.commit import commit
from catalog.application.writes.write import Decision, Write
from catalog.domain.change import Origin
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.errors import CatalogError, ImportNotFound, ImportsBusy, Unavailable
from catalog.domain.text.normalization import find_unstorable
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

MAX_REFUSALS_SHOWN = 1_000
"""Maximum refusals returned with an import, and stored in one record. `ImportJobs.refusals` returns all of them."""

MAX_CONCURRENT = 2
"""Imports that a process runs at the same time. Others wait."""

MAX_IMPORTS = 20
"""Maximum imports in progress in a process, including those that wait."""

MAX_RECEIVING = 100
"""Maximum concurrent file uploads in a process."""

WAIT_SECONDS = 10.0
"""Seconds that an import waits for a slot while its caller waits for the result."""

HEARTBEAT_SECONDS = 2.0
"""Seconds between two heartbeats of a running import."""

HEARTBEAT_TIMEOUT = 10.0
"""Seconds without a heartbeat after which an import counts as interrupted."""

RUNNING, DONE, REFUSED, FAILED, CANCELLED, INTERRUPTED = "running", "done", "refused", "failed", "cancelled", "interrupted"


@dataclass(slots=True)
class ImportState:
    """The progress of an import.

    `at` is the time of its last progress or heartbeat, `bytes` the number of bytes read from the file, `chunks` the number of
    records with refusals, and `error` the reason why it failed.
    """

    id: str
    status: str
    started_at: datetime
    at: datetime
    dry_run: bool = False
    bytes: int = 0
    error: str | None = None
    chunks: int = 0
    report: ImportReport = field(default_factory=ImportReport)

    @property
    def rate(self) -> float:
        """Rows per second."""
        seconds = (self.at - self.started_at).total_seconds()
        return self.report.rows / seconds if seconds > 0 else 0.0

    @property
    def record(self) -> ExpiringRecord:
        """The expiring record that stores this state."""
        content = asdict(self)
        del content["at"]
        return ExpiringRecord(
            _state_key(self.id), json.dumps(content | {"started_at": self.started_at.isoformat()}).encode(), self.at
        )

    @classmethod
    def from_record(cls, record: ExpiringRecord) -> "ImportState":
        """Restore the state from its record."""
        content: dict[str, Any] = json.loads(record.content)
        report = ImportReport(**content.pop("report"))
        return cls(
            **content | {"started_at": datetime.fromisoformat(content["started_at"]), "at": record.created_at, "report": report}
        )


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
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._states: dict[str, ImportState] = {}
        self._receiving = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, source: ImportSource, plan: ImportPlan, origin: Origin, first_refusals: list[Refusal]) -> Write[ImportState]:
        """Run an import and return its final state. The first refusals are added to `first_refusals`; the source is closed.

        Slices that were committed before an error stay, and the import's id still shows them.

        Raises: ImportsBusy, and the errors of `ImportPipeline.run`.
        """
        return Write(self._storage, origin, lambda: self._run(source, plan, origin, first_refusals))

    async def _run(
        self, source: ImportSource, plan: ImportPlan, origin: Origin, first_refusals: list[Refusal]
    ) -> Decision[ImportState]:
        """Import the file, and decide what to commit at the end: the final state."""
        try:
            self._check_capacity()
            state = self._new_state(plan)
            try:
                async with self._slot():
                    status = await self._import(state, source, plan, origin, first_refusals)
            except BaseException as error:
                await self._finish(state, origin, INTERRUPTED if isinstance(error, asyncio.CancelledError) else FAILED, error)
                raise
        finally:
            source.close()
        state.status = status
        state.at = self._clock.now()
        del self._states[state.id]
        return Decision((), state, (state.record,), is_refusal=status == REFUSED)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Reserve an upload slot.

        Raises: ImportsBusy if too many uploads or imports are in progress.
        """
        self._check_capacity()
        if self._receiving >= MAX_RECEIVING:
            message = f"{MAX_RECEIVING} import files are already being uploaded; try again when one is complete."
            raise ImportsBusy(message)
        self._receiving += 1
        try:
            yield
        finally:
            self._receiving -= 1

    def _check_capacity(self) -> None:
        """Check that fewer than MAX_IMPORTS are in progress.

        Raises: ImportsBusy.
        """
        if len(self._states) >= MAX_IMPORTS:
            message = f"{MAX_IMPORTS} imports are already in progress; try again when one is finished."
            raise ImportsBusy(message)

    @asynccontextmanager
    async def _slot(self) -> AsyncGenerator[None, None]:
        """Wait up to WAIT_SECONDS for a slot and hold it.

        Raises: ImportsBusy.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._slots.acquire()
        except TimeoutError as error:
            message = f"{MAX_CONCURRENT} imports are already running; try again when one is finished."
            raise ImportsBusy(message) from error
        try:
            yield
        finally:
            self._slots.release()

    def start(self, source: ImportSource, plan: ImportPlan, origin: Origin) -> Write[ImportState]:
        """Start an import in the background, as soon as its state is committed, and return its state.

        Raises: ImportsBusy.
        """

        async def decide() -> Decision[ImportState]:
            try:
                self._check_capacity()
            except ImportsBusy:
                source.close()
                raise
            state = self._new_state(plan)
            return Decision((), state, (state.record,), commit_scope=self._starting(state, source, plan, origin))

        return Write(self._storage, origin, decide)

    @asynccontextmanager
    async def _starting(
        self, state: ImportState, source: ImportSource, plan: ImportPlan, origin: Origin
    ) -> AsyncGenerator[None, None]:
        """Start an import after the commit, or discard it if the commit fails."""
        try:
            yield
        except BaseException:
            del self._states[state.id]
            source.close()
            raise
        task = asyncio.create_task(self._run_in_background(state, source, plan, origin), name=f"catalog-import-{state.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(0)  # let the task start: one cancelled before its start would not close the source

    async def get(self, import_id: str) -> ImportState:
        """Return the state of an import.

        Raises: ImportNotFound.
        """
        local_state = self._states.get(import_id)
        if local_state is not None:
            return local_state
        if find_unstorable(import_id) is not None:
            raise ImportNotFound(import_id)
        key = _state_key(import_id)
        record = (await self._storage.records((key,))).get(key)
        now = self._clock.now()
        if record is None or not record.is_alive(now):
            raise ImportNotFound(import_id)
        state = ImportState.from_record(record)
        if state.status == RUNNING and (now - state.at).total_seconds() > HEARTBEAT_TIMEOUT:
            state.status = INTERRUPTED
        return state

    async def refusals(self, import_id: str) -> AsyncGenerator[Sequence[Refusal], None]:
        """Yield all refusals of an import, in order.

        Raises: ImportNotFound.
        """
        state = await self.get(import_id)
        for number in range(state.chunks):
            key = _chunk_key(import_id, number)
            record = (await self._storage.records((key,))).get(key)
            if record is not None:
                yield [Refusal(*values) for values in json.loads(record.content)]

    async def cancel(self, import_id: str, origin: Origin) -> ImportState:
        """Request cancellation of an import, in whichever process it runs. Committed rows stay.

        Raises: ImportNotFound.
        """
        state = await self.get(import_id)
        if state.status == RUNNING:
            await commit(self._storage, (), origin, (ExpiringRecord(_cancel_key(import_id), b"", self._clock.now()),))
        return state

    async def close(self) -> None:
        """Interrupt the background imports and store their progress."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _new_state(self, plan: ImportPlan) -> ImportState:
        now = self._clock.now()
        state = ImportState(str(self._ids.item_id()), RUNNING, now, now, plan.dry_run)
        self._states[state.id] = state
        return state

    async def _run_in_background(self, state: ImportState, source: ImportSource, plan: ImportPlan, origin: Origin) -> None:
        """Run an import and store its outcome."""
        heartbeats = asyncio.create_task(self._send_heartbeats(state, origin))
        try:
            async with self._slots:
                status = await self._import(state, source, plan, origin, [])
        except asyncio.CancelledError as error:
            await self._finish(state, origin, INTERRUPTED, error)
            raise
        except Exception as error:
            await self._finish(state, origin, FAILED, error)
            if not isinstance(error, CatalogError):
                raise
        else:
            await self._finish(state, origin, status, None)
        finally:
            heartbeats.cancel()
            source.close()

    async def _import(
        self, state: ImportState, source: ImportSource, plan: ImportPlan, origin: Origin, first_refusals: list[Refusal]
    ) -> str:
        """Run an import, storing its progress with each slice. Return its final status."""
        rows = await _open(source)

        def make_records(report: ImportReport, refused: Sequence[Refusal]) -> tuple[ExpiringRecord, ...]:
            refusals = list(refused)
            next_state = ImportState(
                state.id,
                RUNNING,
                state.started_at,
                self._clock.now(),
                state.dry_run,
                source.position(),
                chunks=state.chunks,
                report=replace(report),
            )
            state.at = next_state.at
            chunks = []
            for number, start in enumerate(range(0, len(refusals), MAX_REFUSALS_SHOWN), state.chunks):
                content = json.dumps([_refusal_row(refusal) for refusal in refusals[start : start + MAX_REFUSALS_SHOWN]])
                chunks.append(ExpiringRecord(_chunk_key(state.id, number), content.encode(), next_state.at))
            next_state.chunks += len(chunks)
            pending_states.append(next_state)
            return (next_state.record, *chunks)

        pending_states: list[ImportState] = []

        def adopt_progress(_report: ImportReport) -> None:
            """Copy the state from the last record, which is committed now."""
            for state_field in fields(ImportState) if pending_states else ():
                setattr(state, state_field.name, getattr(pending_states[-1], state_field.name))

        def collect_refusal(refusal: Refusal) -> None:
            if len(first_refusals) < MAX_REFUSALS_SHOWN:
                first_refusals.append(refusal)

        async def check_cancelled() -> None:
            if await self._storage.records((_cancel_key(state.id),)):
                raise _Cancelled

        try:
            report = await self._pipeline.run(
                rows,
                plan,
                origin,
                on_refusal=collect_refusal,
                on_progress=adopt_progress,
                make_records=make_records,
                before_slice=check_cancelled,
            )
        except _Cancelled:
            return CANCELLED
        return REFUSED if plan.atomic and report.refused and not plan.dry_run else DONE

    async def _send_heartbeats(self, state: ImportState, origin: Origin) -> None:
        """Store a heartbeat whenever no slice was committed for HEARTBEAT_SECONDS."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if (self._clock.now() - state.at).total_seconds() >= HEARTBEAT_SECONDS:
                state.at = self._clock.now()
                # If the store is unavailable for a moment, it gets the next heartbeat.
                with suppress(Unavailable):
                    await commit(self._storage, (), origin, (state.record,))

    async def _finish(self, state: ImportState, origin: Origin, status: str, error: BaseException | None) -> None:
        state.status = status
        state.at = self._clock.now()
        if error is not None and status == FAILED:
            state.error = (
                str(error) if isinstance(error, CatalogError) else "Unexpected error. Quote the import id when reporting it."
            )
        try:
            await commit(self._storage, (), origin, (state.record,))
        finally:
            self._states.pop(state.id, None)


async def _open(source: ImportSource) -> RowSource:
    """Open a source in a thread. Close it on failure or cancellation, so that the thread stops waiting for data."""
    try:
        return await asyncio.to_thread(source.open)
    except BaseException:
        source.close()
        raise


def _refusal_row(refusal: Refusal) -> tuple[int, str, str, str, str]:
    return refusal.line, refusal.sku, refusal.field, refusal.code, refusal.reason


def _state_key(import_id: str) -> str:
    return f"import/{import_id}"


def _cancel_key(import_id: str) -> str:
    return f"import/{import_id}/cancel"


def _chunk_key(import_id: str, number: int) -> str:
    return f"import/{import_id}/refused/{number}"
