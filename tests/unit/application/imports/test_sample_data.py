"""The items that `catalog seed` loads."""

from catalog.application.categories.categories import Categories
from catalog.application.imports.sample_data import SAMPLE_SIZE, SampleData, sample_rows
from catalog.domain.categories.tree import Tree
from tests.making import TESTER, CountedIds, FixedClock
from tests.unit.application.imports.trial import Trial


async def test_the_sample_data_is_always_the_same(trial: Trial) -> None:
    """A thousand plausible items in a dozen categories. Loading them again changes nothing."""
    sample_data = SampleData(trial.pipeline, Categories(trial.storage, FixedClock(), CountedIds()))
    report = await sample_data.run(TESTER)
    assert (report.created, report.refused) == (SAMPLE_SIZE, 0)
    categories = await trial.storage.categories()
    assert len(categories) == report.categories > 12
    assert max(len(Tree(categories).lineage(category.slug)) for category in categories) > 2
    rows = list(sample_rows())
    assert rows == list(sample_rows())
    assert len({row.values["category"] for row in rows}) == 12
    assert len({row.values["name"] for row in rows}) > SAMPLE_SIZE * 0.6
    report = await sample_data.run(TESTER)
    assert (report.created, report.skipped, report.categories) == (0, SAMPLE_SIZE, 0)
    assert (await trial.storage.changes(after=0, limit=1)).head == SAMPLE_SIZE + len(categories)
