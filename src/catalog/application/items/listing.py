"""Lists: a page of items, and what is told beside it."""

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
"""Seconds that an exact count may take; then it is an estimate."""

FACET_SECONDS = 0.5
"""Seconds that a page waits for its facets; what is not counted by then is left out."""


@dataclass(frozen=True, slots=True)
class ListResult:
    """What a question for a list is answered with; each part only where it was asked for.

    `partial`: a facet is missing, for it would have taken too long. `lineages` has the ways to the categories of the page.
    """

    page: Page
    count: Count | None = None
    facets: Mapping[str, Facet] | None = None
    partial: bool = False
    suggestions: Sequence[Item] = ()
    lineages: Mapping[str, tuple[Category, ...]] = field(default_factory=dict)


async def list_items(storage: Storage, request: ListRequest) -> ListResult:
    """Answer a question: page, count and facets at the same time."""
    query = request.query
    count, facets = None, dict[str, Facet | None]()
    if request.count == "none" and not request.facets:
        page = await storage.list_items(query)  # as most ask: no tasks for nothing
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
    """Refuse a filter by categories of which none is there: most likely a typing error. Raises InvalidQuery."""
    asked = [condition for condition in query.filters if condition.field == "category" and condition.operator == WITHIN]
    if not asked:
        return
    known = await storage.lineages({slug for condition in asked for slug in condition.values})
    faults = FieldErrors()
    for condition in asked:
        if known.keys().isdisjoint(condition.values):
            slugs = [category.slug for category in await storage.categories()]
            error = UnknownCategory(condition.values[0], ("category",), closest_slug(condition.values[0], slugs))
            faults.extend(error)
    faults.raise_if_any(InvalidQuery)


async def _lineages(storage: Storage, page: Page) -> Mapping[str, tuple[Category, ...]]:
    """Read the ways to all categories of a page in one go."""
    slugs = {item.category for item in page.items if item.category is not None}
    return await storage.lineages(slugs) if slugs else {}


async def _count(storage: Storage, request: ListRequest) -> Count | None:
    if request.count == "none":
        return None
    return await storage.count(request.query, exact=request.count == "exact", seconds=COUNT_SECONDS)


async def _facets(storage: Storage, request: ListRequest) -> dict[str, Facet | None]:
    """Count all facets at the same time."""
    counted = (_or_none(storage.facet(request.query, name, seconds=FACET_SECONDS)) for name in request.facets)
    return dict(zip(request.facets, await asyncio.gather(*counted), strict=True))


async def _or_none(counting: Coroutine[Any, Any, Facet | None]) -> Facet | None:
    """Wait no longer for a store that has no hand free."""
    try:
        async with asyncio.timeout(2 * FACET_SECONDS):
            return await counting
    except TimeoutError:
        return None


async def _suggestions(storage: Storage, query: ItemQuery, page: Page) -> Sequence[Item]:
    """Ask what was meant, where a search finds nothing at all."""
    if query.search is None or page.items or query.after is not None or query.offset:
        return ()
    return await storage.suggest(query.search)
