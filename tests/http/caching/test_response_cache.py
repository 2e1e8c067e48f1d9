"""Answers out of the cache: what is a hit, and that a hit is the same answer and never an old one."""

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

# What differs between two answers to the same question, however they came about.
OF_THE_REQUEST = {"x-cache", "x-request-id", "x-process-time"}


def of(response: httpx.Response) -> str:
    """Return what the answer says of the cache."""
    return response.headers["x-cache"]


def lasting(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return what two equal answers have in common."""
    return (
        response.status_code,
        response.content,
        {name: value for name, value in response.headers.items() if name not in OF_THE_REQUEST},
    )


@pytest.fixture
async def chair(client: httpx.AsyncClient, container: Container) -> str:
    """The path of an item; the log was looked at, so that what is cached holds."""
    created = await client.post(ITEMS, json={"sku": "CHAIR", "name": "Chair", "price": {"amount": "5", "currency": "EUR"}})
    await cache_of(container)._freshness.poll()
    return str(created.headers["location"])


@pytest.mark.parametrize("path", [f"{ITEMS}/CHAIR", ITEMS, f"{ITEMS}?q=cha&limit=5"])
async def test_the_second_answer_is_a_hit_and_the_same(client: httpx.AsyncClient, chair: str, path: str) -> None:
    """Bytes and headers; to HEAD as well, without the body."""
    first, second, head = await client.get(path), await client.get(path), await client.head(path)
    assert [of(one) for one in (first, second, head)] == ["MISS", "HIT", "HIT"]
    assert lasting(first) == lasting(second)
    assert lasting(head) == (200, b"", lasting(first)[2])


async def test_the_same_question_put_otherwise_is_a_hit(client: httpx.AsyncClient, chair: str) -> None:
    """Parameters in another order, a SKU in lower case, an id without dashes, a slash at the end."""
    await client.get(ITEMS, params={"q": "cha", "limit": "5"})
    assert of(await client.get(ITEMS, params={"limit": "5", "q": "cha"})) == "HIT"
    await client.get(f"{ITEMS}/CHAIR")
    assert of(await client.get(f"{ITEMS}/chair/")) == "HIT"
    await client.get(chair)
    assert of(await client.get(chair.replace("-", "").upper().replace("/API/V1/ITEMS", ITEMS))) == "HIT"


async def test_a_hit_is_asked_for_conditionally(client: httpx.AsyncClient, chair: str) -> None:
    """304 to who has it; a malformed condition is refused as ever."""
    tag = (await client.get(chair)).headers["etag"]
    response = await client.get(chair, headers={"If-None-Match": tag})
    assert (response.status_code, response.content, response.headers["etag"], of(response)) == (304, b"", tag, "HIT")
    assert (await client.get(chair, headers={"If-None-Match": '"another"'})).status_code == 200
    assert (await client.get(chair, headers={"If-None-Match": "no tag"})).status_code == 400


@pytest.mark.parametrize("how", ["patch", "price", "delete", "create"])
async def test_after_a_write_nobody_is_answered_with_what_was_before(client: httpx.AsyncClient, chair: str, how: str) -> None:
    """By id, by SKU, in lists and searches."""
    paths = [chair, f"{ITEMS}/CHAIR", ITEMS, f"{ITEMS}?q=chair", f"{ITEMS}?sort=price", f"{ITEMS}?sort=-updated_at"]
    before = {path: [await client.get(path), await client.get(path)][1] for path in paths}
    assert {of(one) for one in before.values()} == {"HIT"}
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
            assert of(after) == "HIT"  # that item is as it was
        else:
            assert of(after) == "MISS"
            assert after.content != before[path].content


async def test_a_page_stays_a_hit_when_what_changed_is_not_on_it(client: httpx.AsyncClient, chair: str) -> None:
    """Another item's price says nothing of the newest two, but of a list by price."""
    for number in range(3):
        await client.post(ITEMS, json={"sku": f"N-{number}", "name": f"New {number}"})
    for path in (f"{ITEMS}?limit=2", f"{ITEMS}?limit=2&sort=-price"):
        await client.get(path)
    await client.patch(f"{chair}/price", json={"amount": "7", "currency": "EUR"})
    assert of(await client.get(f"{ITEMS}?limit=2")) == "HIT"
    assert of(await client.get(f"{ITEMS}?limit=2&sort=-price")) == "MISS"


@pytest.mark.parametrize(
    "path", [f"{ITEMS}/NOT-THERE", f"{ITEMS}?limit=0", f"{ITEMS}?nope=1", f"{ITEMS}/CHAIR?x=1", "/health", "/nope"]
)
async def test_what_was_refused_and_what_is_not_kept_is_a_miss(client: httpx.AsyncClient, chair: str, path: str) -> None:
    """However often it is asked."""
    assert [of(await client.get(path)) for _ in range(2)] == ["MISS", "MISS"]


async def test_other_methods_say_nothing_of_the_cache(client: httpx.AsyncClient, chair: str) -> None:
    """It stands on GET and HEAD only."""
    for response in (
        await client.post(ITEMS, json={"name": "x"}),
        await client.patch(chair, json={}),
        await client.options(chair),
        await client.delete(chair),
    ):
        assert "x-cache" not in response.headers


async def test_a_very_long_question_is_answered_and_not_kept(client: httpx.AsyncClient, chair: str) -> None:
    """Callers would fill the memory with them."""
    path = f"{ITEMS}?q={'a%20' * 150}"
    assert [of(await client.get(path)) for _ in range(2)] == ["MISS", "MISS"]


async def test_without_a_cache_everything_is_a_miss_and_right(store_url: str) -> None:
    """A time to live of 0 turns it off."""
    settings = Settings(storage=StorageSettings(url=store_url), cache=CacheSettings(ttl_seconds=0))
    container = Container(settings=settings)
    async with running(container), client_for(create_app(container)) as client:
        assert container.caching() is None
        created = await client.post(ITEMS, json={"name": "Chair"})
        for _ in range(2):
            response = await client.get(created.headers["location"])
            assert (of(response), response.json()) == ("MISS", created.json())


async def test_a_hit_for_a_page_of_another_origin_has_what_its_browser_wants(store_url: str) -> None:
    """The headers of CORS, as the first answer had them."""
    http = HttpSettings(cors_origins=("https://shop.example",))
    container = Container(settings=Settings(storage=StorageSettings(url=store_url), http=http))
    async with running(container) as storage, cache_of(container).running(storage), client_for(create_app(container)) as client:
        path = (await client.post(ITEMS, json={"name": "Chair"})).headers["location"]
        await cache_of(container)._freshness.poll()
        for cache in ("MISS", "HIT"):
            response = await client.get(path, headers={"Origin": "https://shop.example"})
            assert (of(response), response.headers["access-control-allow-origin"]) == (cache, "https://shop.example")
            assert "ETag" in response.headers["access-control-expose-headers"]


async def test_a_hit_does_not_reach_the_routes(client: httpx.AsyncClient, chair: str, app: RequestMiddleware) -> None:
    """By id and by SKU, lists and searches; what is not cached does."""

    async def unreachable(_scope: Any, _receive: Any, _send: Any) -> None:  # noqa: ANN401 - ASGI's
        message = "A request reached the routes."
        raise AssertionError(message)

    paths = [chair, f"{ITEMS}/CHAIR", ITEMS, f"{ITEMS}?q=cha&limit=5"]
    for path in paths:
        await client.get(path)
    assert isinstance(app.app, ResponseCacheMiddleware)
    app.app._app = unreachable
    assert [of(await client.get(path)) for path in paths] == ["HIT"] * len(paths)
    assert (await client.get(f"{ITEMS}/CHAIR/history")).status_code == 500
