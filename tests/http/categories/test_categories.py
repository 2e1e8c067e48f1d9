"""/categories over HTTP, the same on every store."""

import httpx
import pytest

CATEGORIES = "/api/v1/categories"
ITEMS = "/api/v1/items"


@pytest.fixture
async def tree(client: httpx.AsyncClient) -> None:
    """A small tree, with items in it."""
    for slug, parent in (("garden", None), ("garden-chairs", "garden"), ("lamps", None)):
        made = await client.post(CATEGORIES, json={"slug": slug, "name": slug.title(), "parent": parent})
        assert made.status_code == 201, made.text
    for sku, slug in (("A", "garden"), ("B", "garden-chairs"), ("C", "garden-chairs")):
        assert (await client.post(ITEMS, json={"sku": sku, "name": sku, "category": slug})).status_code == 201


async def test_a_category_is_created_and_read(client: httpx.AsyncClient) -> None:
    """With Location, ETag and the way to it."""
    await client.post(CATEGORIES, json={"name": "Garden"})
    made = await client.post(CATEGORIES, json={"name": "Garden chairs", "parent": "garden"})
    assert made.status_code == 201
    assert made.headers["location"] == f"{CATEGORIES}/garden-chairs"
    assert made.json() == {
        "slug": "garden-chairs",
        "name": "Garden chairs",
        "parent": "garden",
        "position": 0,
        "version": 1,
        "path": [{"slug": "garden", "name": "Garden"}, {"slug": "garden-chairs", "name": "Garden chairs"}],
    }
    read = await client.get(made.headers["location"])
    assert (read.content, read.headers["etag"]) == (made.content, made.headers["etag"])
    again = await client.get(made.headers["location"], headers={"If-None-Match": read.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    renamed = await client.patch(f"{CATEGORIES}/garden", json={"name": "Yard"})
    assert renamed.json()["version"] == 2
    moved_on = await client.get(made.headers["location"], headers={"If-None-Match": read.headers["etag"]})
    assert (moved_on.status_code, moved_on.json()["path"][0]["name"]) == (200, "Yard")
    patched = await client.patch(made.headers["location"], json={"name": "Chairs"}, headers={"If-Match": read.headers["etag"]})
    assert (patched.status_code, patched.json()["name"]) == (200, "Chairs")


@pytest.mark.usefixtures("tree")
async def test_the_categories_are_listed(client: httpx.AsyncClient) -> None:
    """Flat or as a tree, with counts where they are asked for, and 304 to who has them."""
    flat = await client.get(f"{CATEGORIES}?counts=true")
    assert [(each["slug"], each["item_count"]) for each in flat.json()["categories"]] == [
        ("garden", 3),
        ("garden-chairs", 2),
        ("lamps", 0),
    ]
    nested = (await client.get(f"{CATEGORIES}?as=tree")).json()["categories"]
    assert [each["slug"] for each in nested] == ["garden", "lamps"]
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
    assert [(fault["parameter"], fault["code"]) for fault in refused.json()["errors"]] == [
        ("count", "unknown_parameter"),
        ("as", "invalid_choice"),
    ]


@pytest.mark.usefixtures("tree")
async def test_a_category_goes_when_nothing_is_in_it(client: httpx.AsyncClient) -> None:
    """409 says how much is; `move_to` takes it elsewhere."""
    refused = await client.delete(f"{CATEGORIES}/garden")
    assert (refused.status_code, refused.json()["code"]) == (409, "category_in_use")
    assert "children: 1, items: 1" in refused.json()["detail"]
    nowhere = await client.delete(f"{CATEGORIES}/garden?move_to=nope")
    assert (nowhere.status_code, nowhere.json()["errors"][0]["parameter"]) == (422, "move_to")
    gone = await client.delete(f"{CATEGORIES}/garden?move_to=lamps")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await client.get(f"{ITEMS}/A")).json()["category"] == "lamps"
    assert (await client.get(f"{CATEGORIES}/garden-chairs")).json()["parent"] == "lamps"
    assert (await client.get(f"{CATEGORIES}/garden")).json()["code"] == "category_not_found"


async def test_a_name_that_cannot_be_spelled_needs_a_slug(client: httpx.AsyncClient) -> None:
    """No letter is dropped without a word; Greek and Cyrillic are spelled out."""
    for name, slug in (("Łóżka", "lozka"), ("Чайники", "chainiki"), ("Καρέκλες", "karekles")):
        made = await client.post(CATEGORIES, json={"name": name})
        assert (made.status_code, made.json()["slug"]) == (201, slug)
    for name in ("厨房", "Küche 厨房", "مطبخ"):
        refused = await client.post(CATEGORIES, json={"name": name})
        assert refused.status_code == 422
        (fault,) = refused.json()["errors"]
        assert (fault["pointer"], fault["code"]) == ("/slug", "required")
        assert "give one: garden-chairs" in fault["detail"]
    assert (await client.post(CATEGORIES, json={"name": "厨房", "slug": "kitchen"})).status_code == 201
    twice = await client.post(CATEGORIES, json={"name": "Lozka"})
    assert (twice.status_code, twice.json()["code"]) == (409, "slug_taken")


@pytest.mark.usefixtures("tree")
async def test_refusals_name_the_fault(client: httpx.AsyncClient) -> None:
    """Each with its status and code."""
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
async def test_a_list_follows_the_tree(client: httpx.AsyncClient) -> None:
    """A cached one too, when a category moves."""

    async def skus() -> list[str]:
        page = await client.get(f"{ITEMS}?category=garden&sort=sku")
        return [one["sku"] for one in page.json()["items"]]

    assert await skus() == await skus() == ["A", "B", "C"]
    await client.patch(f"{CATEGORIES}/garden-chairs", json={"parent": "lamps"})
    assert await skus() == ["A"]
