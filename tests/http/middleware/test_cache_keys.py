"""Cache keys: the routes declare them, and the look-up before routing finds those that the handlers use."""

from typing import Any

import httpx
import pytest
from litestar import Litestar, get, post

from catalog.entrypoints.http.middleware.cache_keys import CachedRoutes, by_query, cached, handler_cache_key
from catalog.entrypoints.http.requests.access import ACCESS, ANY_CALLER, AccessRule, requires
from catalog.entrypoints.http.requests.caller import PUBLIC, VISIBILITY, AnyRequest


def by_name(query: bytes, name: str) -> str | None:
    """Identify a thing by its name in any case, without parameters."""
    return None if query else name.upper()


def by_both(_query: bytes, name: str, part: str) -> str:
    """Identify a part by its name and that of the thing."""
    return f"{name}/{part}"


def key_of(request: AnyRequest) -> dict[str, str | None]:
    """Return the key that the handler uses."""
    return {"key": handler_cache_key(request.scope)}


handlers = [
    get("/things", opt=cached(by_query), sync_to_thread=False, name="list")(key_of),
    get("/things/{name:str}", opt=cached(by_name), sync_to_thread=False, name="one")(key_of),
    get("/things/{name:str}/parts/{part:str}", opt=cached(by_both), sync_to_thread=False, name="part")(key_of),
    get("/things/export", sync_to_thread=False, name="export")(key_of),
    get("/things/{name:str}/history", sync_to_thread=False, name="history")(key_of),
    get("/others", sync_to_thread=False, name="others")(key_of),
    post("/things/import", sync_to_thread=False, name="import")(key_of),
]


class Recorder:
    """ASGI middleware that sets the visibility class and records the cache key of each request before it is routed."""

    def __init__(self, visibility: str | None = None) -> None:
        """Wrap an application with the routes above."""
        self.app = Litestar(handlers, openapi_config=None)
        self.routes = CachedRoutes(self.app.routes)
        self.visibility = visibility
        self.key: str | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Record the key and pass the request on."""
        scope["state"] = {} if self.visibility is None else {VISIBILITY: self.visibility}
        self.key = self.routes.cache_key(scope)
        await self.app(scope, receive, send)


async def keys(path: str, visibility: str | None = None) -> tuple[str | None, str | None]:
    """Return the cache keys of a GET request before routing and in the handler."""
    recorder = Recorder(visibility)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=recorder), base_url="http://localhost") as client:
        response = await client.get(path)
    return recorder.key, response.json().get("key")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/things", f"{PUBLIC} /things []"),
        ("/things/", f"{PUBLIC} /things []"),
        ("/things?b=2&a=1&a=", f"{PUBLIC} /things [('a', ''), ('a', '1'), ('b', '2')]"),
        ("/things/chair", f"{PUBLIC} /things/{{name}} CHAIR"),
        ("/things/%2Achair/", f"{PUBLIC} /things/{{name}} *CHAIR"),
        ("/things/chair/parts/leg?x=1", f"{PUBLIC} /things/{{name}}/parts/{{part}} chair/leg"),
        ("/things/EXPORT", f"{PUBLIC} /things/{{name}} EXPORT"),
        ("/things/chair?x=1", None),  # the policy does not cache it
        (f"/things?q={'a' * 600}", None),  # too long
        ("/things/export", None),  # not the thing of that name
        ("/things/import", None),
        ("/things/chair/history", None),  # routes without a policy, and paths without a route
        ("/others", None),
        ("/others/chair", None),
        ("/thingschair", None),
        ("/things/chair/parts", None),
        ("/things/chair/parts/leg/screws", None),
    ],
)
async def test_the_key_is_the_same_before_routing_and_in_the_handler(path: str, key: str | None) -> None:
    """And a request has none if its route is not cached."""
    assert await keys(path) == (key, key)


async def test_the_key_has_the_visibility_class() -> None:
    """So two classes never share an entry."""
    for path in ("/things", "/things/chair", "/things/chair/parts/leg"):
        found = [await keys(path, visibility) for visibility in (None, "staff", "partner")]
        assert len(set(found)) == 3
        assert all(before == handler for before, handler in found)


async def test_another_spelling_of_a_path_has_at_most_the_key_of_the_route() -> None:
    """The router ignores repeated slashes, the look-up does not know such paths: it finds nothing, and the handler does."""
    assert await keys("/things//chair") == (None, f"{PUBLIC} /things/{{name}} CHAIR")


@pytest.mark.parametrize("rule", [requires("audit:read"), requires("items:read", guests=False), ANY_CALLER])
def test_only_what_every_reader_may_get_is_cached(rule: AccessRule) -> None:
    """Cached responses are found by the right to read items; a route that asks for another one does not start."""
    handler = get("/secrets", opt={ACCESS: rule} | cached(by_query), sync_to_thread=False, name="secrets")(key_of)
    with pytest.raises(TypeError, match=r"/secrets.*items:read"):
        CachedRoutes(Litestar([handler], openapi_config=None).routes)
