"""/items over HTTP, the same on every store."""

import asyncio
import json
import re
from typing import Any
from uuid import UUID

import httpx
import pytest

ITEMS = "/api/v1/items"
CHAIR = {
    "sku": " ch-1 ",
    "name": "Chair",
    "category": "garden-chairs",
    "price": {"amount": 12.50, "currency": "eur"},
    "attributes": {"b": 1, "a": 1.0, "c": "x", "d": True},
}


async def created(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:  # noqa: ANN401 - what a caller sends
    """Create an item."""
    response = await client.post(ITEMS, json={"name": "Item"} | fields)
    assert response.status_code == 201, response.text
    return response


async def planted(client: httpx.AsyncClient, *slugs: str, parent: str | None = None) -> None:
    """Create categories."""
    for slug in slugs:
        response = await client.post("/api/v1/categories", json={"slug": slug, "name": slug, "parent": parent})
        assert response.status_code == 201, response.text


async def test_an_item_is_created_and_read(client: httpx.AsyncClient) -> None:
    """With Location and ETag; by id or SKU, in any case, with a trailing slash too."""
    await planted(client, "garden-chairs")
    response = await created(client, **CHAIR)
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


async def test_without_a_sku_one_is_made(client: httpx.AsyncClient) -> None:
    """`I-` and thirteen characters of Crockford's base 32."""
    assert re.fullmatch(r"I-[0-9A-HJKMNP-TV-Z]{13}", (await created(client)).json()["sku"])


async def test_a_taken_sku_is_a_conflict(client: httpx.AsyncClient) -> None:
    """With its code, on create and on rename."""
    await created(client, sku="A")
    await created(client, sku="B")
    for response in (
        await client.post(ITEMS, json={"name": "x", "sku": "a"}),
        await client.patch(f"{ITEMS}/b", json={"sku": "A"}),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "sku_taken")


async def test_head_answers_as_get_without_a_body(client: httpx.AsyncClient) -> None:
    """The same headers."""
    await created(client, sku="A")
    for path in (f"{ITEMS}/a", ITEMS, "/health"):
        get, head = await client.get(path), await client.head(path)
        own = {"x-request-id", "x-process-time", "x-cache"}
        assert (head.status_code, head.content) == (200, b"")
        assert {name: value for name, value in head.headers.items() if name not in own} == {
            name: value for name, value in get.headers.items() if name not in own
        }


async def test_an_item_that_did_not_change_is_not_sent_again(client: httpx.AsyncClient) -> None:
    """If-None-Match: 304, by any of several tags, weak ones too, and by *."""
    tag = (await created(client, sku="A")).headers["etag"]
    for condition in (tag, f'"x", {tag}', f"W/{tag}", "*", f'"a"  ,\t{tag}'):
        response = await client.get(f"{ITEMS}/a", headers={"If-None-Match": condition})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    assert (await client.get(f"{ITEMS}/a", headers={"If-None-Match": '"x"'})).status_code == 200


async def test_an_item_is_patched(client: httpx.AsyncClient) -> None:
    """By a merge patch, under either media type; the SKU too."""
    await planted(client, "garden-chairs")
    first = await created(client, **CHAIR)
    response = await client.patch(f"{ITEMS}/ch-1", json={"sku": "t-1", "category": None, "attributes": {"a": None, "e": 5}})
    body = response.json()
    assert (body["sku"], body["category"], body["attributes"], body["version"]) == (
        "T-1",
        None,
        {"b": 1, "c": "x", "d": True, "e": 5},
        2,
    )
    assert response.headers["etag"] != first.headers["etag"]
    assert (await client.get(f"{ITEMS}/ch-1")).status_code == 404
    merge = {"Content-Type": "application/merge-patch+json"}
    again = await client.patch(f"{ITEMS}/t-1", content=b'{"category": null}', headers=merge)
    assert (again.status_code, again.content) == (200, response.content)


async def test_a_price_is_read_by_its_digits(client: httpx.AsyncClient) -> None:
    """As text or as a number, of any size; never rounded."""
    await created(client, sku="A")
    digits = b'{"amount": 90071992547409.93, "currency": "EUR"}'
    response = await client.patch(f"{ITEMS}/a/price", content=digits, headers={"Content-Type": "application/json"})
    assert response.json()["price"] == {"amount": "90071992547409.93", "currency": "EUR"}
    for amount in (b"1.005", b"1e2", b"-1", b'"1,5"', b"true", b"null"):
        bad = await client.patch(
            f"{ITEMS}/a/price",
            content=b'{"amount": %s, "currency": "EUR"}' % amount,
            headers={"Content-Type": "application/json"},
        )
        assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/amount")
    assert (await client.patch(f"{ITEMS}/a/price", json=5)).json()["errors"][0]["pointer"] == ""


async def test_a_change_is_made_only_to_the_version_that_is_named(client: httpx.AsyncClient) -> None:
    """If-Match: 412 for another, for that of an item made anew under the same SKU; what proxies do to a tag does no harm."""
    first = (await created(client, sku="A")).headers["etag"]
    second = (await client.patch(f"{ITEMS}/a", json={"name": "b"}, headers={"If-Match": f'"x", {first}'})).headers["etag"]
    longer = f'{second[:-1]}0"'
    for stale in (first, f"W/{first}", longer, f'{longer[:-1]}000000000000000000"', '"x"', '""', 'W/"x"'):
        for response in (
            await client.patch(f"{ITEMS}/a", json={"name": "c"}, headers={"If-Match": stale}),
            await client.patch(f"{ITEMS}/a/price", json={"amount": 1, "currency": "EUR"}, headers={"If-Match": stale}),
            await client.delete(f"{ITEMS}/a", headers={"If-Match": stale}),
        ):
            assert (response.status_code, response.json()["code"]) == (412, "stale_version")
    for suffix in (";gzip", "-gzip", "--gzip", ":br", "-zstd", ";0123456789abcdef", "-anything"):
        for weak in ("", "W/"):
            marked = f'{weak}{second[:-1]}{suffix}"'
            assert (await client.patch(f"{ITEMS}/a", json={}, headers={"If-Match": marked})).status_code == 200, marked
    for changed in (f"W/{second}", f'W/{second[:-1]}-gzip"', f'{second[:-1]};gzip"'):
        assert (await client.get(f"{ITEMS}/a", headers={"If-None-Match": changed})).status_code == 304
    for other in (f'{second[:-1]};0123456789abcdef"', f'{first[:-1]}-gzip"'):
        assert (await client.get(f"{ITEMS}/a", headers={"If-None-Match": other})).status_code == 200
    assert (await client.delete(f"{ITEMS}/a", headers={"If-Match": "*"})).status_code == 204
    await created(client, sku="A")
    assert (await client.delete(f"{ITEMS}/a", headers={"If-Match": second})).status_code == 412
    assert (await client.delete(f"{ITEMS}/nope", headers={"If-Match": second})).status_code == 404


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
async def test_a_malformed_condition_is_told(client: httpx.AsyncClient, name: str) -> None:
    """And not passed over."""
    await created(client, sku="A")
    for value in ("abc", '"a" "b"', 'w/"a"', '"a', "", " "):
        method = "PATCH" if name == "If-Match" else "GET"
        response = await client.request(method, f"{ITEMS}/a", headers={name: value}, json={} if name == "If-Match" else None)
        assert (response.status_code, response.json()["code"]) == (400, "malformed"), value


async def test_an_item_is_deleted(client: httpx.AsyncClient) -> None:
    """It is not there any more, and its SKU is free."""
    await created(client, sku="A")
    response = await client.delete(f"{ITEMS}/a")
    assert (response.status_code, response.content) == (204, b"")
    assert (await client.get(f"{ITEMS}/a")).status_code == 404
    assert (await client.delete(f"{ITEMS}/a")).json()["code"] == "item_not_found"
    await created(client, sku="A")


@pytest.mark.parametrize("key", [str(UUID(int=7)), "NOPE", "no%20key", "%00", "%ED%A0%80", "a" * 500])
async def test_what_is_not_there_is_404(client: httpx.AsyncClient, key: str) -> None:
    """Whatever the key looks like."""
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        response = await client.request(method, f"{ITEMS}/{key}", json=body)
        assert (response.status_code, response.json()["code"]) == (404, "item_not_found")


async def test_a_list_is_paged_to_its_end(client: httpx.AsyncClient) -> None:
    """By next_cursor or by the Link header: every item exactly once."""
    for number in range(7):
        await created(client, sku=f"S-{number}", name=f"Item {number}")
    page = (await client.get(ITEMS, params={"limit": "3", "sort": "sku"})).json()
    assert (page["count"], page["count_kind"], len(page["items"])) == (None, None, 3)
    assert page["items"][0] == (await client.get(f"{ITEMS}/s-0")).json()
    seen, path = [], f"{ITEMS}?limit=3&sort=sku"
    while path:
        response = await client.get(path)
        seen += [one["sku"] for one in response.json()["items"]]
        links = dict(re.findall(r'<([^>]*)>; rel="(first|next)"', response.headers["link"]))
        links = {relation: target for target, relation in links.items()}
        assert links["first"] == f"{ITEMS}?limit=3&sort=sku"
        path = links.get("next", "")
        assert (not path) is (response.json()["next_cursor"] is None)
    assert seen == [f"S-{number}" for number in range(7)]
    assert [
        one["sku"] for one in (await client.get(ITEMS, params={"limit": "2", "offset": "5", "sort": "-sku"})).json()["items"]
    ] == ["S-1", "S-0"]


async def test_a_list_is_searched(client: httpx.AsyncClient) -> None:
    """The words of `q`, the nearest first."""
    await created(client, name="Zebra", description="García")
    await created(client, name="Garcia's ant")
    await created(client, name="Other")
    response = await client.get(ITEMS, params={"q": "GARCIA"})
    assert [one["name"] for one in response.json()["items"]] == ["Garcia's ant", "Zebra"]
    assert len((await client.get(f"{ITEMS}?q=")).json()["items"]) == 3


async def test_a_cursor_belongs_to_its_question(client: httpx.AsyncClient) -> None:
    """Its faults are 400; those of other parameters 422, all at once."""
    for number in range(3):
        await created(client, name=f"Item {number}")
    cursor = (await client.get(ITEMS, params={"limit": "1"})).json()["next_cursor"]
    for bad in (f"cursor={cursor}&sort=name", f"cursor={cursor}&offset=1", "cursor=x", "cursor=" + "x" * 5_000):
        response = await client.get(f"{ITEMS}?{bad}")
        assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor"), bad
    response = await client.get(f"{ITEMS}?cursor=x&limit=0&page=2&limit=3&sort=colour&q=%00")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_query")
    assert sorted((fault["parameter"], fault["code"]) for fault in response.json()["errors"]) == [
        ("limit", "repeated_parameter"),
        ("page", "unknown_parameter"),
        ("q", "invalid_text"),
        ("sort", "unknown_sort_key"),
    ]
    response = await client.get(f"{ITEMS}?q=%FF")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "invalid_text")


