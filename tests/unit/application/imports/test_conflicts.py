"""Other writers change the store while rows are imported."""

from collections.abc import Sequence

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.rows import SLICE_ROWS
from catalog.application.writes.commit import MAX_ATTEMPTS
from catalog.domain.categories.category import Category
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import CatalogError, StaleVersion
from tests.making import NOON, category, commit, creation, sets
from tests.unit.application.imports.slow_storage import SlowStorage, two_slices
from tests.unit.application.imports.trial import Trial


class Rival(MemoryStorage):
    """A store in which another writer creates the same SKU first, or every commit conflicts."""

    def __init__(self, *, stubborn: bool = False) -> None:
        """Conflict once, or with `stubborn` always."""
        super().__init__()
        self.stubborn = stubborn
        self.done = False

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Commit the rival's change first, or report a conflict."""
        if self.stubborn:
            return [StaleVersion(change_set.changes[0].subject.id) for change_set in batch]
        if not self.done:
            self.done = True
            await super().commit(sets(creation(7_777, sku="A", name="Rival")))
        return await super().commit(batch, prepared)


async def test_a_row_that_conflicts_is_decided_again() -> None:
    """It is decided on what the other writer committed."""
    trial = Trial(Rival())
    report = await trial.csv("sku,name\nA,Mine\n", ImportPlan(on_conflict="update"))
    assert (report.updated, (await trial.item("A")).name) == (1, "Mine")
    trial = Trial(Rival())
    assert (await trial.csv("sku,name\nA,Mine\n")).refused == 1
    assert trial.refused == [(2, "sku", "sku_taken")]


async def test_a_row_is_not_retried_forever() -> None:
    """It is refused after MAX_ATTEMPTS."""
    trial = Trial(Rival(stubborn=True))
    assert (await trial.csv("sku,name\nA,Mine\n")).refused == 1
    assert trial.refused == [(2, "", "contended")]
    assert MAX_ATTEMPTS > 1


class Deleting(SlowStorage):
    """A slow store in which another writer deletes a category before the first commit of the import. Counts conflicts."""

    def __init__(self, doomed: Category) -> None:
        """Delete this category."""
        super().__init__()
        self.doomed: Category | None = doomed
        self.conflicts = 0

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Delete the category first, if the import commits items."""
        if self.doomed is not None and len(batch[0].changes) > 1:
            doomed, self.doomed = self.doomed, None
            await super().commit(sets(doomed.delete(now=NOON)))
        outcomes = await super().commit(batch, prepared)
        self.conflicts += len(batch) == 1 and isinstance(outcomes[0], CatalogError)
        return outcomes


async def test_categories_are_read_again_after_a_conflict() -> None:
    """Also those that the next slice does not need: the one after that meets no conflict."""
    chairs = category("chairs")
    trial = Trial(store := Deleting(chairs.subject))
    await commit(store, chairs)
    text = two_slices("sku,name,category\nA,One,chairs\n", "")
    lines = "".join(f"G-{number},x,\n" for number in range(SLICE_ROWS))
    report = await trial.csv(f"{text}{lines}B,Two,chairs\n")
    assert (report.created, report.refused, store.conflicts) == (2 * SLICE_ROWS - 1, 2, 1)
    assert trial.refused == [(2, "category", "unknown_category"), (2 * SLICE_ROWS + 2, "category", "unknown_category")]
