"""PUT, preferences, and the condition that may be required."""

from collections.abc import AsyncIterator

import httpx
import pytest

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings import HttpSettings, Settings, StorageSettings
from tests.http.conftest import asked
from tests.http.items.test_items import CHAIR, ITEMS, created, planted


async def test_put_creates_and_replaces(client: httpx.AsyncClient) -> None:
    """201 with Location, then 200; the SKU may be left to the path."""
    await planted(client, "garden-chairs")
    first = await client.put(f"{ITEMS}/ch-1", json=CHAIR)
    assert (first.status_code, first.json()["sku"]) == (201, "CH-1")
    assert first.headers["location"] == f"{ITEMS}/{first.json()['id']}"
    second = await client.put(f"{ITEMS}/CH-1", json={"name": "Stool"})
    assert (second.status_code, second.json()["version"], second.json()["price"]) == (200, 2, None)
    assert "location" not in second.headers
    assert (await client.get(f"{ITEMS}/ch-1", headers={"If-None-Match": second.headers["etag"]})).status_code == 304
    same = await client.put(f"{ITEMS}/{second.json()['id']}", json={"name": "Stool"})
    assert (same.status_code, same.headers["etag"]) == (200, second.headers["etag"])
    other = await client.put(f"{ITEMS}/ch-1", json={"name": "x", "sku": "ch-2"})
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (422, "/sku")


async def test_put_has_conditions(client: httpx.AsyncClient) -> None:
    """If-None-Match: * creates only, If-Match replaces only."""
    only = {"If-None-Match": "*"}
    assert (await client.put(f"{ITEMS}/a", json={"name": "A"}, headers=only)).status_code == 201
    there = await client.put(f"{ITEMS}/a", json={"name": "A"}, headers=only)
    assert (there.status_code, there.json()["code"]) == (412, "not_absent")
    tag = (await client.get(f"{ITEMS}/a")).headers["etag"]
    assert (await client.put(f"{ITEMS}/a", json={"name": "B"}, headers={"If-Match": tag})).status_code == 200
    assert (await client.put(f"{ITEMS}/a", json={"name": "C"}, headers={"If-Match": tag})).status_code == 412
    assert (await client.put(f"{ITEMS}/a", json={"name": "C"}, headers={"If-Match": "*"})).status_code == 200
    for tag in ("*", '"x"'):
        assert (await client.put(f"{ITEMS}/b", json={"name": "B"}, headers={"If-Match": tag})).json()["code"] == "not_present"
    odd = await client.put(f"{ITEMS}/b", json={"name": "B"}, headers={"If-None-Match": '"x"'})
    assert (odd.status_code, odd.json()["code"]) == (400, "malformed")
    unknown = f"{ITEMS}/01a1fe2d-f845-7298-b2b3-97b3dac2ed43"
    assert (await client.put(unknown, json={"name": "B"})).status_code == 404


async def test_an_answer_may_be_minimal(client: httpx.AsyncClient) -> None:
    """And says so, with the ETag."""
    minimal = {"Prefer": 'handling=lenient, return="minimal"; x=1, return=representation'}
    made = await client.post(ITEMS, json={"sku": "A", "name": "A"}, headers=minimal)
    assert (made.status_code, made.content, made.headers["preference-applied"]) == (201, b"", "return=minimal")
    assert made.headers["content-length"] == "0"
    assert made.headers["location"].startswith(ITEMS)
    for method, path, body in (
        ("PUT", "a", {"name": "B"}),
        ("PATCH", "a", {"name": "C"}),
        ("PATCH", "a/price", {"amount": 1, "currency": "EUR"}),
    ):
        answer = await client.request(method, f"{ITEMS}/{path}", json=body, headers=minimal)
        assert (answer.status_code, answer.content, answer.headers["preference-applied"]) == (204, b"", "return=minimal")
        assert answer.headers["etag"] == (await client.get(f"{ITEMS}/a")).headers["etag"]
    whole = await client.patch(f"{ITEMS}/a", json={"name": "D"}, headers={"Prefer": "return=representation"})
    assert (whole.status_code, whole.json()["name"]) == (200, "D")
    assert whole.headers["preference-applied"] == "return=representation"
    assert "preference-applied" not in (await created(client)).headers


@pytest.fixture
async def strict(store_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that requires If-Match."""
    made = Container(settings=Settings(storage=StorageSettings(url=store_url), http=HttpSettings(require_if_match=True)))
    async with running(made), asked(create_app(made)) as client:
        yield client


@pytest.mark.parametrize("store", ["memory"])
async def test_if_match_may_be_required(strict: httpx.AsyncClient) -> None:
    """Its absence is 428 then, on all that changes what is there; a creation by PUT says so itself."""
    made = await created(strict, sku="A")
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
    assert (await strict.delete(f"{ITEMS}/a", headers={"If-Match": made.headers["etag"]})).status_code == 204
    assert (await strict.delete("/api/v1/categories/lamps", headers={"If-Match": "*"})).status_code == 204


async def test_what_was_read_may_be_written_back(client: httpx.AsyncClient) -> None:
    """Items and categories, whole or as a patch, with what is kept by us in it."""
    await client.post("/api/v1/categories", json={"slug": "chairs", "name": "Chairs"})
    await created(client, sku="A", category="chairs", attributes={"colour": "red"})
    read = await client.get(f"{ITEMS}/a")
    for method in ("PUT", "PATCH"):
        back = await client.request(method, f"{ITEMS}/a", json=read.json())
        assert (back.status_code, back.json(), back.headers["etag"]) == (200, read.json(), read.headers["etag"])
        other = read.json() | {"version": 7}
        refused = await client.request(method, f"{ITEMS}/a", json=other)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "read_only")
    category = await client.get("/api/v1/categories/chairs?counts=true")
    back = await client.patch("/api/v1/categories/chairs", json=category.json())
    assert (back.status_code, back.json()["version"]) == (200, 1)


async def test_a_body_without_its_type_is_told_what_is_wanted(client: httpx.AsyncClient) -> None:
    """And what came."""
    refused = await client.post(ITEMS, content=b"{}", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert refused.status_code == 415
    detail = refused.json()["detail"]
    assert "Unsupported Content-Type application/x-www-form-urlencoded" in detail
    assert "-H 'Content-Type: application/json'" in detail
    assert "has no Content-Type" in (await client.post(ITEMS, content=b"{}")).json()["detail"]
