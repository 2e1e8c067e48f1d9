"""Import jobs: their progress, cancellation and interruption."""

import asyncio
from collections.abc import Sequence

import pytest

from catalog.application.files.row_source import RowSource
from catalog.application.imports.jobs import ImportOwner, ImportSource
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.progress import ImportState
from catalog.application.imports.rows import SLICE_ROWS
from catalog.application.writes.idempotency import IdempotentRequests
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.errors import StoreUnavailable
from catalog.entrypoints.http.idempotency import BodyFingerprint
from tests.contract.imports.import_jobs import Jobs, csv_source, endless_source, poll, wait_for_status
from tests.making import TESTER
from tests.tables import table


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
    await wait_for_status(other, started_import.id, "done")
    end = await other.get(started_import.id)
    assert end.report.created == (await jobs.storage.head()).seq


async def test_closing_interrupts_background_imports(jobs: Jobs) -> None:
    """The stored state shows what was committed until then."""
    started_import = await jobs.jobs.start(endless_source(lambda: False), ImportPlan(), TESTER)

    async def has_written() -> bool:
        return bool((await jobs.jobs.get(started_import.id)).report.rows)

    await poll(has_written)
    await jobs.jobs.close()
    state = await jobs.other_process().get(started_import.id)
    assert state.status == "interrupted"
    assert 0 < state.report.created <= (await jobs.storage.head()).seq


async def test_a_foreground_import_is_cancelled_or_interrupted(jobs: Jobs) -> None:
    """Another process can cancel it, and the end of its request interrupts it."""
    started = asyncio.Event()
    running: list[ImportState] = []
    new_state = jobs.jobs._new_state

    def record_state(plan: ImportPlan, owner: ImportOwner | None) -> ImportState:
        running.append(new_state(plan, owner))
        started.set()
        return running[-1]

    jobs.jobs._new_state = record_state  # type: ignore[method-assign]
    source = endless_source(lambda: False)
    task = asyncio.ensure_future(jobs.jobs.run(source, ImportPlan(), TESTER))
    await started.wait()

    async def writing(number: int) -> bool:
        return len(running) > number and bool((await jobs.jobs.get(running[number].id)).report.rows)

    await poll(lambda: writing(0))
    assert (await jobs.other_process().cancel(running[0].id, TESTER)).status == "running"
    assert (await task).state.status == "cancelled"
    task = asyncio.ensure_future(jobs.jobs.run(endless_source(lambda: False), ImportPlan(), TESTER))
    await poll(lambda: writing(1))
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
        write = jobs.jobs.start(csv_source("sku,name\na,Once\n"), ImportPlan(), TESTER)
        response, replayed = await here.execute(write, lambda state: state.id.encode())
        assert not replayed
        write = other.start(source, ImportPlan(), TESTER)
        assert await elsewhere.execute(write, lambda state: state.id.encode()) == (response, True)
    assert (closed, other._registry.states, other._tasks) == ([True], {}, set())
    await wait_for_status(jobs.other_process(), response.decode(), "done")
    assert (await jobs.storage.items_by_sku(["A"]))["A"].name == "Once"


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
            await jobs.jobs.start(csv_source("sku,name\na,A\n"), ImportPlan(), TESTER)
        with pytest.raises(StoreUnavailable):
            await jobs.run("sku,name\na,A\n")
