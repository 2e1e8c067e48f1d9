"""Import jobs: their progress, refusals, cancellation and interruption, and limits on their number."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.system import RandomIds
from catalog.application.files.row_source import MalformedRow, Row, RowSource
from catalog.application.imports import heartbeat, refusal_records, registry
from catalog.application.imports import jobs as module
from catalog.application.imports.jobs import ImportJobs, ImportSource
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.progress import HEARTBEAT_TIMEOUT, ImportState
from catalog.application.imports.refusals import Refusal
from catalog.application.imports.rows import SLICE_ROWS
from catalog.application.writes.idempotency import IdempotentRequests
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import ImportNotFound, ImportsBusy, StoreBusy, StoreUnavailable
from catalog.domain.items.item import Item
from catalog.entrypoints.http.idempotency import BodyFingerprint
from catalog.ports.storage import Storage
from tests.making import NOON, TESTER, FixedClock, certain, commit, creation
from tests.tables import table


class Jobs:
    """The import jobs of one process, with a clock that the test moves."""

    def __init__(self, storage: Storage) -> None:
        """Start without imports."""
        self.clock = FixedClock()
        self.storage = storage
        self.jobs = self.other_process()
        self.first_refusals: Sequence[Refusal] = []

    def other_process(self) -> ImportJobs:
        """Return the import jobs of another process on the same store."""
        ids = RandomIds()
        return ImportJobs(ImportPipeline(self.storage, self.clock, ids), self.storage, self.clock, ids)

    async def run(self, text: str, plan: ImportPlan | None = None) -> ImportState:
        """Import CSV in the foreground and return the final state."""
        finished = await self.jobs.run(_source(text), plan or ImportPlan(), TESTER)
        self.first_refusals = finished.refusals
        return finished.state


def _source(text: str) -> ImportSource:
    file = io.BytesIO(text.encode())
    return ImportSource(lambda: table(file, policy="ignore"), file.tell)


def endless_source(stop: Callable[[], bool]) -> ImportSource:
    """Return a source that yields rows until `stop` returns True."""

    def rows() -> Iterator[Row | MalformedRow]:
        number = 0
        while not stop():
            number += 1
            yield Row(number, {"sku": f"E-{number}", "name": f"Item {number}"})

    return ImportSource(lambda: RowSource(("sku", "name"), rows()), lambda: 0)


@pytest.fixture
def jobs(storage: Storage) -> Jobs:
    """Import jobs on each kind of store."""
    return Jobs(storage)


async def test_all_refusals_are_available_for_a_day(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in line order. The result of the import has the first ones."""
    monkeypatch.setattr(module, "MAX_REFUSALS_SHOWN", 300)
    monkeypatch.setattr(refusal_records, "MAX_REFUSALS_PER_RECORD", 300)
    text = "sku,name\n" + "".join(f"S-{number},\n" for number in range(2 * SLICE_ROWS))
    state = await jobs.run(text)
    assert (state.status, state.report.rows, state.report.refused, state.bytes) == (
        "done",
        2 * SLICE_ROWS,
        2 * SLICE_ROWS,
        len(text),
    )
    assert len(jobs.first_refusals) == 300
    found = [refusal async for chunk in jobs.other_process().refusals(state.id) for refusal in chunk]
    assert [refusal.line for refusal in found] == list(range(2, 2 * SLICE_ROWS + 2))
    assert found[:300] == jobs.first_refusals
    stored = await jobs.other_process().get(state.id)
    assert (stored.report, stored.status, stored.started_at) == (state.report, "done", NOON)
    with pytest.raises(ImportNotFound):
        await jobs.jobs.get("a\x00b")
    jobs.clock.move(hours=24)
    with pytest.raises(ImportNotFound):
        await jobs.jobs.get(state.id)


async def test_expired_refusals_are_omitted(jobs: Jobs) -> None:
    """A missing record of refusals is not an error."""
    state = await jobs.run("sku,name\na,\n")
    await jobs.storage.commit([ChangeSet((), TESTER, (replace(state, chunks=state.chunks + 1).record,))])
    assert len([chunk async for chunk in jobs.jobs.refusals(state.id)]) == 1


