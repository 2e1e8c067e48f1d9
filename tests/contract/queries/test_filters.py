"""Filters: every store matches the same items as the memory store."""

import json
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.adapters.memory.storage import MemoryStorage
from catalog.domain.queries.facets import Facet
from catalog.domain.queries.item_query import ItemQuery
from catalog.ports.storage import Storage
from tests.making import NOON, certain, commit, create_categories, create_items, creation, pages, removal, revision

_TIMES = st.integers(-2, 2).map(lambda hours: NOON + timedelta(hours=hours))
_CATEGORIES = st.sampled_from([None, "chairs", "lamps", "chairs-garden"])
_PRICES = st.sampled_from([None, ("0", "EUR"), ("1.50", "EUR"), ("2", "EUR"), ("150", "JPY"), ("90000000000000000", "EUR")])
_VALUES = st.sampled_from(
    [10, 10.0, 9, -1, 0.5, 2**53 + 1, 2.0**53, True, False, "10", "red", "rec", "", "x" * 300, "x" * 299 + "y"]
)
_ATTRIBUTES = st.dictionaries(st.sampled_from(["size", "a__b"]), _VALUES)
_ITEMS = st.lists(st.tuples(_TIMES, _CATEGORIES, _PRICES, st.one_of(st.none(), _ATTRIBUTES), _ATTRIBUTES), min_size=1, max_size=8)

_MOMENT = _TIMES.map(lambda time: time.isoformat().replace("+00:00", "Z"))
_AMOUNT = st.sampled_from(["0", "1.50", "2", "90000000000000000"])
_FILTERS: dict[str, Any] = {
    "sku": st.lists(st.sampled_from(["S-1", "s-2", "S-3", "NOPE"]), min_size=1, max_size=3),
    "sku__ne": st.just("S-2"),
    "category": st.lists(st.sampled_from(["furniture", "chairs", "lamps", "nope"]), min_size=1, max_size=2),
    "category__ne": st.sampled_from(["chairs", "furniture", "nope"]),
    "category__exists": st.sampled_from(["true", "false"]),
    "currency__ne": st.just("JPY"),
    "currency__in": st.sampled_from(["EUR,JPY", "USD"]),
    "price__exists": st.sampled_from(["true", "false"]),
    "version": st.sampled_from(["1", "2"]),
    "version__in": st.sampled_from(["1,2", "2,3"]),
    "version__gt": st.just("1"),
    "created_after": _MOMENT,
    "created_at__lte": _MOMENT,
    "created_at__ne": _MOMENT,
    "updated_before": _MOMENT,
    **{
        f"attr.size__{operator}": _VALUES.map(lambda value: json.dumps(value, ensure_ascii=False))
        for operator in ("eq", "ne", "lt", "lte", "gt", "gte")
    },
    "attr.size": st.sampled_from(["10", '"10"', "red", "true", "9007199254740993", "9007199254740992"]),
    "attr.size__in": st.sampled_from(['10,"10"', "red,true,0.5", "x"]),
    "attr.size__exists": st.sampled_from(["true", "false"]),
    "attr.a__b__exists": st.sampled_from(["true", "false"]),
    "attr.a__b__eq": st.just("10"),
    "attr.a__b__ne": st.just('"red"'),
    "updated_at__in": st.lists(_MOMENT, min_size=1, max_size=3).map(",".join),
}
_PRICE_FILTERS: dict[str, Any] = {
    "price": _AMOUNT,
    "price_min": _AMOUNT,
    "price_max": _AMOUNT,
    "price__ne": _AMOUNT,
    "price__in": st.just("1.50,2"),
}
_QUERIES = st.lists(
    st.builds(
        lambda first, second, sort, limit, q: first | second | {"sort": sort, "limit": limit, "q": q},
        # Only a few filters, because many of them together match nothing.
        st.lists(st.sampled_from(sorted(_FILTERS)), max_size=3, unique=True).flatmap(
            lambda chosen: st.fixed_dictionaries({name: _FILTERS[name] for name in chosen})
        ),
        st.one_of(st.just({}), st.fixed_dictionaries({"currency": st.just("EUR")}, optional=_PRICE_FILTERS)),
        st.sampled_from(["name", "-price", "created_at", "-updated_at", "sku"]),
        st.sampled_from(["1", "2", "50"]),
        st.sampled_from(["", "", "ite"]),
    ),
    min_size=3,
    max_size=6,
)


@settings(max_examples=40)
@given(values=_ITEMS, queries=_QUERIES)
async def test_stores_agree_on_filters(storage: Storage, values: list[Any], queries: list[dict[str, Any]]) -> None:
    """Random items and filters give the same pages in every store, with sorting and search too."""
    existing = (await storage.list_items(ItemQuery.parse({"limit": "200"}))).items
    await commit(storage, *map(removal, existing))
    start = 10 * (await storage.changes(after=0, limit=1)).head
    memory = MemoryStorage()
    changes = []
    for number, (time, category, price, old_attributes, attributes) in enumerate(values, 1):
        price_field = price and {"amount": price[0], "currency": price[1]}
        initial_attributes = attributes if old_attributes is None else old_attributes
        created = creation(
            start + number, time, sku=f"S-{number}", category=category, price=price_field, attributes=initial_attributes
        )
        changes.append(created)
        if old_attributes is not None:
            patch = {"name": f"Item {number}, changed", "attributes": dict.fromkeys(old_attributes) | attributes}
            changes.append(certain(created.subject.update(patch, now=time + timedelta(hours=1))))
    for store in (memory, storage):
        await create_categories(store, "furniture/chairs/chairs-garden", "lamps")
        await commit(store, *changes)
    for parameters in queries:
        assert await pages(storage, parameters) == await pages(memory, parameters), parameters


async def test_the_attribute_index_is_updated_by_each_change(storage: Storage) -> None:
    """New attribute values match. Old values, and values of deleted items, do not."""
    (first, deleted) = await create_items(storage, 1, 2, attributes={"size": 1, "colour": "red"})
    update = revision(first, attributes={"size": 2, "colour": None, "new": True})
    await commit(storage, update, removal(deleted))

    async def count_matches(**parameters: str) -> int:
        query = ItemQuery.parse({f"attr.{name}": value for name, value in parameters.items()})
        count = certain(await storage.count(query, exact=True, seconds=60))
        assert count.value == len((await storage.list_items(query)).items)
        return count.value

    assert [
        await count_matches(size="1"),
        await count_matches(size="2"),
        await count_matches(colour="red"),
        await count_matches(new="true"),
    ] == [0, 1, 0, 1]
    assert await storage.facet(ItemQuery.parse({}), "attr.size", seconds=60) == Facet(((2, 1),), truncated=False)
    assert await storage.facet(ItemQuery.parse({}), "attr.colour", seconds=60) == Facet((), truncated=False)
