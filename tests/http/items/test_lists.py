"""Lists over HTTP: counts, facets, highlights, paging and ETags."""

import httpx
import pytest

from catalog.adapters.sql.storage import SqlStorage
from catalog.entrypoints.container import Container
from tests.http.making import CATEGORIES, ITEMS


@pytest.fixture(autouse=True)
async def _filled(client: httpx.AsyncClient) -> None:
    """Create two categories and three items in them."""
    for slug, parent in (("garden", None), ("chairs", "garden")):
        await client.post(CATEGORIES, json={"slug": slug, "name": slug.title(), "parent": parent})
    for sku, slug, colour in (("A", "chairs", "red"), ("B", "chairs", "blue"), ("C", "garden", "red")):
        body = {"sku": sku, "name": f"Oak <{sku}>", "category": slug, "attributes": {"colour": colour}}
        created = await client.post(ITEMS, json=body | {"price": {"amount": "5", "currency": "EUR"}})
        assert created.status_code == 201, created.text


async def test_a_page_has_counts_and_facets_on_request(client: httpx.AsyncClient) -> None:
    """Counts and facets cover all items that match the filters, on each page."""
    page = (await client.get(f"{ITEMS}?count=exact&facet=category,currency,attr.colour&limit=1&attr.colour=red")).json()
    assert (page["count"], page["count_kind"], len(page["items"])) == (2, "exact", 1)
    assert page["facets"] == {
        "category": {"values": [{"value": "chairs", "count": 1}, {"value": "garden", "count": 1}], "truncated": False},
        "currency": {"values": [{"value": "EUR", "count": 2}], "truncated": False},
        "attr.colour": {"values": [{"value": "red", "count": 2}], "truncated": False},
    }
    plain = (await client.get(ITEMS)).json()
    assert list(plain) == ["items", "next_cursor", "prev_cursor", "count", "count_kind"]
    assert (plain["count"], plain["count_kind"]) == (None, None)
    assert (await client.get(f"{ITEMS}?count=estimated")).json()["count"] is not None


async def test_a_list_is_paged_forwards_and_backwards(client: httpx.AsyncClient) -> None:
    """Cursors and links lead to the next and the previous page."""
    first = await client.get(f"{ITEMS}?sort=sku&limit=1")
    assert first.json()["prev_cursor"] is None
    second = await client.get(first.links["next"]["url"])
    third = await client.get(second.links["next"]["url"])
    assert [page.json()["items"][0]["sku"] for page in (first, second, third)] == ["A", "B", "C"]
    assert "next" not in third.links
    assert third.json()["next_cursor"] is None
    second_again = await client.get(third.links["prev"]["url"])
    assert second_again.json()["items"] == second.json()["items"]
    assert (await client.get(second_again.links["prev"]["url"])).json()["items"] == first.json()["items"]
    assert (await client.get(second_again.links["first"]["url"])).json() == first.json()


async def test_a_response_has_only_the_requested_fields(client: httpx.AsyncClient) -> None:
    """The id is always included. Each selection of fields has its own ETag, and any of them works with If-Match."""
    item = (await client.get(f"{ITEMS}?fields=price,sku&sort=sku")).json()["items"][0]
    assert list(item) == ["id", "sku", "price"]
    complete, partial = await client.get(f"{ITEMS}/A"), await client.get(f"{ITEMS}/A?fields=name")
    assert partial.json() == {"id": complete.json()["id"], "name": "Oak <A>"}
    assert partial.headers["etag"] != complete.headers["etag"]
    unchanged = await client.get(f"{ITEMS}/A?fields=name", headers={"If-None-Match": partial.headers["etag"]})
    assert unchanged.status_code == 304
    full = await client.get(f"{ITEMS}/A", headers={"If-None-Match": partial.headers["etag"]})
    assert full.status_code == 200
    changed = await client.patch(f"{ITEMS}/A", json={"name": "x"}, headers={"If-Match": partial.headers["etag"]})
    assert changed.status_code == 200
    refused = await client.get(f"{ITEMS}/A?fields=colour&limit=1")
    assert [(error["parameter"], error["code"]) for error in refused.json()["errors"]] == [
        ("limit", "unknown_parameter"),
        ("fields", "unknown_field"),
    ]