async def test_a_list_is_filtered(client: httpx.AsyncClient) -> None:
    """By several conditions, from page to page; the links keep them."""
    await planted(client, "chairs", "lamps")
    for number in range(4):
        price = {"amount": str(number), "currency": "EUR"}
        await created(client, sku=f"C-{number}", category="chairs" if number % 2 else "lamps", price=price)
    await created(client, sku="FREE")
    page = await client.get(f"{ITEMS}?sku=c-1&sku=c-2&sku=c-3&currency=EUR&price_min=2&sort=sku&limit=1")
    assert [one["sku"] for one in page.json()["items"]] == ["C-2"]
    following = page.links["next"]["url"]
    assert following.count("sku=") == 3
    assert [one["sku"] for one in (await client.get(following)).json()["items"]] == ["C-3"]
    found = (await client.get(f"{ITEMS}?category=chairs&version__lte=1&sort=sku")).json()["items"]
    assert [one["sku"] for one in found] == ["C-1", "C-3"]
    assert [one["sku"] for one in (await client.get(f"{ITEMS}?price__exists=false")).json()["items"]] == ["FREE"]
    refused = await client.get(f"{ITEMS}?price_max=3&currency=EUR&currency=USD&version__like=1")
    assert sorted((fault["parameter"], fault["code"]) for fault in refused.json()["errors"]) == [
        ("currency", "repeated_parameter"),
        ("price_max", "required"),
        ("version__like", "unknown_operator"),
    ]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ITEMS), ("GET", f"{ITEMS}/a"), ("PATCH", f"{ITEMS}/a"), ("DELETE", f"{ITEMS}/a")]
)
async def test_a_path_without_parameters_takes_none(client: httpx.AsyncClient, method: str, path: str) -> None:
    """They are refused by name, not passed over."""
    response = await client.request(method, f"{path}?dry_run=true", json={})
    assert (response.status_code, response.json()["errors"][0]["parameter"]) == (422, "dry_run")


async def test_writers_that_name_no_version_all_get_through(client: httpx.AsyncClient) -> None:
    """Twenty at once on one item: none is lost, for each is decided again on what the others left."""
    await created(client, sku="A")
    results = await asyncio.gather(
        *(client.patch(f"{ITEMS}/a", json={"attributes": {f"w{number}": number}}) for number in range(20))
    )
    assert {response.status_code for response in results} == {200}
    body = (await client.get(f"{ITEMS}/a")).json()
    assert (body["version"], len(body["attributes"])) == (21, 20)


async def test_writers_that_name_a_version_lose_but_for_one(client: httpx.AsyncClient) -> None:
    """Twenty at once on one version."""
    tag = (await created(client, sku="A")).headers["etag"]
    results = await asyncio.gather(
        *(client.patch(f"{ITEMS}/a", json={"name": f"w{number}"}, headers={"If-Match": tag}) for number in range(20))
    )
    assert sorted(response.status_code for response in results) == [200] + [412] * 19
