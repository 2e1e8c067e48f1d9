"""The response cache for reads. Hits are served before routing; on a miss, concurrent requests share one call of the handler.

Body and headers are cached as bytes, so a hit encodes nothing. GET and HEAD share an entry. Only successful reads are cached,
never errors.
"""

from typing import Any

from catalog.application.caching.cached_reads import CachedReads, RenderResponse
from catalog.domain.changes.log import LogHead
from catalog.domain.errors import Malformed
from catalog.entrypoints.http.middleware.cache_keys import CachedRoutes, handler_cache_key
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.responses.conditional import respond_if_modified
from catalog.entrypoints.http.responses.prepared import PreparedResponse
from catalog.ports.storage import Storage


class ResponseCacheMiddleware:
    """ASGI middleware that responds to cached reads and passes all other requests on.

    It must be inside of any middleware that rejects requests or sets the caller's visibility class.
    """

    def __init__(self, app: Any, cached_reads: CachedReads, routes: CachedRoutes, *, cors: bool = False) -> None:  # noqa: ANN401 - an ASGI application
        """Wrap `app`, which has these routes.

        With `cors`, requests with an Origin header always go to `app`, which adds the CORS headers.
        """
        self._app = app
        self._cached_reads = cached_reads
        self._routes = routes
        self._cors = cors

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Respond from the cache, or pass the request on."""
        if scope["type"] == "http" and scope["method"] == "GET":
            response = await self._lookup(scope)
            if response is not None:
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _lookup(self, scope: Any) -> PreparedResponse | None:  # noqa: ANN401 - an ASGI scope
        """Return the cached response to a request, or None."""
        key = self._routes.cache_key(scope)
        if key is None or (self._cors and header(scope, b"origin") is not None):
            return None
        content = await self._cached_reads.lookup(key)
        if content is None:
            return None
        try:
            return respond_if_modified(scope, content, hit=True)
        except Malformed:
            return None  # the handler reports it


class ResponseCache:
    """The cache as handlers use it."""

    def __init__(self, cached_reads: CachedReads | None, storage: Storage) -> None:
        """Use this cache. If it is None, every response is rendered, and the head of the log is read from the storage."""
        self._cached_reads = cached_reads
        self._storage = storage

    async def head(self) -> LogHead:
        """Return the head of the log. A response that is read after this call is at least that recent."""
        cached_head = self._cached_reads.head() if self._cached_reads is not None else None
        return await self._storage.head() if cached_head is None else cached_head

    async def respond(self, scope: Any, render: RenderResponse) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
        """Return the response to a request, calling `render` on a miss, or always if the route has no `CachePolicy`.

        Raises Malformed, and what `render` raises.
        """
        if self._cached_reads is None or (key := handler_cache_key(scope)) is None:
            return respond_if_modified(scope, (await render()).content, hit=False)
        content, hit = await self._cached_reads.get_or_render(key, render)
        return respond_if_modified(scope, content, hit=hit)
