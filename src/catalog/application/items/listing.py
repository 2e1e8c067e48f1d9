"""Lists: a page of items with its count, facets, suggestions and lineages."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.application.writes.commit import closest_slug
from catalog.domain.categories.category import Category
from catalog.domain.errors import InvalidQuery, UnknownCategory
from catalog.domain.items.item import Item
from catalog.domain.queries.facets import Facet
from catalog.domain.queries.filters import WITHIN
from catalog.domain.queries.item_query import ItemQuery, Page
from catalog.domain.queries.list_request import ListRequest
from catalog.domain.validation import FieldErrors
from catalog.ports.storage import Count, Storage

COUNT_SECONDS = 1.0
"""The time limit in seconds for an exact count; after that, the count is an estimate."""

FACET_SECONDS = 0.5
"""The time limit in seconds for each facet; facets that take longer are omitted."""


@dataclass(frozen=True, slots=True)
class ListResult:
    """The result of a list request. Each part is present only if it was requested.

    `partial` is true if a facet is missing because it took too long. `lineages` has the lineages of the page's categories,
    by slug.
    """

    page: Page
    count: Count | None = None
    facets: Mapping[str, Facet] | None = None
    partial: bool = False
    suggestions: Sequence[Item] = ()
    lineages: Mapping[str, tuple[Category, ...]] = field(default_factory=dict)


async def list_items(storage: Storage, request: ListRequest) -> ListResult:
    """Execute a list request. Page, count and facets are read concurrently. Raises InvalidQuery."""
    query = request.query
    count, facets = None, dict[str, Facet | None]()
    if request.count == "none" and not request.facets:
        page = await storage.list_items(query)  # the common case: skip the overhead of tasks
    else:
        page, count, facets = await asyncio.gather(storage.list_items(query), _count(storage, request), _facets(storage, request))
    if not page.items:
        await refuse_unknown_categories(storage, query)
    return ListResult(
        page,
        count,
        {name: facet for name, facet in facets.items() if facet is not None} if request.facets else None,
        None in facets.values(),
        await _suggestions(storage, query, page),
        await _lineages(storage, page) if request.presentation.with_category else {},
    )


async def refuse_unknown_categories(storage: Storage, query: ItemQuery) -> None:
    """Refuse a category filter if none of its categories exists, most likely because of a typo. Raises InvalidQuery."""
    category_filters = [
        condition for condition in query.filters if condition.field == "category" and condition.operator == WITHIN
    ]
    if not category_filters:
        return
    existing = await storage.lineages({slug for condition in category_filters for slug in condition.values})
    errors = FieldErrors()
    for condition in category_filters:
        if existing.keys().isdisjoint(condition.values):
            slugs = [category.slug for category in await storage.categories()]
            error = UnknownCategory(condition.values[0], ("category",), closest_slug(condition.values[0], slugs))
            errors.extend(error)
    errors.raise_if_any(InvalidQuery)


async def _lineages(storage: Storage, page: Page) -> Mapping[str, tuple[Category, ...]]:
    """Read the lineages of all categories on a page in one call."""
    slugs = {item.category for item in page.items if item.category is not None}
    return await storage.lineages(slugs) if slugs else {}


async def _count(storage: Storage, request: ListRequest) -> Count | None:
    if request.count == "none":
        return None
    return await storage.count(request.query, exact=request.count == "exact", seconds=COUNT_SECONDS)


async def _facets(storage: Storage, request: ListRequest) -> dict[str, Facet | None]:
    """Count all facets concurrently."""
    counts = (_within_time_limit(storage.facet(request.query, name, seconds=FACET_SECONDS)) for name in request.facets)
    return dict(zip(request.facets, await asyncio.gather(*counts), strict=True))


async def _within_time_limit(count: Coroutine[Any, Any, Facet | None]) -> Facet | None:
    """Return None if the store does not even start counting in time, for example because all connections are busy."""
    try:
        async with asyncio.timeout(2 * FACET_SECONDS):
            return await count
    except TimeoutError:
        return None


async def _suggestions(storage: Storage, query: ItemQuery, page: Page) -> Sequence[Item]:
    """Return suggestions if a search has no matches at all."""
    if query.search is None or page.items or query.after is not None or query.offset:
        return ()
    return await storage.suggest(query.search)
