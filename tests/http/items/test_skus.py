"""SKUs with slashes, spaces, signs and letters of other scripts: in paths, lists, searches and the log."""

from urllib.parse import quote

import httpx
import pytest

from catalog.entrypoints.container import Container
from tests.http.making import ITEMS, cache_of, create_item

SKUS = (
    *(
        "12/34-A",
        "AB 12",
        "ТИ-12",
        "#42",
        "A&B",
        "A(2)",
        "A*B",
        "TEE:RED",
        "L’ÉTÉ-1",
        "50%",
        "50%2F",
        "A%2FB",
        "A/B",
        "A?B=C",
        "A+B",
    ),
    *("-1", "=1+1", "A,B", "A;B", "..A", "A//B", "日本", "\U0001f600", "B" * 64, "A/HISTORY"),
)


@pytest.mark.parametrize("sku", SKUS)
async def test_an_item_is_reached_by_its_percent_encoded_sku(client: httpx.AsyncClient, container: Container, sku: str) -> None:
    """Every operation finds the item, with and without the cache, and with ASCII letters in lower case."""
    path = f"{ITEMS}/{quote(sku, safe='')}"
    created = await client.put(path, json={"name": "Before"})
    assert (created.status_code, created.json()["sku"]) == (201, sku)
    assert (await client.get(created.headers["location"])).json()["sku"] == sku
    await cache_of(container)._freshness.poll()
    answers = [await client.get(path), await client.get(path), await client.get(f"{path}/")]
    assert [answer.json()["sku"] for answer in answers] == [sku] * 3
    assert answers[1].headers["x-cache"] == "HIT"
    lower = "".join(letter.lower() if letter.isascii() else letter for letter in sku)
    assert (await client.get(f"{ITEMS}/{quote(lower, safe='')}")).json() == created.json()
    etag = answers[0].headers["etag"]
    assert (await client.patch(path, json={"name": "After"}, headers={"If-Match": etag})).json()["version"] == 2
    assert (await client.patch(f"{path}/price", json={"amount": "5", "currency": "EUR"})).json()["version"] == 3
    assert [change["sku"] for change in (await client.get(f"{path}/history")).json()["changes"]] == [sku] * 3
    assert len((await client.get(f"{path}/prices")).json()["prices"]) == 1
    assert [item["sku"] for item in (await client.get(ITEMS, params={"sku": sku})).json()["items"]] == [sku]
    assert (await client.get("/api/v1/changes", params={"item": sku})).json()["head"] == 3
    assert (await client.delete(path)).status_code == 204
    assert (await client.post(f"{path}/restore")).json()["sku"] == sku


async def test_skus_that_differ_only_in_their_encoding_are_different_items(client: httpx.AsyncClient) -> None:
    """A slash, its percent-encoding as text, and the encoding of that are three SKUs."""
    for sku in ("A/B", "A%2FB", "A%252FB"):
        await create_item(client, sku=sku)
    for sku in ("A/B", "A%2FB", "A%252FB"):
        for _ in range(2):
            assert (await client.get(f"{ITEMS}/{quote(sku, safe='')}")).json()["sku"] == sku
    assert (await client.get(f"{ITEMS}/A/B")).status_code == 404


@pytest.mark.parametrize("sku", [".", "..", "batch", "export", "import", "IMPORT"])
async def test_skus_that_no_path_can_reach_are_reserved(client: httpx.AsyncClient, sku: str) -> None:
    """Clients and proxies remove dots from paths, even if they are percent-encoded."""
    response = await client.post(ITEMS, json={"sku": sku, "name": "x"})
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "reserved_sku")


@pytest.mark.parametrize(
    ("sku", "q"), [("ТИ-12", "ти12"), ("AB 12", "ab12"), ("日本語-7", "本語"), ("L’ÉTÉ-1", "ete"), ("12/34-A", "34a")]
)
async def test_items_are_found_by_parts_of_their_skus(client: httpx.AsyncClient, sku: str, q: str) -> None:
    """Parts of a SKU are found in any script, across spaces and punctuation."""
    await create_item(client, sku=sku, name="Thing")
    await create_item(client, sku="OTHER", name="Other")
    assert [item["sku"] for item in (await client.get(ITEMS, params={"q": q})).json()["items"]] == [sku]
    assert [item["sku"] for item in (await client.get(ITEMS, params={"q": sku})).json()["items"]][:1] == [sku]


async def test_a_path_that_is_no_key_is_404(client: httpx.AsyncClient) -> None:
    """A control character is neither in an id nor in a SKU."""
    for path in ("", "/history", "/prices"):
        assert (await client.get(f"{ITEMS}/%07{path}")).status_code == 404
