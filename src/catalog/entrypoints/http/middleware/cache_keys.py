"""Cache keys. Each route declares where it is defined whether its responses are cached, and which requests share a response.

A key has the caller's visibility class, the path template of the route, and what the route's `CachePolicy` makes of the query
and the path parameters. It is computed twice, by the same policy: before routing, to look for a cached response, from the path
(`CachedRoutes`); and in the handler, to cache its response, from the route that the framework chose (`handler_cache_key`). So
if the two ever disagreed about the route of a request, nothing would be found, but never the response to another request.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from litestar.routes import BaseRoute, HTTPRoute

from catalog.domain.identity.scopes import ITEMS_READ
from catalog.entrypoints.http.requests.access import ACCESS, AccessRule
from catalog.entrypoints.http.requests.caller import visibility_class

IdentifyResponse = Callable[..., str | None]
"""Takes the query string as bytes and the path parameters in the order of the path.

Returns what distinguishes the response from others of the same route, or None if it is not cached.
"""

_OPTION = "cache_policy"

_MAX_LENGTH = 512
"""Characters of path and query. Responses to longer requests are not cached, or callers could fill the memory with them."""

_MAX_KEYS = 8192
"""Keys that are remembered, by path and query."""

_MAX_POLICY_KEYS = 1024
"""Keys that each policy remembers. The handler needs a key shortly after the middleware."""


class CachePolicy:
    """Which requests of a route share a cached response."""

    def __init__(self, identify: IdentifyResponse) -> None:
        """Use the results of `identify`, which must depend on nothing but its arguments."""
        self._identify = identify
        self.key = lru_cache(maxsize=_MAX_POLICY_KEYS)(self._build_key)
        """Called with visibility class, path template, query, *path parameters; returns the cache key, or None if not cached."""

    def _build_key(self, visibility: str, path_template: str, query: bytes, *parameters: str) -> str | None:
        identity = self._identify(query, *parameters)
        return None if identity is None else f"{visibility} {path_template} {identity}"


def cached(identify: IdentifyResponse) -> dict[str, Any]:
    """Return the `opt` argument of a GET handler that responds with `ResponseCache.respond`."""
    return {_OPTION: CachePolicy(identify)}


def by_query(query: bytes) -> str:
    """Identify a response by the query parameters, in any order."""
    return str(sorted(parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")))


def handler_cache_key(scope: Any) -> str | None:  # noqa: ANN401 - an ASGI scope
    """Return the cache key of a request that was routed to a handler, or None if the response is not cached."""
    policy: CachePolicy | None = scope["route_handler"].opt.get(_OPTION)
    query: bytes = scope["query_string"]
    if policy is None or len(scope["path"]) + len(query) > _MAX_LENGTH:
        return None
    return policy.key(visibility_class(scope), scope["path_template"], query, *scope["path_params"].values())


class CachedRoutes:
    """The routes of an application whose responses are cached. Finds the cache keys of requests that are not routed yet."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        """Collect the policies of these routes."""
        policies = [(route, _policy(route)) for route in routes if isinstance(route, HTTPRoute)]
        # As in the router, a fixed path takes precedence over one with parameters, so those without a policy count too.
        self._fixed = {route.path_format: policy for route, policy in policies if not route.path_parameters}
        self._templates = [
            (_path_pattern(route), route.path_format, policy)
            for route, policy in policies
            if policy is not None and route.path_parameters
        ]
        cached_paths = (route.path_format for route, policy in policies if policy is not None)
        self._prefixes = tuple({path.partition("{")[0] for path in cached_paths})
        self._remembered_key = lru_cache(maxsize=_MAX_KEYS)(self._find_key)

    def cache_key(self, scope: Any) -> str | None:  # noqa: ANN401 - an ASGI scope
        """Return the cache key of a GET request, or None if the response is not cached."""
        path: str = scope["path"]
        query: bytes = scope["query_string"]
        if not path.startswith(self._prefixes) or len(path) + len(query) > _MAX_LENGTH:
            return None
        return self._remembered_key(visibility_class(scope), path, query)

    def _find_key(self, visibility: str, path: str, query: bytes) -> str | None:
        path = path.rstrip("/")
        if path in self._fixed:
            policy = self._fixed[path]
            return None if policy is None else policy.key(visibility, path, query)
        for pattern, template, policy in self._templates:
            match = pattern.fullmatch(path)
            if match:
                return policy.key(visibility, template, query, *match.groups())
        return None


def _policy(route: HTTPRoute) -> CachePolicy | None:
    """Return the cache policy of a route's GET handler, or None if it has none. Raises: TypeError."""
    if "GET" not in route.route_handler_map:
        return None
    handler, _ = route.route_handler_map["GET"]
    policy: CachePolicy | None = handler.opt.get(_OPTION)
    rule: AccessRule | None = handler.opt.get(ACCESS)
    if policy is not None and rule is not None and (rule.scope != ITEMS_READ or not rule.guests):
        # A visibility class says no more than whether a caller may read items, so others would get the response too.
        message = f"{route.path_format}: responses can be cached only if everybody with the scope {ITEMS_READ} may get them"
        raise TypeError(message)
    return policy


def _path_pattern(route: HTTPRoute) -> re.Pattern[str]:
    """Return a pattern of the route's paths, with a group for each parameter."""
    components = (re.escape(component) if isinstance(component, str) else "([^/]+)" for component in route.path_components)
    return re.compile("".join(f"/{component}" for component in components))
