"""Lists of items, shared by `/items` and `/categories/{slug}/items`: parameters, links and ETag."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from catalog import __version__
from catalog.application.caching.cached_reads import RenderedResponse
from catalog.application.caching.freshness import list_dependencies
from catalog.application.items.items import Items
from catalog.domain.changes.log import LogHead
from catalog.domain.queries.filters import Filters
from catalog.domain.queries.list_request import ListRequest
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.middleware.response_cache import ResponseCache
from catalog.entrypoints.http.requests.preconditions import has_preconditions, is_not_modified
from catalog.entrypoints.http.requests.query_string import link
from catalog.entrypoints.http.responses.prepared import PreparedResponse, json_content, no_content
from catalog.entrypoints.representations.item_pages import encode_page


class RawListRequest(NamedTuple):
    """A request for the list at `path`, before its parameters are parsed.

    `filters` apply in addition to those in the parameters. `link_parameters` are added to the links of the response.
    """

    path: str
    parameters: dict[str, list[str]]
    errors: FieldErrors
    filters: Filters = ()
    link_parameters: Mapping[str, list[str]] = {}


async def respond_with_list(scope: Any, items: Items, reads: ResponseCache, request: RawListRequest) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    """Return a page of items.

    The ETag depends on the request and the head of the log, so an unchanged list is answered with 304 without reading items.
    """
    list_request = ListRequest.parse(request.parameters, request.errors, request.filters)
    tag = list_etag(await reads.head(), list_request)
    if has_preconditions(scope) and is_not_modified(scope, tag):
        return PreparedResponse(304, no_content((b"etag", tag.encode())))

    async def render() -> RenderedResponse:
        result = await items.list(list_request)
        parameters = {**request.parameters, **request.link_parameters}
        cursors = {"first": None, "prev": result.page.prev_cursor, "next": result.page.next_cursor}
        links = [
            link(request.path, parameters, relation, cursor=cursor, offset=None)
            for relation, cursor in cursors.items()
            if cursor is not None or relation == "first"
        ]
        # A partial result has no ETag, so that clients request it again.
        etag = () if result.partial else ((b"etag", tag.encode()),)
        content = json_content(encode_page(result, list_request), (b"link", ", ".join(links).encode()), *etag)
        return RenderedResponse(content, list_dependencies(list_request, result.page), shareable=not result.partial)

    return await reads.respond(scope, render)


def list_etag(head: LogHead, request: object) -> str:
    """Return the weak ETag of a list: the id and head of the log, and a digest of the request."""
    digest = sha256(f"{__version__} {request}".encode(errors="surrogatepass")).hexdigest()[:16]
    return f'W/"{head.log_id[:8]}.{head.seq}.{digest}"'
