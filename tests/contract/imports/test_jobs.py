"""Imports as things of their own: what is told of them, while they are worked on and after."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.system import RandomIds
from catalog.application.files.csv_reader import read_csv
from catalog.application.files.row_source import MalformedRow, Row, RowSource
from catalog.application.imports import heartbeat, refusals, registry
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


class Jobs:
    """Imports into a store, by a clock that stands."""

    def __init__(self, storage: Storage) -> None:
        """Begin with none."""
        self.clock = FixedClock()
        self.storage = storage
        self.jobs = self.another()
        self.first: Sequence[Refusal] = []

    def another(self) -> ImportJobs:
        """Return what another process would work with."""
        ids = RandomIds()
        return ImportJobs(ImportPipeline(self.storage, self.clock, ids), self.storage, self.clock, ids)

    async def run(self, text: str, plan: ImportPlan | None = None) -> ImportState:
        """Import CSV here and now."""
        finished = await self.jobs.run(_source(text), plan or ImportPlan(), TESTER)
        self.first = finished.refusals
        return finished.state


def _source(text: str) -> ImportSource:
    file = io.BytesIO(text.encode())
    return ImportSource(lambda: read_csv(file, policy="none"), file.tell)


def endless(stop: Callable[[], bool]) -> ImportSource:
    """Make a table that goes on until it is to stop."""

    def rows() -> Iterator[Row | MalformedRow]:
        number = 0
        while not stop():
            number += 1
            yield Row(number, {"sku": f"E-{number}", "name": f"Item {number}"})

    return ImportSource(lambda: RowSource(("sku", "name"), rows()), lambda: 0)


@pytest.fixture
def jobs(storage: Storage) -> Jobs:
    """Imports into each kind of store."""
    return Jobs(storage)


async def test_all_refusals_are_kept_for_a_day(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of their lines, however many; the first are told at once."""
    monkeypatch.setattr(module, "MAX_REFUSALS_SHOWN", 300)
    monkeypatch.setattr(refusals, "MAX_REFUSALS_PER_RECORD", 300)
    text = "sku,name\n" + "".join(f"S-{number},\n" for number in range(2 * SLICE_ROWS))
    state = await jobs.run(text)
    assert (state.status, state.report.rows, state.report.refused, state.bytes) == (
        "done",
        2 * SLICE_ROWS,
        2 * SLICE_ROWS,
        len(text),
    )
    assert len(jobs.first) == 300
    found = [refusal async for chunk in jobs.another().refusals(state.id) for refusal in chunk]
    assert [refusal.line for refusal in found] == list(range(2, 2 * SLICE_ROWS + 2))
    assert found[:300] == jobs.first
    kept = await jobs.another().get(state.id)
    assert (kept.report, kept.status, kept.started_at) == (state.report, "done", NOON)
    with pytest.raises(ImportNotFound):
        await jobs.jobs.get("a\x00b")
    jobs.clock.move(hours=24)
    with pytest.raises(ImportNotFound):
        await jobs.jobs.get(state.id)


async def test_refusals_that_are_kept_no_more_are_left_out(jobs: Jobs) -> None:
    """Where a part of them was swept."""
    state = await jobs.run("sku,name\na,\n")
    await jobs.storage.commit([ChangeSet((), TESTER, (replace(state, chunks=state.chunks + 1).record,))])
    assert len([chunk async for chunk in jobs.jobs.refusals(state.id)]) == 1


async def test_how_far_it_is_stands_in_the_commits_of_its_slices(jobs: Jobs) -> None:
    """So another process tells no more than what is committed, and no less."""
    there = jobs.another()
    told: list[int] = []

    def stop() -> bool:
        return len(told) >= 3

    begun = await jobs.jobs.start(endless(stop), ImportPlan(), TESTER)
    async with asyncio.timeout(60):
        while len(told) < 3:
            state = await there.get(begun.id)
            head = (await jobs.storage.head()).seq
            assert state.report.created <= head
            if state.report.created and state.report.created not in told:
                told.append(state.report.created)
            await asyncio.sleep(0)
    assert all(number % SLICE_ROWS == 0 for number in told)
    await _until(there, begun.id, "done")
    end = await there.get(begun.id)
    assert end.report.created == (await jobs.storage.head()).seq


async def _until(jobs: ImportJobs, import_id: str, status: str) -> None:
    async def there() -> bool:
        return (await jobs.get(import_id)).status == status

    await _holds(there)


