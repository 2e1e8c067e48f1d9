"""/items/batch: what the answers look like."""

from typing import Any

import httpx
import pytest

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings import HttpSettings, Settings, StorageSettings
from tests.http.conftest import asked
from tests.http.items.test_items import ITEMS, created

BATCH = f"{ITEMS}/batch"


def batch(*operations: dict[str, Any], **flags: bool) -> dict[str, Any]:
    """Make the body of a batch."""
    return {"operations": list(operations), **flags}


CREATE = {"op": "create", "item": {"sku": "A", "name": "A"}}
REPRICE = {"op": "reprice", "key": "a", "price": {"amount": "1", "currency": "EUR"}}


async def test_each_operation_has_a_result(client: httpx.AsyncClient) -> None:
    """A status as a request of its own would have, with the item or the problem."""
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


async def test_an_atomic_batch_fails_as_its_first_failure_does(client: httpx.AsyncClient) -> None:
    """With a pointer into the batch for each fault."""
    await created(client, sku="A")
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
    assert [(fault["code"], fault["pointer"]) for fault in body["errors"]] == [
        ("sku_taken", "/operations/1"),
        ("unknown_field", "/operations/2/patch/na~1me"),
    ]
    assert (await client.get(f"{ITEMS}/b")).status_code == 404
    done = await client.post(BATCH, json=batch({"op": "create", "item": {"sku": "B", "name": "B"}}, atomic=True, dry_run=True))
    assert (done.status_code, done.json()["dry_run"]) == (200, True)
    assert (await client.get(f"{ITEMS}/b")).status_code == 404


async def test_a_batch_is_read_strictly(client: httpx.AsyncClient) -> None:
    """As every body is; a SKU that is called so is no path."""
    assert (await client.post(BATCH, json={"operations": []})).status_code == 422
    assert (await client.post(BATCH, content=b"{", headers={"Content-Type": "application/json"})).status_code == 400
    assert (await client.post(BATCH, content=b"{}", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (await client.post(f"{BATCH}?x=1", json=batch(CREATE))).status_code == 422
    for name in ("batch", "import", "Export"):
        refused = await client.post(ITEMS, json={"sku": name, "name": "A"})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "reserved_sku")


@pytest.mark.parametrize("store", ["memory"])
async def test_a_batch_may_be_larger_than_other_bodies(store_url: str) -> None:
    """Up to a limit of its own."""
    http = HttpSettings(max_body_bytes=1024, max_batch_bytes=2048)
    made = Container(settings=Settings(storage=StorageSettings(url=store_url), http=http))
    async with running(made), asked(create_app(made)) as client:
        large = {"op": "create", "item": {"name": "A", "description": "x" * 1500}}
        assert (await client.post(BATCH, json=batch(large))).status_code == 200
        assert (await client.post(ITEMS, json=large["item"])).status_code == 413
        assert (await client.post(BATCH, json=batch(large, large))).status_code == 413
