"""The dependencies of a page are complete: if none of them changed, the page is the same."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.application.caching.freshness import list_dependencies
from catalog.application.items.listing import list_items
from catalog.domain.queries.list_request import ListRequest
from tests.making import NOON, certain, commit, create_categories, creation, item_id, removal
from tests.unit.application.caching.following import Following

_NAMES = st.sampled_from(["ash", "birch", "cedar"])
_PRICES = st.sampled_from([None, {"amount": "1", "currency": "EUR"}, {"amount": "2", "currency": "EUR"}])
_PATCHES = st.fixed_dictionaries(
    {},
    optional={
        "name": _NAMES,
        "price": _PRICES,
        "sku": st.sampled_from(["BIRCH", "Z-1", "A-1"]),
        "description": _NAMES,
        "category": _NAMES,
        "attributes": st.sampled_from([{"wood": "ash"}, {"wood": 5}, None]),
    },
)
_QUERIES = st.fixed_dictionaries(
    {"limit": st.sampled_from(["1", "2"])},
    optional={
        "q": st.sampled_from(["as", "birch", "a"]),
        "sort": st.sampled_from(["name", "-price", "created_at", "-updated_at", "sku", "price,name"]),
        "offset": st.sampled_from(["0", "1"]),
        "facet": st.sampled_from(["category", "currency,attr.wood"]),
        "count": st.just("exact"),
        "include": st.just("category"),
        "category": st.sampled_from(["ash", "birch"]),
        "attr.wood": st.sampled_from(["ash", "5"]),
        "price__exists": st.sampled_from(["true", "false"]),
        "version__gte": st.just("2"),
        "sku__in": st.just("A-1,S-2,Z-1"),
        "currency": st.just("EUR"),
    },
)
_STEPS = st.lists(st.tuples(st.integers(1, 4), st.one_of(_PATCHES, _PATCHES, st.none())), min_size=1, max_size=2)


@settings(max_examples=600)
@given(parameters=_QUERIES, before=st.lists(_PATCHES, min_size=2, max_size=3), steps=_STEPS)
async def test_a_page_whose_dependencies_did_not_change_is_the_same(
    parameters: dict[str, str], before: list[dict[str, Any]], steps: list[tuple[int, dict[str, object] | None]]
) -> None:
    """Whatever is created, updated or deleted, for every query."""
    log = Following()
    await create_categories(log.storage, "ash/birch", "cedar")
    for number, patch in enumerate(before, 1):
        fields = {name: value for name, value in patch.items() if name != "sku"}
        await commit(log.storage, creation(number, **fields))
    await log.freshness.poll()
    request = ListRequest.parse(parameters)
    result_before = await list_items(log.storage, request)
    cached = log.response_with(*list_dependencies(request, result_before.page))
    for number, step in steps:
        item = (await log.storage.items_by_id([item_id(number)])).get(item_id(number))
        if item is None:
            await commit(log.storage, creation(number))
        elif step == {}:
            (birch,) = [category for category in await log.storage.categories() if category.slug == "birch"]
            moved = birch.update({"parent": None if birch.parent else "cedar"}, default_position=0, now=NOON)
            await commit(log.storage, certain(moved))
        elif step is None:
            await commit(log.storage, removal(item))
        else:
            change = item.update(step, now=item.updated_at)
            await commit(log.storage, *([change] if change else []))
    await log.freshness.poll()
    if log.freshness.is_valid(cached):
        assert await list_items(log.storage, request) == result_before