async def test_the_progress_is_committed_with_each_slice(jobs: Jobs) -> None:
    """Another process reports exactly what has been committed."""
    other = jobs.other_process()
    counts: list[int] = []

    def stop() -> bool:
        return len(counts) >= 3

    started_import = await jobs.jobs.start(endless_source(stop), ImportPlan(), TESTER)
    async with asyncio.timeout(60):
        while len(counts) < 3:
            state = await other.get(started_import.id)
            head = (await jobs.storage.head()).seq
            assert state.report.created <= head
            if state.report.created and state.report.created not in counts:
                counts.append(state.report.created)
            await asyncio.sleep(0)
    assert all(number % SLICE_ROWS == 0 for number in counts)
    await _until(other, started_import.id, "done")
    end = await other.get(started_import.id)
    assert end.report.created == (await jobs.storage.head()).seq


async def _until(jobs: ImportJobs, import_id: str, status: str) -> None:
    async def has_status() -> bool:
        return (await jobs.get(import_id)).status == status

    await _poll(has_status)


async def _poll(condition: Callable[[], Awaitable[bool]]) -> None:
    """Poll until a condition is true. Nothing signals it."""
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


async def test_an_import_without_heartbeats_is_interrupted(jobs: Jobs) -> None:
    """A running import counts as interrupted after the heartbeat timeout. A finished one keeps its status."""
    ended = await jobs.run("sku,name\na,A\n")
    state = ImportState("x", "running", NOON, NOON)
    await jobs.storage.commit([ChangeSet((), TESTER, (state.record,))])
    assert (await jobs.jobs.get("x")).status == "running"
    jobs.clock.move(seconds=HEARTBEAT_TIMEOUT + 1)
    assert (await jobs.jobs.get("x")).status == "interrupted"
    assert (await jobs.jobs.get(ended.id)).status == "done"
    again = await jobs.run("sku,name\na,A\nb,B\n", ImportPlan(on_conflict="skip"))
    assert (again.report.created, again.report.skipped) == (1, 1)


async def test_closing_interrupts_background_imports(jobs: Jobs) -> None:
    """The stored state shows what was committed until then."""
    started_import = await jobs.jobs.start(endless_source(lambda: False), ImportPlan(), TESTER)

    async def has_written() -> bool:
        return bool((await jobs.jobs.get(started_import.id)).report.rows)

    await _poll(has_written)
    await jobs.jobs.close()
    state = await jobs.other_process().get(started_import.id)
    assert state.status == "interrupted"
    assert 0 < state.report.created <= (await jobs.storage.head()).seq


