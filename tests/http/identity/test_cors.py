"""Refusals can be read by pages that CORS allows to call the API, and preflights need no credential."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.http.identity.making import AUTH, Service, serving
from tests.http.making import ITEMS

SHOP, EVIL = {"Origin": "https://shop.example"}, {"Origin": "https://evil.example"}
PREFLIGHT = SHOP | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}


@pytest.fixture
def store() -> str:
    """The memory store, because these tests do not depend on the store."""
    return "memory"


@pytest.fixture(params=["https://shop.example", "*"])
async def service(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """A service that pages of one origin, or of any, may call."""
    async with serving("memory://", http={"cors_origins": request.param}) as running:
        yield running


def cors_headers(response: httpx.Response) -> dict[str, str]:
    """Return the CORS headers. Vary is among them as far as it is about the origin."""
    headers = {name: value for name, value in response.headers.items() if name.startswith("access-control-")}
    return headers | {"vary": str("Origin" in response.headers["vary"])}


@pytest.mark.parametrize("page", [SHOP, EVIL, SHOP | {"Cookie": "theme=dark"}, EVIL | {"Cookie": "theme=dark"}], ids=str)
async def test_refusals_have_the_headers_of_other_responses(service: Service, page: dict[str, str]) -> None:
    """Those of credentials that are missing, wrong or several, and of rights that are missing."""
    user = await service.bearer("user")
    async with service.client() as client:
        handled = await client.get(ITEMS, headers=page | user)
        assert handled.status_code == 200
        sent: list[tuple[int, dict[str, str]]] = [
            (401, {}),
            (401, {"Authorization": "Bearer x"}),
            (401, {"X-API-Key": "x"}),
            (400, user | {"X-API-Key": "x"}),
        ]
        for status, headers in sent:
            refused = await client.get(ITEMS, headers=page | headers)
            assert (refused.status_code, cors_headers(refused)) == (status, cors_headers(handled))
        denied = await client.get("/api/v1/users", headers=page | user)
        assert (denied.status_code, cors_headers(denied)) == (403, cors_headers(handled))
        exposed = handled.headers["access-control-expose-headers"].split(", ")
        assert {"WWW-Authenticate", "Retry-After", "RateLimit"} <= set(exposed)


async def test_only_allowed_origins_may_read_a_refusal() -> None:
    """Without CORS, nobody may."""
    async with serving("memory://", http={"cors_origins": "https://shop.example"}) as service, service.client() as client:
        allowed, refused = await client.get(ITEMS, headers=SHOP), await client.get(ITEMS, headers=EVIL)
        assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
        assert "access-control-allow-origin" not in refused.headers
        assert not any(name.startswith("access-control-") for name in (await client.get(ITEMS)).headers)
        cross_site = await client.post(f"{AUTH}/token", json={}, headers=EVIL)
        assert (cross_site.status_code, cross_site.json()["code"]) == (403, "cross_site")
        assert "access-control-allow-origin" not in cross_site.headers
    async with serving("memory://") as service, service.client() as client:
        assert not any(name.startswith("access-control-") for name in (await client.get(ITEMS, headers=SHOP)).headers)


async def test_requests_beyond_the_limit_can_be_read() -> None:
    """With the time to wait. Preflights are not counted, and are answered all the same."""
    narrow = {"requests": 1, "window_seconds": 60}
    async with serving("memory://", http={"cors_origins": SHOP["Origin"]}, rate_limit=narrow) as service:
        user = await service.bearer("user")
        async with service.client(**SHOP) as client:
            for _ in range(3):
                assert (await client.options(ITEMS, headers=PREFLIGHT)).status_code == 204
            handled, refused = [await client.get(ITEMS, headers=user) for _ in range(2)]
            assert (handled.status_code, refused.status_code) == (200, 429)
            assert cors_headers(refused) == cors_headers(handled)
            assert "retry-after" in refused.headers
            assert (await client.options(ITEMS, headers=PREFLIGHT)).status_code == 204


async def test_a_preflight_needs_no_credential(service: Service) -> None:
    """Browsers send none. Whatever is sent along is not looked at; other OPTIONS requests are answered too."""
    async with service.client() as client:
        for path in (ITEMS, f"{ITEMS}/x", "/api/v1/users", f"{AUTH}/token"):
            for extra in ({}, {"Authorization": "Bearer x", "X-API-Key": "y"}):
                response = await client.options(path, headers=PREFLIGHT | extra)
                assert (response.status_code, response.content) == (204, b"")
                assert response.headers["access-control-allow-origin"] in ("*", SHOP["Origin"])
                assert "authorization" in response.headers["access-control-allow-headers"]
                assert "POST" in response.headers["access-control-allow-methods"]
        assert (await client.options(ITEMS)).status_code == 204
        assert (await client.get(ITEMS, headers=PREFLIGHT)).status_code == 401
