"""The refusals of an import job."""

from dataclasses import replace

import pytest

from catalog.application.imports import jobs as module
from catalog.application.imports import refusal_records
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.rows import SLICE_ROWS
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import ImportNotFound
from catalog.domain.items.item import Item
from tests.contract.imports.import_jobs import Jobs
from tests.making import NOON, TESTER, commit, creation


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
