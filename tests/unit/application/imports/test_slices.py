"""Slices: their size, and deciding the next one while the previous one is committed."""

import json
from uuid import UUID

import pytest

from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.rows import SLICE_ROWS
from tests.tables import table
from tests.unit.application.imports.slow_storage import SlowStorage, two_slices
from tests.unit.application.imports.trial import Trial


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
async def test_slices_of_large_rows_have_fewer_rows(trial: Trial, kind: str) -> None:
    """A slice is in memory as a whole."""
    cells = {f"attr.a{number}": "y" * 100_000 for number in range(10)}
    rows = [{"sku": f"S-{number}", "name": "x"} | cells for number in range(12)]
    texts = {
        "csv": "".join(",".join(line) + "\n" for line in (rows[0], *(row.values() for row in rows))),
        "json": json.dumps(rows),
        "jsonl": "\n".join(map(json.dumps, rows)),
    }
    source = table(texts[kind], kind)
    await trial.run(source)
    assert [report.rows for report in trial.reports] == [5, 10, 12]


async def test_progress_is_reported_after_each_slice(trial: Trial) -> None:
    """Here with JSON Lines."""
    lines = "\n".join(json.dumps({"sku": f"S-{number}", "name": "x"}) for number in range(SLICE_ROWS + 1))
    await trial.run(table(lines, "jsonl"))
    assert [report.rows for report in trial.reports] == [SLICE_ROWS, SLICE_ROWS + 1]


async def test_a_slice_is_decided_while_the_previous_one_is_committed() -> None:
    """They have different items."""
    trial = Trial(store := SlowStorage())
    report = await trial.csv(two_slices("sku,name\nA,One\n", "B,Two\n"))
    assert (report.created, report.refused, store.commits) == (SLICE_ROWS + 1, 0, 2)
    assert store.read_meanwhile == {"B"}


@pytest.mark.parametrize("plan", [ImportPlan(on_conflict="update"), ImportPlan(on_conflict="skip"), ImportPlan()])
async def test_a_slice_with_skus_of_the_previous_one_waits_for_it(plan: ImportPlan) -> None:
    """It is decided on the committed state, so no commit conflicts."""
    trial = Trial(store := SlowStorage())
    report = await trial.csv(two_slices("sku,name\nA,One\n", "A,Two\nB,x\n"), plan)
    updated, skipped, refused = (int(plan.on_conflict == option) for option in ("update", "skip", "fail"))
    assert (report.created, report.updated, report.skipped, report.refused) == (SLICE_ROWS + 1, updated, skipped, refused)
    assert (store.commits, "B" in store.read_meanwhile) == (2, False)
    assert (await trial.item("A")).version == 1 + updated


async def test_a_slice_waits_for_a_category_that_the_previous_one_creates() -> None:
    """It is created once."""
    trial = Trial(store := SlowStorage())
    text = two_slices("sku,name,category\nA,One,chairs\n", "B,Two,chairs\n")
    report = await trial.csv(text, ImportPlan(create_categories=True))
    assert (report.created, report.categories, report.refused, store.commits) == (SLICE_ROWS + 1, 1, 0, 2)


async def test_slices_with_preserved_ids_are_decided_one_after_another() -> None:
    """The next slice may have the same id with another SKU."""
    provenance = {"version": 1, "created_at": "2026-11-20T12:00:00Z", "updated_at": "2026-11-20T12:00:00Z"}
    skus = [*(f"F-{number}" for number in range(SLICE_ROWS)), "B", "C"]
    rows = [{"id": str(UUID(int=number)), "sku": sku, "name": "x"} | provenance for number, sku in enumerate(skus, 1)]
    rows[SLICE_ROWS]["id"] = rows[0]["id"]
    trial = Trial(store := SlowStorage())
    report = await trial.json(rows, ImportPlan(preserve=True))
    assert (report.created, report.refused, store.commits) == (SLICE_ROWS + 1, 1, 2)
    assert trial.refused == [(1, "id", "item_exists")]
