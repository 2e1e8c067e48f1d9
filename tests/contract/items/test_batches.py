"""Batches of operations: one commit, with the same effect as the operations one by one."""

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
from catalog.application.writes.idempotency import IdempotentRequests
from catalog.domain.errors import BatchRefused, CatalogError, InvalidInput, ItemNotFound, TooManyConflicts
from catalog.entrypoints.http.idempotency import BodyFingerprint
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.making import NOON, TESTER, FixedClock, certain, commit, create_categories, create_items

SKUS = ("A", "B", "C")


def batch_operations(storage: Storage) -> BatchOperations:
    """Return the use case that runs batches."""
    return BatchOperations(storage, FixedClock(), RandomIds())


async def run_batch(storage: Storage, *operations: Mapping[str, Any], **flags: bool) -> BatchResult:
    """Run a batch of operations."""
    return await batch_operations(storage).run(Batch.parse({"operations": list(operations), **flags}), TESTER)


def actions_and_codes(results: BatchResult) -> list[tuple[str, str | None]]:
    """Return the action of each operation, and the error code if it was refused."""
    return [(result.action, result.error.code if result.error else None) for result in results.results]


async def test_operations_see_the_effects_of_earlier_operations(storage: Storage) -> None:
    """A later operation can use a SKU that an earlier one released, but not one that it took. The changes are one commit."""
    await create_categories(storage, "lamps")
    await create_items(storage, 1)
    results = await run_batch(
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
    assert actions_and_codes(results) == [
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
    items = await storage.items_by_sku(["S-1", "S-2", "OLD"])
    assert {sku: (item.name, item.version, item.category) for sku, item in items.items()} == {
        "S-1": ("Newer", 2, None),
        "S-2": ("Second", 1, None),
    }
    assert (await storage.head()).seq == 1 + 1 + 6


async def test_an_atomic_batch_is_committed_completely_or_not_at_all(storage: Storage) -> None:
    """Each operation that cannot be run is reported with its index, and with the path of each of its errors."""
    await create_items(storage, 1)
    with pytest.raises(BatchRefused) as caught:
        await run_batch(
            storage,
            {"op": "create", "item": {"sku": "S-2", "name": "Fine"}},
            {"op": "create", "item": {"sku": "S-1", "name": "Taken"}},
            {"op": "update", "key": "S-1", "patch": {"name": "", "colour": 1}},
            {"op": "reprice", "key": "S-1", "price": {"amount": "x", "currency": "EUR"}},
            {"op": "create", "item": {"sku": "S-3", "name": "Lamp", "category": "lamp"}},
            {"op": "fly"},
            atomic=True,
        )
    failures = caught.value.failures
    assert [(index, error.code) for index, error in failures] == [
        (1, "sku_taken"),
        (2, "invalid_input"),
        (3, "invalid_input"),
        (4, "invalid_input"),
        (5, "invalid_input"),
    ]
    paths = [field_error.path for _, error in failures if isinstance(error, InvalidInput) for field_error in error.errors]
    assert paths == [("patch", "colour"), ("patch", "name"), ("price", "amount"), ("item", "category"), ("op",)]
    assert (await storage.head()).seq == 1
    assert actions_and_codes(await run_batch(storage, {"op": "create", "item": {"sku": "S-2", "name": "Fine"}}, atomic=True)) == [
        ("created", None)
    ]


async def test_a_dry_run_writes_nothing(storage: Storage) -> None:
    """A dry run returns the results that the batch would have."""
    results = await run_batch(
        storage, {"op": "create", "item": {"sku": "A", "name": "A"}}, {"op": "delete", "key": "A"}, dry_run=True
    )
    assert actions_and_codes(results) == [("created", None), ("deleted", None)]
    assert results.dry_run
    assert (await storage.head()).seq == 0


async def test_an_item_can_be_named_by_id_or_by_sku(storage: Storage) -> None:
    """One batch can name the same item by its id and by its SKU."""
    (item,) = await create_items(storage, 1)
    price = {"amount": "1", "currency": "EUR"}
    results = await run_batch(
        storage, {"op": "update", "key": str(item.id), "patch": {"sku": "X"}}, {"op": "reprice", "key": "x", "price": price}
    )
    assert [result.item and result.item.version for result in results.results] == [2, 3]


async def test_records_are_committed_with_a_batch(storage: Storage) -> None:
    """Records are committed even if every operation of the batch is refused."""
    batch = Batch.parse({"operations": [{"op": "delete", "key": "NONE"}]})
    write = batch_operations(storage).run(batch, TESTER)
    with IdempotentRequests(storage, FixedClock()).claim("n", BodyFingerprint(b"")) as claim:
        await claim.execute(write, lambda results: str(results.failed).encode())
    assert (await storage.records(["n"]))["n"].content.endswith(b"\n1")


@pytest.mark.parametrize(
    ("operation", "codes"),
    [
        ("x", ["wrong_type"]),
        ({}, ["unknown_operation"]),
        ({"op": ["create"]}, ["unknown_operation"]),
        ({"op": "create"}, ["missing"]),
        ({"op": "create", "item": [], "key": "A", "if_version": 1}, ["unknown_field", "unknown_field", "wrong_type"]),
        ({"op": "update", "patch": {}}, ["invalid_key"]),
        ({"op": "delete", "key": "no\tkey", "if_version": 0}, ["invalid_key", "invalid_version"]),
        ({"op": "delete", "key": "A", "if_version": True}, ["invalid_version"]),
        ({"op": "upsert", "item": {"name": "x"}}, ["missing"]),
        ({"op": "upsert", "item": {"name": "x", "sku": "a\tb"}}, ["invalid_sku"]),
        ({"op": "upsert", "item": {"name": "x", "sku": 5}}, ["wrong_type"]),
        ({"op": "create", "item": {"name": "x", "category": "\x00"}}, ["invalid_text"]),
    ],
)
async def test_an_invalid_operation_is_refused(operation: Any, codes: list[str]) -> None:  # noqa: ANN401 - anything
    """Every error of the operation is reported, and the other operations are run."""
    results = await run_batch(MemoryStorage(), operation, {"op": "create", "item": {"name": "Fine"}})
    assert [result.action for result in results.results] == ["refused", "created"]
    error = results.results[0].error
    assert isinstance(error, InvalidInput)
    assert [field_error.code for field_error in error.errors] == codes


@pytest.mark.parametrize(
    "body",
    [{}, {"operations": []}, {"operations": {}}, {"operations": [{"op": "delete", "key": "A"}] * (MAX_OPERATIONS + 1)}],
)
def test_an_invalid_batch_is_refused(body: dict[str, Any]) -> None:
    """Every error of the batch is reported."""
    with pytest.raises(InvalidInput) as caught:
        Batch.parse(body | {"atomic": 1, "dry_run": None, "colour": 1})
    assert [field_error.code for field_error in caught.value.errors] == [
        "unknown_field",
        "wrong_type",
        "wrong_type",
        "invalid_operations",
    ]


class Rival(MemoryStorage):
    """A store in which a rival updates the item just before a commit, a given number of times."""

    def __init__(self, times: int) -> None:
        """Let the rival win `times` times."""
        super().__init__()
        self.times = times

    async def commit(self, batch: Any, prepared: Any = ()) -> Any:  # noqa: ANN401 - as in MemoryStorage
        """Let the rival update the item first, if it exists."""
        items = await self.items_by_sku(["S-1"])
        if items and self.times and batch[0].origin is TESTER:
            self.times -= 1
            rival_update = certain(items["S-1"].update({"description": str(self.times)}, now=NOON))
            (change_set,) = batch
            assert isinstance((await super().commit([change_set.__class__((rival_update,), change_set.origin)]))[0], object)
        return await super().commit(batch, prepared)


async def test_a_batch_is_decided_again_after_a_conflict() -> None:
    """A batch is decided again a limited number of times."""
    for times, succeeds in ((3, True), (1000, False)):
        store = Rival(0)
        await create_items(store, 1)
        store.times = times
        if succeeds:
            results = await run_batch(store, {"op": "update", "key": "S-1", "patch": {"name": "Mine"}})
            assert results.results[0].item is not None
            assert results.results[0].item.version == 5
        else:
            with pytest.raises(TooManyConflicts):
                await run_batch(store, {"op": "update", "key": "S-1", "patch": {"name": "Mine"}})


_SKUS = st.sampled_from(SKUS)
_VERSIONS = st.none() | st.integers(1, 3)
_FIELDS = st.fixed_dictionaries(
    {"name": st.sampled_from(["", "One", "Two"])}, optional={"category": st.sampled_from(["lamps", "nope"])}
)
_OPERATIONS = st.one_of(
    st.builds(lambda sku, fields: {"op": "create", "item": {**fields, "sku": sku}}, _SKUS, _FIELDS),
    st.builds(
        lambda sku, fields, version: {"op": "upsert", "item": {**fields, "sku": sku}, "if_version": version},
        _SKUS,
        _FIELDS,
        _VERSIONS,
    ),
    st.builds(
        lambda sku, fields, version: {"op": "update", "key": sku, "patch": fields, "if_version": version},
        _SKUS,
        _FIELDS,
        _VERSIONS,
    ),
    st.builds(lambda sku, new_sku: {"op": "update", "key": sku, "patch": {"sku": new_sku}}, _SKUS, _SKUS),
    st.builds(
        lambda sku, amount: {"op": "reprice", "key": sku, "price": {"amount": amount, "currency": "EUR"}},
        _SKUS,
        st.sampled_from(["1", "2", "x"]),
    ),
    st.builds(lambda sku, version: {"op": "delete", "key": sku, "if_version": version}, _SKUS, _VERSIONS),
)


async def run_operation(storage: Storage, operation: Mapping[str, Any]) -> str | None:
    """Run an operation as a separate request would. Return the error code if it is refused."""
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


@given(operations=st.lists(_OPERATIONS, min_size=1, max_size=8))
@settings(max_examples=60)
def test_a_batch_has_the_same_effect_as_its_operations_one_by_one(operations: list[dict[str, Any]]) -> None:
    """A batch gives the same items, versions, refusals and log as its operations one by one."""

    async def compare() -> None:
        batched, separate = MemoryStorage(), MemoryStorage()
        for store in (batched, separate):
            await create_categories(store, "lamps")
        results = await run_batch(batched, *operations)
        assert [code for _, code in actions_and_codes(results)] == [
            await run_operation(separate, operation) for operation in operations
        ]
        await _check_same_content(batched, separate)

    asyncio.run(compare())


@given(operations=st.lists(_OPERATIONS, min_size=1, max_size=8))
@settings(max_examples=15)
def test_every_store_runs_batches_like_the_memory_store(store_url: str, operations: list[dict[str, Any]]) -> None:
    """Random batches have the same results and give the same items as in the memory store."""

    async def compare() -> None:
        storage, memory = open_store(StorageOptions(store_url)), MemoryStorage()
        try:
            for store in (storage, memory):
                await create_categories(store, "lamps")
            await commit(storage, *(item.delete(now=NOON) for item in (await storage.items_by_sku(SKUS)).values()))
            assert actions_and_codes(await run_batch(storage, *operations)) == actions_and_codes(
                await run_batch(memory, *operations)
            )
            await _check_same_content(storage, memory, logs=False)
        finally:
            await storage.close()

    asyncio.run(compare())


async def _check_same_content(first: Storage, second: Storage, *, logs: bool = True) -> None:
    first_items, second_items = await first.items_by_sku(SKUS), await second.items_by_sku(SKUS)
    summaries = [
        {sku: (item.name, item.version, item.category, item.price) for sku, item in items.items()}
        for items in (first_items, second_items)
    ]
    assert summaries[0] == summaries[1]
    if logs:
        entries = [(await store.changes(after=0, limit=100)).entries for store in (first, second)]
        assert [(entry.change.kind, entry.change.version) for entry in entries[0]] == [
            (entry.change.kind, entry.change.version) for entry in entries[1]
        ]


async def test_only_a_few_unknown_categories_get_a_suggestion(storage: Storage) -> None:
    """Suggestions are limited, because comparing slugs takes time. Repeating a slug does not count."""
    await create_categories(storage, "chairs")
    slugs = [f"chairs{number}" for number in range(MAX_SUGGESTIONS + 5)]
    results = await run_batch(
        storage, *({"op": "create", "item": {"name": "A", "category": slug}} for slug in slugs for _ in range(2))
    )
    messages = [str(result.error) for result in results.results]
    assert ["did you mean chairs?" in message for message in messages] == [True] * 2 * MAX_SUGGESTIONS + [False] * 10


async def test_an_unknown_category_is_reported_with_the_other_errors(storage: Storage) -> None:
    """As for a single item, the category is reported with the other errors, but not if it exists."""
    await create_categories(storage, "chairs")
    await create_items(storage, 1)
    results = await run_batch(
        storage,
        {"op": "create", "item": {"name": "", "category": "chair"}},
        {"op": "update", "key": "S-1", "patch": {"name": "", "category": "nowhere"}},
        {"op": "create", "item": {"name": "", "category": "chairs"}},
        {"op": "update", "key": "S-1", "patch": {"category": "chair"}},
        {"op": "update", "key": "S-9", "patch": {"category": "chair"}},
    )
    errors = [result.error for result in results.results]
    field_errors = [
        [(field_error.path, field_error.code) for field_error in error.errors] if isinstance(error, InvalidInput) else error
        for error in errors
    ]
    assert field_errors[:4] == [
        [(("item", "name"), "blank"), (("item", "category"), "unknown_category")],
        [(("patch", "name"), "blank"), (("patch", "category"), "unknown_category")],
        [(("item", "name"), "blank")],
        [(("patch", "category"), "unknown_category")],
    ]
    assert isinstance(errors[4], ItemNotFound)
    assert ["did you mean chairs?" in str(error) for error in errors] == [True, False, False, True, False]
