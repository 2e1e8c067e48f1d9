"""/items over HTTP, the same on every store."""

import asyncio
import json
import re
from uuid import UUID

import httpx
import pytest

from tests.http.making import CHAIR, ITEMS, create_categories, create_item


async def test_an_item_is_created_and_read(client: httpx.AsyncClient) -> None:
    """The response has Location and ETag. The item is read by id or SKU, in any case, with or without a trailing slash."""
    await create_categories(client, "garden-chairs")
    response = await create_item(client, **CHAIR)
    body = response.json()
    assert list(body) == [
        "id",
        "sku",
        "name",
        "description",
        "category",
        "price",
        "attributes",
        "version",
        "created_at",
        "updated_at",
    ]
    assert (body["sku"], body["price"], body["description"], body["version"]) == (
        "CH-1",
        {"amount": "12.50", "currency": "EUR"},
        None,
        1,
    )
    assert json.dumps(body["attributes"]) == '{"a": 1.0, "b": 1, "c": "x", "d": true}'
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", body["created_at"])
    assert response.headers["location"] == f"{ITEMS}/{body['id']}"
    for key in (body["id"], body["id"].upper(), body["id"].replace("-", ""), "CH-1", "ch-1", "ch-1/"):
        read = await client.get(f"{ITEMS}/{key}")
        assert (read.status_code, read.content, read.headers["etag"]) == (200, response.content, response.headers["etag"])
        assert read.headers["content-type"] == "application/json"
        assert read.headers["cache-control"] == "private, no-cache"
        assert read.headers["vary"] == "Authorization, Cookie, Accept-Encoding"


async def test_a_missing_sku_is_generated(client: httpx.AsyncClient) -> None:
    """A generated SKU is `I-` and 13 characters of Crockford's base 32."""
    assert re.fullmatch(r"I-[0-9A-HJKMNP-TV-Z]{13}", (await create_item(client)).json()["sku"])


async def test_a_taken_sku_is_a_conflict(client: httpx.AsyncClient) -> None:
    """Creating an item with a taken SKU, or changing an item's SKU to it, returns 409."""
    await create_item(client, sku="A")
    await create_item(client, sku="B")
    for response in (
        await client.post(ITEMS, json={"name": "x", "sku": "a"}),
        await client.patch(f"{ITEMS}/b", json={"sku": "A"}),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "sku_taken")


async def test_head_returns_the_headers_of_get(client: httpx.AsyncClient) -> None:
    """HEAD returns the status and headers of GET, and no body."""
    await create_item(client, sku="A")
    for path in (f"{ITEMS}/a", ITEMS, "/health"):
        get, head = await client.get(path), await client.head(path)
        per_request = {"x-request-id", "x-process-time", "x-cache"}
        assert (head.status_code, head.content) == (200, b"")
        assert {name: value for name, value in head.headers.items() if name not in per_request} == {
            name: value for name, value in get.headers.items() if name not in per_request
        }


async def test_an_unchanged_item_is_304(client: httpx.AsyncClient) -> None:
    """If-None-Match returns 304 for any matching tag in the list, for weak tags and for *."""
    tag = (await create_item(client, sku="A")).headers["etag"]
    for condition in (tag, f'"x", {tag}', f"W/{tag}", "*", f'"a"  ,\t{tag}'):
        response = await client.get(f"{ITEMS}/a", headers={"If-None-Match": condition})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    assert (await client.get(f"{ITEMS}/a", headers={"If-None-Match": '"x"'})).status_code == 200


async def test_a_merge_patch_updates_an_item(client: httpx.AsyncClient) -> None:
    """A merge patch under either media type updates the named fields, the SKU included."""
    await create_categories(client, "garden-chairs")
    created = await create_item(client, **CHAIR)
    response = await client.patch(f"{ITEMS}/ch-1", json={"sku": "t-1", "category": None, "attributes": {"a": None, "e": 5}})
    body = response.json()
    assert (body["sku"], body["category"], body["attributes"], body["version"]) == (
        "T-1",
        None,
        {"b": 1, "c": "x", "d": True, "e": 5},
        2,
    )
    assert response.headers["etag"] != created.headers["etag"]
    assert (await client.get(f"{ITEMS}/ch-1")).status_code == 404
    merge_patch = {"Content-Type": "application/merge-patch+json"}
    repeated = await client.patch(f"{ITEMS}/t-1", content=b'{"category": null}', headers=merge_patch)
    assert (repeated.status_code, repeated.content) == (200, response.content)


async def test_an_amount_is_parsed_exactly(client: httpx.AsyncClient) -> None:
    """An amount is a string or a number of any size. It is never rounded; other values are refused."""
    await create_item(client, sku="A")
    digits = b'{"amount": 90071992547409.93, "currency": "EUR"}'
    response = await client.patch(f"{ITEMS}/a/price", content=digits, headers={"Content-Type": "application/json"})
    assert response.json()["price"] == {"amount": "90071992547409.93", "currency": "EUR"}
    for amount in (b"1.005", b"1e2", b"-1", b'"1,5"', b"true", b"null"):
        refused = await client.patch(
            f"{ITEMS}/a/price",
            content=b'{"amount": %s, "currency": "EUR"}' % amount,
            headers={"Content-Type": "application/json"},
        )
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/amount")
    assert (await client.patch(f"{ITEMS}/a/price", json=5)).json()["errors"][0]["pointer"] == ""


