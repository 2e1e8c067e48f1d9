"""Rejections that come before routing can be read by pages that CORS allows to call the API."""

from typing import Any

import httpx
import pytest
from litestar.config.cors import CORSConfig

from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.http.shutdown import ShutdownState
from catalog.entrypoints.settings.sections import HttpSettings
from tests.http.making import ITEMS, client_for, memory_app

SHOP, EVIL = {"Origin": "https://shop.example"}, {"Origin": "https://evil.example"}
TOO_LARGE = (431, "The request's headers are larger than 32 KiB.")


class Rejecting:
    """An application behind a server that has rejected the head of each request."""

    def __init__(self, app: RequestMiddleware) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Pass a request on as the server does."""
        await self._app({**scope, "state": {"rejection": TOO_LARGE}}, receive, send)


def cors_headers(response: httpx.Response) -> dict[str, str]:
    """Return the CORS headers. Vary is among them as far as it is about the origin."""
    headers = {name: value for name, value in response.headers.items() if name.startswith("access-control-")}
    return headers | {"vary": str("Origin" in response.headers["vary"])}


@pytest.mark.parametrize("origins", ["https://shop.example", "*"])
@pytest.mark.parametrize("page", [SHOP, EVIL, SHOP | {"Cookie": "theme=dark"}], ids=str)
async def test_rejections_have_the_headers_of_other_responses(origins: str, page: dict[str, str]) -> None:
    """Those of hosts that are unknown, and of heads that the server found too large."""
    app = memory_app(cors_origins=origins)
    async with client_for(app) as client:
        handled = await client.get(ITEMS, headers=page)
        misdirected = await client.get(ITEMS, headers=page | {"Host": "other.example"})
        assert (handled.status_code, misdirected.status_code) == (200, 421)
        assert cors_headers(misdirected) == cors_headers(handled)
    transport = httpx.ASGITransport(Rejecting(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        too_large = await client.get(ITEMS, headers=page)
        assert (too_large.status_code, cors_headers(too_large)) == (431, cors_headers(handled))


async def test_only_allowed_origins_may_read_a_rejection() -> None:
    """A page that may not write cannot read why. Programs get no such headers, and without CORS nobody does."""
    async with client_for(memory_app(cors_origins=SHOP["Origin"])) as client:
        refused = await client.post(ITEMS, json={"name": "x"}, headers=EVIL)
        assert (refused.status_code, refused.json()["code"]) == (403, "cross_origin_request")
        assert "access-control-allow-origin" not in refused.headers
        refused = await client.post(ITEMS, json={"name": "x"}, headers=[*SHOP.items(), ("Origin", "null")])
        assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (403, False)
        misdirected = await client.get(ITEMS, headers={"Host": "other.example"})
        assert not any(name.startswith("access-control-") for name in misdirected.headers)
    async with client_for(memory_app()) as client:
        misdirected = await client.get(ITEMS, headers=SHOP | {"Host": "other.example"})
        assert not any(name.startswith("access-control-") for name in misdirected.headers)


async def test_an_error_of_a_middleware_can_be_read() -> None:
    """It is a 500 like all others."""

    async def failing(_scope: Any, _receive: Any, _send: Any) -> None:  # noqa: ANN401 - ASGI's
        message = "a defect"
        raise RuntimeError(message)

    app = RequestMiddleware(failing, HttpSettings(), ShutdownState(drain=0), CORSConfig(allow_origins=[SHOP["Origin"]]))
    async with client_for(app) as client:
        response = await client.get(ITEMS, headers=SHOP)
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (500, SHOP["Origin"])
