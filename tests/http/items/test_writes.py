"""PUT, Prefer, and the `require_if_match` setting."""

from collections.abc import AsyncIterator

import httpx
import pytest

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import HttpSettings, StorageSettings
from tests.http.making import CHAIR, ITEMS, client_for, create_categories, create_item


async def test_put_creates_and_replaces_an_item(client: httpx.AsyncClient) -> None:
    """PUT returns 201 with Location for a new item and 200 for an existing one. The body may omit the SKU."""
    await create_categories(client, "garden-chairs")
    created = await client.put(f"{ITEMS}/ch-1", json=CHAIR)
    assert (created.status_code, created.json()["sku"]) == (201, "CH-1")
    assert created.headers["location"] == f"{ITEMS}/{created.json()['id']}"
    replaced = await client.put(f"{ITEMS}/CH-1", json={"name": "Stool"})
    assert (replaced.status_code, replaced.json()["version"], replaced.json()["price"]) == (200, 2, None)
    assert "location" not in replaced.headers
    assert (await client.get(f"{ITEMS}/ch-1", headers={"If-None-Match": replaced.headers["etag"]})).status_code == 304
    unchanged = await client.put(f"{ITEMS}/{replaced.json()['id']}", json={"name": "Stool"})
    assert (unchanged.status_code, unchanged.headers["etag"]) == (200, replaced.headers["etag"])
    refused = await client.put(f"{ITEMS}/ch-1", json={"name": "x", "sku": "ch-2"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/sku")


async def test_put_honors_preconditions(client: httpx.AsyncClient) -> None:
    """`If-None-Match: *` only creates, If-Match only replaces."""
    if_absent = {"If-None-Match": "*"}
    assert (await client.put(f"{ITEMS}/a", json={"name": "A"}, headers=if_absent)).status_code == 201
    refused = await client.put(f"{ITEMS}/a", json={"name": "A"}, headers=if_absent)
    assert (refused.status_code, refused.json()["code"]) == (412, "not_absent")
    tag = (await client.get(f"{ITEMS}/a")).headers["etag"]
    assert (await client.put(f"{ITEMS}/a", json={"name": "B"}, headers={"If-Match": tag})).status_code == 200
    assert (await client.put(f"{ITEMS}/a", json={"name": "C"}, headers={"If-Match": tag})).status_code == 412
    assert (await client.put(f"{ITEMS}/a", json={"name": "C"}, headers={"If-Match": "*"})).status_code == 200
    for tag in ("*", '"x"'):
        assert (await client.put(f"{ITEMS}/b", json={"name": "B"}, headers={"If-Match": tag})).json()["code"] == "not_present"
    refused = await client.put(f"{ITEMS}/b", json={"name": "B"}, headers={"If-None-Match": '"x"'})
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")
    unknown = f"{ITEMS}/01a1fe2d-f845-7298-b2b3-97b3dac2ed43"
    assert (await client.put(unknown, json={"name": "B"})).status_code == 404


async def test_a_client_may_prefer_a_minimal_response(client: httpx.AsyncClient) -> None:
    """With `return=minimal`, a write returns no body, but the ETag and Preference-Applied."""
    minimal = {"Prefer": 'handling=lenient, return="minimal"; x=1, return=representation'}
    created = await client.post(ITEMS, json={"sku": "A", "name": "A"}, headers=minimal)
    assert (created.status_code, created.content, created.headers["preference-applied"]) == (201, b"", "return=minimal")
    assert created.headers["content-length"] == "0"
    assert created.headers["location"].startswith(ITEMS)
    for method, path, body in (
        ("PUT", "a", {"name": "B"}),
        ("PATCH", "a", {"name": "C"}),
        ("PATCH", "a/price", {"amount": 1, "currency": "EUR"}),
    ):
        response = await client.request(method, f"{ITEMS}/{path}", json=body, headers=minimal)
        assert (response.status_code, response.content, response.headers["preference-applied"]) == (204, b"", "return=minimal")
        assert response.headers["etag"] == (await client.get(f"{ITEMS}/a")).headers["etag"]
    complete = await client.patch(f"{ITEMS}/a", json={"name": "D"}, headers={"Prefer": "return=representation"})
    assert (complete.status_code, complete.json()["name"]) == (200, "D")
    assert complete.headers["preference-applied"] == "return=representation"
    assert "preference-applied" not in (await create_item(client)).headers


@pytest.fixture
async def strict(store_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that requires If-Match."""
    container = Container(settings=Settings(storage=StorageSettings(url=store_url), http=HttpSettings(require_if_match=True)))
    async with running(container), client_for(create_app(container)) as client:
        yield client


@pytest.mark.parametrize("store", ["memory"])
async def test_if_match_can_be_required(strict: httpx.AsyncClient) -> None:
    """With `require_if_match`, a change without If-Match returns 428. `If-None-Match: *` is enough to create an item by PUT."""
    created = await create_item(strict, sku="A")
    await strict.post("/api/v1/categories", json={"slug": "lamps", "name": "Lamps"})
    for method, path, body in (
        ("PATCH", f"{ITEMS}/a", {"name": "B"}),
        ("PATCH", f"{ITEMS}/a/price", {"amount": 1, "currency": "EUR"}),
        ("PUT", f"{ITEMS}/a", {"name": "B"}),
        ("POST", f"{ITEMS}/a/revert", {"version": 1}),
        ("DELETE", f"{ITEMS}/a", None),
        ("PATCH", "/api/v1/categories/lamps", {"name": "B"}),
        ("DELETE", "/api/v1/categories/lamps", None),
    ):
        refused = await strict.request(method, path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (428, "precondition_required"), path
        assert "If-Match" in refused.json()["detail"]
    assert (await strict.put(f"{ITEMS}/b", json={"name": "B"}, headers={"If-None-Match": "*"})).status_code == 201
    assert (await strict.delete(f"{ITEMS}/a", headers={"If-Match": created.headers["etag"]})).status_code == 204
    assert (await strict.delete("/api/v1/categories/lamps", headers={"If-Match": "*"})).status_code == 204


async def test_a_response_can_be_sent_back_unchanged(client: httpx.AsyncClient) -> None:
    """PUT and PATCH accept the body of a GET, read-only fields included. A changed read-only field is refused."""
    await client.post("/api/v1/categories", json={"slug": "chairs", "name": "Chairs"})
    await create_item(client, sku="A", category="chairs", attributes={"colour": "red"})
    read = await client.get(f"{ITEMS}/a")
    for method in ("PUT", "PATCH"):
        written = await client.request(method, f"{ITEMS}/a", json=read.json())
        assert (written.status_code, written.json(), written.headers["etag"]) == (200, read.json(), read.headers["etag"])
        changed = read.json() | {"version": 7}
        refused = await client.request(method, f"{ITEMS}/a", json=changed)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "read_only")
    category = await client.get("/api/v1/categories/chairs?counts=true")
    written = await client.patch("/api/v1/categories/chairs", json=category.json())
    assert (written.status_code, written.json()["version"]) == (200, 1)


async def test_an_unsupported_content_type_is_refused_with_the_supported_ones(client: httpx.AsyncClient) -> None:
    """The detail names the Content-Type of the request and a supported one."""
    refused = await client.post(ITEMS, content=b"{}", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert refused.status_code == 415
    detail = refused.json()["detail"]
    assert "Unsupported Content-Type application/x-www-form-urlencoded" in detail
    assert "-H 'Content-Type: application/json'" in detail
    assert "has no Content-Type" in (await client.post(ITEMS, content=b"{}")).json()["detail"]
