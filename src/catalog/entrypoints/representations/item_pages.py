"""JSON representation of a page of items."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.application.items.listing import ListResult
from catalog.domain.queries.list_request import ListRequest
from catalog.entrypoints.representations.fields import Count, Name, Sku
from catalog.entrypoints.representations.items import SparseItemBody, to_sparse_body

_encoder = msgspec.json.Encoder()


class FacetValueBody(msgspec.Struct):
    """A value and the number of items that have it."""

    value: str | int | float | bool
    count: Count


class FacetBody(msgspec.Struct):
    """The most frequent values of a field."""

    values: list[FacetValueBody]
    truncated: Annotated[bool, Meta(description="True if the field has more values than these.")]


class SuggestionBody(msgspec.Struct):
    """An item that a misspelled search may have meant."""

    id: UUID
    sku: Sku
    name: Name


class ItemPageBody(msgspec.Struct):
    """A page of items, the cursors of its neighbours, and the requested counts, facets and suggestions."""

    items: list[SparseItemBody]
    next_cursor: Annotated[str | None, Meta(description="Pass it as `cursor` to get the next page; null on the last page.")]
    prev_cursor: Annotated[str | None, Meta(description="Pass it as `cursor` to get the previous page; null on the first page.")]
    count: Annotated[Count | None, Meta(description="Total number of items on all pages; with `count`.")]
    count_kind: Annotated[Literal["exact", "estimated"], Meta(title="CountKind")] | None
    ranked: Annotated[
        bool | UnsetType, Meta(description="False if there are too many matches to rank; items are then ordered by name.")
    ] = UNSET
    facets: Annotated[
        dict[str, FacetBody] | UnsetType,
        Meta(
            title="Facets",
            description="With `facet`: the values of each field with their counts, highest count first.",
        ),
    ] = UNSET
    partial: Annotated[
        bool | UnsetType, Meta(description="True if a facet was left out because counting it would have taken too long.")
    ] = UNSET
    suggestions: Annotated[
        list[SuggestionBody] | UnsetType,
        Meta(description="If the search finds nothing: items whose name differs by one typing error."),
    ] = UNSET


def encode_page(result: ListResult, request: ListRequest) -> bytes:
    """Encode a page of items with the requested counts, facets, highlights and suggestions."""
    page, count, presentation = result.page, result.count, request.presentation
    search = request.query.search if request.highlight else None
    body = ItemPageBody(
        [to_sparse_body(item, presentation, result.lineages.get(item.category or "", ()), search) for item in page.items],
        page.next_cursor,
        page.prev_cursor,
        None,
        None,
    )
    if count is not None:
        body.count, body.count_kind = count.value, "exact" if count.exact else "estimated"
    if not page.ranked:
        body.ranked = False
    if result.facets is not None:
        body.facets = {
            name: FacetBody([FacetValueBody(value, item_count) for value, item_count in facet.values], facet.truncated)
            for name, facet in result.facets.items()
        }
    if result.partial:
        body.partial = True
    if result.suggestions:
        body.suggestions = [SuggestionBody(item.id, item.sku, item.name) for item in result.suggestions]
    return _encoder.encode(body)
