"""A page waits for nothing that is told beside it."""

import asyncio
from typing import Any

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application import listing
from catalog.application.listing import listed
from catalog.domain.facets import Facet
from catalog.domain.listing import Listing
from tests.making import keep


class Slow(MemoryStorage):
    """Has no hand free for facets of categories."""

    async def facet(self, query: Any, name: str, *, seconds: float) -> Facet | None:  # noqa: ANN401 - passed on
        """Wait for ever, or answer."""
        if name == "category":
            await asyncio.Event().wait()
        return await super().facet(query, name, seconds=seconds)


async def test_a_facet_that_does_not_come_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are told."""
    monkeypatch.setattr(listing, "FACETING", 0.01)
    storage = Slow()
    await keep(storage, 1, 2, attributes={"a": 1})
    found = await listed(storage, Listing.parse({"facet": "category,attr.a"}))
    assert (found.partial, found.facets) == (True, {"attr.a": Facet(((1, 2),), truncated=False)})
    assert len(found.page.items) == 2
