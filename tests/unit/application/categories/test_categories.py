"""Deleting a category while other writers change its contents."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.categories.categories import Categories
from catalog.application.writes.commit import MAX_ATTEMPTS, with_suggestion
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import InvalidQuery, TooManyConflicts, UnknownCategory
from tests.making import (
    NOON,
    TESTER,
    CountedIds,
    FixedClock,
    as_item,
    commit,
    create_categories,
    create_items,
    creation,
    revision,
)


class Rival(MemoryStorage):
    """A store in which another writer commits first, a number of times."""

    def __init__(self) -> None:
        """Start without interference."""
        super().__init__()
        self.times = 0
        self.interfere: Callable[[Sequence[ChangeSet]], Awaitable[object]]

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Run `interfere` first, then commit."""
        if self.times:
            self.times -= 1
            await self.interfere(batch)
        return await super().commit(batch, prepared)


@pytest.fixture
async def storage() -> Rival:
    """Two categories, a and b, with an item in a."""
    store = Rival()
    await create_categories(store, "a", "b")
    await create_items(store, 1, category="a")
    return store


async def test_items_that_change_during_the_move_are_moved_too(storage: Rival) -> None:
    """The move is retried a limited number of times."""
    categories = Categories(storage, FixedClock(), CountedIds())

    async def change(batch: Sequence[ChangeSet]) -> None:
        before = as_item(batch[0].changes[0].before)
        await MemoryStorage.commit(storage, [ChangeSet((revision(before, name=f"v{before.version + 1}"),), TESTER)])

    storage.interfere = change
    storage.times = MAX_ATTEMPTS
    with pytest.raises(TooManyConflicts, match="the category a"):
        await categories.delete("a", TESTER, move_to="b")
    storage.times = MAX_ATTEMPTS - 1
    assert await categories.delete("a", TESTER, move_to="b") == 1
    assert await storage.category_counts() == {"b": 1}


async def test_a_target_deleted_during_the_move_is_refused(storage: Rival) -> None:
    """Nothing is moved or lost."""
    categories = Categories(storage, FixedClock(), CountedIds())

    async def delete(_batch: Sequence[ChangeSet]) -> None:
        target = await categories.get("b")
        await MemoryStorage.commit(storage, [ChangeSet((target.delete(now=NOON),), TESTER)])

    storage.interfere = delete
    storage.times = 1
    with pytest.raises(InvalidQuery, match="There is no category b"):
        await categories.delete("a", TESTER, move_to="b")
    assert await storage.category_counts() == {"a": 1}


async def test_an_item_added_during_the_move_is_moved_too(storage: Rival) -> None:
    """The category is in use again, so the move is retried."""
    categories = Categories(storage, FixedClock(), CountedIds())

    async def add(_batch: Sequence[ChangeSet]) -> None:
        await commit(storage, creation(2, category="a"))

    storage.interfere = add
    storage.times = 1
    assert await categories.delete("a", TESTER, move_to="b") == 2


def test_the_closest_of_many_slugs_is_suggested() -> None:
    """Only slugs of similar length are compared. Without a similar slug there is no suggestion."""
    slugs = [f"a{number}-very-long-slug-indeed" for number in range(2000)] + [f"x{number}" for number in range(2000)] + ["lamps"]
    error = UnknownCategory("lamsp", ("category",))
    assert "did you mean lamps?" in str(with_suggestion(error, slugs))
    assert with_suggestion(UnknownCategory("zzzzz", ("category",)), slugs).errors[0].message.endswith("leave it out.")