async def test_an_item_can_include_its_category(client: httpx.AsyncClient) -> None:
    """The included category has its path from the root. A cached response is updated when a category is renamed."""
    for path in (f"{ITEMS}?include=category&sort=sku&limit=1", f"{ITEMS}/A?include=category"):
        for name in ("Garden", "Yard"):
            await client.patch(f"{CATEGORIES}/garden", json={"name": name})
            body = (await client.get(path)).json()
            included = (body["items"][0] if "items" in body else body)["included"]["category"]
            assert (included["slug"], included["name"], included["parent"]) == ("chairs", "Chairs", "garden")
            assert included["path"] == [{"slug": "garden", "name": name}, {"slug": "chairs", "name": "Chairs"}]
    await client.post(ITEMS, json={"sku": "D", "name": "none"})
    assert (await client.get(f"{ITEMS}/D?include=category")).json()["included"] == {"category": None}


async def test_matches_are_highlighted_and_misspellings_get_suggestions(client: httpx.AsyncClient) -> None:
    """Highlights are safe HTML. A search without matches has suggestions, separate from the items."""
    item = (await client.get(f"{ITEMS}?q=oa&highlight=true&sort=sku")).json()["items"][0]
    assert item["highlights"] == {"name": "<mark>Oak</mark> &lt;A&gt;", "description": None}
    page = (await client.get(f"{ITEMS}?q=oka")).json()
    assert page["items"] == []
    assert [(suggestion["sku"], suggestion["name"]) for suggestion in page["suggestions"]] == [
        ("A", "Oak <A>"),
        ("B", "Oak <B>"),
        ("C", "Oak <C>"),
    ]
    assert "suggestions" not in (await client.get(f"{ITEMS}?q=zzzz")).json()


async def test_a_query_without_terms_finds_nothing_and_a_blank_query_everything(client: httpx.AsyncClient) -> None:
    """This holds for lists, exports, counts and facets."""
    for q in ("…", "😀🎉", "'\"*:()"):
        page = (await client.get(ITEMS, params={"q": q, "count": "exact", "facet": "category"})).json()
        assert (page["items"], page["count"], page["facets"]["category"]["values"]) == ([], 0, [])
        assert (await client.get(f"{ITEMS}/export", params={"q": q, "format": "jsonl"})).text == ""
    for q in ("", " \t", "\u200b\u00ad"):
        assert len((await client.get(ITEMS, params={"q": q})).json()["items"]) == 3


async def test_matched_parts_of_unspaced_text_and_of_codes_are_highlighted(client: httpx.AsyncClient) -> None:
    """In unspaced text, only the match is highlighted; in a code, the whole code."""
    created = await client.post(ITEMS, json={"sku": "KT-1", "name": "東京タワー限定 KT-INS114"})
    assert created.status_code == 201
    for q, name in {
        "タワー": "東京<mark>タワー</mark>限定 KT-INS114",
        "ktins": "東京タワー限定 <mark>KT-INS114</mark>",
    }.items():
        (item,) = (await client.get(ITEMS, params={"q": q, "highlight": "true"})).json()["items"]
        assert item["highlights"]["name"] == name
    invisible = await client.post(ITEMS, json={"name": "\u200b\u2060"})
    assert (invisible.status_code, invisible.json()["errors"][0]["code"]) == (422, "blank")