async def _holds(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds that nobody tells of."""
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)


async def test_one_whose_process_is_gone_is_told_as_interrupted(jobs: Jobs) -> None:
    """After a time without a sign of life; one that ended stays as it ended."""
    ended = await jobs.run("sku,name\na,A\n")
    state = ImportState("x", "running", NOON, NOON)
    await jobs.storage.commit([ChangeSet((), TESTER, (state.record,))])
    assert (await jobs.jobs.get("x")).status == "running"
    jobs.clock.move(seconds=HEARTBEAT_TIMEOUT + 1)
    assert (await jobs.jobs.get("x")).status == "interrupted"
    assert (await jobs.jobs.get(ended.id)).status == "done"
    again = await jobs.run("sku,name\na,A\nb,B\n", ImportPlan(on_conflict="skip"))
    assert (again.report.created, again.report.skipped) == (1, 1)


async def test_at_the_stop_what_is_under_way_is_interrupted(jobs: Jobs) -> None:
    """And says how far it came."""
    begun = await jobs.jobs.start(endless(lambda: False), ImportPlan(), TESTER)

    async def begun_to_write() -> bool:
        return bool((await jobs.jobs.get(begun.id)).report.rows)

    await _holds(begun_to_write)
    await jobs.jobs.close()
    state = await jobs.another().get(begun.id)
    assert state.status == "interrupted"
    assert 0 < state.report.created <= (await jobs.storage.head()).seq


async def test_one_that_is_waited_for_is_cancelled_and_interrupted_too(jobs: Jobs) -> None:
    """By another process, and by the end of its request."""
    started = asyncio.Event()
    running: list[ImportState] = []
    begin = jobs.jobs._new_state

    def told(plan: ImportPlan) -> ImportState:
        running.append(begin(plan))
        started.set()
        return running[-1]

    jobs.jobs._new_state = told  # type: ignore[method-assign]
    source = endless(lambda: False)
    task = asyncio.ensure_future(jobs.jobs.run(source, ImportPlan(), TESTER))
    await started.wait()

    async def writing(number: int) -> bool:
        return len(running) > number and bool((await jobs.jobs.get(running[number].id)).report.rows)

    await _holds(lambda: writing(0))
    assert (await jobs.another().cancel(running[0].id, TESTER)).status == "running"
    assert (await task).state.status == "cancelled"
    task = asyncio.ensure_future(jobs.jobs.run(endless(lambda: False), ImportPlan(), TESTER))
    await _holds(lambda: writing(1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await jobs.jobs.get(running[1].id)).status == "interrupted"


async def test_two_processes_start_an_import_once(jobs: Jobs) -> None:
    """The second to commit returns the first one's response, and closes its file."""
    closed: list[bool] = []
    source = ImportSource(lambda: read_csv(io.BytesIO(b"sku,name\na,Twice\n")), lambda: 0, lambda: closed.append(True))
    first, second = (IdempotentRequests(jobs.storage, jobs.clock) for _ in range(2))
    there = jobs.another()
    with first.claim("k", BodyFingerprint(b"")) as here, second.claim("k", BodyFingerprint(b"")) as elsewhere:
        write = jobs.jobs.start(_source("sku,name\na,Once\n"), ImportPlan(), TESTER)
        response, replayed = await here.execute(write, lambda state: state.id.encode())
        assert not replayed
        write = there.start(source, ImportPlan(), TESTER)
        assert await elsewhere.execute(write, lambda state: state.id.encode()) == (response, True)
    assert (closed, there._registry.states, there._tasks) == ([True], {}, set())
    await _until(jobs.another(), response.decode(), "done")
    assert (await jobs.storage.items_by_sku(["A"]))["A"].name == "Once"


async def test_one_that_waits_gives_signs_of_life(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody takes it for gone."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.01)
    free = asyncio.Event()
    async with jobs.jobs._registry.slots, jobs.jobs._registry.slots:
        begun = await jobs.jobs.start(_source("sku,name\na,A\n"), ImportPlan(), TESTER)
        jobs.clock.move(seconds=HEARTBEAT_TIMEOUT - 1)
        there = jobs.another()

        async def alive() -> bool:
            return (await there.get(begun.id)).at > NOON

        await _holds(alive)
        free.set()
    await _until(there, begun.id, "done")


@pytest.mark.parametrize("store", ["memory"])
async def test_signs_of_life_go_on_after_a_store_that_was_away(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a moment."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.01)
    commits, away = jobs.storage.commit, [StoreBusy("busy"), StoreUnavailable("away")]

    async def commit(batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        if away:
            raise away.pop()
        return await commits(batch, prepared)

    async with jobs.jobs._registry.slots, jobs.jobs._registry.slots:
        begun = await jobs.jobs.start(_source("sku,name\na,A\n"), ImportPlan(), TESTER)
        monkeypatch.setattr(jobs.storage, "commit", commit)
        there = jobs.another()

        async def alive() -> bool:
            jobs.clock.move(seconds=1)
            return not away and (await there.get(begun.id)).at > NOON

        await _holds(alive)
    await _until(there, begun.id, "done")


@pytest.mark.parametrize("store", ["memory"])
async def test_what_takes_too_long_in_an_import_is_not_told_as_too_many(jobs: Jobs) -> None:
    """It is what it is; and the source is closed."""
    closed: list[bool] = []

    def late() -> RowSource:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await jobs.jobs.run(ImportSource(late, lambda: 0, lambda: closed.append(True)), ImportPlan(), TESTER)
    assert closed
    async with jobs.jobs._registry.slots, jobs.jobs._registry.slots:
        pass


@pytest.mark.parametrize("store", ["memory"])
async def test_only_so_many_imports_are_under_way(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """And only so many files come in; who waits too long is told so."""
    monkeypatch.setattr(registry, "WAIT_SECONDS", 0.01)
    closed: list[bool] = []
    source = ImportSource(lambda: read_csv(io.BytesIO(b"sku,name\n")), lambda: 0, lambda: closed.append(True))
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
async def test_an_unforeseen_failure_is_told(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its words, to the caller; the task fails for the log to tell."""

    def broken() -> RowSource:
        raise ZeroDivisionError("secret")  # noqa: EM101 - only here

    begun = await jobs.jobs.start(ImportSource(broken, lambda: 0), ImportPlan(), TESTER)
    (task,) = jobs.jobs._tasks
    with pytest.raises(ZeroDivisionError):
        await task
    state = await jobs.jobs.get(begun.id)
    assert (state.status, state.error) == ("failed", "Unexpected error. Quote the import id when reporting it.")

    async def away(_batch: object) -> Sequence[Outcome]:
        message = "away"
        raise StoreUnavailable(message)

    with monkeypatch.context() as patched:
        patched.setattr(jobs.storage, "commit", away)
        with pytest.raises(StoreUnavailable):
            await jobs.jobs.start(_source("sku,name\na,A\n"), ImportPlan(), TESTER)
        with pytest.raises(StoreUnavailable):
            await jobs.run("sku,name\na,A\n")


class Rival(MemoryStorage):
    """A store where somebody else takes a SKU of the import, just before its commit."""

    def __init__(self, times: int = 1) -> None:
        """Do so a number of times."""
        super().__init__()
        self.times = times

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Be quicker."""
        if self.times and len(batch) == 1 and batch[0].changes:
            self.times -= 1
            there = (await self.items_by_sku(["B"])).get("B")
            if there is None:
                await commit_as_rival(self, creation(77, sku="B", name="Theirs"))
            else:
                await commit_as_rival(self, certain(there.update({"description": str(self.times)}, now=NOON)))
        return await super().commit(batch, prepared)


async def commit_as_rival(storage: MemoryStorage, change: Any) -> None:  # noqa: ANN401 - a change
    """Commit past the rival himself."""
    await MemoryStorage.commit(storage, [ChangeSet((change,), TESTER)])


async def test_who_meets_a_rival_is_decided_again_and_the_notes_tell_it() -> None:
    """The others of the slice go in; the counts are those of what is there."""
    jobs = Jobs(Rival())
    state = await jobs.run("sku,name,category\na,A,\nb,B,\nc,C,new\nd,,\n", ImportPlan(create_categories=True))
    kept = await jobs.another().get(state.id)
    assert (kept.report.created, kept.report.refused, kept.report.categories) == (2, 2, 1)
    found = [(one.line, one.code) async for chunk in jobs.another().refusals(state.id) for one in chunk]
    assert sorted(found) == [(3, "sku_taken"), (5, "required")]
    assert [(one.line, one.code) for one in jobs.first] == [(3, "sku_taken"), (5, "required")]
    there = await jobs.storage.items_by_sku(["A", "B", "C"])
    assert {sku: item.name for sku, item in there.items()} == {"A": "A", "B": "Theirs", "C": "C"}


async def test_an_update_that_meets_a_rival_is_counted_once() -> None:
    """Though it is decided twice."""
    store = Rival(0)
    await commit(store, creation(1, sku="B"), creation(2, sku="C"))
    store.times = 1
    jobs = Jobs(store)
    state = await jobs.run("sku,name\nb,New\nc,New\n", ImportPlan(on_conflict="update"))
    assert (state.report.updated, state.report.created, state.report.refused) == (2, 0, 0)
    assert (await store.items_by_sku(["B"]))["B"].version == 3


async def test_all_or_nothing_meets_rivals_too() -> None:
    """It is decided again, on what is there then; a bounded number of times."""
    jobs = Jobs(Rival())
    refused = await jobs.run("sku,name\na,A\nb,B\n", ImportPlan(atomic=True))
    assert (refused.status, refused.report.created, refused.report.refused) == ("refused", 0, 1)
    assert await jobs.storage.items_by_sku(["A"]) == {}
    stubborn = Jobs(Rival(10_000))
    with pytest.raises(Exception, match="Too many concurrent changes"):
        await stubborn.run("sku,name\nb,B\n", ImportPlan(atomic=True, on_conflict="update"))


@pytest.mark.parametrize("store", ["memory"])
async def test_a_life_that_ended_here_does_not_begin_again(jobs: Jobs) -> None:
    """A row that brings it is refused, the others go in."""
    ended = creation(5)
    await commit(jobs.storage, ended, ended.subject.delete(now=NOON))
    rows = "".join(
        f"{item_id},{sku},{sku},1,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z\n"
        for item_id, sku in ((ended.subject.id, "a"), (creation(6).subject.id, "b"), (creation(6).subject.id, "c"))
    )
    state = await jobs.run(f"id,sku,name,version,created_at,updated_at\n{rows}", ImportPlan(preserve=True))
    assert (state.report.created, state.report.refused) == (1, 2)
    assert [(one.line, one.field, one.code) for one in jobs.first] == [(2, "version", "stale_version"), (4, "id", "item_exists")]
    assert isinstance((await jobs.storage.items_by_sku(["B"]))["B"], Item)
