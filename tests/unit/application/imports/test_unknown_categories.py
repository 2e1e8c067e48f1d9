"""Rows of categories that do not exist."""

from catalog.application.imports.plan import ImportPlan
from catalog.domain.categories.tree import Tree
from tests.making import category, commit
from tests.unit.application.imports.trial import Trial


async def test_an_unknown_category_is_refused_or_created(trial: Trial) -> None:
    """Depending on the plan. A dry run reports what would happen."""
    text = "sku,name,category\na,A,chairs\nb,B,chairs\nc,C,lamps\nd,D,\n"
    report = await trial.csv(text)
    assert (report.created, report.refused, report.categories) == (1, 3, 0)
    assert {(refusal.field, refusal.code) for refusal in trial.refusals} == {("category", "unknown_category")}
    trial.refusals.clear()
    await commit(trial.storage, category("chair"))
    report = await trial.csv(text, ImportPlan(dry_run=True, on_conflict="skip"))
    assert (report.created, report.refused, report.skipped) == (0, 3, 1)
    assert "did you mean chair?" in trial.refusals[0].reason
    dry = await trial.csv(text, ImportPlan(dry_run=True, create_categories=True, on_conflict="skip"))
    assert (dry.created, dry.categories, dry.refused) == (3, 2, 0)
    report = await trial.csv(text, ImportPlan(create_categories=True, on_conflict="skip"))
    assert (report.created, report.categories, report.skipped) == (3, 2, 1)
    tree = Tree(await trial.storage.categories())
    assert [(node.slug, node.name, node.position) for node in tree] == [
        ("chair", "Chair", 0),
        ("chairs", "Chairs", 1),
        ("lamps", "Lamps", 2),
    ]
    assert (await trial.csv(text, ImportPlan(create_categories=True, on_conflict="update"))).categories == 0
