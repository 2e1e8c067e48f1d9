"""Rows of SKUs that exist already, in the store or in the file."""

import pytest

from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.rows import SLICE_ROWS
from tests.unit.application.imports.trial import Trial


async def test_an_existing_sku_is_refused_skipped_or_updated(trial: Trial) -> None:
    """An empty cell leaves the field unchanged; a row without changes writes nothing."""
    await trial.csv("sku,name,description,attr.a\nA,Old,text,1\nB,Same,,\n")
    again = "sku,name,description,attr.b\nA,New,,2\nB,Same,,\nC,Fresh,,\n"
    report = await trial.csv(again)
    assert (report.created, report.refused, trial.refused) == (1, 2, [(2, "sku", "sku_taken"), (3, "sku", "sku_taken")])
    report = await trial.csv(again, ImportPlan(on_conflict="skip"))
    assert (report.skipped, (await trial.item("A")).name) == (3, "Old")
    report = await trial.csv(again, ImportPlan(on_conflict="update"))
    assert (report.updated, report.unchanged, report.created) == (1, 2, 0)
    changed = await trial.item("A")
    assert (changed.name, changed.description, dict(changed.attributes), changed.version) == (
        "New",
        "text",
        {"a": "1", "b": "2"},
        2,
    )
    report = await trial.csv("sku,name\nA,\nA,\nB," + "x" * 201 + "\n", ImportPlan(on_conflict="update"))
    assert (report.unchanged, report.refused) == (2, 1)


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_repeated_sku_in_a_file_is_an_existing_one(trial: Trial, *, dry_run: bool) -> None:
    """In the same slice or a later one, and in a dry run too."""
    filler = "".join(f"F-{number},x\n" for number in range(SLICE_ROWS))
    text = f"sku,name\nA,One\nA,Two\n{filler}A,Three\n"
    report = await trial.csv(text, ImportPlan(dry_run=dry_run))
    assert (report.created, report.refused) == (SLICE_ROWS + 1, 2)
    assert [line for line, *_ in trial.refused] == [3, SLICE_ROWS + 4]
    report = await trial.csv(text.replace("A,", "B,"), ImportPlan(on_conflict="update", dry_run=dry_run))
    assert report.updated == 2
    report = await trial.csv(text.replace("A,", "C,"), ImportPlan(on_conflict="skip", dry_run=dry_run))
    assert report.skipped >= 2
    assert (await trial.storage.items_by_sku(["A", "B", "C"]) == {}) is dry_run
