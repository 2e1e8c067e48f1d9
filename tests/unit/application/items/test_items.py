"""The use cases around items, on the memory store with a clock that stands."""

from collections.abc import Sequence

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.items.items import Items
from catalog.application.writes.commit import MAX_ATTEMPTS
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import (
    InvalidInput,
    ItemNotFound,
    NotDeleted,
    NotPresent,
    SkuTaken,
    StaleVersion,
    TooManyConflicts,
    UnknownCategory,
)
from catalog.domain.queries.list_request import ListRequest
from tests.making import TESTER, CountedIds, FixedClock, as_item, create_categories, item_id, removal, revision, sets


@pytest.fixture
def storage() -> MemoryStorage:
    """An empty store."""
    return MemoryStorage()


@pytest.fixture
def items(storage: MemoryStorage) -> Items:
    """The use cases on it."""
    return Items(storage, FixedClock(), CountedIds())


async def test_what_was_created_is_found_by_id_and_by_sku(items: Items) -> None:
    """In any case, with or without dashes."""
    created = await items.create({"name": "Chair", "sku": "c-1"}, TESTER)
    for key in (str(created.id), created.id.hex.upper(), "C-1", " c-1 "):
        assert await items.get(key) == created
    assert (await items.list(ListRequest.parse({}))).page.items == (created,)


async def test_without_a_sku_one_is_made(items: Items) -> None:
    """By the ids."""
    assert (await items.create({"name": "Chair"}, TESTER)).sku == "I-0000000000001"


@pytest.mark.parametrize("key", ["nope", "not a key", str(item_id(9))])
async def test_what_is_not_there_is_not_found(items: Items, key: str) -> None:
    """Whatever is asked of it."""
    for asked in (items.get(key), items.update(key, {}, TESTER), items.reprice(key, {}, TESTER), items.delete(key, TESTER)):
        with pytest.raises(ItemNotFound, match=key):
            await asked


async def test_a_taken_sku_is_refused(items: Items) -> None:
    """On create and on rename."""
    await items.create({"name": "One", "sku": "A"}, TESTER)
    two = await items.create({"name": "Two", "sku": "B"}, TESTER)
    with pytest.raises(SkuTaken):
        await items.create({"name": "Three", "sku": "a"}, TESTER)
    with pytest.raises(SkuTaken):
        await items.update("B", {"sku": "A"}, TESTER)
    assert await items.get("B") == two


async def test_an_expected_version_is_changed_and_another_is_not(items: Items) -> None:
    """For each way of changing."""
    first = await items.create({"name": "One", "sku": "A"}, TESTER)
    second = await items.update("A", {"name": "Two"}, TESTER, {(first.id, 1)})
    assert (second.version, second.name) == (2, "Two")
    for asked in (
        items.update("A", {"name": "x"}, TESTER, {(first.id, 1)}),
        items.reprice("A", {"amount": 1, "currency": "EUR"}, TESTER, {(first.id, 3)}),
        items.delete("A", TESTER, set()),
    ):
        with pytest.raises(StaleVersion):
            await asked
    third = await items.reprice("A", {"amount": 1, "currency": "EUR"}, TESTER, {(first.id, 1), (first.id, 2)})
    await items.delete("A", TESTER, {(third.id, 3)})
    with pytest.raises(ItemNotFound):
        await items.get("A")


async def test_what_changes_nothing_leaves_no_trace(items: Items, storage: MemoryStorage) -> None:
    """No version, no entry in the log; but it must be a right input and the expected version."""
    created = await items.create({"name": "One", "sku": "A"}, TESTER)
    assert await items.update("A", {"name": "One"}, TESTER) == created
    assert (await storage.changes(after=0, limit=10)).head == 1
    with pytest.raises(InvalidInput):
        await items.update("A", {"name": ""}, TESTER)


class Rival(MemoryStorage):
    """A store in which somebody else is quicker, a number of times."""

    def __init__(self, times: int, *, removing: bool = False) -> None:
        """Be quicker `times` times."""
        super().__init__()
        self.times = times
        self.removing = removing

    async def commit(self, batch: Sequence[ChangeSet], ready: Sequence[object] = ()) -> Sequence[Outcome]:
        """Change the item first, then let the commit try."""
        before = batch[0].changes[0].before
        if before is not None and self.times:
            self.times -= 1
            there = as_item(before)
            quicker = removal(there) if self.removing else revision(there, name=f"rival {there.version}")
            await super().commit(sets(quicker))
        return await super().commit(batch, ready)


