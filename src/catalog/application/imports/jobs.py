"""Imports as things of their own: each with an id, under which is told how far it is and what was refused, for a day.

How far it is stands in a note that is written in the commits of its slices. So when a process is killed, the note tells what is
committed, and the file can be sent again: rows are known by their SKUs.
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
"""Refusals that are told with an import; all of them are told at an address of their own."""

MAX_CONCURRENT = 2
"""Imports that a process works on at a time; more wait."""

MAX_IMPORTS = 20
"""Imports that may be under way in a process, those that wait included."""

MAX_RECEIVING = 100
"""Files that may be coming in to a process at a time."""

WAIT_SECONDS = 10.0
"""Seconds that an import waits for its turn, when its caller waits for it."""

HEARTBEAT_SECONDS = 2.0
"""Seconds between two signs of life of an import under way."""

HEARTBEAT_TIMEOUT = 10.0
"""Seconds without a sign of life after which an import is taken for interrupted."""

RUNNING, DONE, REFUSED, FAILED, CANCELLED, INTERRUPTED = "running", "done", "refused", "failed", "cancelled", "interrupted"


@dataclass(slots=True)
class ImportState:
    """How far an import is. `bytes` are those of the file that were read; `error` says why it failed."""

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
        """Rows a second."""
        took = (self.at - self.started_at).total_seconds()
        return self.report.rows / took if took > 0 else 0.0

    @property
    def to_record(self) -> ExpiringRecord:
        """What is kept of it."""
        told = asdict(self)
        del told["at"]
        return ExpiringRecord(
            _state_key(self.id), json.dumps(told | {"started_at": self.started_at.isoformat()}).encode(), self.at
        )

    @classmethod
    def from_record(cls, record: ExpiringRecord) -> "ImportState":
        """Bring it back."""
        told: dict[str, Any] = json.loads(record.content)
        report = ImportReport(**told.pop("report"))
        return cls(**told | {"started_at": datetime.fromisoformat(told["started_at"]), "at": record.created_at, "report": report})


class _Cancelled(Exception):
    """Somebody asked for the end of an import."""


@dataclass(frozen=True, slots=True)
class ImportSource:
    """What is imported: a table that is opened, in a thread, when it is its turn; and how many bytes of it were read."""

    open: Callable[[], RowSource]
    position: Callable[[], int]
    close: Callable[[], object] = lambda: None


class ImportJobs:
    """Runs imports, here and now or by the side, and tells of them."""

    def __init__(self, importing: ImportPipeline, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Work through these."""
        self._importing = importing
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._states: dict[str, ImportState] = {}
        self._receiving = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, source: ImportSource, plan: ImportPlan, origin: Origin, first: list[Refusal]) -> Write[ImportState]:
        """Import, and return the final state; the first refusals are added to `first`, and the source is closed.

        Raises ImportsBusy, and what ImportPipeline.run raises; slices that are committed by then stay, and `get` returns how far
        the import came.
        """
        return Write(self._storage, origin, lambda: self._run(source, plan, origin, first))

    async def _run(self, source: ImportSource, plan: ImportPlan, origin: Origin, first: list[Refusal]) -> Decision[ImportState]:
        """Import everything, and decide the last record."""
        try:
            self._check_capacity()
            state = self._new_state(plan)
            try:
                async with self._slot():
                    status = await self._work(state, source, plan, origin, first)
            except BaseException as error:
                await self._finish(state, origin, INTERRUPTED if isinstance(error, asyncio.CancelledError) else FAILED, error)
                raise
        finally:
            source.close()
        state.status = status
        state.at = self._clock.now()
        del self._states[state.id]
        return Decision((), state, (state.to_record,), is_refusal=status == REFUSED)

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Hold a place while a file comes in. Raises ImportsBusy when there is none, or the import would find none later."""
        self._check_capacity()
        if self._receiving >= MAX_RECEIVING:
            message = f"{MAX_RECEIVING} files to import are coming in here; try again when one is there."
            raise ImportsBusy(message)
        self._receiving += 1
        try:
            yield
        finally:
            self._receiving -= 1

    def _check_capacity(self) -> None:
        """Raise ImportsBusy when too many are under way."""
        if len(self._states) >= MAX_IMPORTS:
            message = f"{MAX_IMPORTS} imports are under way here; try again when one is done."
            raise ImportsBusy(message)

    @asynccontextmanager
    async def _slot(self) -> AsyncGenerator[None, None]:
        """Wait for a turn, but not for long. Raises ImportsBusy."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._slots.acquire()
        except TimeoutError as error:
            message = f"{MAX_CONCURRENT} imports are worked on here; try again when one is done."
            raise ImportsBusy(message) from error
        try:
            yield
        finally:
            self._slots.release()

    def start(self, source: ImportSource, plan: ImportPlan, origin: Origin) -> Write[ImportState]:
        """Start an import in the background as soon as its first record is committed. Raises ImportsBusy."""

        async def decide() -> Decision[ImportState]:
            try:
                self._check_capacity()
            except ImportsBusy:
                source.close()
                raise
            state = self._new_state(plan)
            return Decision((), state, (state.to_record,), commit_scope=self._starting(state, source, plan, origin))

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
        await asyncio.sleep(0)  # a task that is cancelled before it began would give nothing back

    async def get(self, import_id: str) -> ImportState:
        """Tell how far an import is. Raises ImportNotFound."""
        here = self._states.get(import_id)
        if here is not None:
            return here
        if find_unstorable(import_id) is not None:
            raise ImportNotFound(import_id)
        key = _state_key(import_id)
        note = (await self._storage.records((key,))).get(key)
        now = self._clock.now()
        if note is None or not note.is_alive(now):
            raise ImportNotFound(import_id)
        state = ImportState.from_record(note)
        if state.status == RUNNING and (now - state.at).total_seconds() > HEARTBEAT_TIMEOUT:
            state.status = INTERRUPTED
        return state

    async def refusals(self, import_id: str) -> AsyncGenerator[Sequence[Refusal], None]:
        """Go through all refused rows, in their order. Raises ImportNotFound."""
        state = await self.get(import_id)
        for number in range(state.chunks):
            key = _chunk_key(import_id, number)
            note = (await self._storage.records((key,))).get(key)
            if note is not None:
                yield [Refusal(*one) for one in json.loads(note.content)]

    async def cancel(self, import_id: str, origin: Origin) -> ImportState:
        """Ask for the end of an import, wherever it is worked on; what is committed stays. Raises ImportNotFound."""
        state = await self.get(import_id)
        if state.status == RUNNING:
            await commit(self._storage, (), origin, (ExpiringRecord(_cancel_key(import_id), b"", self._clock.now()),))
        return state

    async def close(self) -> None:
        """Interrupt what is under way, and write down how far it is."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _new_state(self, plan: ImportPlan) -> ImportState:
        now = self._clock.now()
        state = ImportState(str(self._ids.item_id()), RUNNING, now, now, plan.dry_run)
        self._states[state.id] = state
        return state

    async def _run_in_background(self, state: ImportState, source: ImportSource, plan: ImportPlan, origin: Origin) -> None:
        """Import, and write down how it ended."""
        beating = asyncio.create_task(self._send_heartbeats(state, origin))
        try:
            async with self._slots:
                status = await self._work(state, source, plan, origin, [])
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
            beating.cancel()
            source.close()

    async def _work(
        self, state: ImportState, source: ImportSource, plan: ImportPlan, origin: Origin, first: list[Refusal]
    ) -> str:
        """Import, keeping notes; return how it ended."""
        table = await _opened(source)

        def record(report: ImportReport, refused: Sequence[Refusal]) -> tuple[ExpiringRecord, ...]:
            told = list(refused)
            after = ImportState(
                state.id,
                RUNNING,
                state.started_at,
                self._clock.now(),
                state.dry_run,
                source.position(),
                chunks=state.chunks,
                report=replace(report),
            )
            state.at = after.at
            chunks = []
            for number, start in enumerate(range(0, len(told), MAX_REFUSALS_SHOWN), state.chunks):
                content = json.dumps([_refusal_row(one) for one in told[start : start + MAX_REFUSALS_SHOWN]])
                chunks.append(ExpiringRecord(_chunk_key(state.id, number), content.encode(), after.at))
            after.chunks += len(chunks)
            written.append(after)
            return (after.to_record, *chunks)

        written: list[ImportState] = []

        def settled(_report: ImportReport) -> None:
            """Take what the last notes say, which are committed now."""
            for its in fields(ImportState) if written else ():
                setattr(state, its.name, getattr(written[-1], its.name))

        def refuse(refusal: Refusal) -> None:
            if len(first) < MAX_REFUSALS_SHOWN:
                first.append(refusal)

        async def go_on() -> None:
            if await self._storage.records((_cancel_key(state.id),)):
                raise _Cancelled

        try:
            report = await self._importing.run(
                table, plan, origin, on_refusal=refuse, on_progress=settled, make_records=record, should_continue=go_on
            )
        except _Cancelled:
            return CANCELLED
        return REFUSED if plan.atomic and report.refused and not plan.dry_run else DONE

    async def _send_heartbeats(self, state: ImportState, origin: Origin) -> None:
        """Give signs of life as long as nothing else does."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if (self._clock.now() - state.at).total_seconds() >= HEARTBEAT_SECONDS:
                state.at = self._clock.now()
                # A store that is away for a moment takes the next one.
                with suppress(Unavailable):
                    await commit(self._storage, (), origin, (state.to_record,))

    async def _finish(self, state: ImportState, origin: Origin, status: str, error: BaseException | None) -> None:
        state.status = status
        state.at = self._clock.now()
        if error is not None and status == FAILED:
            state.error = str(error) if isinstance(error, CatalogError) else "The import failed in a way that nobody foresaw."
        try:
            await commit(self._storage, (), origin, (state.to_record,))
        finally:
            self._states.pop(state.id, None)


async def _opened(source: ImportSource) -> RowSource:
    """Open a source in a thread, which waits for nothing when nobody waits for it."""
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
