"""History, prices, restore and revert over HTTP."""

import httpx
import pytest

from tests.http.making import ITEMS, create_item

EUR = {"amount": "10", "currency": "EUR"}


async def test_a_deleted_item_keeps_its_history_and_can_be_restored(client: httpx.AsyncClient) -> None:
    """The history has every change with its request id, before and after; a restore continues the version numbers."""
    created = (await client.post(ITEMS, json={"sku": "A", "name": "A", "price": EUR}, headers={"X-Request-ID": "r-1"})).json()
    await client.patch(f"{ITEMS}/a/price", json={"amount": "8", "currency": "EUR"})
    before = (await client.get(f"{ITEMS}/a")).headers["etag"]
    await client.delete(f"{ITEMS}/a")
    history = (await client.get(f"{ITEMS}/a/history")).json()
    assert (history["next_after"], history["head"], history["known_since"]) == (None, 3, None)
    assert [(entry["seq"], entry["kind"], entry["version"]) for entry in history["changes"]] == [
        (1, "item.created", 1),
        (2, "item.repriced", 2),
        (3, "item.removed", 3),
    ]
    first, second, third = history["changes"]
    assert (first["before"], first["after"], first["actor"], first["request_id"]) == (None, created, "local", "r-1")
    assert (first["item_id"], first["sku"], second["after"]["price"]["amount"]) == (created["id"], "A", "8.00")
    assert (third["before"], third["after"]) == (second["after"], None)
    page = (await client.get(f"{ITEMS}/{created['id']}/history", params={"limit": 1, "after": 1})).json()
    assert ([entry["seq"] for entry in page["changes"]], page["next_after"]) == ([2], 2)
    prices = (await client.get(f"{ITEMS}/a/prices")).json()
    assert [(period["price"]["amount"], period["seq"], period["until"] is None) for period in prices["prices"]] == [
        ("10.00", 1, False),
        ("8.00", 2, False),
    ]
    assert (prices["lowest_30_days"], prices["known_since"]) == (None, None)
    restored = await client.post(f"{ITEMS}/{created['id']}/restore")
    assert (restored.status_code, restored.json()["version"], restored.json()["price"]["amount"]) == (200, 4, "8.00")
    assert (await client.patch(f"{ITEMS}/a", json={"name": "B"}, headers={"If-Match": before})).status_code == 412
    refused = await client.post(f"{ITEMS}/{created['id']}/restore", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_deleted")
    reverted = await client.post(f"{ITEMS}/a/revert", json={"version": 1}, headers={"If-Match": restored.headers["etag"]})
    assert (reverted.status_code, reverted.json()["price"]["amount"], reverted.json()["version"]) == (200, "10.00", 5)
    prices = (await client.get(f"{ITEMS}/a/prices")).json()
    assert prices["lowest_30_days"]["amount"] == "8.00"
    assert prices["before_reduction"] is None
    initial_prices = (await client.get(f"{ITEMS}/a/prices", params={"as_of": created["created_at"]})).json()
    assert [period["price"]["amount"] for period in initial_prices["prices"]] == ["10.00"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "nope/history", None, 404, "item_not_found"),
        ("GET", "a/history?limit=0", None, 422, "invalid_query"),
        ("GET", "a/history?kind=item.created", None, 422, "invalid_query"),
        ("GET", "nope/prices", None, 404, "item_not_found"),
        ("GET", "a/prices?as_of=yesterday", None, 422, "invalid_query"),
        ("GET", "a/prices?at=2026-01-01", None, 422, "invalid_query"),
        ("POST", "a/restore", None, 409, "not_deleted"),
        ("POST", "nope/restore", None, 404, "item_not_found"),
        ("POST", "a%20b/restore", None, 404, "item_not_found"),
        ("POST", "a/restore", {"x": 1}, 422, "invalid_input"),
        ("POST", "a/revert", {"version": 9}, 404, "version_not_found"),
        ("POST", "a/revert", {"version": "1"}, 422, "invalid_input"),
        ("POST", "a/revert", {}, 422, "invalid_input"),
        ("POST", "nope/revert", {"version": 1}, 404, "item_not_found"),
    ],
)
async def test_invalid_history_restore_and_revert_requests_are_refused(
    client: httpx.AsyncClient, method: str, path: str, body: object, status: int, code: str
) -> None:
    """Each refusal has its status and code."""
    await create_item(client, sku="A")
    response = await client.request(method, f"{ITEMS}/{path}", json=body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


async def test_a_restore_accepts_only_an_empty_body(client: httpx.AsyncClient) -> None:
    """A restore with a malformed or mistyped body is refused."""
    created = (await create_item(client, sku="A")).json()
    await client.delete(f"{ITEMS}/a")
    path = f"{ITEMS}/{created['id']}/restore"
    assert (await client.post(path, content=b"x")).status_code == 400
    assert (await client.post(path, content=b"", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (await client.post(path)).status_code == 200


async def test_a_deleted_item_is_restored_by_its_sku(client: httpx.AsyncClient) -> None:
    """A deleted item can be restored by its SKU, in any case."""
    created = (await create_item(client, sku="A")).json()
    await client.delete(f"{ITEMS}/a")
    restored = await client.post(f"{ITEMS}/a/restore")
    assert (restored.status_code, restored.json()["id"], restored.json()["version"]) == (200, created["id"], 3)


async def test_the_largest_numbers_and_the_first_and_last_times_are_accepted(client: httpx.AsyncClient) -> None:
    """Sequence numbers and versions up to 2^63 - 1 and times of the years 1 to 9999 work on every store."""
    created = (await create_item(client, sku="A", price={"amount": "1", "currency": "EUR"})).json()
    max_int64 = 2**63 - 1
    for path in (
        f"/api/v1/changes?after={max_int64}&kind=item.created",
        f"/api/v1/changes?after={max_int64}",
        f"{ITEMS}/a/history?after={max_int64}",
    ):
        response = await client.get(path)
        assert response.status_code == 200, response.text
    assert (await client.get(f"{ITEMS}?version__lt={max_int64}")).json()["items"] == [created]
    for time in ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.9999999999Z"):
        prices = (await client.get(f"{ITEMS}/a/prices", params={"as_of": time})).json()
        assert prices["lowest_30_days"]["amount"] == "1.00"
        assert (await client.get(ITEMS, params={"created_at__lte": time})).json()["items"] == [created]
    first_time = "0001-01-01T00:00:00Z"
    assert (await client.get(f"{ITEMS}/a/prices", params={"as_of": first_time})).json()["lowest_30_days"] is None
    assert (await client.get(ITEMS, params={"created_at__lt": first_time})).json()["items"] == []
