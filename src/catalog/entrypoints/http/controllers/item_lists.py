"""Lists of items, wherever they hang: their parameters, their links, and the ETag by which an unchanged one is known."""

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
from catalog.entrypoints.representations.items import encode_page


class RawListRequest(NamedTuple):
    """A question for a list at `path`; with what is asked for `within` it, and the parameters that its links have besides."""

    path: str
    parameters: dict[str, list[str]]
    faults: FieldErrors
    within: Filters = ()
    links: Mapping[str, list[str]] = {}


async def respond_with_list(scope: Any, items: Items, reads: ResponseCache, request: RawListRequest) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    """Answer a question for a list.

    An unchanged list is known by the end of the log, and answered with 304 without a look at the items.
    """
    listing = ListRequest.parse(request.parameters, request.faults, request.within)
    tag = list_etag(await reads.head(), listing)
    if has_preconditions(scope) and is_not_modified(scope, tag):
        return PreparedResponse(304, no_content((b"etag", tag.encode())))

    async def page() -> RenderedResponse:
        found = await items.list(listing)
        kept = {**request.parameters, **request.links}
        marks = {"first": None, "prev": found.page.prev_cursor, "next": found.page.next_cursor}
        to = [
            link(request.path, kept, relation, cursor=cursor, offset=None)
            for relation, cursor in marks.items()
            if cursor is not None or relation == "first"
        ]
        # What is not complete must be asked for again.
        dated = () if found.partial else ((b"etag", tag.encode()),)
        content = json_content(encode_page(found, listing), (b"link", ", ".join(to).encode()), *dated)
        return RenderedResponse(content, list_dependencies(listing, found.page), shareable=not found.partial)

    return await reads.respond(scope, page)


def list_etag(head: LogHead, question: object) -> str:
    """Return the weak ETag of a list: which log, how far it goes, and what is asked."""
    asked = sha256(f"{__version__} {question}".encode(errors="surrogatepass")).hexdigest()[:16]
    return f'W/"{head.log_id[:8]}.{head.seq}.{asked}"'
