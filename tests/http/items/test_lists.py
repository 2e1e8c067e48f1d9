"""Lists over HTTP: what is told beside the items, and how an unchanged one is known."""

import httpx
import pytest

from catalog.adapters.sql.storage import SqlStorage
from catalog.entrypoints.container import Container

ITEMS = "/api/v1/items"
CATEGORIES = "/api/v1/categories"


@pytest.fixture(autouse=True)
async def _filled(client: httpx.AsyncClient) -> None:
    """Two categories, and three items in them."""
    for slug, parent in (("garden", None), ("chairs", "garden")):
        await client.post(CATEGORIES, json={"slug": slug, "name": slug.title(), "parent": parent})
    for sku, slug, colour in (("A", "chairs", "red"), ("B", "chairs", "blue"), ("C", "garden", "red")):
        body = {"sku": sku, "name": f"Oak <{sku}>", "category": slug, "attributes": {"colour": colour}}
        made = await client.post(ITEMS, json=body | {"price": {"amount": "5", "currency": "EUR"}})
        assert made.status_code == 201, made.text


async def test_counts_and_facets_stand_beside_the_items(client: httpx.AsyncClient) -> None:
    """Of the filter in force, on each page."""
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


async def test_a_list_goes_both_ways(client: httpx.AsyncClient) -> None:
    """By cursors and by links."""
    first = await client.get(f"{ITEMS}?sort=sku&limit=1")
    assert first.json()["prev_cursor"] is None
    second = await client.get(first.links["next"]["url"])
    third = await client.get(second.links["next"]["url"])
    assert [page.json()["items"][0]["sku"] for page in (first, second, third)] == ["A", "B", "C"]
    assert "next" not in third.links
    assert third.json()["next_cursor"] is None
    back = await client.get(third.links["prev"]["url"])
    assert back.json()["items"] == second.json()["items"]
    assert (await client.get(back.links["prev"]["url"])).json()["items"] == first.json()["items"]
    assert (await client.get(back.links["first"]["url"])).json() == first.json()


async def test_just_the_fields_that_are_asked_for(client: httpx.AsyncClient) -> None:
    """The id always; an item alone has an ETag for each representation, and any of them serves for a change."""
    listed = (await client.get(f"{ITEMS}?fields=price,sku&sort=sku")).json()["items"][0]
    assert list(listed) == ["id", "sku", "price"]
    whole, part = await client.get(f"{ITEMS}/A"), await client.get(f"{ITEMS}/A?fields=name")
    assert part.json() == {"id": whole.json()["id"], "name": "Oak <A>"}
    assert part.headers["etag"] != whole.headers["etag"]
    same = await client.get(f"{ITEMS}/A?fields=name", headers={"If-None-Match": part.headers["etag"]})
    assert same.status_code == 304
    other = await client.get(f"{ITEMS}/A", headers={"If-None-Match": part.headers["etag"]})
    assert other.status_code == 200
    changed = await client.patch(f"{ITEMS}/A", json={"name": "x"}, headers={"If-Match": part.headers["etag"]})
    assert changed.status_code == 200
    refused = await client.get(f"{ITEMS}/A?fields=colour&limit=1")
    assert [(fault["parameter"], fault["code"]) for fault in refused.json()["errors"]] == [
        ("limit", "unknown_parameter"),
        ("fields", "unknown_field"),
    ]


async def test_the_category_comes_along(client: httpx.AsyncClient) -> None:
    """With the way to it; and an answer that is kept follows when it is renamed."""
    for path in (f"{ITEMS}?include=category&sort=sku&limit=1", f"{ITEMS}/A?include=category"):
        for name in ("Garden", "Yard"):
            await client.patch(f"{CATEGORIES}/garden", json={"name": name})
            body = (await client.get(path)).json()
            included = (body["items"][0] if "items" in body else body)["included"]["category"]
            assert (included["slug"], included["name"], included["parent"]) == ("chairs", "Chairs", "garden")
            assert included["path"] == [{"slug": "garden", "name": name}, {"slug": "chairs", "name": "Chairs"}]
    await client.post(ITEMS, json={"sku": "D", "name": "none"})
    assert (await client.get(f"{ITEMS}/D?include=category")).json()["included"] == {"category": None}


async def test_found_words_are_marked_and_missed_ones_guessed(client: httpx.AsyncClient) -> None:
    """In HTML that is safe; suggestions are named as such."""
    found = (await client.get(f"{ITEMS}?q=oa&highlight=true&sort=sku")).json()["items"][0]
    assert found["highlights"] == {"name": "<mark>Oak</mark> &lt;A&gt;", "description": None}
    page = (await client.get(f"{ITEMS}?q=oka")).json()
    assert page["items"] == []
    assert [(one["sku"], one["name"]) for one in page["suggestions"]] == [("A", "Oak <A>"), ("B", "Oak <B>"), ("C", "Oak <C>")]
    assert "suggestions" not in (await client.get(f"{ITEMS}?q=zzzz")).json()


