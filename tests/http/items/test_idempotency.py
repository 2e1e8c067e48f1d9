"""Idempotency-Key: done once, answered alike."""

import asyncio

import httpx
import pytest

from catalog.application.writes.idempotency import IdempotentRequests
from catalog.domain.errors import AlreadyProcessed, RequestInProgress
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.idempotency import BodyFingerprint
from catalog.ports.storage import Storage
from tests.http.items.test_items import ITEMS, created
from tests.making import FixedClock

KEY = {"Idempotency-Key": "key-1"}


async def test_the_same_request_is_answered_as_it_was(client: httpx.AsyncClient) -> None:
    """With its headers, and a word that it is an old answer; whatever happened meanwhile."""
    first = await client.post(ITEMS, json={"sku": "A", "name": "A"}, headers=KEY)
    assert first.status_code == 201
    assert "idempotency-replayed" not in first.headers
    await client.delete(f"{ITEMS}/a")
    again = await client.post(ITEMS, json={"sku": "A", "name": "A"}, headers=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert [again.headers[name] for name in ("etag", "location")] == [first.headers[name] for name in ("etag", "location")]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert (await client.get(f"{ITEMS}/a")).status_code == 404


async def test_another_body_under_the_same_key_is_refused(client: httpx.AsyncClient) -> None:
    """Compared by its bytes; on another path, or with other parameters, it is another key."""
    await client.post(ITEMS, json={"sku": "A", "name": "A"}, headers=KEY)
    other = await client.post(ITEMS, json={"name": "A", "sku": "A"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    batch = await client.post(f"{ITEMS}/batch", json={"operations": [{"op": "delete", "key": "a"}]}, headers=KEY)
    assert batch.json()["results"] == [{"status": 204}]
    again = await client.post(f"{ITEMS}/batch/", json={"operations": [{"op": "delete", "key": "a"}]}, headers=KEY)
    assert (again.content, again.headers["idempotency-replayed"]) == (batch.content, "true")


async def test_a_refusal_is_not_kept(client: httpx.AsyncClient) -> None:
    """The key can be used again with a mended body."""
    await created(client, sku="A")
    assert (await client.post(ITEMS, json={"sku": "A", "name": "A"}, headers=KEY)).status_code == 409
    assert (await client.post(ITEMS, json={"sku": "B"}, headers=KEY)).status_code == 422
    assert (await client.post(ITEMS, json={"sku": "B", "name": "B"}, headers=KEY)).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ä", "a\x7f"])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, key: str) -> None:
    """It has 1 to 255 visible ASCII characters."""
    response = await client.post(ITEMS, json={"name": "A"}, headers={b"Idempotency-Key": key.encode("latin-1")})
    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    long = await client.post(ITEMS, json={"name": "A"}, headers={"Idempotency-Key": "!" * 254 + "~"})
    assert long.status_code == 201


async def test_a_hundred_at_once_make_one_item(client: httpx.AsyncClient) -> None:
    """Those that come while the first is under way are told so, and when to ask again."""
    body = {"name": "Only one"}
    answers = await asyncio.gather(*(client.post(ITEMS, json=body, headers=KEY) for _ in range(100)))
    done = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer.status_code != 201]
    assert {answer.content for answer in done} == {done[0].content}
    assert {(answer.status_code, answer.json()["code"], answer.headers["retry-after"]) for answer in waiting} <= {
        (409, "in_flight", "1")
    }
    assert len((await client.get(ITEMS)).json()["items"]) == 1
    assert (await client.post(ITEMS, json=body, headers=KEY)).content == done[0].content


async def test_every_post_takes_a_key(client: httpx.AsyncClient) -> None:
    """Restore, revert, a category; those that change nothing too."""
    made = (await created(client, sku="A")).json()
    await client.delete(f"{ITEMS}/a")
    for path, body in (
        (f"{ITEMS}/{made['id']}/restore", None),
        (f"{ITEMS}/{made['id']}/revert", {"version": 1}),
        ("/api/v1/categories", {"name": "Lamps"}),
    ):
        first = await client.post(path, json=body, headers=KEY)
        assert first.is_success, first.text
        again = await client.post(path, json=body, headers=KEY)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"


async def test_two_processes_do_it_once(storage: Storage) -> None:
    """Whoever comes second to the commit gives the first one's answer; a day later it is done anew."""
    clock = FixedClock()
    here, there = IdempotentRequests(storage, clock), IdempotentRequests(storage, clock)
    asked = BodyFingerprint(b"body")
    done: list[str] = []

    async def work(receipt: object, name: str, meanwhile: bool) -> bytes:  # noqa: FBT001 - a step of the test
        if meanwhile:
            assert await there.execute("k", asked, lambda its: work(its, "there", meanwhile=False)) == (b"there", False)
        from catalog.application.writes.commit import commit  # noqa: PLC0415 - beside its only use
        from tests.making import TESTER  # noqa: PLC0415 - likewise

        await commit(storage, (), TESTER, (receipt(name.encode()),))  # type: ignore[operator]
        done.append(name)
        return name.encode()

    assert await here.execute("k", asked, lambda its: work(its, "here", meanwhile=True)) == (b"there", True)
    assert done == ["there"]
    clock.move(hours=25)
    assert await here.execute("k", asked, lambda its: work(its, "here", meanwhile=False)) == (b"here", False)

    async def refused(receipt: object) -> bytes:
        raise AlreadyProcessed(str(receipt))

    with pytest.raises(AlreadyProcessed):
        await here.execute("new", asked, refused)

    async def twice(_receipt: object) -> bytes:
        with pytest.raises(RequestInProgress):
            await here.execute("own", asked, refused)
        return b""

    assert await here.execute("own", asked, twice) == (b"", False)


async def test_the_store_knows_nothing_of_keys_it_was_not_given(container: Container, client: httpx.AsyncClient) -> None:
    """Without a key there is no note."""
    await created(client)
    assert (await container.storage().head()).seq == 1
