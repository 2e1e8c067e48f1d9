"""Other writers change the store while import jobs run."""

from collections.abc import Sequence
from typing import Any

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.imports.plan import ImportPlan
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from tests.contract.imports.import_jobs import Jobs
from tests.making import NOON, TESTER, certain, commit, creation


class ContendedStorage(MemoryStorage):
    """A store where another writer creates or changes item B just before each of the first commits."""

    def __init__(self, times: int = 1) -> None:
        """Conflict this many times."""
        super().__init__()
        self.times = times

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Write item B first, then commit."""
        if self.times and len(batch) == 1 and batch[0].changes:
            self.times -= 1
            other = (await self.items_by_sku(["B"])).get("B")
            if other is None:
                await commit_directly(self, creation(77, sku="B", name="Theirs"))
            else:
                await commit_directly(self, certain(other.update({"description": str(self.times)}, now=NOON)))
        return await super().commit(batch, prepared)


async def commit_directly(storage: MemoryStorage, change: Any) -> None:  # noqa: ANN401 - a change
    """Commit without causing another conflict."""
    await MemoryStorage.commit(storage, [ChangeSet((change,), TESTER)])


async def test_conflicting_rows_are_decided_again() -> None:
    """The other rows of the slice are imported. The counts and refusals show the final outcome."""
    jobs = Jobs(ContendedStorage())
    state = await jobs.run("sku,name,category\na,A,\nb,B,\nc,C,new\nd,,\n", ImportPlan(create_categories=True))
    stored = await jobs.other_process().get(state.id)
    assert (stored.report.created, stored.report.refused, stored.report.categories) == (2, 2, 1)
    found = [(refusal.line, refusal.code) async for chunk in jobs.other_process().refusals(state.id) for refusal in chunk]
    assert sorted(found) == [(3, "sku_taken"), (5, "required")]
    assert [(refusal.line, refusal.code) for refusal in jobs.first_refusals] == [(3, "sku_taken"), (5, "required")]
    other = await jobs.storage.items_by_sku(["A", "B", "C"])
    assert {sku: item.name for sku, item in other.items()} == {"A": "A", "B": "Theirs", "C": "C"}


async def test_a_conflicting_update_is_counted_once() -> None:
    """It is decided twice, and counted when it is committed."""
    store = ContendedStorage(0)
    await commit(store, creation(1, sku="B"), creation(2, sku="C"))
    store.times = 1
    jobs = Jobs(store)
    state = await jobs.run("sku,name\nb,New\nc,New\n", ImportPlan(on_conflict="update"))
    assert (state.report.updated, state.report.created, state.report.refused) == (2, 0, 0)
    assert (await store.items_by_sku(["B"]))["B"].version == 3


async def test_an_atomic_import_is_decided_again_on_a_conflict() -> None:
    """The number of attempts is limited."""
    jobs = Jobs(ContendedStorage())
    refused = await jobs.run("sku,name\na,A\nb,B\n", ImportPlan(atomic=True))
    assert (refused.status, refused.report.created, refused.report.refused) == ("refused", 0, 1)
    assert await jobs.storage.items_by_sku(["A"]) == {}
    contended = Jobs(ContendedStorage(10_000))
    with pytest.raises(Exception, match="Too many concurrent changes"):
        await contended.run("sku,name\nb,B\n", ImportPlan(atomic=True, on_conflict="update"))
