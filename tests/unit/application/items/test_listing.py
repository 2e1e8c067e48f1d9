"""A page waits for nothing that is told beside it."""

import asyncio
from typing import Any

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.exports.export import parse_export as query
from catalog.application.exports.export import parse_format
from catalog.application.items import listing
from catalog.application.items.items import Items
from catalog.application.items.listing import list_items
from catalog.domain.errors import InvalidQuery
from catalog.domain.queries.facets import Facet
from catalog.domain.queries.item_query import Parameters
from catalog.domain.queries.list_request import ListRequest
from catalog.entrypoints.representations.items import encode_item
from tests.making import CountedIds, FixedClock, create_categories, create_items

CSV = parse_format("csv")


class Slow(MemoryStorage):
    """Has no hand free for facets of categories."""

    async def facet(self, query: Any, name: str, *, seconds: float) -> Facet | None:  # noqa: ANN401 - passed on
        """Wait for ever, or answer."""
        if name == "category":
            await asyncio.Event().wait()
        return await super().facet(query, name, seconds=seconds)


async def test_a_facet_that_does_not_come_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are told."""
    monkeypatch.setattr(listing, "FACET_SECONDS", 0.01)
    storage = Slow()
    await create_items(storage, 1, 2, attributes={"a": 1})
    found = await list_items(storage, ListRequest.parse({"facet": "category,attr.a"}))
    assert (found.partial, found.facets) == (True, {"attr.a": Facet(((1, 2),), truncated=False)})
    assert len(found.page.items) == 2


@pytest.mark.parametrize("parameter", ["category", "category__eq", "category__in"])
async def test_a_filter_by_a_category_that_is_not_there_is_refused(parameter: str) -> None:
    """With what may have been meant; it would find nothing for ever. The same for an export."""
    storage = MemoryStorage()
    await create_categories(storage, "garden/chairs")
    items = Items(storage, FixedClock(), CountedIds())
    for asking in (
        items.list(ListRequest.parse({parameter: "chair"})),
        anext(items.export(query({parameter: "chair"}), CSV, encode_item)),
    ):
        with pytest.raises(InvalidQuery, match="There is no category chair; did you mean chairs") as caught:
            await asking
        assert [(fault.path, fault.code) for fault in caught.value.errors] == [(("category",), "unknown_category")]


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
async def test_a_filter_by_a_category_that_is_there_finds_nothing(parameters: Parameters) -> None:
    """Which is an answer; as is one of several, or its opposite."""
    storage = MemoryStorage()
    await create_categories(storage, "garden/chairs")
    assert (await list_items(storage, ListRequest.parse(parameters))).page.items == ()