async def test_without_an_expected_version_a_change_is_decided_again() -> None:
    """On what the rival left."""
    items = Items(Rival(MAX_ATTEMPTS - 1), FixedClock(), CountedIds())
    await items.create({"name": "One", "sku": "A"}, TESTER)
    changed = await items.update("A", {"description": "mine"}, TESTER)
    assert (changed.name, changed.description, changed.version) == (f"rival {MAX_ATTEMPTS - 1}", "mine", MAX_ATTEMPTS + 1)


async def test_a_change_is_not_decided_again_for_ever() -> None:
    """After a bounded number of times it gives up."""
    items = Items(Rival(MAX_ATTEMPTS), FixedClock(), CountedIds())
    await items.create({"name": "One", "sku": "A"}, TESTER)
    with pytest.raises(TooManyConflicts):
        await items.delete("A", TESTER)


async def test_with_an_expected_version_the_rival_has_won() -> None:
    """Even where he came between the reading and the commit."""
    items = Items(Rival(1), FixedClock(), CountedIds())
    created = await items.create({"name": "One", "sku": "A"}, TESTER)
    with pytest.raises(StaleVersion):
        await items.delete("A", TESTER, {(created.id, 1)})


@pytest.mark.parametrize("expecting", [True, False])
async def test_an_item_that_a_rival_removed_is_not_found(*, expecting: bool) -> None:
    """Whatever was expected."""
    items = Items(Rival(1, removing=True), FixedClock(), CountedIds())
    created = await items.create({"name": "One", "sku": "A"}, TESTER)
    with pytest.raises(ItemNotFound):
        await items.update("A", {"name": "x"}, TESTER, {(created.id, 1)} if expecting else None)


async def test_an_item_is_restored_by_its_sku(items: Items) -> None:
    """Of several that had it, the one that was removed last."""
    first = await items.create({"name": "First", "sku": "A"}, TESTER)
    await items.delete("A", TESTER)
    second = await items.create({"name": "Second", "sku": "A"}, TESTER)
    with pytest.raises(SkuTaken):
        await items.restore("a", TESTER)
    await items.delete("A", TESTER)
    assert (await items.restore("a", TESTER)).id == second.id
    with pytest.raises(NotDeleted, match=str(second.id)):
        await items.restore("a", TESTER)
    await items.update("A", {"sku": "B"}, TESTER)
    assert (await items.restore(str(first.id), TESTER)).name == "First"


async def test_what_was_never_removed_is_not_restored(items: Items) -> None:
    """By its SKU neither."""
    await items.create({"name": "First", "sku": "A"}, TESTER)
    with pytest.raises(NotDeleted):
        await items.restore("a", TESTER)
    for key in ("nope", "not a key", str(item_id(99))):
        with pytest.raises(ItemNotFound):
            await items.restore(key, TESTER)


async def test_a_replacement_of_what_is_not_there_is_told_from_a_stale_one(items: Items) -> None:
    """By a SKU and by an id."""
    for key in ("nope", str(item_id(99))):
        with pytest.raises(NotPresent, match="leave out the precondition"):
            await items.put(key, {"name": "A"}, TESTER, must_exist=True)
    with pytest.raises(ItemNotFound):
        await items.put(str(item_id(99)), {"name": "A"}, TESTER)


async def test_an_unknown_category_is_told_with_the_other_faults(storage: MemoryStorage, items: Items) -> None:
    """On create, on put and in a patch; one that is there is no fault."""
    await create_categories(storage, "chairs")
    await items.create({"name": "A", "sku": "A"}, TESTER)
    for asking in (
        items.create({"name": "", "category": "chair"}, TESTER),
        items.put("a", {"name": "", "category": "chair"}, TESTER),
        items.update("a", {"name": "", "category": "chair"}, TESTER),
    ):
        with pytest.raises(InvalidInput, match="did you mean chairs") as caught:
            await asking
        assert [fault.code for fault in caught.value.errors] == ["blank", "unknown_category"]
    for fields in ({"name": "", "category": "chairs"}, {"name": "", "category": None}):
        with pytest.raises(InvalidInput) as caught:
            await items.create(fields, TESTER)
        assert [fault.code for fault in caught.value.errors] == ["blank"]
    with pytest.raises(UnknownCategory):
        await items.update("a", {"category": "chair"}, TESTER)
