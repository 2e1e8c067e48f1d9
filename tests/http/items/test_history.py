"""History, prices, restore and revert over HTTP."""

import httpx
import pytest

from tests.http.items.test_items import ITEMS, created

EUR = {"amount": "10", "currency": "EUR"}


async def test_a_life_is_told_and_brought_back(client: httpx.AsyncClient) -> None:
    """Every change with its request, and what it changed."""
    made = (await client.post(ITEMS, json={"sku": "A", "name": "A", "price": EUR}, headers={"X-Request-ID": "r-1"})).json()
    await client.patch(f"{ITEMS}/a/price", json={"amount": "8", "currency": "EUR"})
    before = (await client.get(f"{ITEMS}/a")).headers["etag"]
    await client.delete(f"{ITEMS}/a")
    told = (await client.get(f"{ITEMS}/a/history")).json()
    assert (told["next_after"], told["head"], told["known_since"]) == (None, 3, None)
    assert [(entry["seq"], entry["kind"], entry["version"]) for entry in told["changes"]] == [
        (1, "item.created", 1),
        (2, "item.repriced", 2),
        (3, "item.removed", 3),
    ]
    first, second, third = told["changes"]
    assert (first["before"], first["after"], first["actor"], first["request_id"]) == (None, made, "local", "r-1")
    assert (first["item_id"], first["sku"], second["after"]["price"]["amount"]) == (made["id"], "A", "8.00")
    assert (third["before"], third["after"]) == (second["after"], None)
    page = (await client.get(f"{ITEMS}/{made['id']}/history", params={"limit": 1, "after": 1})).json()
    assert ([entry["seq"] for entry in page["changes"]], page["next_after"]) == ([2], 2)
    prices = (await client.get(f"{ITEMS}/a/prices")).json()
    assert [(one["price"]["amount"], one["seq"], one["until"] is None) for one in prices["prices"]] == [
        ("10.00", 1, False),
        ("8.00", 2, False),
    ]
    assert (prices["lowest_30_days"], prices["known_since"]) == (None, None)
    back = await client.post(f"{ITEMS}/{made['id']}/restore")
    assert (back.status_code, back.json()["version"], back.json()["price"]["amount"]) == (200, 4, "8.00")
    assert (await client.patch(f"{ITEMS}/a", json={"name": "B"}, headers={"If-Match": before})).status_code == 412
    again = await client.post(f"{ITEMS}/{made['id']}/restore", json={})
    assert (again.status_code, again.json()["code"]) == (409, "not_deleted")
    reverted = await client.post(f"{ITEMS}/a/revert", json={"version": 1}, headers={"If-Match": back.headers["etag"]})
    assert (reverted.status_code, reverted.json()["price"]["amount"], reverted.json()["version"]) == (200, "10.00", 5)
    prices = (await client.get(f"{ITEMS}/a/prices")).json()
    assert prices["lowest_30_days"]["amount"] == "8.00"
    assert prices["before_reduction"] is None
    at_first = (await client.get(f"{ITEMS}/a/prices", params={"as_of": made["created_at"]})).json()
    assert [one["price"]["amount"] for one in at_first["prices"]] == ["10.00"]


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
async def test_what_cannot_be_told_is_refused(
    client: httpx.AsyncClient, method: str, path: str, body: object, status: int, code: str
) -> None:
    """With a code."""
    await created(client, sku="A")
    response = await client.request(method, f"{ITEMS}/{path}", json=body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


async def test_a_restore_has_no_body_or_an_empty_one(client: httpx.AsyncClient) -> None:
    """Whatever names the item."""
    made = (await created(client, sku="A")).json()
    await client.delete(f"{ITEMS}/a")
    path = f"{ITEMS}/{made['id']}/restore"
    assert (await client.post(path, content=b"x")).status_code == 400
    assert (await client.post(path, content=b"", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (await client.post(path)).status_code == 200


async def test_a_deleted_item_is_restored_by_its_sku(client: httpx.AsyncClient) -> None:
    """In any case."""
    made = (await created(client, sku="A")).json()
    await client.delete(f"{ITEMS}/a")
    back = await client.post(f"{ITEMS}/a/restore")
    assert (back.status_code, back.json()["id"], back.json()["version"]) == (200, made["id"], 3)


async def test_numbers_and_moments_go_to_their_ends(client: httpx.AsyncClient) -> None:
    """On every store."""
    made = (await created(client, sku="A", price={"amount": "1", "currency": "EUR"})).json()
    last = 2**63 - 1
    for path in (
        f"/api/v1/changes?after={last}&kind=item.created",
        f"/api/v1/changes?after={last}",
        f"{ITEMS}/a/history?after={last}",
    ):
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
    assert (await client.get(f"{ITEMS}?version__lt={last}")).json()["items"] == [made]
    for moment in ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.9999999999Z"):
        prices = (await client.get(f"{ITEMS}/a/prices", params={"as_of": moment})).json()
        assert prices["lowest_30_days"]["amount"] == "1.00"
        assert (await client.get(ITEMS, params={"created_at__lte": moment})).json()["items"] == [made]
    first = "0001-01-01T00:00:00Z"
    assert (await client.get(f"{ITEMS}/a/prices", params={"as_of": first})).json()["lowest_30_days"] is None
    assert (await client.get(ITEMS, params={"created_at__lt": first})).json()["items"] == []
