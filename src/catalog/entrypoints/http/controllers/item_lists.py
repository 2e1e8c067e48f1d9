"""Lists of items, wherever they hang: their parameters, their links, and the ETag by which an unchanged one is known."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from catalog import __version__
from catalog.application.caching.cached_reads import Made
from catalog.application.caching.freshness import list_subjects
from catalog.application.items.items import Items
from catalog.domain.changes.log import LogHead
from catalog.domain.queries.filters import Filters
from catalog.domain.queries.list_request import Listing
from catalog.domain.validation import Faults
from catalog.entrypoints.http.middleware.response_cache import Reads
from catalog.entrypoints.http.requests.preconditions import conditional, unchanged
from catalog.entrypoints.http.requests.query_string import link
from catalog.entrypoints.http.responses.prepared import Answer, json_content, no_content
from catalog.entrypoints.representations.items import encode_page


class Asked(NamedTuple):
    """A question for a list at `path`; with what is asked for `within` it, and the parameters that its links have besides."""

    path: str
    parameters: dict[str, list[str]]
    faults: Faults
    within: Filters = ()
    links: Mapping[str, list[str]] = {}


async def answer_list(scope: Any, items: Items, reads: Reads, asked: Asked) -> Answer:  # noqa: ANN401 - an ASGI scope
    """Answer a question for a list.

    An unchanged list is known by the end of the log, and answered with 304 without a look at the items.
    """
    listing = Listing.parse(asked.parameters, asked.faults, asked.within)
    tag = list_tag(await reads.head(), listing)
    if conditional(scope) and unchanged(scope, tag):
        return Answer(304, no_content((b"etag", tag.encode())))

    async def page() -> Made:
        found = await items.list(listing)
        kept = {**asked.parameters, **asked.links}
        marks = {"first": None, "prev": found.page.prev_cursor, "next": found.page.next_cursor}
        to = [
            link(asked.path, kept, relation, cursor=cursor, offset=None)
            for relation, cursor in marks.items()
            if cursor is not None or relation == "first"
        ]
        # What is not complete must be asked for again.
        dated = () if found.partial else ((b"etag", tag.encode()),)
        content = json_content(encode_page(found, listing), (b"link", ", ".join(to).encode()), *dated)
        return Made(content, list_subjects(listing, found.page), lasting=not found.partial)

    return await reads.answer(scope, page)


def list_tag(head: LogHead, question: object) -> str:
    """Return the weak ETag of a list: which log, how far it goes, and what is asked."""
    asked = sha256(f"{__version__} {question}".encode(errors="surrogatepass")).hexdigest()[:16]
    return f'W/"{head.log[:8]}.{head.seq}.{asked}"'
