"""The cache behind an authentication middleware: rejected requests get nothing from it, and each visibility class has its own."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from catalog.entrypoints.container import Container
from catalog.entrypoints.http.middleware.request import App, RequestMiddleware
from catalog.entrypoints.http.requests.caller import VISIBILITY
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.responses.prepared import PreparedResponse, no_content
from tests.http.making import cache_of, client_for

ITEMS = "/api/v1/items"
STAFF = {"Authorization": "staff"}
PARTNER = {"Authorization": "partner"}


class FakeAuthentication:
    """ASGI middleware that takes the Authorization header for the caller's visibility class, and rejects unknown classes."""

    def __init__(self, app: App) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Set the visibility class and pass the request on, or respond with 401."""
        visibility = header(scope, b"authorization")
        if visibility not in ("staff", "partner"):
            await PreparedResponse(401, no_content())(scope, receive, send)
            return
        scope["state"][VISIBILITY] = visibility
        await self._app(scope, receive, send)


@pytest.fixture
def store() -> str:
    """One kind of store is enough: the middleware knows nothing of it."""
    return "memory"


@pytest.fixture
async def client(app: RequestMiddleware, container: Container) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application with authentication, and a chair in the catalog."""
    app.app = FakeAuthentication(app.app)
    async with client_for(app) as opened:
        assert (await opened.post(ITEMS, json={"sku": "CHAIR", "name": "Chair"}, headers=STAFF)).status_code == 201
        await cache_of(container)._freshness.poll()
        yield opened


paths = pytest.mark.parametrize("path", [f"{ITEMS}/CHAIR", f"{ITEMS}/chair/", ITEMS, f"{ITEMS}?q=cha&limit=5"])


@paths
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_rejected_request_is_not_answered_from_the_cache(client: httpx.AsyncClient, path: str, method: str) -> None:
    """Neither with the cached response nor with 304, which would confirm that the caller's copy is current."""
    cached = [await client.get(path, headers=STAFF) for _ in range(2)]
    assert [response.headers["x-cache"] for response in cached] == ["MISS", "HIT"]
    for headers in ({}, {"Authorization": "nobody"}, {"If-None-Match": cached[0].headers["etag"]}, {"If-None-Match": "*"}):
        response = await client.request(method, path, headers=headers)
        assert (response.status_code, response.content, response.headers["x-cache"]) == (401, b"", "MISS")
        assert "etag" not in response.headers


@paths
async def test_two_visibility_classes_never_share_an_entry(client: httpx.AsyncClient, path: str) -> None:
    """What one class has cached is a miss for the other, which then has an entry of its own."""
    for headers in (STAFF, PARTNER):
        assert [(await client.get(path, headers=headers)).headers["x-cache"] for _ in range(2)] == ["MISS", "HIT"]
