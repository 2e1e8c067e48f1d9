"""URLs behind a proxy with a path prefix, configured or forwarded, stripped by the proxy or not."""

import httpx
import pytest
from pydantic import ValidationError

from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.settings.sections import HttpSettings
from tests.http.making import ITEMS, memory_app

PREFIX = "/shop/catalog"


def client_from(app: RequestMiddleware, address: str = "10.1.2.3") -> httpx.AsyncClient:
    """Return a client with this IP address."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, client=(address, 1)), base_url="http://localhost")


@pytest.mark.parametrize("stripped", [True, False])
@pytest.mark.parametrize("forwarded", [True, False])
async def test_urls_in_responses_have_the_prefix(*, stripped: bool, forwarded: bool) -> None:
    """Covers Location, Link, the page's files, `errors_url`, problem types, the index and the server in the OpenAPI document."""
    app = memory_app(trusted_proxies="10.0.0.0/8") if forwarded else memory_app(root_path=PREFIX)
    async with client_from(app) as client:
        client.headers.update({"X-Forwarded-Prefix": PREFIX} if forwarded else {})
        base = "" if stripped else PREFIX
        created = await client.post(f"{base}{ITEMS}", json={"name": "x", "sku": "A"})
        assert created.headers["location"] == f"{PREFIX}{ITEMS}/{created.json()['id']}"
        await client.post(f"{base}{ITEMS}", json={"name": "y", "sku": "B"})
        for _ in range(2):  # the second response may come from the cache
            listed = await client.get(f"{base}{ITEMS}", params={"limit": 1})
            assert listed.headers["link"].count(f"<{PREFIX}{ITEMS}?") == 2
            assert listed.headers["link"].count("<") == 2
        assert f'href="{PREFIX}/page/' in (await client.get(f"{base}/")).text
        assert (await client.get(f"{base}/api/v1")).json()["items"] == f"{PREFIX}{ITEMS}"
        assert (await client.get(f"{base}/openapi.json")).json()["servers"] == [{"url": PREFIX}]
        imported = await client.post(f"{base}{ITEMS}/import", content="sku,name\nC,z\n", headers={"Content-Type": "text/csv"})
        assert imported.json()["errors_url"] == f"{PREFIX}/api/v1/imports/{imported.json()['id']}/errors"
        assert (await client.get(f"{base}{ITEMS}/NOPE")).json()["type"] == f"{PREFIX}/docs/errors#item_not_found"
        assert (await client.get(f"{base}/docs/errors")).status_code == 200
        assert (await client.get(f"{base}/docs/assets/docs.js")).status_code == 200


@pytest.mark.parametrize(
    ("address", "prefix", "used"),
    [
        ("10.1.2.3", "/a", True),
        ("10.1.2.3", "/a/", True),
        ("fd00::1", "/a", True),
        ("192.168.0.1", "/a", False),
        ("127.0.0.1", "/a", False),
        ("unix:", "/a", False),
        ("10.1.2.3", "//evil.example", False),
        ("10.1.2.3", "https://evil.example", False),
        ("10.1.2.3", "/a/../b", False),
        ("10.1.2.3", "/a>; rel=x", False),
        ("10.1.2.3", "/api", False),
        ("10.1.2.3", "/" + "a" * 300, False),
        ("10.1.2.3", "", False),
    ],
)
async def test_a_forwarded_prefix_is_used_only_from_trusted_proxies(address: str, prefix: str, *, used: bool) -> None:
    """X-Forwarded-Prefix of another client, or one that is not a plain path, is ignored."""
    async with client_from(memory_app(trusted_proxies="10.0.0.0/8, fd00::1"), address) as client:
        paths = (await client.get("/api/v1", headers={"X-Forwarded-Prefix": prefix})).json()
        assert paths["documentation"] == ("/a/docs" if used else "/docs")


async def test_no_proxy_is_trusted_by_default() -> None:
    """X-Forwarded-Prefix is ignored without `trusted_proxies`, even from loopback."""
    async with client_from(memory_app(), "127.0.0.1") as client:
        assert (await client.get("/api/v1", headers={"X-Forwarded-Prefix": "/a"})).json()["documentation"] == "/docs"
        assert (await client.get("/openapi.json", headers={"X-Forwarded-Prefix": "/a"})).json()["servers"] == [{"url": "/"}]


@pytest.mark.parametrize(
    "path", ["catalog", "/a b", "//a", "/a/../b", "/api", "/api/v2", "/docs", "/health/x", "/page", "/page/a"]
)
def test_an_invalid_root_path_is_refused(path: str) -> None:
    """A root path is a plain path and not a path of the service itself, which could not be told apart from a request's path."""
    with pytest.raises(ValidationError, match="a path like /catalog"):
        HttpSettings(root_path=path)


def test_a_trusted_proxy_is_an_address_or_a_network() -> None:
    """A network may have host bits. Host names are refused."""
    settings = HttpSettings.model_validate({"trusted_proxies": "10.1.2.3/8, ::1"})
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    with pytest.raises(ValidationError, match="trusted_proxies"):
        HttpSettings.model_validate({"trusted_proxies": "proxy.example"})
