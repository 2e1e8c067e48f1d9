"""Removing a category while others are at work in it."""

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


class Interfered(MemoryStorage):
    """Somebody is always quicker, so many times."""

    def __init__(self) -> None:
        """Interfere with nothing yet."""
        super().__init__()
        self.times = 0
        self.interfere: Callable[[Sequence[ChangeSet]], Awaitable[object]]

    async def commit(self, batch: Sequence[ChangeSet], ready: Sequence[object] = ()) -> Sequence[Outcome]:
        """Let the other go first."""
        if self.times:
            self.times -= 1
            await self.interfere(batch)
        return await super().commit(batch, ready)


@pytest.fixture
async def storage() -> Interfered:
    """Two categories, with an item in the one."""
    made = Interfered()
    await create_categories(made, "a", "b")
    await create_items(made, 1, category="a")
    return made


async def test_items_that_change_meanwhile_are_moved_all_the_same(storage: Interfered) -> None:
    """Decided again, a bounded number of times."""
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


async def test_a_category_that_is_gone_meanwhile_takes_nothing(storage: Interfered) -> None:
    """And nothing is lost."""
    categories = Categories(storage, FixedClock(), CountedIds())

    async def remove(_batch: Sequence[ChangeSet]) -> None:
        target = await categories.get("b")
        await MemoryStorage.commit(storage, [ChangeSet((target.delete(now=NOON),), TESTER)])

    storage.interfere = remove
    storage.times = 1
    with pytest.raises(InvalidQuery, match="There is no category b"):
        await categories.delete("a", TESTER, move_to="b")
    assert await storage.category_counts() == {"a": 1}


async def test_an_item_that_came_meanwhile_is_moved_too(storage: Interfered) -> None:
    """The category is found in use, and emptied again."""
    categories = Categories(storage, FixedClock(), CountedIds())

    async def come(_batch: Sequence[ChangeSet]) -> None:
        await commit(storage, creation(2, category="a"))

    storage.interfere = come
    storage.times = 1
    assert await categories.delete("a", TESTER, move_to="b") == 2


def test_the_nearest_of_many_slugs_is_found_among_few() -> None:
    """Those of about the same length are compared; none is near where none is."""
    slugs = [f"a{number}-very-long-slug-indeed" for number in range(2000)] + [f"x{number}" for number in range(2000)] + ["lamps"]
    error = UnknownCategory("lamsp", ("category",))
    assert "did you mean lamps?" in str(with_suggestion(error, slugs))
    assert with_suggestion(UnknownCategory("zzzzz", ("category",)), slugs).errors[0].message.endswith("leave it out.")
