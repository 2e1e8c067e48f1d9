"""The response cache for reads. Hits are served before routing; on a miss, concurrent requests share one call of the handler.

Body and headers are cached as bytes, so a hit encodes nothing. The key consists of the path, the query, and what the caller may
see; GET and HEAD share an entry. Only successful reads are cached, never errors.
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
"""Header of a response from the cache; the request middleware adds MISS to all others."""

_PUBLIC = "everybody"
"""Part of each cache key. There are no accounts yet, so all callers see the same responses."""

_RESERVED_PATHS: Final = ("/export", "/batch", "/import")
"""Paths under the items that are not items, although an item may have such a SKU in upper case."""

_MAX_KEY_LENGTH = 512
"""Characters of path and query. Responses to longer requests are not cached, or callers could fill the memory with them."""


class ResponseCache:
    """Responds to reads, from the cache if there is one."""

    def __init__(self, cached_reads: CachedReads | None, storage: Storage, *, cors: bool = False) -> None:
        """Use this cache. If it is None, every response is rendered, and the head of the log is read from the storage.

        With `cors`, requests with an Origin header always go to the framework, which adds the CORS headers.
        """
        self._cached_reads = cached_reads
        self._storage = storage
        self._cors = cors

    async def lookup(self, scope: Any) -> PreparedResponse | None:  # noqa: ANN401 - an ASGI scope
        """Return the cached response to a request, or None."""
        if self._cached_reads is None or scope["method"] != "GET":
            return None
        key = _cache_key(scope["path"], scope["query_string"])
        if key is None:
            return None
        scope["state"]["cache_key"] = key
        if self._cors and header(scope, b"origin") is not None:
            return None  # the framework adds the CORS headers around the handler
        content = await self._cached_reads.lookup(key)
        if content is None:
            return None
        try:
            return respond_if_modified(scope, content, hit=True)
        except Malformed:
            return None  # the handler reports it

    async def head(self) -> LogHead:
        """Return the head of the log. A response that is read after this call is at least that recent."""
        cached_head = self._cached_reads.head() if self._cached_reads is not None else None
        return await self._storage.head() if cached_head is None else cached_head

    async def respond(self, scope: Any, render: RenderResponse) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
        """Return the response to a request, calling `render` on a miss. Raises Malformed, and what `render` raises."""
        key = scope["state"].get("cache_key")
        if self._cached_reads is None or key is None:
            return respond_if_modified(scope, (await render()).content, hit=False)
        content, hit = await self._cached_reads.get_or_render(key, render)
        return respond_if_modified(scope, content, hit=hit)


class ResponseCacheMiddleware:
    """ASGI middleware that responds to cached reads and passes all other requests on."""

    def __init__(self, app: Any, cache: ResponseCache) -> None:  # noqa: ANN401 - an ASGI application
        """Wrap `app`."""
        self._app = app
        self._cache = cache

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Respond from the cache, or pass the request on."""
        if scope["type"] == "http":
            response = await self._cache.lookup(scope)
            if response is not None:
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def respond_if_modified(scope: Any, content: ResponseContent, *, hit: bool = False) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    """Return a response with this content, or 304 if If-None-Match names its ETag. Raises Malformed."""
    status = 200
    if has_preconditions(scope):
        tag = next((header for header in content.headers if header[0] == b"etag"), None)
        if tag is not None and is_not_modified(scope, tag[1].decode()):
            status, content = 304, no_content(tag)
    return PreparedResponse(status, content, HIT) if hit else PreparedResponse(status, content)


def _cache_key(path: str, query: bytes) -> str | None:
    """Return the cache key of a request, or None if its response is not cached."""
    if not path.startswith(ITEMS) or len(path) + len(query) > _MAX_KEY_LENGTH:
        return None
    return _build_cache_key(path, query)


@lru_cache(maxsize=8192)
def _build_cache_key(path: str, query: bytes) -> str | None:
    rest = path.removeprefix(ITEMS).rstrip("/")
    if not rest:
        parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
        return f"{_PUBLIC} {ITEMS}?{sorted(parameters)}"
    item_key = parse_key(rest[1:]) if rest[0] == "/" and rest not in _RESERVED_PATHS and not query else None
    return None if item_key is None else f"{_PUBLIC} {ITEMS}/{item_key}"