async def test_if_match_protects_against_changing_another_version(client: httpx.AsyncClient) -> None:
    """A stale tag returns 412, even if the SKU now belongs to a new item. Suffixes that proxies append to a tag are ignored."""
    first_tag = (await create_item(client, sku="A")).headers["etag"]
    current_tag = (await client.patch(f"{ITEMS}/a", json={"name": "b"}, headers={"If-Match": f'"x", {first_tag}'})).headers[
        "etag"
    ]
    longer_tag = f'{current_tag[:-1]}0"'
    for stale in (first_tag, f"W/{first_tag}", longer_tag, f'{longer_tag[:-1]}000000000000000000"', '"x"', '""', 'W/"x"'):
        for response in (
            await client.patch(f"{ITEMS}/a", json={"name": "c"}, headers={"If-Match": stale}),
            await client.patch(f"{ITEMS}/a/price", json={"amount": 1, "currency": "EUR"}, headers={"If-Match": stale}),
            await client.delete(f"{ITEMS}/a", headers={"If-Match": stale}),
        ):
            assert (response.status_code, response.json()["code"]) == (412, "stale_version")
    for suffix in (";gzip", "-gzip", "--gzip", ":br", "-zstd", ";0123456789abcdef", "-anything"):
        for weak in ("", "W/"):
            suffixed_tag = f'{weak}{current_tag[:-1]}{suffix}"'
            assert (await client.patch(f"{ITEMS}/a", json={}, headers={"If-Match": suffixed_tag})).status_code == 200, (
                suffixed_tag
            )
    for tag in (f"W/{current_tag}", f'W/{current_tag[:-1]}-gzip"', f'{current_tag[:-1]};gzip"'):
        assert (await client.get(f"{ITEMS}/a", headers={"If-None-Match": tag})).status_code == 304
    for tag in (f'{current_tag[:-1]};0123456789abcdef"', f'{first_tag[:-1]}-gzip"'):
        assert (await client.get(f"{ITEMS}/a", headers={"If-None-Match": tag})).status_code == 200
    assert (await client.delete(f"{ITEMS}/a", headers={"If-Match": "*"})).status_code == 204
    await create_item(client, sku="A")
    assert (await client.delete(f"{ITEMS}/a", headers={"If-Match": current_tag})).status_code == 412
    assert (await client.delete(f"{ITEMS}/nope", headers={"If-Match": current_tag})).status_code == 404


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
async def test_a_malformed_condition_is_refused(client: httpx.AsyncClient, name: str) -> None:
    """A malformed If-Match or If-None-Match returns 400 and is not ignored."""
    await create_item(client, sku="A")
    for value in ("abc", '"a" "b"', 'w/"a"', '"a', "", " "):
        method = "PATCH" if name == "If-Match" else "GET"
        response = await client.request(method, f"{ITEMS}/a", headers={name: value}, json={} if name == "If-Match" else None)
        assert (response.status_code, response.json()["code"]) == (400, "malformed"), value


async def test_an_item_is_deleted(client: httpx.AsyncClient) -> None:
    """A deleted item returns 404, and its SKU can be reused immediately."""
    await create_item(client, sku="A")
    response = await client.delete(f"{ITEMS}/a")
    assert (response.status_code, response.content) == (204, b"")
    assert (await client.get(f"{ITEMS}/a")).status_code == 404
    assert (await client.delete(f"{ITEMS}/a")).json()["code"] == "item_not_found"
    await create_item(client, sku="A")


@pytest.mark.parametrize("key", [str(UUID(int=7)), "NOPE", "no%20key", "%00", "%ED%A0%80", "a" * 500])
async def test_an_unknown_item_is_404(client: httpx.AsyncClient, key: str) -> None:
    """Reading, updating or deleting an unknown item returns 404, whatever its key looks like."""
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        response = await client.request(method, f"{ITEMS}/{key}", json=body)
        assert (response.status_code, response.json()["code"]) == (404, "item_not_found")


async def test_paging_returns_every_item_once(client: httpx.AsyncClient) -> None:
    """Following next_cursor or the Link header returns every item exactly once."""
    for number in range(7):
        await create_item(client, sku=f"S-{number}", name=f"Item {number}")
    page = (await client.get(ITEMS, params={"limit": "3", "sort": "sku"})).json()
    assert (page["count"], page["count_kind"], len(page["items"])) == (None, None, 3)
    assert page["items"][0] == (await client.get(f"{ITEMS}/s-0")).json()
    seen, path = [], f"{ITEMS}?limit=3&sort=sku"
    while path:
        response = await client.get(path)
        seen += [item["sku"] for item in response.json()["items"]]
        links = dict(re.findall(r'<([^>]*)>; rel="(first|next)"', response.headers["link"]))
        links = {relation: target for target, relation in links.items()}
        assert links["first"] == f"{ITEMS}?limit=3&sort=sku"
        path = links.get("next", "")
        assert (not path) is (response.json()["next_cursor"] is None)
    assert seen == [f"S-{number}" for number in range(7)]
    assert [
        item["sku"] for item in (await client.get(ITEMS, params={"limit": "2", "offset": "5", "sort": "-sku"})).json()["items"]
    ] == ["S-1", "S-0"]


