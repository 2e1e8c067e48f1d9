"""What every store promises of items: what was committed is there, exactly."""

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

EVERYTHING: dict[str, Any] = {
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


async def test_what_was_committed_comes_back_exactly(storage: Storage) -> None:
    """By id and by SKU: every field, with its type, to the microsecond."""
    born = item(1, **EVERYTHING)
    await create_categories(storage, "garden-chairs")
    await commit(storage, creation(1, **EVERYTHING), creation(2))
    assert await storage.items_by_id([born.id, item_id(2), item_id(3)]) == {born.id: born, item_id(2): item(2)}
    assert await storage.items_by_sku(["S-1", "S-3", "s-1"]) == {"S-1": born}
    read = (await storage.items_by_id([born.id]))[born.id]
    assert {name: type(value) for name, value in read.attributes.items()} == {
        name: type(value) for name, value in born.attributes.items()
    }
    assert read.created_at == NOON
    assert read.created_at.utcoffset() == NOON.utcoffset()


async def test_nothing_is_asked_for_and_nothing_comes(storage: Storage) -> None:
    """Empty questions and batches are allowed."""
    assert await storage.items_by_id([]) == {}
    assert await storage.items_by_sku([]) == {}
    assert list(await storage.commit([])) == []
    assert (await storage.list_items(ItemQuery.parse({}))).items == ()


async def test_an_item_is_revised_repriced_and_removed(storage: Storage) -> None:
    """Each step is seen at once, in every way of asking."""
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


async def test_each_conflict_is_answered_with_its_error(storage: Storage) -> None:
    """And leaves everything as it was."""
    first, _ = await create_items(storage, 1, 2)
    newer = revision(first, name="x").subject
    outcomes = await storage.commit(
        sets(
            creation(1, sku="OTHER"),
            creation(3, sku="S-2"),
            revision(item(9), name="x"),
            revision(newer, name="y"),
            revision(first, sku="S-2"),
            removal(newer),
        )
    )
    assert [type(outcome) for outcome in outcomes] == [ItemExists, SkuTaken, ItemNotFound, StaleVersion, SkuTaken, StaleVersion]
    assert await storage.items_by_sku(["S-1", "S-2", "OTHER"]) == {"S-1": first, "S-2": item(2)}
    assert (await storage.changes(after=0, limit=10)).head == 2


async def test_a_change_set_is_written_whole_or_not_at_all(storage: Storage) -> None:
    """A hundred changes, the last of which cannot be."""
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


async def test_skus_change_hands_within_a_batch(storage: Storage) -> None:
    """A swap, and a SKU that its owner gives up and another takes."""
    one, two, three = await create_items(storage, 1, 2, 3)
    away = revision(one, sku="T")
    outcomes = await storage.commit(
        sets(away, revision(two, sku="S-1"), revision(away.subject, sku="S-2"), removal(three), creation(4, sku="S-3"))
    )
    assert all(isinstance(outcome, Committed) for outcome in outcomes)
    found = await storage.items_by_sku(["S-1", "S-2", "S-3", "T"])
    assert {sku: one.id for sku, one in found.items()} == {"S-1": two.id, "S-2": one.id, "S-3": item_id(4)}


async def test_an_item_that_came_and_went_in_a_batch_is_only_in_the_log(storage: Storage) -> None:
    """With all its steps."""
    born = creation(1)
    changed = revision(born.subject, name="b")
    await commit(storage, born, changed, removal(changed.subject), creation(2))
    assert await storage.items_by_id([item_id(1), item_id(2)]) == {item_id(2): item(2)}
    assert [entry.change.kind for entry in (await storage.changes(after=0, limit=10)).entries] == [
        "item.created",
        "item.revised",
        "item.removed",
        "item.created",
    ]


async def test_a_store_tells_its_schema_and_answers(storage: Storage) -> None:
    """With the schema that it wants."""
    await storage.ping()
    assert (await storage.schema()).current
    assert (await storage.migrate()).current
    assert isinstance(await storage.versions(), dict)


@pytest.mark.parametrize("size", [1, 3000])
async def test_many_are_read_at_once(storage: Storage, size: int) -> None:
    """Whatever limits the database has on parameters."""
    await commit(storage, *(creation(number) for number in range(1, size + 1)))
    assert len(await storage.items_by_id([item_id(number) for number in range(40_000)])) == size
    assert len(await storage.items_by_sku([f"S-{number}" for number in range(40_000)])) == size


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30).filter(
    lambda text: not is_blank(text)
)
drafts = st.fixed_dictionaries(
    {"name": texts},
    optional={
        "description": texts,
        "price": st.fixed_dictionaries({"amount": st.integers(0, 2**63 - 1), "currency": st.just("JPY")}),
        "attributes": st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True),
            st.one_of(texts, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)),
            max_size=4,
        ),
    },
)


@given(st.data())
async def test_every_store_keeps_what_memory_keeps(storage: Storage, data: st.DataObject) -> None:
    """Random items, written and changed: the same comes back."""
    memory = MemoryStorage()
    known: list[Item] = sorted((await storage.list_items(ItemQuery.parse({"limit": "200"}))).items, key=lambda one: one.id)
    await commit(storage, *(removal(one) for one in known))
    start = (await storage.changes(after=0, limit=1)).head
    for step in range(data.draw(st.integers(1, 3))):
        fields: dict[str, Any] = data.draw(drafts)
        number = start + 1 + data.draw(st.integers(0, 1)) * 1000
        there = (await memory.items_by_id([item_id(number)])).get(item_id(number))
        change = creation(number, **fields) if there is None else there.update(fields, now=NOON)
        if change is not None:
            await commit(memory, change)
            await commit(storage, change)
        assert step < 3
    listed = ItemQuery.parse({"sort": "name"})
    assert await storage.list_items(listed) == await memory.list_items(listed)
