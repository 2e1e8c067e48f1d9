"""Web pages of other origins may read what CORS lets them, and change nothing: not on loopback either, with a body or without."""

import httpx
import pytest

from catalog.entrypoints.http.middleware.request import RequestMiddleware
from tests.http.conftest import asked
from tests.http.middleware.test_request import ITEMS, made


@pytest.fixture
def store() -> str:
    """One kind of store is enough for what is the edge's own."""
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
TAKEN: list[dict[str, str]] = [
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
async def test_a_page_of_another_origin_changes_nothing(
    app: RequestMiddleware, headers: dict[str, str], method: str, path: str, body: dict[str, str] | None
) -> None:
    """The request does not reach the application; reads are answered as ever."""
    async with asked(app) as client:
        await client.put(f"{ITEMS}/a", json={"name": "y"})
        response = await client.request(method, path, headers=headers, json=body)
        assert (response.status_code, response.json()["code"]) == (403, "cross_origin_request")
        read = await client.get(f"{ITEMS}/a", headers=headers)
        assert (read.status_code, read.json()["version"], read.json()["name"]) == (200, 1, "y")


@pytest.mark.parametrize("headers", TAKEN, ids=str)
async def test_clients_that_are_no_pages_and_our_own_pages_are_let_through(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """No header at all, or one that names ourselves."""
    assert (await client.post(ITEMS, json={"name": "x"}, headers=headers)).status_code == 201


async def test_origins_that_cors_allows_may_write() -> None:
    """They, and no others."""
    async with asked(made(cors_origins="https://shop.example")) as client:

        async def status(**headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return (await client.post(ITEMS, json={"name": "x"}, headers=named)).status_code

        assert await status(origin="https://shop.example", sec_fetch_site="cross-site") == 201
        assert await status(origin="https://shop.example") == 201
        assert await status(origin="https://evil.example", sec_fetch_site="cross-site") == 403
        assert await status(sec_fetch_site="cross-site") == 403


async def test_options_lists_all_methods_where_there_is_no_cors(client: httpx.AsyncClient) -> None:
    """A preflight is like any other OPTIONS then."""
    plain = await client.options(ITEMS)
    preflight = await client.options(ITEMS, headers={"Access-Control-Request-Method": "POST", "Origin": "http://a.example"})
    assert plain.headers["allow"] == preflight.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert "access-control-allow-origin" not in preflight.headers
