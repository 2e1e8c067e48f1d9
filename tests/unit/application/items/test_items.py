"""The use cases for items, on the memory store with a fixed clock."""

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
    """The use cases on the store."""
    return Items(storage, FixedClock(), CountedIds())


async def test_a_created_item_is_found_by_id_and_by_sku(items: Items) -> None:
    """In any case; the id with or without dashes."""
    created = await items.create({"name": "Chair", "sku": "c-1"}, TESTER)
    for key in (str(created.id), created.id.hex.upper(), "C-1", " c-1 "):
        assert await items.get(key) == created
    assert (await items.list(ListRequest.parse({}))).page.items == (created,)


async def test_without_a_sku_one_is_generated(items: Items) -> None:
    """By the id generator."""
    assert (await items.create({"name": "Chair"}, TESTER)).sku == "I-0000000000001"


@pytest.mark.parametrize("key", ["nope", "not a key", str(item_id(9))])
async def test_a_missing_item_is_not_found(items: Items, key: str) -> None:
    """By any operation."""
    for operation in (items.get(key), items.update(key, {}, TESTER), items.reprice(key, {}, TESTER), items.delete(key, TESTER)):
        with pytest.raises(ItemNotFound, match=key):
            await operation


async def test_a_taken_sku_is_refused(items: Items) -> None:
    """When an item is created, and when its SKU is changed."""
    await items.create({"name": "One", "sku": "A"}, TESTER)
    two = await items.create({"name": "Two", "sku": "B"}, TESTER)
    with pytest.raises(SkuTaken):
        await items.create({"name": "Three", "sku": "a"}, TESTER)
    with pytest.raises(SkuTaken):
        await items.update("B", {"sku": "A"}, TESTER)
    assert await items.get("B") == two


async def test_an_item_is_changed_only_in_an_expected_version(items: Items) -> None:
    """By every operation that changes it."""
    first = await items.create({"name": "One", "sku": "A"}, TESTER)
    second = await items.update("A", {"name": "Two"}, TESTER, {(first.id, 1)})
    assert (second.version, second.name) == (2, "Two")
    for operation in (
        items.update("A", {"name": "x"}, TESTER, {(first.id, 1)}),
        items.reprice("A", {"amount": 1, "currency": "EUR"}, TESTER, {(first.id, 3)}),
        items.delete("A", TESTER, set()),
    ):
        with pytest.raises(StaleVersion):
            await operation
    third = await items.reprice("A", {"amount": 1, "currency": "EUR"}, TESTER, {(first.id, 1), (first.id, 2)})
    await items.delete("A", TESTER, {(third.id, 3)})
    with pytest.raises(ItemNotFound):
        await items.get("A")


async def test_an_update_that_changes_nothing_writes_nothing(items: Items, storage: MemoryStorage) -> None:
    """There is no new version and no log entry, but the input is still validated."""
    created = await items.create({"name": "One", "sku": "A"}, TESTER)
    assert await items.update("A", {"name": "One"}, TESTER) == created
    assert (await storage.changes(after=0, limit=10)).head == 1
    with pytest.raises(InvalidInput):
        await items.update("A", {"name": ""}, TESTER)


class Rival(MemoryStorage):
    """A store in which another writer commits first, a number of times."""

    def __init__(self, times: int, *, deleting: bool = False) -> None:
        """Change or delete the item before each of the first `times` commits."""
        super().__init__()
        self.times = times
        self.deleting = deleting

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Change the item first, then commit."""
        before = batch[0].changes[0].before
        if before is not None and self.times:
            self.times -= 1
            stored = as_item(before)
            rival_change = removal(stored) if self.deleting else revision(stored, name=f"rival {stored.version}")
            await super().commit(sets(rival_change))
        return await super().commit(batch, prepared)


async def test_without_an_expected_version_a_conflicting_update_is_retried() -> None:
    """On top of the version that the other writer committed."""
    items = Items(Rival(MAX_ATTEMPTS - 1), FixedClock(), CountedIds())
    await items.create({"name": "One", "sku": "A"}, TESTER)
    changed = await items.update("A", {"description": "mine"}, TESTER)
    assert (changed.name, changed.description, changed.version) == (f"rival {MAX_ATTEMPTS - 1}", "mine", MAX_ATTEMPTS + 1)


async def test_retries_are_limited() -> None:
    """After MAX_ATTEMPTS, the update fails."""
    items = Items(Rival(MAX_ATTEMPTS), FixedClock(), CountedIds())
    await items.create({"name": "One", "sku": "A"}, TESTER)
    with pytest.raises(TooManyConflicts):
        await items.delete("A", TESTER)


async def test_with_an_expected_version_a_conflicting_update_fails() -> None:
    """Even if the other writer committed after the read."""
    items = Items(Rival(1), FixedClock(), CountedIds())
    created = await items.create({"name": "One", "sku": "A"}, TESTER)
    with pytest.raises(StaleVersion):
        await items.delete("A", TESTER, {(created.id, 1)})


@pytest.mark.parametrize("expecting", [True, False])
async def test_an_item_that_another_writer_deleted_is_not_found(*, expecting: bool) -> None:
    """With and without an expected version."""
    items = Items(Rival(1, deleting=True), FixedClock(), CountedIds())
    created = await items.create({"name": "One", "sku": "A"}, TESTER)
    with pytest.raises(ItemNotFound):
        await items.update("A", {"name": "x"}, TESTER, {(created.id, 1)} if expecting else None)


async def test_an_item_is_restored_by_its_sku(items: Items) -> None:
    """If several items had the SKU, the one deleted last is restored."""
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


async def test_an_item_that_was_never_deleted_cannot_be_restored(items: Items) -> None:
    """An unknown key is not found."""
    await items.create({"name": "First", "sku": "A"}, TESTER)
    with pytest.raises(NotDeleted):
        await items.restore("a", TESTER)
    for key in ("nope", "not a key", str(item_id(99))):
        with pytest.raises(ItemNotFound):
            await items.restore(key, TESTER)


async def test_replacing_a_missing_item_is_not_a_stale_version(items: Items) -> None:
    """Neither by SKU nor by id."""
    for key in ("nope", str(item_id(99))):
        with pytest.raises(NotPresent, match="leave out the precondition"):
            await items.put(key, {"name": "A"}, TESTER, must_exist=True)
    with pytest.raises(ItemNotFound):
        await items.put(str(item_id(99)), {"name": "A"}, TESTER)


async def test_an_unknown_category_is_reported_with_the_other_errors(storage: MemoryStorage, items: Items) -> None:
    """By create, put and update. An existing category is not an error."""
    await create_categories(storage, "chairs")
    await items.create({"name": "A", "sku": "A"}, TESTER)
    for operation in (
        items.create({"name": "", "category": "chair"}, TESTER),
        items.put("a", {"name": "", "category": "chair"}, TESTER),
        items.update("a", {"name": "", "category": "chair"}, TESTER),
    ):
        with pytest.raises(InvalidInput, match="did you mean chairs") as caught:
            await operation
        assert [error.code for error in caught.value.errors] == ["blank", "unknown_category"]
    for fields in ({"name": "", "category": "chairs"}, {"name": "", "category": None}):
        with pytest.raises(InvalidInput) as caught:
            await items.create(fields, TESTER)
        assert [error.code for error in caught.value.errors] == ["blank"]
    with pytest.raises(UnknownCategory):
        await items.update("a", {"category": "chair"}, TESTER)