async def test_a_list_is_searched(client: httpx.AsyncClient) -> None:
    """`q` selects items by their words, the best match first. An empty `q` selects every item."""
    await create_item(client, name="Zebra", description="García")
    await create_item(client, name="Garcia's ant")
    await create_item(client, name="Other")
    response = await client.get(ITEMS, params={"q": "GARCIA"})
    assert [item["name"] for item in response.json()["items"]] == ["Garcia's ant", "Zebra"]
    assert len((await client.get(f"{ITEMS}?q=")).json()["items"]) == 3


async def test_a_cursor_belongs_to_its_query(client: httpx.AsyncClient) -> None:
    """An invalid cursor returns 400. Invalid parameters return 422, with every error reported."""
    for number in range(3):
        await create_item(client, name=f"Item {number}")
    cursor = (await client.get(ITEMS, params={"limit": "1"})).json()["next_cursor"]
    for query in (f"cursor={cursor}&sort=name", f"cursor={cursor}&offset=1", "cursor=x", "cursor=" + "x" * 5_000):
        response = await client.get(f"{ITEMS}?{query}")
        assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor"), query
    response = await client.get(f"{ITEMS}?cursor=x&limit=0&page=2&limit=3&sort=colour&q=%00")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_query")
    assert sorted((error["parameter"], error["code"]) for error in response.json()["errors"]) == [
        ("limit", "repeated_parameter"),
        ("page", "unknown_parameter"),
        ("q", "invalid_text"),
        ("sort", "unknown_sort_key"),
    ]
    response = await client.get(f"{ITEMS}?q=%FF")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "invalid_text")


async def test_a_list_is_filtered(client: httpx.AsyncClient) -> None:
    """Filters can be combined and hold on every page; the links repeat them."""
    await create_categories(client, "chairs", "lamps")
    for number in range(4):
        price = {"amount": str(number), "currency": "EUR"}
        await create_item(client, sku=f"C-{number}", category="chairs" if number % 2 else "lamps", price=price)
    await create_item(client, sku="FREE")
    page = await client.get(f"{ITEMS}?sku=c-1&sku=c-2&sku=c-3&currency=EUR&price_min=2&sort=sku&limit=1")
    assert [item["sku"] for item in page.json()["items"]] == ["C-2"]
    next_url = page.links["next"]["url"]
    assert next_url.count("sku=") == 3
    assert [item["sku"] for item in (await client.get(next_url)).json()["items"]] == ["C-3"]
    items = (await client.get(f"{ITEMS}?category=chairs&version__lte=1&sort=sku")).json()["items"]
    assert [item["sku"] for item in items] == ["C-1", "C-3"]
    assert [item["sku"] for item in (await client.get(f"{ITEMS}?price__exists=false")).json()["items"]] == ["FREE"]
    refused = await client.get(f"{ITEMS}?price_max=3&currency=EUR&currency=USD&version__like=1")
    assert sorted((error["parameter"], error["code"]) for error in refused.json()["errors"]) == [
        ("currency", "repeated_parameter"),
        ("price_max", "required"),
        ("version__like", "unknown_operator"),
    ]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ITEMS), ("GET", f"{ITEMS}/a"), ("PATCH", f"{ITEMS}/a"), ("DELETE", f"{ITEMS}/a")]
)
async def test_unknown_parameters_are_refused(client: httpx.AsyncClient, method: str, path: str) -> None:
    """A request that takes no parameters refuses an unknown parameter by name instead of ignoring it."""
    response = await client.request(method, f"{path}?dry_run=true", json={})
    assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, "dry_run")


async def test_concurrent_updates_without_if_match_all_succeed(client: httpx.AsyncClient) -> None:
    """Twenty concurrent updates of one item are all applied: each is decided again on the result of the others."""
    await create_item(client, sku="A")
    responses = await asyncio.gather(
        *(client.patch(f"{ITEMS}/a", json={"attributes": {f"w{number}": number}}) for number in range(20))
    )
    assert {response.status_code for response in responses} == {200}
    body = (await client.get(f"{ITEMS}/a")).json()
    assert (body["version"], len(body["attributes"])) == (21, 20)


async def test_one_of_many_concurrent_updates_with_if_match_succeeds(client: httpx.AsyncClient) -> None:
    """Of twenty concurrent updates of one version, one succeeds and 19 return 412."""
    tag = (await create_item(client, sku="A")).headers["etag"]
    responses = await asyncio.gather(
        *(client.patch(f"{ITEMS}/a", json={"name": f"w{number}"}, headers={"If-Match": tag}) for number in range(20))
    )
    assert sorted(response.status_code for response in responses) == [200] + [412] * 19
