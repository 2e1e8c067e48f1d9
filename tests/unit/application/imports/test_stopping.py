"""Imports that are stopped or cancelled while a slice is committed."""

import asyncio

import pytest

from catalog.application.imports.rows import SLICE_ROWS
from catalog.domain.errors import SkuTaken, StoreUnavailable
from tests.tables import table
from tests.unit.application.imports.slow_storage import SlowStorage, two_slices
from tests.unit.application.imports.trial import Trial


async def test_stopping_an_import_waits_for_the_slice_being_committed() -> None:
    """That slice is reported."""
    trial = Trial(SlowStorage())
    slices, error = iter(range(2)), SkuTaken("A")

    async def stop_at_second_slice() -> None:
        if next(slices):
            raise error

    source = table(two_slices("sku,name\nA,\n", "B,Two\n"))
    with pytest.raises(SkuTaken):
        await trial.run(source, before_slice=stop_at_second_slice)
    assert ([report.rows for report in trial.reports], trial.refused) == ([SLICE_ROWS], [(2, "name", "required")])


async def test_a_cancelled_import_reports_the_slice_committed_meanwhile() -> None:
    """That slice is in the store."""
    trial = Trial(store := SlowStorage())
    source = table(two_slices("sku,name\nA,One\n", "B,Two\n"))
    run = asyncio.create_task(trial.run(source))
    while "B" not in store.read_skus:  # noqa: ASYNC110 - then the next slice has been decided and waits for the first
        await asyncio.sleep(0)
    for _ in range(SLICE_ROWS // 2):
        await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert ([report.created for report in trial.reports], store.commits) == ([SLICE_ROWS], 1)
    assert (await trial.item("A")).name == "One"


async def test_a_cancelled_import_is_cancelled_even_if_its_commit_fails() -> None:
    """The failed slice is not reported."""
    trial = Trial(store := SlowStorage(StoreUnavailable("away")))
    run = asyncio.create_task(trial.run(table("sku,name\nA,One\n")))
    while not store.commits:  # noqa: ASYNC110 - then the slice is being committed
        await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (trial.reports, await store.items_by_sku(["A"])) == ([], {})
