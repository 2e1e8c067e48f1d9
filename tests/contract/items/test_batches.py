"""Batches: one commit, and the same as the operations one by one."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.system import RandomIds
from catalog.application.items.batch import MAX_OPERATIONS, MAX_SUGGESTIONS, Batch, BatchOperations, BatchResult
from catalog.application.items.items import Items
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.errors import BatchRefused, CatalogError, InvalidInput, ItemNotFound, TooManyConflicts
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.making import NOON, TESTER, FixedClock, certain, commit, create_categories, create_items

SKUS = ("A", "B", "C")


def batches(storage: Storage) -> BatchOperations:
    """Make what runs batches."""
    return BatchOperations(storage, FixedClock(), RandomIds())


async def run(storage: Storage, *operations: Mapping[str, Any], **flags: bool) -> BatchResult:
    """Run a batch."""
    return await batches(storage).run(Batch.parse({"operations": list(operations), **flags}), TESTER)


def told(results: BatchResult) -> list[tuple[str, str | None]]:
    """Return what was done, and the code of what was refused."""
    return [(result.action, result.error.code if result.error else None) for result in results.results]


async def test_operations_see_those_before_them(storage: Storage) -> None:
    """A SKU that is given up is free, one that is taken up is taken; all of it is one commit, and one stretch of the log."""
    await create_categories(storage, "lamps")
    await create_items(storage, 1)
    results = await run(
        storage,
        {"op": "update", "key": "s-1", "patch": {"sku": "OLD"}, "if_version": 1},
        {"op": "create", "item": {"sku": "S-1", "name": "New", "category": "lamps"}},
        {"op": "create", "item": {"sku": "S-1", "name": "Third"}},
        {"op": "upsert", "item": {"sku": "s-1", "name": "Newer"}, "if_version": 1},
        {"op": "upsert", "item": {"sku": "S-2", "name": "Second"}},
        {"op": "upsert", "item": {"sku": "S-2", "name": "Second"}},
        {"op": "reprice", "key": "S-2", "price": {"amount": "1", "currency": "EUR"}, "if_version": 2},
        {"op": "delete", "key": "OLD"},
        {"op": "update", "key": "OLD", "patch": {"name": "Gone"}},
        {"op": "upsert", "item": {"sku": "S-9", "name": "Absent"}, "if_version": 1},
        {"op": "create", "item": {"name": "Nameless"}},
    )
    assert told(results) == [
        ("updated", None),
        ("created", None),
        ("refused", "sku_taken"),
        ("updated", None),
        ("created", None),
        ("unchanged", None),
        ("refused", "stale_version"),
        ("deleted", None),
        ("refused", "item_not_found"),
        ("refused", "item_not_found"),
        ("created", None),
    ]
    assert results.failed == 4
    there = await storage.items_by_sku(["S-1", "S-2", "OLD"])
    assert {sku: (item.name, item.version, item.category) for sku, item in there.items()} == {
        "S-1": ("Newer", 2, None),
        "S-2": ("Second", 1, None),
    }
    assert (await storage.head()).seq == 1 + 1 + 6


async def test_an_atomic_batch_is_done_whole_or_not_at_all(storage: Storage) -> None:
    """Each operation that cannot be done is named by its place, with the place of each of its faults."""
    await create_items(storage, 1)
    with pytest.raises(BatchRefused) as refused:
        await run(
            storage,
            {"op": "create", "item": {"sku": "S-2", "name": "Fine"}},
            {"op": "create", "item": {"sku": "S-1", "name": "Taken"}},
            {"op": "update", "key": "S-1", "patch": {"name": "", "colour": 1}},
            {"op": "reprice", "key": "S-1", "price": {"amount": "x", "currency": "EUR"}},
            {"op": "create", "item": {"sku": "S-3", "name": "Lamp", "category": "lamp"}},
            {"op": "fly"},
            atomic=True,
        )
    failures = refused.value.failures
    assert [(index, error.code) for index, error in failures] == [
        (1, "sku_taken"),
        (2, "invalid_input"),
        (3, "invalid_input"),
        (4, "invalid_input"),
        (5, "invalid_input"),
    ]
    paths = [fault.path for _, error in failures if isinstance(error, InvalidInput) for fault in error.errors]
    assert paths == [("patch", "colour"), ("patch", "name"), ("price", "amount"), ("item", "category"), ("op",)]
    assert (await storage.head()).seq == 1
    assert told(await run(storage, {"op": "create", "item": {"sku": "S-2", "name": "Fine"}}, atomic=True)) == [("created", None)]


async def test_a_dry_run_decides_and_writes_nothing(storage: Storage) -> None:
    """It tells what would be."""
    results = await run(storage, {"op": "create", "item": {"sku": "A", "name": "A"}}, {"op": "delete", "key": "A"}, dry_run=True)
    assert told(results) == [("created", None), ("deleted", None)]
    assert results.dry_run
    assert (await storage.head()).seq == 0


async def test_an_item_is_named_by_its_id_too(storage: Storage) -> None:
    """Or under both names in one batch."""
    (made,) = await create_items(storage, 1)
    price = {"amount": "1", "currency": "EUR"}
    results = await run(
        storage, {"op": "update", "key": str(made.id), "patch": {"sku": "X"}}, {"op": "reprice", "key": "x", "price": price}
    )
    assert [result.item and result.item.version for result in results.results] == [2, 3]


async def test_notes_are_committed_with_a_batch(storage: Storage) -> None:
    """Also with one of which nothing can be done."""
    batch = Batch.parse({"operations": [{"op": "delete", "key": "NONE"}]})
    await batches(storage).run(batch, TESTER, lambda results: (ExpiringRecord("n", str(results.failed).encode(), NOON),))
    assert (await storage.records(["n"]))["n"].content == b"1"


@pytest.mark.parametrize(
    ("operation", "codes"),
    [
        ("x", ["wrong_type"]),
        ({}, ["unknown_operation"]),
        ({"op": ["create"]}, ["unknown_operation"]),
        ({"op": "create"}, ["missing"]),
        ({"op": "create", "item": [], "key": "A", "if_version": 1}, ["unknown_field", "unknown_field", "wrong_type"]),
        ({"op": "update", "patch": {}}, ["invalid_key"]),
        ({"op": "delete", "key": "no key", "if_version": 0}, ["invalid_key", "invalid_version"]),
        ({"op": "delete", "key": "A", "if_version": True}, ["invalid_version"]),
        ({"op": "upsert", "item": {"name": "x"}}, ["missing"]),
        ({"op": "upsert", "item": {"name": "x", "sku": "a b"}}, ["invalid_sku"]),
        ({"op": "upsert", "item": {"name": "x", "sku": 5}}, ["wrong_type"]),
        ({"op": "create", "item": {"name": "x", "category": "\x00"}}, ["invalid_text"]),
    ],
)
async def test_an_operation_that_is_none_is_refused_in_its_place(operation: Any, codes: list[str]) -> None:  # noqa: ANN401 - anything
    """With every fault; the others go on."""
    results = await run(MemoryStorage(), operation, {"op": "create", "item": {"name": "Fine"}})
    assert [result.action for result in results.results] == ["refused", "created"]
    error = results.results[0].error
    assert isinstance(error, InvalidInput)
    assert [fault.code for fault in error.errors] == codes


@pytest.mark.parametrize(
    "said",
    [{}, {"operations": []}, {"operations": {}}, {"operations": [{"op": "delete", "key": "A"}] * (MAX_OPERATIONS + 1)}],
)
def test_what_is_no_batch_is_refused(said: dict[str, Any]) -> None:
    """With every fault."""
    with pytest.raises(InvalidInput) as refused:
        Batch.parse(said | {"atomic": 1, "dry_run": None, "colour": 1})
    assert [fault.code for fault in refused.value.errors] == [
        "unknown_field",
        "wrong_type",
        "wrong_type",
        "invalid_operations",
    ]


class Rival(MemoryStorage):
    """A store where somebody else is quicker, a number of times."""

    def __init__(self, times: int) -> None:
        """Be quicker so many times."""
        super().__init__()
        self.times = times

    async def commit(self, batch: Any, prepared: Any = ()) -> Any:  # noqa: ANN401 - as the store's
        """Change the item first, where it is to be changed."""
        items = await self.items_by_sku(["S-1"])
        if items and self.times and batch[0].origin is TESTER:
            self.times -= 1
            rival = certain(items["S-1"].update({"description": str(self.times)}, now=NOON))
            (only,) = batch
            assert isinstance((await super().commit([only.__class__((rival,), only.origin)]))[0], object)
        return await super().commit(batch, prepared)


async def test_a_batch_that_meets_rivals_is_decided_again() -> None:
    """A bounded number of times."""
    for times, done in ((3, True), (1000, False)):
        store = Rival(0)
        await create_items(store, 1)
        store.times = times
        if done:
            results = await run(store, {"op": "update", "key": "S-1", "patch": {"name": "Mine"}})
            assert results.results[0].item is not None
            assert results.results[0].item.version == 5
        else:
            with pytest.raises(TooManyConflicts):
                await run(store, {"op": "update", "key": "S-1", "patch": {"name": "Mine"}})


_sku = st.sampled_from(SKUS)
_version = st.none() | st.integers(1, 3)
_fields = st.fixed_dictionaries(
    {"name": st.sampled_from(["", "One", "Two"])}, optional={"category": st.sampled_from(["lamps", "nope"])}
)
_operations = st.one_of(
    st.builds(lambda sku, its: {"op": "create", "item": {**its, "sku": sku}}, _sku, _fields),
    st.builds(lambda sku, its, n: {"op": "upsert", "item": {**its, "sku": sku}, "if_version": n}, _sku, _fields, _version),
    st.builds(lambda sku, its, n: {"op": "update", "key": sku, "patch": its, "if_version": n}, _sku, _fields, _version),
    st.builds(lambda sku, to: {"op": "update", "key": sku, "patch": {"sku": to}}, _sku, _sku),
    st.builds(
        lambda sku, amount: {"op": "reprice", "key": sku, "price": {"amount": amount, "currency": "EUR"}},
        _sku,
        st.sampled_from(["1", "2", "x"]),
    ),
    st.builds(lambda sku, n: {"op": "delete", "key": sku, "if_version": n}, _sku, _version),
)


async def one_by_one(storage: Storage, operation: Mapping[str, Any]) -> str | None:
    """Do an operation by itself, as a request of its own would; return the code of what it is refused with."""
    items = Items(storage, FixedClock(), RandomIds())
    version = operation.get("if_version")
    key = operation.get("key") or operation["item"]["sku"]
    try:
        expected = None if version is None else {((await items.get(key)).id, version)}
        if operation["op"] == "create":
            await items.create(operation["item"], TESTER)
        elif operation["op"] == "upsert":
            await items.put(key, operation["item"], TESTER, expected, must_exist=version is not None)
        elif operation["op"] == "update":
            await items.update(key, operation["patch"], TESTER, expected)
        elif operation["op"] == "reprice":
            await items.reprice(key, operation["price"], TESTER, expected)
        else:
            await items.delete(key, TESTER, expected)
    except CatalogError as error:
        return error.code
    return None


@given(operations=st.lists(_operations, min_size=1, max_size=8))
@settings(max_examples=60)
def test_a_batch_does_what_its_operations_do_one_by_one(operations: list[dict[str, Any]]) -> None:
    """The same items in the same versions, the same refusals, the same log."""

    async def compared() -> None:
        together, apart = MemoryStorage(), MemoryStorage()
        for store in (together, apart):
            await create_categories(store, "lamps")
        results = await run(together, *operations)
        assert [code for _, code in told(results)] == [await one_by_one(apart, operation) for operation in operations]
        await _assert_alike(together, apart)

    asyncio.run(compared())


@given(operations=st.lists(_operations, min_size=1, max_size=8))
@settings(max_examples=15)
def test_every_store_does_the_same_with_a_batch(store_url: str, operations: list[dict[str, Any]]) -> None:
    """As the memory store."""

    async def compared() -> None:
        there, memory = open_store(StorageOptions(store_url)), MemoryStorage()
        try:
            for store in (there, memory):
                await create_categories(store, "lamps")
            await commit(there, *(item.delete(now=NOON) for item in (await there.items_by_sku(SKUS)).values()))
            assert told(await run(there, *operations)) == told(await run(memory, *operations))
            await _assert_alike(there, memory, logs=False)
        finally:
            await there.close()

    asyncio.run(compared())


async def _assert_alike(one: Storage, other: Storage, *, logs: bool = True) -> None:
    mine, theirs = await one.items_by_sku(SKUS), await other.items_by_sku(SKUS)
    shown = [
        {sku: (item.name, item.version, item.category, item.price) for sku, item in items.items()} for items in (mine, theirs)
    ]
    assert shown[0] == shown[1]
    if logs:
        entries = [(await store.changes(after=0, limit=100)).entries for store in (one, other)]
        assert [(entry.change.kind, entry.change.version) for entry in entries[0]] == [
            (entry.change.kind, entry.change.version) for entry in entries[1]
        ]


async def test_a_few_unknown_categories_get_a_suggestion(storage: Storage) -> None:
    """Each once; comparing names takes time."""
    await create_categories(storage, "chairs")
    slugs = [f"chairs{number}" for number in range(MAX_SUGGESTIONS + 5)]
    results = await run(storage, *({"op": "create", "item": {"name": "A", "category": slug}} for slug in slugs for _ in range(2)))
    messages = [str(result.error) for result in results.results]
    assert ["did you mean chairs?" in message for message in messages] == [True] * 2 * MAX_SUGGESTIONS + [False] * 10


async def test_an_unknown_category_is_told_with_the_other_faults(storage: Storage) -> None:
    """As for a single item; one that is there is no fault."""
    await create_categories(storage, "chairs")
    await create_items(storage, 1)
    results = await run(
        storage,
        {"op": "create", "item": {"name": "", "category": "chair"}},
        {"op": "update", "key": "S-1", "patch": {"name": "", "category": "nowhere"}},
        {"op": "create", "item": {"name": "", "category": "chairs"}},
        {"op": "update", "key": "S-1", "patch": {"category": "chair"}},
        {"op": "update", "key": "S-9", "patch": {"category": "chair"}},
    )
    errors = [result.error for result in results.results]
    faults = [[(fault.path, fault.code) for fault in one.errors] if isinstance(one, InvalidInput) else one for one in errors]
    assert faults[:4] == [
        [(("item", "name"), "blank"), (("item", "category"), "unknown_category")],
        [(("patch", "name"), "blank"), (("patch", "category"), "unknown_category")],
        [(("item", "name"), "blank")],
        [(("patch", "category"), "unknown_category")],
    ]
    assert isinstance(errors[4], ItemNotFound)
    assert ["did you mean chairs?" in str(one) for one in errors] == [True, False, False, True, False]
