"""Idempotency-Key: a repeated request runs once and gets the stored response."""

import asyncio

import httpx
import pytest

from catalog.application.writes.idempotency import IdempotentRequests
from catalog.domain.errors import AlreadyProcessed, RequestInProgress
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.idempotency import BodyFingerprint
from catalog.ports.storage import Storage
from tests.http.making import ITEMS, create_item
from tests.making import FixedClock

KEY = {"Idempotency-Key": "key-1"}


async def test_a_repeated_request_gets_the_stored_response(client: httpx.AsyncClient) -> None:
    """The stored response comes with its headers and Idempotency-Replayed, even if the item was deleted meanwhile."""
    first = await client.post(ITEMS, json={"sku": "A", "name": "A"}, headers=KEY)
    assert first.status_code == 201
    assert "idempotency-replayed" not in first.headers
    await client.delete(f"{ITEMS}/a")
    repeated = await client.post(ITEMS, json={"sku": "A", "name": "A"}, headers=KEY)
    assert (repeated.status_code, repeated.content) == (201, first.content)
    assert repeated.headers["idempotency-replayed"] == "true"
    assert [repeated.headers[name] for name in ("etag", "location")] == [first.headers[name] for name in ("etag", "location")]
    assert repeated.headers["x-request-id"] != first.headers["x-request-id"]
    assert (await client.get(f"{ITEMS}/a")).status_code == 404


async def test_a_key_cannot_be_reused_with_another_body(client: httpx.AsyncClient) -> None:
    """Bodies are compared byte by byte. A key used on another path is a different key."""
    await client.post(ITEMS, json={"sku": "A", "name": "A"}, headers=KEY)
    other = await client.post(ITEMS, json={"name": "A", "sku": "A"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    batch = await client.post(f"{ITEMS}/batch", json={"operations": [{"op": "delete", "key": "a"}]}, headers=KEY)
    assert batch.json()["results"] == [{"status": 204}]
    repeated = await client.post(f"{ITEMS}/batch/", json={"operations": [{"op": "delete", "key": "a"}]}, headers=KEY)
    assert (repeated.content, repeated.headers["idempotency-replayed"]) == (batch.content, "true")


async def test_a_refusal_is_not_stored(client: httpx.AsyncClient) -> None:
    """After a refusal, the key can be used again with a corrected body."""
    await create_item(client, sku="A")
    assert (await client.post(ITEMS, json={"sku": "A", "name": "A"}, headers=KEY)).status_code == 409
    assert (await client.post(ITEMS, json={"sku": "B"}, headers=KEY)).status_code == 422
    assert (await client.post(ITEMS, json={"sku": "B", "name": "B"}, headers=KEY)).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ä", "a\x7f"])
async def test_an_invalid_key_is_refused(client: httpx.AsyncClient, key: str) -> None:
    """A key has 1 to 255 visible ASCII characters."""
    response = await client.post(ITEMS, json={"name": "A"}, headers={b"Idempotency-Key": key.encode("latin-1")})
    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    longest = await client.post(ITEMS, json={"name": "A"}, headers={"Idempotency-Key": "!" * 254 + "~"})
    assert longest.status_code == 201


async def test_a_hundred_concurrent_requests_create_one_item(client: httpx.AsyncClient) -> None:
    """Requests that arrive while the first one is running get 409 with Retry-After, or the stored response."""
    body = {"name": "Only one"}
    responses = await asyncio.gather(*(client.post(ITEMS, json=body, headers=KEY) for _ in range(100)))
    done = [response for response in responses if response.status_code == 201]
    refused = [response for response in responses if response.status_code != 201]
    assert {response.content for response in done} == {done[0].content}
    assert {(response.status_code, response.json()["code"], response.headers["retry-after"]) for response in refused} <= {
        (409, "in_flight", "1")
    }
    assert len((await client.get(ITEMS)).json()["items"]) == 1
    assert (await client.post(ITEMS, json=body, headers=KEY)).content == done[0].content


async def test_every_post_accepts_a_key(client: httpx.AsyncClient) -> None:
    """Restore, revert and creating a category can be repeated under a key, too."""
    created = (await create_item(client, sku="A")).json()
    await client.delete(f"{ITEMS}/a")
    for path, body in (
        (f"{ITEMS}/{created['id']}/restore", None),
        (f"{ITEMS}/{created['id']}/revert", {"version": 1}),
        ("/api/v1/categories", {"name": "Lamps"}),
    ):
        first = await client.post(path, json=body, headers=KEY)
        assert first.is_success, first.text
        repeated = await client.post(path, json=body, headers=KEY)
        assert (repeated.status_code, repeated.content) == (first.status_code, first.content)
        assert repeated.headers["idempotency-replayed"] == "true"


async def test_two_processes_run_a_keyed_request_once(storage: Storage) -> None:
    """The process that commits second returns the first one's response. After a day the request runs again."""
    clock = FixedClock()
    first_process, second_process = IdempotentRequests(storage, clock), IdempotentRequests(storage, clock)
    fingerprint = BodyFingerprint(b"body")
    done: list[str] = []

    async def work(make_record: object, name: str, meanwhile: bool) -> bytes:  # noqa: FBT001 - keyword in every call
        if meanwhile:
            assert await second_process.execute(
                "k", fingerprint, lambda make_record: work(make_record, "there", meanwhile=False)
            ) == (b"there", False)
        from catalog.application.writes.commit import commit  # noqa: PLC0415 - used only here
        from tests.making import TESTER  # noqa: PLC0415 - used only here

        await commit(storage, (), TESTER, (make_record(name.encode()),))  # type: ignore[operator]
        done.append(name)
        return name.encode()

    assert await first_process.execute("k", fingerprint, lambda make_record: work(make_record, "here", meanwhile=True)) == (
        b"there",
        True,
    )
    assert done == ["there"]
    clock.move(hours=25)
    assert await first_process.execute("k", fingerprint, lambda make_record: work(make_record, "here", meanwhile=False)) == (
        b"here",
        False,
    )

    async def refused(make_record: object) -> bytes:
        raise AlreadyProcessed(str(make_record))

    with pytest.raises(AlreadyProcessed):
        await first_process.execute("new", fingerprint, refused)

    async def twice(_receipt: object) -> bytes:
        with pytest.raises(RequestInProgress):
            await first_process.execute("own", fingerprint, refused)
        return b""

    assert await first_process.execute("own", fingerprint, twice) == (b"", False)


async def test_a_request_without_a_key_stores_no_response(container: Container, client: httpx.AsyncClient) -> None:
    """Without a key, the only thing written is the change."""
    await create_item(client)
    assert (await container.storage().head()).seq == 1
