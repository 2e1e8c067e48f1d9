"""Items: a committed item is read back exactly."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.adapters.memory.storage import MemoryStorage
from catalog.domain.changes.log import ChangeSet, Committed
from catalog.domain.errors import ItemExists, ItemNotFound, SkuTaken, StaleVersion
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.text.normalization import is_blank
from catalog.ports.storage import Storage
from tests.making import (
    NOON,
    TESTER,
    certain,
    commit,
    create_categories,
    create_items,
    creation,
    item,
    item_id,
    removal,
    revision,
    sets,
)

ALL_FIELDS: dict[str, Any] = {
    "name": "Stuhl „Ünïcode“ 東京 😀",
    "description": "line\nbreak\ttab \\ \" ' ; -- %_",
    "category": "garden-chairs",
    "price": {"amount": "92233720368547758.07", "currency": "EUR"},
    "attributes": {
        "big": 2**63 - 1,
        "small": -(2**63),
        "whole_number": 1.0,
        "huge": 1.7976931348623157e308,
        "tiny": 5e-324,
        "tenth": 0.1,
        "one": 1,
        "yes": True,
        "no": False,
        "text": "1",
        "empty": "",
    },
}


async def test_a_committed_item_is_read_back_exactly(storage: Storage) -> None:
    """Reads by id and by SKU return every field with its type, and times with their microseconds."""
    expected = item(1, **ALL_FIELDS)
    await create_categories(storage, "garden-chairs")
    await commit(storage, creation(1, **ALL_FIELDS), creation(2))
    assert await storage.items_by_id([expected.id, item_id(2), item_id(3)]) == {expected.id: expected, item_id(2): item(2)}
    assert await storage.items_by_sku(["S-1", "S-3", "s-1"]) == {"S-1": expected}
    actual = (await storage.items_by_id([expected.id]))[expected.id]
    assert {name: type(value) for name, value in actual.attributes.items()} == {
        name: type(value) for name, value in expected.attributes.items()
    }
    assert actual.created_at == NOON
    assert actual.created_at.utcoffset() == NOON.utcoffset()


async def test_empty_requests_return_nothing(storage: Storage) -> None:
    """Reads without keys and empty batches are allowed."""
    assert await storage.items_by_id([]) == {}
    assert await storage.items_by_sku([]) == {}
    assert list(await storage.commit([])) == []
    assert (await storage.list_items(ItemQuery.parse({}))).items == ()


async def test_an_item_can_be_updated_repriced_and_deleted(storage: Storage) -> None:
    """Every kind of read returns each change immediately."""
    (first,) = await create_items(storage, 1)
    second = revision(first, sku="NEW", name="Renamed", attributes={"a": 1}).subject
    await commit(storage, revision(first, sku="NEW", name="Renamed", attributes={"a": 1}))
    assert await storage.items_by_sku(["S-1", "NEW"]) == {"NEW": second}
    third = certain(second.reprice({"amount": "1", "currency": "JPY"}, now=second.updated_at))
    await commit(storage, third)
    assert (await storage.list_items(ItemQuery.parse({}))).items == (third.subject,)
    await commit(storage, removal(third.subject))
    assert await storage.items_by_id([first.id]) == {}
    assert (await storage.list_items(ItemQuery.parse({"q": "renamed"}))).items == ()


async def test_each_conflict_has_its_own_error(storage: Storage) -> None:
    """Each conflict has its own error, and a refused change writes nothing."""
    first, _ = await create_items(storage, 1, 2)
    uncommitted = revision(first, name="x").subject
    outcomes = await storage.commit(
        sets(
            creation(1, sku="OTHER"),
            creation(3, sku="S-2"),
            revision(item(9), name="x"),
            revision(uncommitted, name="y"),
            revision(first, sku="S-2"),
            removal(uncommitted),
        )
    )
    assert [type(outcome) for outcome in outcomes] == [ItemExists, SkuTaken, ItemNotFound, StaleVersion, SkuTaken, StaleVersion]
    assert await storage.items_by_sku(["S-1", "S-2", "OTHER"]) == {"S-1": first, "S-2": item(2)}
    assert (await storage.changes(after=0, limit=10)).head == 2


async def test_a_change_set_is_written_completely_or_not_at_all(storage: Storage) -> None:
    """If the last of a hundred changes is refused, none of them is written."""
    (first,) = await create_items(storage, 1)
    changes = (removal(first), *(creation(number) for number in range(2, 101)), creation(200, sku="S-50"))
    (refused,) = await storage.commit([ChangeSet(changes, TESTER)])
    assert isinstance(refused, SkuTaken)
    assert (await storage.list_items(ItemQuery.parse({}))).items == (first,)
    assert (await storage.changes(after=0, limit=10)).head == 1
    (written,) = await storage.commit([ChangeSet(changes[:-1], TESTER)])
    assert isinstance(written, Committed)
    assert [entry.seq for entry in written.entries] == list(range(2, 102))
    assert len(await storage.items_by_id([item_id(number) for number in range(1, 101)])) == 99


async def test_skus_can_be_reused_within_a_batch(storage: Storage) -> None:
    """Items can swap SKUs, and an item can take a SKU that another one releases."""
    first, second, third = await create_items(storage, 1, 2, 3)
    renamed = revision(first, sku="T")
    outcomes = await storage.commit(
        sets(renamed, revision(second, sku="S-1"), revision(renamed.subject, sku="S-2"), removal(third), creation(4, sku="S-3"))
    )
    assert all(isinstance(outcome, Committed) for outcome in outcomes)
    items = await storage.items_by_sku(["S-1", "S-2", "S-3", "T"])
    assert {sku: owner.id for sku, owner in items.items()} == {"S-1": second.id, "S-2": first.id, "S-3": item_id(4)}


async def test_an_item_created_and_deleted_in_a_batch_is_only_in_the_log(storage: Storage) -> None:
    """The log has every change of an item that was created and deleted in the same batch."""
    created = creation(1)
    updated = revision(created.subject, name="b")
    await commit(storage, created, updated, removal(updated.subject), creation(2))
    assert await storage.items_by_id([item_id(1), item_id(2)]) == {item_id(2): item(2)}
    assert [entry.change.kind for entry in (await storage.changes(after=0, limit=10)).entries] == [
        "item.created",
        "item.revised",
        "item.removed",
        "item.created",
    ]


async def test_a_store_reports_its_schema_and_can_be_pinged(storage: Storage) -> None:
    """The schema is current, and migrating it again leaves it current."""
    await storage.ping()
    assert (await storage.schema()).current
    assert (await storage.migrate()).current
    assert isinstance(await storage.versions(), dict)


@pytest.mark.parametrize("size", [1, 3000])
async def test_many_items_can_be_read_at_once(storage: Storage, size: int) -> None:
    """The database's limit on parameters does not limit the number of keys."""
    await commit(storage, *(creation(number) for number in range(1, size + 1)))
    assert len(await storage.items_by_id([item_id(number) for number in range(40_000)])) == size
    assert len(await storage.items_by_sku([f"S-{number}" for number in range(40_000)])) == size


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30).filter(
    lambda text: not is_blank(text)
)
DRAFTS = st.fixed_dictionaries(
    {"name": TEXTS},
    optional={
        "description": TEXTS,
        "price": st.fixed_dictionaries({"amount": st.integers(0, 2**63 - 1), "currency": st.just("JPY")}),
        "attributes": st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True),
            st.one_of(TEXTS, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)),
            max_size=4,
        ),
    },
)


@given(st.data())
async def test_every_store_stores_the_same_items_as_the_memory_store(storage: Storage, data: st.DataObject) -> None:
    """Random items that are created and updated are the same in every store."""
    memory = MemoryStorage()
    existing: list[Item] = sorted(
        (await storage.list_items(ItemQuery.parse({"limit": "200"}))).items, key=lambda existing_item: existing_item.id
    )
    await commit(storage, *(removal(existing_item) for existing_item in existing))
    start = (await storage.changes(after=0, limit=1)).head
    for step in range(data.draw(st.integers(1, 3))):
        fields: dict[str, Any] = data.draw(DRAFTS)
        number = start + 1 + data.draw(st.integers(0, 1)) * 1000
        current = (await memory.items_by_id([item_id(number)])).get(item_id(number))
        change = creation(number, **fields) if current is None else current.update(fields, now=NOON)
        if change is not None:
            await commit(memory, change)
            await commit(storage, change)
        assert step < 3
    query = ItemQuery.parse({"sort": "name"})
    assert await storage.list_items(query) == await memory.list_items(query)
