"""Idempotency-Key: a repeated request runs once and gets the stored response."""

import asyncio

import httpx
import pytest

from catalog.application.items.items import Items
from catalog.application.writes.idempotency import IdempotentRequests
from catalog.application.writes.write import Decision, Write
from catalog.domain.errors import AlreadyProcessed, RequestInProgress, StaleVersion
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.idempotency import BodyFingerprint
from catalog.ports.storage import Storage
from tests.http.making import ITEMS, create_item
from tests.making import TESTER, CountedIds, FixedClock, creation

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


async def respond_once(requests: IdempotentRequests, key: str, write: Write[str]) -> tuple[bytes, bool]:
    """Execute a write, or return the stored response."""
    with requests.claim(key, BodyFingerprint(b"body")) as claim:
        stored = await claim.stored_response()
        return (stored, True) if stored is not None else await claim.execute(write, str.encode)


async def test_two_processes_run_a_keyed_request_once(storage: Storage) -> None:
    """The process that commits second returns the first one's response. After a day the request runs again."""
    clock = FixedClock()
    here, there = IdempotentRequests(storage, clock), IdempotentRequests(storage, clock)
    decided: list[str] = []

    def write_of(name: str, meanwhile: Write[str] | None = None) -> Write[str]:
        async def decide() -> Decision[str]:
            decided.append(name)
            number = len(decided)
            if meanwhile is not None:
                assert await respond_once(there, "k", meanwhile) == (b"there", False)
            return Decision((creation(number),), name)

        return Write(storage, TESTER, decide)

    assert await respond_once(here, "k", write_of("here", write_of("there"))) == (b"there", True)
    assert decided == ["here", "there"]
    assert (await storage.head()).seq == 1
    clock.move(hours=25)
    assert await respond_once(here, "k", write_of("here")) == (b"here", False)
    assert (await storage.head()).seq == 2


async def test_a_process_executes_one_request_per_key_at_a_time(storage: Storage) -> None:
    """Another one is refused. AlreadyProcessed is raised if there is no stored response."""
    requests = IdempotentRequests(storage, FixedClock())

    async def refuse() -> Decision[str]:
        raise AlreadyProcessed("k")  # noqa: EM101 - only here

    refused = Write(storage, TESTER, refuse)
    with pytest.raises(AlreadyProcessed):
        await respond_once(requests, "new", refused)

    async def repeat() -> Decision[str]:
        with pytest.raises(RequestInProgress):
            await respond_once(requests, "own", refused)
        return Decision((), "")

    assert await respond_once(requests, "own", Write(storage, TESTER, repeat)) == (b"", False)


async def test_a_write_that_is_retried_stores_the_response_of_its_last_decision(storage: Storage) -> None:
    """Two other writers are faster, so the response has the name that the second gave."""
    requests = IdempotentRequests(storage, FixedClock())
    items = Items(storage, FixedClock(), CountedIds())
    made = await items.create({"sku": "A", "name": "A"}, TESTER)
    names = iter(("Rival", "Rival again"))

    async def decide() -> Decision[str]:
        item = await items.get("A")
        name = next(names, None)
        if name is not None:
            await items.update("A", {"name": name}, TESTER)
        change = item.update({"description": "mine"}, now=made.updated_at)
        assert change is not None
        return Decision((change,), change.subject.name)

    write = Write(storage, TESTER, decide, "the item A", (StaleVersion,))
    assert await respond_once(requests, "k", write) == (b"Rival again", False)
    assert await respond_once(requests, "k", write) == (b"Rival again", True)
    assert (await items.get("A")).version == 4


async def test_a_request_without_a_key_stores_no_response(container: Container, client: httpx.AsyncClient) -> None:
    """Without a key, the only thing written is the change."""
    await create_item(client)
    assert (await container.storage().head()).seq == 1
