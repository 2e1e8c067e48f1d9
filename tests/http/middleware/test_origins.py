"""Cross-origin requests: a page of another origin can read what CORS allows and change nothing, on loopback too."""

import httpx
import pytest

from catalog.entrypoints.http.middleware.request import RequestMiddleware
from tests.http.making import ITEMS, client_for, memory_app


@pytest.fixture
def store() -> str:
    """The memory store, because these tests do not depend on the store."""
    return "memory"


REFUSED: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "something"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:8001"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
]
ACCEPTED: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    {"Origin": "http://localhost"},
    {"Origin": "https://LOCALHOST"},
]


@pytest.mark.parametrize("headers", REFUSED, ids=str)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", ITEMS, {"name": "x"}),
        ("POST", f"{ITEMS}/a/restore", None),
        ("POST", f"{ITEMS}/import", None),
        ("DELETE", f"{ITEMS}/a", None),
        ("PUT", f"{ITEMS}/a", {"name": "x"}),
        ("PATCH", f"{ITEMS}/a", {"name": "x"}),
        ("PURGE", "/", None),
    ],
)
async def test_a_page_of_another_origin_cannot_write(
    app: RequestMiddleware, headers: dict[str, str], method: str, path: str, body: dict[str, str] | None
) -> None:
    """A cross-origin write is refused before it reaches the application. Reads are unaffected."""
    async with client_for(app) as client:
        await client.put(f"{ITEMS}/a", json={"name": "y"})
        response = await client.request(method, path, headers=headers, json=body)
        assert (response.status_code, response.json()["code"]) == (403, "cross_origin_request")
        read = await client.get(f"{ITEMS}/a", headers=headers)
        assert (read.status_code, read.json()["version"], read.json()["name"]) == (200, 1, "y")


@pytest.mark.parametrize("headers", ACCEPTED, ids=str)
async def test_requests_of_the_same_origin_or_without_a_page_are_accepted(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """Requests without Origin and Sec-Fetch-Site, or with values of the same origin, are accepted."""
    assert (await client.post(ITEMS, json={"name": "x"}, headers=headers)).status_code == 201


async def test_origins_that_cors_allows_may_write() -> None:
    """An origin in `cors_origins` may write, and no other."""
    async with client_for(memory_app(cors_origins="https://shop.example")) as client:

        async def status(**headers: str) -> int:
            values = {name.replace("_", "-"): value for name, value in headers.items()}
            return (await client.post(ITEMS, json={"name": "x"}, headers=values)).status_code

        assert await status(origin="https://shop.example", sec_fetch_site="cross-site") == 201
        assert await status(origin="https://shop.example") == 201
        assert await status(origin="https://evil.example", sec_fetch_site="cross-site") == 403
        assert await status(sec_fetch_site="cross-site") == 403


async def test_without_cors_a_preflight_is_an_ordinary_options_request(client: httpx.AsyncClient) -> None:
    """Without `cors_origins`, the response has Allow and no CORS headers."""
    plain = await client.options(ITEMS)
    preflight = await client.options(ITEMS, headers={"Access-Control-Request-Method": "POST", "Origin": "http://a.example"})
    assert plain.headers["allow"] == preflight.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert "access-control-allow-origin" not in preflight.headers
