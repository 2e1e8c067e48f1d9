"""The response cache: which requests are hits, and that a hit equals the original response and is never outdated."""

from typing import Any

import httpx
import pytest

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.http.middleware.response_cache import ResponseCacheMiddleware
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import CacheSettings, HttpSettings, StorageSettings
from tests.http.making import cache_of, client_for

ITEMS = "/api/v1/items"

# Headers that differ between any two responses to the same request.
OF_THE_REQUEST = {"x-cache", "x-request-id", "x-process-time"}


def x_cache(response: httpx.Response) -> str:
    """Return the value of X-Cache."""
    return response.headers["x-cache"]


def common_parts(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return everything that is the same in two equal responses."""
    return (
        response.status_code,
        response.content,
        {name: value for name, value in response.headers.items() if name not in OF_THE_REQUEST},
    )


@pytest.fixture
async def chair(client: httpx.AsyncClient, container: Container) -> str:
    """The path of an item. The cache has read the head of the log, so that responses can be cached."""
    created = await client.post(ITEMS, json={"sku": "CHAIR", "name": "Chair", "price": {"amount": "5", "currency": "EUR"}})
    await cache_of(container)._freshness.poll()
    return str(created.headers["location"])


@pytest.mark.parametrize("path", [f"{ITEMS}/CHAIR", ITEMS, f"{ITEMS}?q=cha&limit=5"])
async def test_the_second_response_is_a_hit_and_equal(client: httpx.AsyncClient, chair: str, path: str) -> None:
    """Body and headers are the same. HEAD is a hit too, without the body."""
    first, second, head = await client.get(path), await client.get(path), await client.head(path)
    assert [x_cache(response) for response in (first, second, head)] == ["MISS", "HIT", "HIT"]
    assert common_parts(first) == common_parts(second)
    assert common_parts(head) == (200, b"", common_parts(first)[2])


async def test_an_equivalent_request_is_a_hit(client: httpx.AsyncClient, chair: str) -> None:
    """The order of parameters, the case of a SKU, the dashes of an id and a trailing slash make no difference."""
    await client.get(ITEMS, params={"q": "cha", "limit": "5"})
    assert x_cache(await client.get(ITEMS, params={"limit": "5", "q": "cha"})) == "HIT"
    await client.get(f"{ITEMS}/CHAIR")
    assert x_cache(await client.get(f"{ITEMS}/chair/")) == "HIT"
    await client.get(chair)
    assert x_cache(await client.get(chair.replace("-", "").upper().replace("/API/V1/ITEMS", ITEMS))) == "HIT"


async def test_a_conditional_request_can_be_a_hit(client: httpx.AsyncClient, chair: str) -> None:
    """A matching ETag gets 304. A malformed condition is refused as without the cache."""
    tag = (await client.get(chair)).headers["etag"]
    response = await client.get(chair, headers={"If-None-Match": tag})
    assert (response.status_code, response.content, response.headers["etag"], x_cache(response)) == (304, b"", tag, "HIT")
    assert (await client.get(chair, headers={"If-None-Match": '"another"'})).status_code == 200
    assert (await client.get(chair, headers={"If-None-Match": "no tag"})).status_code == 400


@pytest.mark.parametrize("how", ["patch", "price", "delete", "create"])
async def test_a_write_invalidates_the_responses_it_affects(client: httpx.AsyncClient, chair: str, how: str) -> None:
    """This covers reads by id and SKU, lists and searches."""
    paths = [chair, f"{ITEMS}/CHAIR", ITEMS, f"{ITEMS}?q=chair", f"{ITEMS}?sort=price", f"{ITEMS}?sort=-updated_at"]
    before = {path: [await client.get(path), await client.get(path)][1] for path in paths}
    assert {x_cache(response) for response in before.values()} == {"HIT"}
    if how == "patch":
        await client.patch(chair, json={"name": "Chair, green"})
    elif how == "price":
        await client.patch(f"{chair}/price", json={"amount": "6", "currency": "EUR"})
    elif how == "delete":
        await client.delete(chair)
    else:
        await client.post(ITEMS, json={"sku": "CHAIR-2", "name": "Chair, second"})
    for path in paths:
        after = await client.get(path)
        if how == "create" and path in (chair, f"{ITEMS}/CHAIR"):
            assert x_cache(after) == "HIT"  # that item is unchanged
        else:
            assert x_cache(after) == "MISS"
            assert after.content != before[path].content


async def test_a_change_that_does_not_affect_a_page_leaves_it_cached(client: httpx.AsyncClient, chair: str) -> None:
    """Changing the price of another item does not affect the newest two items, but it does affect a list sorted by price."""
    for number in range(3):
        await client.post(ITEMS, json={"sku": f"N-{number}", "name": f"New {number}"})
    for path in (f"{ITEMS}?limit=2", f"{ITEMS}?limit=2&sort=-price"):
        await client.get(path)
    await client.patch(f"{chair}/price", json={"amount": "7", "currency": "EUR"})
    assert x_cache(await client.get(f"{ITEMS}?limit=2")) == "HIT"
    assert x_cache(await client.get(f"{ITEMS}?limit=2&sort=-price")) == "MISS"


@pytest.mark.parametrize(
    "path", [f"{ITEMS}/NOT-THERE", f"{ITEMS}?limit=0", f"{ITEMS}?nope=1", f"{ITEMS}/CHAIR?x=1", "/health", "/nope"]
)
async def test_errors_and_uncached_routes_are_misses(client: httpx.AsyncClient, chair: str, path: str) -> None:
    """Repeating the request makes no difference."""
    assert [x_cache(await client.get(path)) for _ in range(2)] == ["MISS", "MISS"]


async def test_only_get_and_head_have_x_cache(client: httpx.AsyncClient, chair: str) -> None:
    """Responses to other methods do not have the header."""
    for response in (
        await client.post(ITEMS, json={"name": "x"}),
        await client.patch(chair, json={}),
        await client.options(chair),
        await client.delete(chair),
    ):
        assert "x-cache" not in response.headers


async def test_responses_to_very_long_requests_are_not_cached(client: httpx.AsyncClient, chair: str) -> None:
    """Callers could fill the memory with them."""
    path = f"{ITEMS}?q={'a%20' * 150}"
    assert [x_cache(await client.get(path)) for _ in range(2)] == ["MISS", "MISS"]


async def test_without_a_cache_every_response_is_a_miss(store_url: str) -> None:
    """CATALOG_CACHE__TTL_SECONDS=0 turns the cache off."""
    settings = Settings(storage=StorageSettings(url=store_url), cache=CacheSettings(ttl_seconds=0))
    container = Container(settings=settings)
    async with running(container), client_for(create_app(container)) as client:
        assert container.caching() is None
        created = await client.post(ITEMS, json={"name": "Chair"})
        for _ in range(2):
            response = await client.get(created.headers["location"])
            assert (x_cache(response), response.json()) == ("MISS", created.json())


async def test_a_hit_has_the_cors_headers(store_url: str) -> None:
    """A hit has the same CORS headers as the original response."""
    http = HttpSettings(cors_origins=("https://shop.example",))
    container = Container(settings=Settings(storage=StorageSettings(url=store_url), http=http))
    async with running(container) as storage, cache_of(container).running(storage), client_for(create_app(container)) as client:
        path = (await client.post(ITEMS, json={"name": "Chair"})).headers["location"]
        await cache_of(container)._freshness.poll()
        for cache in ("MISS", "HIT"):
            response = await client.get(path, headers={"Origin": "https://shop.example"})
            assert (x_cache(response), response.headers["access-control-allow-origin"]) == (cache, "https://shop.example")
            assert "ETag" in response.headers["access-control-expose-headers"]


async def test_a_hit_does_not_reach_the_routes(client: httpx.AsyncClient, chair: str, app: RequestMiddleware) -> None:
    """Only requests that are not cached are routed."""

    async def unreachable(_scope: Any, _receive: Any, _send: Any) -> None:  # noqa: ANN401 - ASGI's
        message = "A request reached the routes."
        raise AssertionError(message)

    paths = [chair, f"{ITEMS}/CHAIR", ITEMS, f"{ITEMS}?q=cha&limit=5"]
    for path in paths:
        await client.get(path)
    assert isinstance(app.app, ResponseCacheMiddleware)
    app.app._app = unreachable
    assert [x_cache(await client.get(path)) for path in paths] == ["HIT"] * len(paths)
    assert (await client.get(f"{ITEMS}/CHAIR/history")).status_code == 500
