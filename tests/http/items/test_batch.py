"""The responses of /items/batch."""

from typing import Any

import httpx
import pytest

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import HttpSettings, StorageSettings
from tests.http.making import ITEMS, client_for, create_item

BATCH = f"{ITEMS}/batch"


def batch(*operations: dict[str, Any], **flags: bool) -> dict[str, Any]:
    """Return the body of a batch request."""
    return {"operations": list(operations), **flags}


CREATE = {"op": "create", "item": {"sku": "A", "name": "A"}}
REPRICE = {"op": "reprice", "key": "a", "price": {"amount": "1", "currency": "EUR"}}


async def test_each_operation_has_its_own_result(client: httpx.AsyncClient) -> None:
    """Each result has the status of a separate request, with the item or the problem."""
    response = await client.post(
        BATCH, json=batch(CREATE, CREATE, REPRICE, {"op": "delete", "key": "a"}, {"op": "delete", "key": "a"})
    )
    assert response.status_code == 200
    body = response.json()
    assert [result["status"] for result in body["results"]] == [201, 409, 200, 204, 404]
    assert (body["failed"], body["dry_run"]) == (2, False)
    assert body["results"][0]["item"]["sku"] == "A"
    assert body["results"][2]["item"]["price"] == {"amount": "1.00", "currency": "EUR"}
    problem = body["results"][1]["problem"]
    assert (problem["code"], problem["instance"]) == ("sku_taken", BATCH)
    assert set(body["results"][3]) == {"status"}
    minimal = await client.post(BATCH, json=batch(CREATE), headers={"Prefer": "return=minimal"})
    assert minimal.json()["results"] == [{"status": 201}]
    assert minimal.headers["preference-applied"] == "return=minimal"


async def test_an_atomic_batch_fails_with_the_status_of_its_first_failure(client: httpx.AsyncClient) -> None:
    """A refused atomic batch writes nothing and points at every error in its operations."""
    await create_item(client, sku="A")
    response = await client.post(
        BATCH,
        json=batch(
            {"op": "create", "item": {"sku": "B", "name": "B"}},
            CREATE,
            {"op": "update", "key": "a", "patch": {"na/me": 1}},
            atomic=True,
        ),
    )
    assert (response.status_code, response.headers["content-type"]) == (409, "application/problem+json")
    body = response.json()
    assert body["code"] == "batch_refused"
    assert [(error["code"], error["pointer"]) for error in body["errors"]] == [
        ("sku_taken", "/operations/1"),
        ("unknown_field", "/operations/2/patch/na~1me"),
    ]
    assert (await client.get(f"{ITEMS}/b")).status_code == 404
    dry_run = await client.post(BATCH, json=batch({"op": "create", "item": {"sku": "B", "name": "B"}}, atomic=True, dry_run=True))
    assert (dry_run.status_code, dry_run.json()["dry_run"]) == (200, True)
    assert (await client.get(f"{ITEMS}/b")).status_code == 404


async def test_a_batch_is_validated_strictly(client: httpx.AsyncClient) -> None:
    """Empty, malformed and mistyped batches are refused. `batch`, `import` and `export` are reserved and cannot be SKUs."""
    assert (await client.post(BATCH, json={"operations": []})).status_code == 422
    assert (await client.post(BATCH, content=b"{", headers={"Content-Type": "application/json"})).status_code == 400
    assert (await client.post(BATCH, content=b"{}", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (await client.post(f"{BATCH}?x=1", json=batch(CREATE))).status_code == 422
    for word in ("batch", "import", "Export"):
        refused = await client.post(ITEMS, json={"sku": word, "name": "A"})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "reserved_sku")


@pytest.mark.parametrize("store", ["memory"])
async def test_a_batch_may_be_larger_than_other_bodies(store_url: str) -> None:
    """A batch has its own size limit, `max_batch_bytes`."""
    http = HttpSettings(max_body_bytes=1024, max_batch_bytes=2048)
    container = Container(settings=Settings(storage=StorageSettings(url=store_url), http=http))
    async with running(container), client_for(create_app(container)) as client:
        large = {"op": "create", "item": {"name": "A", "description": "x" * 1500}}
        assert (await client.post(BATCH, json=batch(large))).status_code == 200
        assert (await client.post(ITEMS, json=large["item"])).status_code == 413
        assert (await client.post(BATCH, json=batch(large, large))).status_code == 413
