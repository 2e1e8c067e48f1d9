"""Reads: from the cache where it has them, before anything is routed; else by their handler, once for all who ask meanwhile.

What is kept is the answer's bytes with its headers, so that a hit encodes nothing. Answers are told apart by path, query
and what the caller may see; GET and HEAD share them. Only reads that were answered are kept, no errors.
"""

from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from catalog.application.caching.cached_reads import CachedReads, RenderResponse
from catalog.domain.changes.log import LogHead
from catalog.domain.errors import Malformed
from catalog.domain.values.fields import parse_key
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.requests.preconditions import has_preconditions, is_not_modified
from catalog.entrypoints.http.responses.prepared import PreparedResponse, no_content
from catalog.ports.cache import ResponseContent
from catalog.ports.storage import Storage

ITEMS: Final = "/api/v1/items"

HIT = (b"x-cache", b"HIT")
"""What an answer out of the cache has; the outer layer says MISS on all others."""

_PUBLIC = "everybody"
"""There is no identity yet: all callers may see the same."""

_PATHS: Final = ("/export", "/batch", "/import")
"""What stands below the items and is none, though an item may have a SKU like it in other letters."""

_LONGEST = 512
"""Questions that are longer are not kept: callers would fill the memory with them."""


class ResponseCache:
    """Answers reads with the help of a cache, or without one."""

    def __init__(self, caching: CachedReads | None, storage: Storage, *, cors: bool = False) -> None:
        """Use this cache; None: there is none, and the log is asked for its end.

        With `cors`, what pages of other origins ask is left to the framework first.
        """
        self._caching = caching
        self._storage = storage
        self._cors = cors

    async def lookup(self, scope: Any) -> PreparedResponse | None:  # noqa: ANN401 - an ASGI scope
        """Return the answer to a request, if it is there already."""
        if self._caching is None or scope["method"] != "GET":
            return None
        key = _key(scope["path"], scope["query_string"])
        if key is None:
            return None
        scope["state"]["cache_key"] = key
        if self._cors and header(scope, b"origin") is not None:
            return None  # the framework adds what their browsers want to see, around the handler
        content = await self._caching.lookup(key)
        if content is None:
            return None
        try:
            return respond_if_modified(scope, content, hit=True)
        except Malformed:
            return None  # the handler will tell

    async def head(self) -> LogHead:
        """Tell where the log ends: what is answered after this is no older."""
        known = self._caching.head() if self._caching is not None else None
        return await self._storage.head() if known is None else known

    async def respond(self, scope: Any, render: RenderResponse) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
        """Return the answer to a request, made by `make` where it is not there. Raises what `make` raises, and Malformed."""
        key = scope["state"].get("cache_key")
        if self._caching is None or key is None:
            return respond_if_modified(scope, (await render()).content, hit=False)
        content, hit = await self._caching.get_or_render(key, render)
        return respond_if_modified(scope, content, hit=hit)


class ResponseCacheMiddleware:
    """An ASGI application that answers what is known already, and leaves the rest to the one it is put before."""

    def __init__(self, app: Any, reads: ResponseCache) -> None:  # noqa: ANN401 - an ASGI application
        """Stand before `app`."""
        self._app = app
        self._reads = reads

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Answer, or pass it on."""
        if scope["type"] == "http":
            answer = await self._reads.lookup(scope)
            if answer is not None:
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def respond_if_modified(scope: Any, content: ResponseContent, *, hit: bool = False) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    """Answer with what was asked for, or with 304 to a caller who has it already. Raises Malformed."""
    status = 200
    if has_preconditions(scope):
        tag = next((header for header in content.headers if header[0] == b"etag"), None)
        if tag is not None and is_not_modified(scope, tag[1].decode()):
            status, content = 304, no_content(tag)
    return PreparedResponse(status, content, HIT) if hit else PreparedResponse(status, content)


def _key(path: str, query: bytes) -> str | None:
    """Tell under which key the answer to a request is kept; None where it is not kept."""
    if not path.startswith(ITEMS) or len(path) + len(query) > _LONGEST:
        return None
    return _cache_key(path, query)


@lru_cache(maxsize=8192)
def _cache_key(path: str, query: bytes) -> str | None:
    rest = path.removeprefix(ITEMS).rstrip("/")
    if not rest:
        given = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
        return f"{_PUBLIC} {ITEMS}?{sorted(given)}"
    asked = parse_key(rest[1:]) if rest[0] == "/" and rest not in _PATHS and not query else None
    return None if asked is None else f"{_PUBLIC} {ITEMS}/{asked}"