async def test_an_unchanged_list_is_304_without_reading_items(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list has a weak ETag that changes with every commit."""
    path = f"{ITEMS}?sort=sku&attr.colour=red"
    # The response of the second path is never cached.
    for url in (path, f"{CATEGORIES}/garden/items?sort=sku&attr.colour=red"):
        first = await client.get(url)
        tag = first.headers["etag"]
        assert tag.startswith('W/"')
        with monkeypatch.context() as patch:
            patch.setattr(type(container.storage()), "list_items", None)
            unchanged = await client.get(url, headers={"If-None-Match": tag})
            assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    tag = (await client.get(path)).headers["etag"]
    assert (await client.get(f"{path}&limit=1")).headers["etag"] != tag
    await client.patch(f"{ITEMS}/A", json={"attributes": {"colour": "green"}})
    changed = await client.get(path, headers={"If-None-Match": tag})
    assert (changed.status_code, len(changed.json()["items"])) == (200, 1)


async def test_a_category_lists_its_items(client: httpx.AsyncClient) -> None:
    """The list includes the items of descendants unless `descendants=false`, and accepts every list parameter."""
    page = await client.get(f"{CATEGORIES}/garden/items?sort=sku&limit=2&count=exact")
    assert ([item["sku"] for item in page.json()["items"]], page.json()["count"]) == (["A", "B"], 3)
    assert [item["sku"] for item in (await client.get(page.links["next"]["url"])).json()["items"]] == ["C"]
    direct = await client.get(f"{CATEGORIES}/garden/items?descendants=false&limit=1&facet=category")
    assert [item["sku"] for item in direct.json()["items"]] == ["C"]
    assert "descendants=false" in direct.links["first"]["url"]
    assert (await client.get(f"{CATEGORIES}/nope/items")).status_code == 404
    refused = await client.get(f"{CATEGORIES}/garden/items?descendants=no&limit=0")
    assert [error["parameter"] for error in refused.json()["errors"]] == ["descendants", "limit"]


async def test_a_partial_page_is_not_cached_and_has_no_etag(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page whose facets took too long is marked as partial; the next request computes them again."""

    async def timed_out(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(type(container.storage()), "facet", timed_out)
    page = await client.get(f"{ITEMS}?facet=category")
    assert (page.json()["partial"], page.json()["facets"]) == (True, {})
    assert "etag" not in page.headers
    monkeypatch.undo()
    assert "partial" not in (await client.get(f"{ITEMS}?facet=category")).json()


async def test_a_page_says_that_a_common_word_is_not_ranked(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the SQL stores, a search with more matches than MAX_RANKED returns `"ranked": false`."""
    monkeypatch.setattr("catalog.adapters.sql.reads.list_planner.MAX_RANKED", 2)
    page = (await client.get(f"{ITEMS}?q=oak")).json()
    assert page.get("ranked", True) is not isinstance(container.storage(), SqlStorage)


async def test_an_export_contains_every_matching_item(client: httpx.AsyncClient) -> None:
    """An export is available in each format, with a file name."""
    await client.post(ITEMS, json={"sku": "SUM-1", "name": "=1+1"})
    as_csv = await client.get(f"{ITEMS}/export")
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert as_csv.headers["content-disposition"] == 'attachment; filename="items.csv"'
    assert ",'=1+1," in as_csv.text
    lines = (await client.get(f"{ITEMS}/export?format=jsonl&category=chairs&sort=-sku")).text.splitlines()
    assert '"sku":"B"' in lines[0]
    assert len(lines) == 2
    as_json = await client.get(f"{ITEMS}/export?format=json")
    assert as_json.headers["content-type"] == "application/json"
    assert len(as_json.json()) == 4
    with_proof = await client.get(f"{ITEMS}/export?format=json&proof=true")
    assert with_proof.json()[-1]["_end"]["rows"] == 4
    refused = await client.get(f"{ITEMS}/export?limit=3&colour=red")
    assert [error["parameter"] for error in refused.json()["errors"]] == ["limit", "colour"]
    assert (await client.get(f"{ITEMS}/export?format=xml")).json()["errors"][0]["parameter"] == "format"
