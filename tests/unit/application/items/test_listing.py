"""Lists: a page does not wait for facets, and unknown categories are refused."""

import asyncio
from typing import Any

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.exports.export import parse_export as query
from catalog.application.exports.formats import parse_format
from catalog.application.items import listing
from catalog.application.items.items import Items
from catalog.application.items.listing import list_items
from catalog.domain.errors import InvalidQuery
from catalog.domain.queries.facets import Facet
from catalog.domain.queries.item_query import Parameters
from catalog.domain.queries.list_request import ListRequest
from catalog.entrypoints.representations.items import encode_item
from tests.making import TESTER, CountedIds, FixedClock, create_categories, create_items

CSV = parse_format("csv")


class Slow(MemoryStorage):
    """A store that never finishes counting the category facet."""

    async def facet(self, query: Any, name: str, *, seconds: float) -> Facet | None:  # noqa: ANN401 - passed through
        """Hang for the category, otherwise count."""
        if name == "category":
            await asyncio.Event().wait()
        return await super().facet(query, name, seconds=seconds)


async def test_a_facet_that_takes_too_long_is_omitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are returned."""
    monkeypatch.setattr(listing, "FACET_SECONDS", 0.01)
    storage = Slow()
    await create_items(storage, 1, 2, attributes={"a": 1})
    result = await list_items(storage, ListRequest.parse({"facet": "category,attr.a"}))
    assert (result.partial, result.facets) == (True, {"attr.a": Facet(((1, 2),), truncated=False)})
    assert len(result.page.items) == 2


@pytest.mark.parametrize("parameter", ["category", "category__eq", "category__in"])
async def test_a_filter_by_an_unknown_category_is_refused(parameter: str) -> None:
    """With a suggestion, since such a filter can never match. The same applies to exports."""
    storage = MemoryStorage()
    await create_categories(storage, "garden/chairs")
    items = Items(storage, FixedClock(), CountedIds())
    for operation in (
        items.list(ListRequest.parse({parameter: "chair"})),
        anext(items.export(query({parameter: "chair"}), CSV, encode_item, TESTER)),
    ):
        with pytest.raises(InvalidQuery, match="There is no category chair; did you mean chairs") as caught:
            await operation
        assert [(error.path, error.code) for error in caught.value.errors] == [(("category",), "unknown_category")]


@pytest.mark.parametrize(
    "parameters",
    [
        {"category": "garden"},
        {"category": ["nope", "garden"]},
        {"category__ne": "nope"},
        {"category__exists": "true"},
        {"q": "x"},
    ],
)
async def test_a_filter_by_an_existing_category_may_match_nothing(parameters: Parameters) -> None:
    """The same applies if only one of several categories exists, and to negated filters."""
    storage = MemoryStorage()
    await create_categories(storage, "garden/chairs")
    assert (await list_items(storage, ListRequest.parse(parameters))).page.items == ()
