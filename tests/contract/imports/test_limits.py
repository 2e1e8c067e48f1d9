"""Limits on the number of import jobs and uploads."""

import pytest

from catalog.application.files.row_source import RowSource
from catalog.application.imports import registry, slots
from catalog.application.imports.jobs import ImportSource
from catalog.application.imports.plan import ImportPlan
from catalog.domain.errors import ImportsBusy
from tests.contract.imports.import_jobs import Jobs
from tests.making import TESTER
from tests.tables import table


@pytest.mark.parametrize("store", ["memory"])
async def test_a_timeout_while_opening_the_source_is_not_imports_busy(jobs: Jobs) -> None:
    """The TimeoutError is raised as it is, the source is closed, and the slot is released."""
    closed: list[bool] = []

    def late() -> RowSource:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await jobs.jobs.run(ImportSource(late, lambda: 0, lambda: closed.append(True)), ImportPlan(), TESTER)
    assert closed
    async with jobs.jobs._registry.slots.hold(), jobs.jobs._registry.slots.hold():
        pass


@pytest.mark.parametrize("store", ["memory"])
async def test_the_number_of_imports_and_uploads_is_limited(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that waits too long for a slot, and an upload beyond the limit, are refused."""
    monkeypatch.setattr(slots, "WAIT_SECONDS", 0.01)
    closed: list[bool] = []
    source = ImportSource(lambda: table("sku,name\n"), lambda: 0, lambda: closed.append(True))
    async with jobs.jobs._registry.slots.hold(), jobs.jobs._registry.slots.hold():
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
