"""Imports over HTTP that delete what is missing."""

import httpx
import pytest

from tests.http.imports.requests import CSV, IMPORT, IN_BACKGROUND, import_csv, wait_for_end
from tests.http.making import ITEMS, create_item

DELETE_MISSING = {"delete_missing": "true", "on_conflict": "update"}


@pytest.fixture(autouse=True)
async def _items(client: httpx.AsyncClient) -> None:
    """The items A, B and C."""
    for sku in "ABC":
        await create_item(client, sku=sku)


async def _skus(client: httpx.AsyncClient) -> list[str]:
    return [item["sku"] for item in (await client.get(ITEMS, params={"sort": "sku"})).json()["items"]]


async def test_missing_items_are_deleted(client: httpx.AsyncClient) -> None:
    """Their history has the deletion, and they can be restored."""
    dry = (await import_csv(client, "sku,name\nA,New\n", dry_run="true", **DELETE_MISSING)).json()
    assert (dry["missing"], dry["deleted"], dry["kept"], sorted(dry["missing_skus"])) == (2, 2, 0, ["B", "C"])
    assert await _skus(client) == ["A", "B", "C"]
    headers = CSV | {"X-Request-ID": "feed-1"}
    body = (await client.post(IMPORT, content=b"sku,name\nA,New\n", headers=headers, params=DELETE_MISSING)).json()
    assert (body["status"], body["updated"], body["missing"], body["deleted"], body["deletion_refused"]) == (
        "done",
        1,
        2,
        2,
        None,
    )
    assert await _skus(client) == ["A"]
    assert (await client.get(f"{ITEMS}/B")).status_code == 404
    entries = (await client.get("/api/v1/changes", params={"kind": "item.removed"})).json()["changes"]
    assert [entry["request_id"] for entry in entries] == ["feed-1"] * 2
    assert (await client.post(f"{ITEMS}/B/restore")).status_code == 200


async def test_more_than_max_deletes_deletes_nothing(client: httpx.AsyncClient) -> None:
    """The rows are imported. With `mode=all_or_nothing`, they are not either."""
    body = (await import_csv(client, "sku,name\nD,New\n", max_deletes="2", **DELETE_MISSING)).json()
    assert (body["status"], body["created"], body["missing"], body["deleted"]) == ("done", 1, 3, 0)
    assert body["deletion_refused"] == (
        "3 items are not in the file, more than max_deletes=2, so nothing is deleted. "
        "If all of them should be, set max_deletes=3."
    )
    parameters = {"max_deletes": "2", "mode": "all_or_nothing"} | DELETE_MISSING
    response = await import_csv(client, "sku,name\nE,New\n", **parameters)
    assert response.status_code == 422
    assert (response.json()["status"], response.json()["created"]) == ("refused", 0)
    assert await _skus(client) == ["A", "B", "C", "D"]


async def test_a_file_without_rows_is_refused(client: httpx.AsyncClient) -> None:
    """With the reason."""
    response = await import_csv(client, "sku,name\n", **DELETE_MISSING)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_file")
    assert "The file has no rows. With delete_missing=true" in response.text
    assert await _skus(client) == ["A", "B", "C"]


async def test_the_options_may_be_fields_of_a_form(client: httpx.AsyncClient) -> None:
    """Without `delete_missing`, `max_deletes` has no effect."""
    response = await client.post(IMPORT, files={"file": ("a.csv", b"sku,name\nA,New\n")}, data={"max_deletes": "2"})
    assert (response.status_code, response.json()["missing"]) == (200, 0)
    response = await import_csv(client, "sku,name\nA,New\n", max_deletes="x", **DELETE_MISSING)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "invalid_integer")
    fields = DELETE_MISSING | {"max_deletes": "2"}
    response = await client.post(IMPORT, files={"file": ("a.csv", b"sku,name\nA,New\n")}, data=fields)
    assert (response.status_code, response.json()["deleted"]) == (200, 2)


async def test_an_import_in_the_background_deletes_too(client: httpx.AsyncClient) -> None:
    """Its status has the same counts, and says why nothing was deleted."""
    parameters = DELETE_MISSING
    for text, deleted, reason in (("sku,name\n,New\n", 0, "the first in line 2"), ("sku,name\nA,New\n", 2, "")):
        response = await client.post(IMPORT, content=text.encode(), headers=IN_BACKGROUND, params=parameters)
        assert response.status_code == 202, response.text
        body = await wait_for_end(client, response.headers["location"])
        assert (body["status"], body["deleted"]) == ("done", deleted)
        assert reason in (body["deletion_refused"] or "")
    assert await _skus(client) == ["A"]
