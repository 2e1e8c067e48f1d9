"""Heartbeats show that an import job is alive."""

import asyncio
from collections.abc import Sequence

import pytest

from catalog.application.imports import heartbeat
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.progress import HEARTBEAT_TIMEOUT, ImportState
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import StoreBusy, StoreUnavailable
from tests.contract.imports.import_jobs import Jobs, csv_source, poll, wait_for_status
from tests.making import NOON, TESTER


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


async def test_a_waiting_import_sends_heartbeats(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for interrupted while it waits for a slot."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.01)
    free = asyncio.Event()
    async with jobs.jobs._registry.slots.hold(), jobs.jobs._registry.slots.hold():
        started_import = await jobs.jobs.start(csv_source("sku,name\na,A\n"), ImportPlan(), TESTER)
        jobs.clock.move(seconds=HEARTBEAT_TIMEOUT - 1)
        other = jobs.other_process()

        async def has_heartbeat() -> bool:
            return (await other.get(started_import.id)).at > NOON

        await poll(has_heartbeat)
        free.set()
    await wait_for_status(other, started_import.id, "done")


@pytest.mark.parametrize("store", ["memory"])
async def test_heartbeats_continue_after_the_store_was_unavailable(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed heartbeat is retried."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.01)
    commits, failures = jobs.storage.commit, [StoreBusy("busy"), StoreUnavailable("failures")]

    async def commit(batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        if failures:
            raise failures.pop()
        return await commits(batch, prepared)

    async with jobs.jobs._registry.slots.hold(), jobs.jobs._registry.slots.hold():
        started_import = await jobs.jobs.start(csv_source("sku,name\na,A\n"), ImportPlan(), TESTER)
        monkeypatch.setattr(jobs.storage, "commit", commit)
        other = jobs.other_process()

        async def has_heartbeat() -> bool:
            jobs.clock.move(seconds=1)
            return not failures and (await other.get(started_import.id)).at > NOON

        await poll(has_heartbeat)
    await wait_for_status(other, started_import.id, "done")