async def test_a_query_of_signs_finds_nothing_and_a_blank_one_everything(client: httpx.AsyncClient) -> None:
    """On lists and exports, and beside facets and counts."""
    for q in ("…", "😀🎉", "'\"*:()"):
        page = (await client.get(ITEMS, params={"q": q, "count": "exact", "facet": "category"})).json()
        assert (page["items"], page["count"], page["facets"]["category"]["values"]) == ([], 0, [])
        assert '"rows": 0' in (await client.get(f"{ITEMS}/export", params={"q": q, "format": "jsonl"})).text
    for q in ("", " \t", "\u200b\u00ad"):
        assert len((await client.get(ITEMS, params={"q": q})).json()["items"]) == 3


async def test_parts_of_unspaced_words_and_of_codes_are_marked(client: httpx.AsyncClient) -> None:
    """Exactly in the ones, the whole code in the others."""
    made = await client.post(ITEMS, json={"sku": "KT-1", "name": "東京タワー限定 KT-INS114"})
    assert made.status_code == 201
    for q, name in {
        "タワー": "東京<mark>タワー</mark>限定 KT-INS114",
        "ktins": "東京タワー限定 <mark>KT-INS114</mark>",
    }.items():
        (found,) = (await client.get(ITEMS, params={"q": q, "highlight": "true"})).json()["items"]
        assert found["highlights"]["name"] == name
    invisible = await client.post(ITEMS, json={"name": "\u200b\u2060"})
    assert (invisible.status_code, invisible.json()["errors"][0]["code"]) == (422, "blank")


async def test_an_unchanged_list_is_known_without_a_look_at_the_items(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a weak ETag, which every change in the catalog changes."""
    path = f"{ITEMS}?sort=sku&attr.colour=red"
    # The second is in no cache.
    for asked in (path, f"{CATEGORIES}/garden/items?sort=sku&attr.colour=red"):
        first = await client.get(asked)
        tag = first.headers["etag"]
        assert tag.startswith('W/"')
        with monkeypatch.context() as patch:
            patch.setattr(type(container.storage()), "list_items", None)
            again = await client.get(asked, headers={"If-None-Match": tag})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    tag = (await client.get(path)).headers["etag"]
    assert (await client.get(f"{path}&limit=1")).headers["etag"] != tag
    await client.patch(f"{ITEMS}/A", json={"attributes": {"colour": "green"}})
    changed = await client.get(path, headers={"If-None-Match": tag})
    assert (changed.status_code, len(changed.json()["items"])) == (200, 1)


async def test_a_category_lists_its_items(client: httpx.AsyncClient) -> None:
    """With those of its descendants, unless they are not wanted; with everything that lists have."""
    page = await client.get(f"{CATEGORIES}/garden/items?sort=sku&limit=2&count=exact")
    assert ([one["sku"] for one in page.json()["items"]], page.json()["count"]) == (["A", "B"], 3)
    assert [one["sku"] for one in (await client.get(page.links["next"]["url"])).json()["items"]] == ["C"]
    own = await client.get(f"{CATEGORIES}/garden/items?descendants=false&limit=1&facet=category")
    assert [one["sku"] for one in own.json()["items"]] == ["C"]
    assert "descendants=false" in own.links["first"]["url"]
    assert (await client.get(f"{CATEGORIES}/nope/items")).status_code == 404
    refused = await client.get(f"{CATEGORIES}/garden/items?descendants=no&limit=0")
    assert [fault["parameter"] for fault in refused.json()["errors"]] == ["descendants", "limit"]


async def test_what_is_not_complete_is_neither_kept_nor_tagged(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it is asked for again."""

    async def too_long(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(type(container.storage()), "facet", too_long)
    page = await client.get(f"{ITEMS}?facet=category")
    assert (page.json()["partial"], page.json()["facets"]) == (True, {})
    assert "etag" not in page.headers
    monkeypatch.undo()
    assert "partial" not in (await client.get(f"{ITEMS}?facet=category")).json()


async def test_a_common_word_is_not_ranked(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which the answer says."""
    monkeypatch.setattr("catalog.adapters.sql.reads.list_planner.MAX_RANKED", 2)
    page = (await client.get(f"{ITEMS}?q=oak")).json()
    assert page.get("ranked", True) is not isinstance(container.storage(), SqlStorage)


async def test_an_export_is_streamed_whole(client: httpx.AsyncClient) -> None:
    """In each format, under a name."""
    await client.post(ITEMS, json={"sku": "SUM-1", "name": "=1+1"})
    plain = await client.get(f"{ITEMS}/export")
    assert plain.headers["content-type"] == "text/csv; charset=utf-8"
    assert plain.headers["content-disposition"] == 'attachment; filename="items.csv"'
    assert ",'=1+1," in plain.text
    lines = (await client.get(f"{ITEMS}/export?format=jsonl&category=chairs&sort=-sku")).text.splitlines()
    assert '"sku":"B"' in lines[0]
    assert len(lines) == 3
    whole = await client.get(f"{ITEMS}/export?format=json")
    assert whole.headers["content-type"] == "application/json"
    assert whole.json()[-1]["_end"]["rows"] == 4
    refused = await client.get(f"{ITEMS}/export?limit=3&colour=red")
    assert [fault["parameter"] for fault in refused.json()["errors"]] == ["limit", "colour"]
    assert (await client.get(f"{ITEMS}/export?format=xml")).json()["errors"][0]["parameter"] == "format"
