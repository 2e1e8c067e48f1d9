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

from catalog.application.files.row_source import Table
from catalog.application.imports.pipeline import Importing, ImportReport
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.rows import Refusal
from catalog.application.writes.commit import Noted, commit, no_notes
from catalog.domain.change import Origin
from catalog.domain.changes.expiring_record import Note
from catalog.domain.errors import CatalogError, ImportNotFound, ImportsBusy, Unavailable
from catalog.domain.text.normalization import unstorable
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

SHOWN = 1_000
"""Refusals that are told with an import; all of them are told at an address of their own."""

AT_ONCE = 2
"""Imports that a process works on at a time; more wait."""

MOST = 20
"""Imports that may be under way in a process, those that wait included."""

RECEIVING = 100
"""Files that may be coming in to a process at a time."""

WAIT = 10.0
"""Seconds that an import waits for its turn, when its caller waits for it."""

BEAT = 2.0
"""Seconds between two signs of life of an import under way."""

ALIVE = 10.0
"""Seconds without a sign of life after which an import is taken for interrupted."""

RUNNING, DONE, REFUSED, FAILED, CANCELLED, INTERRUPTED = "running", "done", "refused", "failed", "cancelled", "interrupted"


@dataclass(slots=True)
class ImportState:
    """How far an import is. `bytes` are those of the file that were read; `error` says why it failed."""

    id: str
    status: str
    began: datetime
    at: datetime
    dry_run: bool = False
    bytes: int = 0
    error: str | None = None
    chunks: int = 0
    report: ImportReport = field(default_factory=ImportReport)

    @property
    def rate(self) -> float:
        """Rows a second."""
        took = (self.at - self.began).total_seconds()
        return self.report.rows / took if took > 0 else 0.0

    @property
    def note(self) -> Note:
        """What is kept of it."""
        told = asdict(self)
        del told["at"]
        return Note(_key(self.id), json.dumps(told | {"began": self.began.isoformat()}).encode(), self.at)

    @classmethod
    def of(cls, note: Note) -> "ImportState":
        """Bring it back."""
        told: dict[str, Any] = json.loads(note.content)
        report = ImportReport(**told.pop("report"))
        return cls(**told | {"began": datetime.fromisoformat(told["began"]), "at": note.at, "report": report})


class _Cancelled(Exception):
    """Somebody asked for the end of an import."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is imported: a table that is opened, in a thread, when it is its turn; and how many bytes of it were read."""

    open: Callable[[], Table]
    position: Callable[[], int]
    close: Callable[[], object] = lambda: None