async def test_a_foreground_import_is_cancelled_or_interrupted(jobs: Jobs) -> None:
    """Another process can cancel it, and the end of its request interrupts it."""
    started = asyncio.Event()
    running: list[ImportState] = []
    new_state = jobs.jobs._new_state

    def record_state(plan: ImportPlan) -> ImportState:
        running.append(new_state(plan))
        started.set()
        return running[-1]

    jobs.jobs._new_state = record_state  # type: ignore[method-assign]
    source = endless_source(lambda: False)
    task = asyncio.ensure_future(jobs.jobs.run(source, ImportPlan(), TESTER))
    await started.wait()

    async def writing(number: int) -> bool:
        return len(running) > number and bool((await jobs.jobs.get(running[number].id)).report.rows)

    await _poll(lambda: writing(0))
    assert (await jobs.other_process().cancel(running[0].id, TESTER)).status == "running"
    assert (await task).state.status == "cancelled"
    task = asyncio.ensure_future(jobs.jobs.run(endless_source(lambda: False), ImportPlan(), TESTER))
    await _poll(lambda: writing(1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await jobs.jobs.get(running[1].id)).status == "interrupted"


async def test_two_processes_start_an_import_once(jobs: Jobs) -> None:
    """The second to commit returns the first one's response, and closes its file."""
    closed: list[bool] = []
    source = ImportSource(lambda: table("sku,name\na,Twice\n"), lambda: 0, lambda: closed.append(True))
    first, second = (IdempotentRequests(jobs.storage, jobs.clock) for _ in range(2))
    other = jobs.other_process()
    with first.claim("k", BodyFingerprint(b"")) as here, second.claim("k", BodyFingerprint(b"")) as elsewhere:
        write = jobs.jobs.start(_source("sku,name\na,Once\n"), ImportPlan(), TESTER)
        response, replayed = await here.execute(write, lambda state: state.id.encode())
        assert not replayed
        write = other.start(source, ImportPlan(), TESTER)
        assert await elsewhere.execute(write, lambda state: state.id.encode()) == (response, True)
    assert (closed, other._registry.states, other._tasks) == ([True], {}, set())
    await _until(jobs.other_process(), response.decode(), "done")
    assert (await jobs.storage.items_by_sku(["A"]))["A"].name == "Once"


async def test_a_waiting_import_sends_heartbeats(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for interrupted while it waits for a slot."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.01)
    free = asyncio.Event()
    async with jobs.jobs._registry.slots, jobs.jobs._registry.slots:
        started_import = await jobs.jobs.start(_source("sku,name\na,A\n"), ImportPlan(), TESTER)
        jobs.clock.move(seconds=HEARTBEAT_TIMEOUT - 1)
        other = jobs.other_process()

        async def has_heartbeat() -> bool:
            return (await other.get(started_import.id)).at > NOON

        await _poll(has_heartbeat)
        free.set()
    await _until(other, started_import.id, "done")


@pytest.mark.parametrize("store", ["memory"])
async def test_heartbeats_continue_after_the_store_was_unavailable(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed heartbeat is retried."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.01)
    commits, failures = jobs.storage.commit, [StoreBusy("busy"), StoreUnavailable("failures")]

    async def commit(batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        if failures:
            raise failures.pop()
        return await commits(batch, prepared)

    async with jobs.jobs._registry.slots, jobs.jobs._registry.slots:
        started_import = await jobs.jobs.start(_source("sku,name\na,A\n"), ImportPlan(), TESTER)
        monkeypatch.setattr(jobs.storage, "commit", commit)
        other = jobs.other_process()

        async def has_heartbeat() -> bool:
            jobs.clock.move(seconds=1)
            return not failures and (await other.get(started_import.id)).at > NOON

        await _poll(has_heartbeat)
    await _until(other, started_import.id, "done")


@pytest.mark.parametrize("store", ["memory"])
async def test_a_timeout_while_opening_the_source_is_not_imports_busy(jobs: Jobs) -> None:
    """The TimeoutError is raised as it is, the source is closed, and the slot is released."""
    closed: list[bool] = []

    def late() -> RowSource:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await jobs.jobs.run(ImportSource(late, lambda: 0, lambda: closed.append(True)), ImportPlan(), TESTER)
    assert closed
    async with jobs.jobs._registry.slots, jobs.jobs._registry.slots:
        pass


@pytest.mark.parametrize("store", ["memory"])
async def test_the_number_of_imports_and_uploads_is_limited(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that waits too long for a slot, and an upload beyond the limit, are refused."""
    monkeypatch.setattr(registry, "WAIT_SECONDS", 0.01)
    closed: list[bool] = []
    source = ImportSource(lambda: table("sku,name\n"), lambda: 0, lambda: closed.append(True))
    async with jobs.jobs._registry.slots, jobs.jobs._registry.slots:
        with pytest.raises(ImportsBusy, match="2 imports are already running"):
            await jobs.jobs.run(source, ImportPlan(), TESTER)
    monkeypatch.setattr(registry, "MAX_RECEIVING", 1)
    with jobs.jobs.receiving(), pytest.raises(ImportsBusy, match="1 import files"), jobs.jobs.receiving():
        pass
    monkeypatch.setattr(registry, "MAX_IMPORTS", 0)
    with pytest.raises(ImportsBusy), jobs.jobs.receiving():
        pass
    with pytest.raises(ImportsBusy, match="0 imports are already in progress"):
        await jobs.jobs.run(source, ImportPlan(), TESTER)
    with pytest.raises(ImportsBusy):
        await jobs.jobs.start(source, ImportPlan(), TESTER)
    assert len(closed) == 3


@pytest.mark.parametrize("store", ["memory"])
async def test_an_unexpected_failure_is_reported(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state does not show the error's text, which may be confidential. The task fails, so that it is logged."""

    def broken() -> RowSource:
        raise ZeroDivisionError("secret")  # noqa: EM101 - only here

    started_import = await jobs.jobs.start(ImportSource(broken, lambda: 0), ImportPlan(), TESTER)
    (task,) = jobs.jobs._tasks
    with pytest.raises(ZeroDivisionError):
        await task
    state = await jobs.jobs.get(started_import.id)
    assert (state.status, state.error) == ("failed", "Unexpected error. Quote the import id when reporting it.")

    async def failures(_batch: object) -> Sequence[Outcome]:
        message = "failures"
        raise StoreUnavailable(message)

    with monkeypatch.context() as patched:
        patched.setattr(jobs.storage, "commit", failures)
        with pytest.raises(StoreUnavailable):
            await jobs.jobs.start(_source("sku,name\na,A\n"), ImportPlan(), TESTER)
        with pytest.raises(StoreUnavailable):
            await jobs.run("sku,name\na,A\n")


class ContendedStorage(MemoryStorage):
    """A store where another writer creates or changes item B just before each of the first commits."""

    def __init__(self, times: int = 1) -> None:
        """Conflict this many times."""
        super().__init__()
        self.times = times

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Write item B first, then commit."""
        if self.times and len(batch) == 1 and batch[0].changes:
            self.times -= 1
            other = (await self.items_by_sku(["B"])).get("B")
            if other is None:
                await commit_directly(self, creation(77, sku="B", name="Theirs"))
            else:
                await commit_directly(self, certain(other.update({"description": str(self.times)}, now=NOON)))
        return await super().commit(batch, prepared)


async def commit_directly(storage: MemoryStorage, change: Any) -> None:  # noqa: ANN401 - a change
    """Commit without causing another conflict."""
    await MemoryStorage.commit(storage, [ChangeSet((change,), TESTER)])


async def test_conflicting_rows_are_decided_again() -> None:
    """The other rows of the slice are imported. The counts and refusals show the final outcome."""
    jobs = Jobs(ContendedStorage())
    state = await jobs.run("sku,name,category\na,A,\nb,B,\nc,C,new\nd,,\n", ImportPlan(create_categories=True))
    stored = await jobs.other_process().get(state.id)
    assert (stored.report.created, stored.report.refused, stored.report.categories) == (2, 2, 1)
    found = [(refusal.line, refusal.code) async for chunk in jobs.other_process().refusals(state.id) for refusal in chunk]
    assert sorted(found) == [(3, "sku_taken"), (5, "required")]
    assert [(refusal.line, refusal.code) for refusal in jobs.first_refusals] == [(3, "sku_taken"), (5, "required")]
    other = await jobs.storage.items_by_sku(["A", "B", "C"])
    assert {sku: item.name for sku, item in other.items()} == {"A": "A", "B": "Theirs", "C": "C"}


async def test_a_conflicting_update_is_counted_once() -> None:
    """It is decided twice, and counted when it is committed."""
    store = ContendedStorage(0)
    await commit(store, creation(1, sku="B"), creation(2, sku="C"))
    store.times = 1
    jobs = Jobs(store)
    state = await jobs.run("sku,name\nb,New\nc,New\n", ImportPlan(on_conflict="update"))
    assert (state.report.updated, state.report.created, state.report.refused) == (2, 0, 0)
    assert (await store.items_by_sku(["B"]))["B"].version == 3


async def test_an_atomic_import_is_decided_again_on_a_conflict() -> None:
    """The number of attempts is limited."""
    jobs = Jobs(ContendedStorage())
    refused = await jobs.run("sku,name\na,A\nb,B\n", ImportPlan(atomic=True))
    assert (refused.status, refused.report.created, refused.report.refused) == ("refused", 0, 1)
    assert await jobs.storage.items_by_sku(["A"]) == {}
    contended = Jobs(ContendedStorage(10_000))
    with pytest.raises(Exception, match="Too many concurrent changes"):
        await contended.run("sku,name\nb,B\n", ImportPlan(atomic=True, on_conflict="update"))


@pytest.mark.parametrize("store", ["memory"])
async def test_a_deleted_item_is_not_restored_with_its_old_id(jobs: Jobs) -> None:
    """A row that preserves such an id is refused, and the other rows are imported."""
    ended = creation(5)
    await commit(jobs.storage, ended, ended.subject.delete(now=NOON))
    rows = "".join(
        f"{item_id},{sku},{sku},1,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z\n"
        for item_id, sku in ((ended.subject.id, "a"), (creation(6).subject.id, "b"), (creation(6).subject.id, "c"))
    )
    state = await jobs.run(f"id,sku,name,version,created_at,updated_at\n{rows}", ImportPlan(preserve=True))
    assert (state.report.created, state.report.refused) == (1, 2)
    assert [(refusal.line, refusal.field, refusal.code) for refusal in jobs.first_refusals] == [
        (2, "version", "stale_version"),
        (4, "id", "item_exists"),
    ]
    assert isinstance((await jobs.storage.items_by_sku(["B"]))["B"], Item)
