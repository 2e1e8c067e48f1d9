"""/categories over HTTP, the same on every store."""

import httpx
import pytest

from tests.http.making import CATEGORIES, ITEMS


@pytest.fixture
async def tree(client: httpx.AsyncClient) -> None:
    """Three categories, two of them with items."""
    for slug, parent in (("garden", None), ("garden-chairs", "garden"), ("lamps", None)):
        created = await client.post(CATEGORIES, json={"slug": slug, "name": slug.title(), "parent": parent})
        assert created.status_code == 201, created.text
    for sku, slug in (("A", "garden"), ("B", "garden-chairs"), ("C", "garden-chairs")):
        assert (await client.post(ITEMS, json={"sku": sku, "name": sku, "category": slug})).status_code == 201


async def test_a_category_is_created_and_read(client: httpx.AsyncClient) -> None:
    """The response has Location, ETag and the path from the root. Renaming an ancestor changes the ETag for reads."""
    await client.post(CATEGORIES, json={"name": "Garden"})
    created = await client.post(CATEGORIES, json={"name": "Garden chairs", "parent": "garden"})
    assert created.status_code == 201
    assert created.headers["location"] == f"{CATEGORIES}/garden-chairs"
    assert created.json() == {
        "slug": "garden-chairs",
        "name": "Garden chairs",
        "parent": "garden",
        "position": 0,
        "version": 1,
        "path": [{"slug": "garden", "name": "Garden"}, {"slug": "garden-chairs", "name": "Garden chairs"}],
    }
    read = await client.get(created.headers["location"])
    assert (read.content, read.headers["etag"]) == (created.content, created.headers["etag"])
    unchanged = await client.get(created.headers["location"], headers={"If-None-Match": read.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    renamed = await client.patch(f"{CATEGORIES}/garden", json={"name": "Yard"})
    assert renamed.json()["version"] == 2
    changed = await client.get(created.headers["location"], headers={"If-None-Match": read.headers["etag"]})
    assert (changed.status_code, changed.json()["path"][0]["name"]) == (200, "Yard")
    patched = await client.patch(created.headers["location"], json={"name": "Chairs"}, headers={"If-Match": read.headers["etag"]})
    assert (patched.status_code, patched.json()["name"]) == (200, "Chairs")


@pytest.mark.usefixtures("tree")
async def test_categories_are_listed_flat_or_as_a_tree(client: httpx.AsyncClient) -> None:
    """A list has item counts on request and an ETag."""
    flat = await client.get(f"{CATEGORIES}?counts=true")
    assert [(category["slug"], category["item_count"]) for category in flat.json()["categories"]] == [
        ("garden", 3),
        ("garden-chairs", 2),
        ("lamps", 0),
    ]
    nested = (await client.get(f"{CATEGORIES}?as=tree")).json()["categories"]
    assert [category["slug"] for category in nested] == ["garden", "lamps"]
    assert nested[0]["children"][0] == {
        "slug": "garden-chairs",
        "name": "Garden-Chairs",
        "parent": "garden",
        "position": 0,
        "version": 1,
        "children": [],
    }
    tag = flat.headers["etag"]
    assert (await client.get(f"{CATEGORIES}?counts=true", headers={"If-None-Match": tag})).status_code == 304
    assert (await client.get(f"{CATEGORIES}/garden?counts=true")).json()["item_count"] == 3
    refused = await client.get(f"{CATEGORIES}?as=list&count=1")
    assert [(error["parameter"], error["code"]) for error in refused.json()["errors"]] == [
        ("as", "invalid_choice"),
        ("count", "unknown_parameter"),
    ]


@pytest.mark.usefixtures("tree")
async def test_a_category_in_use_cannot_be_deleted(client: httpx.AsyncClient) -> None:
    """409 says how many children and items it has; `move_to` moves them to another category."""
    refused = await client.delete(f"{CATEGORIES}/garden")
    assert (refused.status_code, refused.json()["code"]) == (409, "category_in_use")
    assert "children: 1, items: 1" in refused.json()["detail"]
    unknown = await client.delete(f"{CATEGORIES}/garden?move_to=nope")
    assert (unknown.status_code, unknown.json()["errors"][0]["parameter"]) == (422, "move_to")
    deleted = await client.delete(f"{CATEGORIES}/garden?move_to=lamps")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await client.get(f"{ITEMS}/A")).json()["category"] == "lamps"
    assert (await client.get(f"{CATEGORIES}/garden-chairs")).json()["parent"] == "lamps"
    assert (await client.get(f"{CATEGORIES}/garden")).json()["code"] == "category_not_found"


async def test_a_name_that_cannot_be_transliterated_needs_a_slug(client: httpx.AsyncClient) -> None:
    """A slug is derived from Latin, Greek and Cyrillic names. No letter is dropped silently."""
    for name, slug in (("Łóżka", "lozka"), ("Чайники", "chainiki"), ("Καρέκλες", "karekles")):
        created = await client.post(CATEGORIES, json={"name": name})
        assert (created.status_code, created.json()["slug"]) == (201, slug)
    for name in ("厨房", "Küche 厨房", "مطبخ"):
        refused = await client.post(CATEGORIES, json={"name": name})
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/slug", "required")
        assert "give one: garden-chairs" in error["detail"]
    assert (await client.post(CATEGORIES, json={"name": "厨房", "slug": "kitchen"})).status_code == 201
    taken = await client.post(CATEGORIES, json={"name": "Lozka"})
    assert (taken.status_code, taken.json()["code"]) == (409, "slug_taken")


@pytest.mark.usefixtures("tree")
async def test_each_refusal_has_its_status_and_code(client: httpx.AsyncClient) -> None:
    """A taken slug, a cycle, a stale tag and an unknown category are refused."""
    taken = await client.post(CATEGORIES, json={"slug": "lamps", "name": "x"})
    assert (taken.status_code, taken.json()["code"]) == (409, "slug_taken")
    cycle = await client.patch(f"{CATEGORIES}/garden", json={"parent": "garden-chairs"})
    assert (cycle.status_code, cycle.json()["code"]) == (409, "category_cycle")
    stale = await client.patch(f"{CATEGORIES}/garden", json={"name": "x"}, headers={"If-Match": '"x"'})
    assert stale.status_code == 412
    unknown = await client.post(ITEMS, json={"name": "x", "category": "garden-chair"})
    assert unknown.status_code == 422
    assert unknown.json()["errors"] == [
        {
            "code": "unknown_category",
            "detail": "There is no category garden-chair; did you mean garden-chairs?",
            "pointer": "/category",
        }
    ]


@pytest.mark.usefixtures("tree")
async def test_lists_reflect_a_moved_category(client: httpx.AsyncClient) -> None:
    """Moving a category changes the list of its former parent, also if that list is cached."""

    async def skus() -> list[str]:
        page = await client.get(f"{ITEMS}?category=garden&sort=sku")
        return [item["sku"] for item in page.json()["items"]]

    assert await skus() == await skus() == ["A", "B", "C"]
    await client.patch(f"{CATEGORIES}/garden-chairs", json={"parent": "lamps"})
    assert await skus() == ["A"]