class ImportJobs:
    """Runs imports, here and now or by the side, and tells of them."""

    def __init__(self, importing: Importing, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Work through these."""
        self._importing = importing
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._here: dict[str, ImportState] = {}
        self._receiving = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(
        self,
        source: Source,
        plan: ImportPlan,
        origin: Origin,
        first: list[Refusal],
        notes: Noted[ImportState] = no_notes,
    ) -> ImportState:
        """Import, and return what became of it; the first refusals are put into `first`, and the source is closed.

        At its end `notes` are committed, unless all of it was refused. Raises ImportsBusy, and what Importing.run raises; what
        was committed by then stays, and is told under the import's id.
        """
        try:
            self._refuse_more()
            state = self._begin(plan)
            try:
                async with self._turn():
                    status = await self._work(state, source, plan, origin, first)
            except BaseException as error:
                await self._end(state, origin, INTERRUPTED if isinstance(error, asyncio.CancelledError) else FAILED, error)
                raise
            await self._end(state, origin, status, None, no_notes if status == REFUSED else notes)
            return state
        finally:
            source.close()

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Hold a place while a file comes in. Raises ImportsBusy when there is none, or the import would find none later."""
        self._refuse_more()
        if self._receiving >= RECEIVING:
            message = f"{RECEIVING} files to import are coming in here; try again when one is there."
            raise ImportsBusy(message)
        self._receiving += 1
        try:
            yield
        finally:
            self._receiving -= 1

    def _refuse_more(self) -> None:
        """Raise ImportsBusy when too many are under way."""
        if len(self._here) >= MOST:
            message = f"{MOST} imports are under way here; try again when one is done."
            raise ImportsBusy(message)

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None, None]:
        """Wait for a turn, but not for long. Raises ImportsBusy."""
        try:
            async with asyncio.timeout(WAIT):
                await self._turns.acquire()
        except TimeoutError as error:
            message = f"{AT_ONCE} imports are worked on here; try again when one is done."
            raise ImportsBusy(message) from error
        try:
            yield
        finally:
            self._turns.release()

    async def start(self, source: Source, plan: ImportPlan, origin: Origin, notes: Noted[ImportState] = no_notes) -> ImportState:
        """Begin an import by the side; `notes` are committed before. Raises ImportsBusy when too many are under way."""
        try:
            self._refuse_more()
            state = self._begin(plan)
            try:
                await commit(self._storage, (), origin, (state.note, *notes(state)))
            except BaseException:
                del self._here[state.id]
                raise
        except BaseException:
            source.close()
            raise
        task = asyncio.create_task(self._by_the_side(state, source, plan, origin), name=f"catalog-import-{state.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(0)  # a task that is cancelled before it began would give nothing back
        return state

    async def get(self, import_id: str) -> ImportState:
        """Tell how far an import is. Raises ImportNotFound."""
        here = self._here.get(import_id)
        if here is not None:
            return here
        if unstorable(import_id) is not None:
            raise ImportNotFound(import_id)
        key = _key(import_id)
        note = (await self._storage.notes((key,))).get(key)
        now = self._clock.now()
        if note is None or not note.kept(now):
            raise ImportNotFound(import_id)
        state = ImportState.of(note)
        if state.status == RUNNING and (now - state.at).total_seconds() > ALIVE:
            state.status = INTERRUPTED
        return state

    async def refusals(self, import_id: str) -> AsyncGenerator[Sequence[Refusal], None]:
        """Go through all refused rows, in their order. Raises ImportNotFound."""
        state = await self.get(import_id)
        for number in range(state.chunks):
            key = _chunk(import_id, number)
            note = (await self._storage.notes((key,))).get(key)
            if note is not None:
                yield [Refusal(*one) for one in json.loads(note.content)]

    async def cancel(self, import_id: str, origin: Origin) -> ImportState:
        """Ask for the end of an import, wherever it is worked on; what is committed stays. Raises ImportNotFound."""
        state = await self.get(import_id)
        if state.status == RUNNING:
            await commit(self._storage, (), origin, (Note(_cancel(import_id), b"", self._clock.now()),))
        return state

    async def close(self) -> None:
        """Interrupt what is under way, and write down how far it is."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, plan: ImportPlan) -> ImportState:
        now = self._clock.now()
        state = ImportState(str(self._ids.item_id()), RUNNING, now, now, plan.dry_run)
        self._here[state.id] = state
        return state

    async def _by_the_side(self, state: ImportState, source: Source, plan: ImportPlan, origin: Origin) -> None:
        """Import, and write down how it ended."""
        beating = asyncio.create_task(self._beat(state, origin))
        try:
            async with self._turns:
                status = await self._work(state, source, plan, origin, [])
        except asyncio.CancelledError as error:
            await self._end(state, origin, INTERRUPTED, error)
            raise
        except Exception as error:
            await self._end(state, origin, FAILED, error)
            if not isinstance(error, CatalogError):
                raise
        else:
            await self._end(state, origin, status, None)
        finally:
            beating.cancel()
            source.close()

    async def _work(self, state: ImportState, source: Source, plan: ImportPlan, origin: Origin, first: list[Refusal]) -> str:
        """Import, keeping notes; return how it ended."""
        table = await _opened(source)

        def record(report: ImportReport, refused: Sequence[Refusal]) -> tuple[Note, ...]:
            told = list(refused)
            after = ImportState(
                state.id,
                RUNNING,
                state.began,
                self._clock.now(),
                state.dry_run,
                source.position(),
                chunks=state.chunks,
                report=replace(report),
            )
            state.at = after.at
            chunks = []
            for number, start in enumerate(range(0, len(told), SHOWN), state.chunks):
                content = json.dumps([_row(one) for one in told[start : start + SHOWN]])
                chunks.append(Note(_chunk(state.id, number), content.encode(), after.at))
            after.chunks += len(chunks)
            written.append(after)
            return (after.note, *chunks)

        written: list[ImportState] = []

        def settled(_report: ImportReport) -> None:
            """Take what the last notes say, which are committed now."""
            for its in fields(ImportState) if written else ():
                setattr(state, its.name, getattr(written[-1], its.name))

        def refuse(refusal: Refusal) -> None:
            if len(first) < SHOWN:
                first.append(refusal)

        async def go_on() -> None:
            if await self._storage.notes((_cancel(state.id),)):
                raise _Cancelled

        try:
            report = await self._importing.run(
                table, plan, origin, on_refusal=refuse, on_progress=settled, record=record, go_on=go_on
            )
        except _Cancelled:
            return CANCELLED
        return REFUSED if plan.atomic and report.refused and not plan.dry_run else DONE

    async def _beat(self, state: ImportState, origin: Origin) -> None:
        """Give signs of life as long as nothing else does."""
        while True:
            await asyncio.sleep(BEAT)
            if (self._clock.now() - state.at).total_seconds() >= BEAT:
                state.at = self._clock.now()
                # A store that is away for a moment takes the next one.
                with suppress(Unavailable):
                    await commit(self._storage, (), origin, (state.note,))

    async def _end(
        self,
        state: ImportState,
        origin: Origin,
        status: str,
        error: BaseException | None,
        notes: Noted[ImportState] = no_notes,
    ) -> None:
        state.status = status
        state.at = self._clock.now()
        if error is not None and status == FAILED:
            state.error = str(error) if isinstance(error, CatalogError) else "The import failed in a way that nobody foresaw."
        try:
            await commit(self._storage, (), origin, (state.note, *notes(state)))
        finally:
            self._here.pop(state.id, None)


async def _opened(source: Source) -> Table:
    """Open a source in a thread, which waits for nothing when nobody waits for it."""
    try:
        return await asyncio.to_thread(source.open)
    except BaseException:
        source.close()
        raise


def _row(refusal: Refusal) -> tuple[int, str, str, str, str]:
    return refusal.line, refusal.sku, refusal.field, refusal.code, refusal.reason


def _key(import_id: str) -> str:
    return f"import/{import_id}"


def _cancel(import_id: str) -> str:
    return f"import/{import_id}/cancel"


def _chunk(import_id: str, number: int) -> str:
    return f"import/{import_id}/refused/{number}"
