"""The defaults of a store's optional methods: time limits, and what an adapter must write itself. Results: tests/contract."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.search.search import SearchQuery
from catalog.domain.validation import FieldErrors
from catalog.ports.storage import Count, Storage, StorageDefaults, defaults
from catalog.ports.storage.storage import RequiredStorage
from tests.making import certain, create_items
from tests.minimal_store import MinimalStorage


class Slow(MinimalStorage):
    """A store that never finishes streaming."""

    async def stream(self, query: ItemQuery) -> AsyncGenerator[Sequence[Item], None]:
        """Yield the first batch, then hang."""
        async for batch in super().stream(query):
            yield batch
            await asyncio.Event().wait()


async def test_counting_that_takes_too_long_is_given_up() -> None:
    """There is no count and no facet then."""
    storage = Slow()
    await create_items(storage, 1, 2, attributes={"a": 1})
    query = ItemQuery.parse({})
    assert await storage.count(query, exact=True, seconds=0.01) is None
    assert await storage.facet(query, "attr.a", seconds=0.01) is None
    assert await MinimalStorage.count(Slow(), query, exact=False, seconds=0.01) == Count(0, exact=True)


async def test_suggestions_are_those_found_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here, those of the first batch."""
    monkeypatch.setattr(defaults, "SUGGEST_SECONDS", 0.01)
    monkeypatch.setattr("tests.minimal_store.BATCH_SIZE", 1)
    storage = Slow()
    first, _ = await create_items(storage, 1, 2, name="Chair")
    search = certain(SearchQuery.parse("chiar", FieldErrors()))
    assert list(await storage.suggest(search)) == [first]


@pytest.mark.parametrize("missing", sorted(RequiredStorage.__abstractmethods__))
def test_a_store_without_a_required_method_cannot_be_opened(missing: str) -> None:
    """The error names the method."""
    incomplete = type("Incomplete", (MinimalStorage,), {missing: getattr(Storage, missing)})
    with pytest.raises(TypeError, match=missing):
        incomplete()


def test_the_defaults_implement_everything_that_is_optional() -> None:
    """And nothing that is required; an adapter without them writes every method."""
    assert StorageDefaults.__abstractmethods__ == RequiredStorage.__abstractmethods__
    assert MemoryStorage.__abstractmethods__ == frozenset()
