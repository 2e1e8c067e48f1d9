"""/changes: pages of the change log and the live feed."""

import asyncio
from typing import Any

import httpx
import pytest

from catalog.application.changes import feed
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import ChangesSettings, StorageSettings
from tests.http.making import ITEMS, client_for, create_categories, create_item

CHANGES = "/api/v1/changes"
LIVE = {"Accept": "text/event-stream"}


class Listener:
    """A subscriber to the live feed. It calls the app as an ASGI server does; httpx's transport would wait for the end."""

    def __init__(self, app: RequestMiddleware, query: str = "", **headers: str) -> None:
        """Send the request."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.ended = False
        self.stuck = False
        self._received = asyncio.Event()
        self._disconnected = asyncio.Event()
        request_headers = {"accept": "text/event-stream", **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope = {
            "type": "http",
            "method": "GET",
            "path": CHANGES,
            "raw_path": CHANGES.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost"), *((name.encode(), value.encode()) for name, value in request_headers.items())],
            "http_version": "1.1",
            "scheme": "http",
            "server": ("localhost", 80),
            "client": ("localhost", 1),
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def until(self, text: str) -> None:
        """Wait until the feed has sent this text."""
        async with asyncio.timeout(30):
            while text not in self.text:
                self._received.clear()
                await self._received.wait()

    async def hang_up(self) -> None:
        """Close the connection."""
        self._disconnected.set()
        await self.task

    @property
    def ids(self) -> list[int]:
        """Return the ids of the events that arrived completely."""
        events = [part.split("\n") for part in self.text.split("\n\n")[:-1] if "event: " in part]
        return [int(lines[0].removeprefix("id: ")) for lines in events]

    async def _receive(self) -> dict[str, Any]:
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:  # noqa: ANN401 - an ASGI message
        if self.stuck:
            await asyncio.Event().wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.text += message["body"].decode()
            self.ended = not message.get("more_body", False)
        self._received.set()


async def test_the_log_is_read_page_by_page(client: httpx.AsyncClient) -> None:
    """Pages contain entries of items and categories, oldest first, filtered by kind or item."""
    await create_categories(client, "lamps")
    created = (await create_item(client, sku="A", category="lamps")).json()
    await client.delete(f"{ITEMS}/a")
    all_changes = (await client.get(CHANGES)).json()
    assert (all_changes["next_after"], all_changes["head"]) == (None, 3)
    first = all_changes["changes"][0]
    assert (first["kind"], first["slug"], first["item_id"], first["after"]["slug"]) == (
        "category.created",
        "lamps",
        None,
        "lamps",
    )
    assert "slug" not in all_changes["changes"][1]
    page = (await client.get(CHANGES, params={"after": 1, "limit": 1})).json()
    assert ([entry["seq"] for entry in page["changes"]], page["next_after"]) == ([2], 2)
    for params in ({"kind": "item.created,item.removed"}, {"item": created["id"]}, {"item": "a"}):
        page = (await client.get(CHANGES, params=params)).json()
        assert [entry["seq"] for entry in page["changes"]] == [2, 3]
    assert (await client.head(CHANGES, headers=LIVE)).status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("after=x", 422, "invalid_query"),
        ("after=1&after=2", 422, "invalid_query"),
        ("limit=1001", 422, "invalid_query"),
        ("kind=item.flown", 422, "invalid_query"),
        ("colour=red", 422, "invalid_query"),
        ("item=NOPE", 404, "item_not_found"),
        ("after=1", 410, "log_pruned"),
    ],
)
async def test_invalid_log_requests_are_refused(
    client: httpx.AsyncClient, container: Container, query: str, status: int, code: str
) -> None:
    """Pages and the live feed refuse the same requests with the same codes."""
    await create_item(client, sku="A")
    await create_item(client, sku="B")
    await container.storage().prune(2)
    for headers in ({}, LIVE):
        response = await client.get(f"{CHANGES}?{query}", headers=headers)
        assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize("last_event_id", ["x", "-1", "1.5", "99", "9" * 30])
async def test_an_unknown_last_event_id_is_refused(client: httpx.AsyncClient, last_event_id: str) -> None:
    """A Last-Event-ID that is not a sequence number of this log returns 400."""
    await create_item(client)
    response = await client.get(CHANGES, headers=LIVE | {"Last-Event-ID": last_event_id})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_position")


async def test_the_feed_sends_new_changes(client: httpx.AsyncClient, app: RequestMiddleware) -> None:
    """The feed starts now or after a given entry. Each event has its sequence number, kind and change."""
    await create_item(client, sku="A")
    from_now, from_start, deletions = Listener(app), Listener(app, last_event_id="0"), Listener(app, "after=0&kind=item.removed")
    for listener in (from_now, from_start, deletions):
        await listener.until(": alive\nid: ")
    assert (from_now.status, from_now.headers["content-type"]) == (200, "text/event-stream")
    assert from_now.headers["cache-control"] == "no-store"
    await from_start.until("event: item.created\ndata: {")
    await client.delete(f"{ITEMS}/a")
    for listener in (from_now, from_start, deletions):
        await listener.until("id: 2\nevent: item.removed\ndata: {")
    assert (from_now.ids, from_start.ids, deletions.ids) == ([2], [1, 2], [2])
    for listener in (from_now, from_start, deletions):
        await listener.hang_up()


async def test_streams_end_on_shutdown(client: httpx.AsyncClient, app: RequestMiddleware) -> None:
    """Open streams end immediately and new ones are refused with 503."""
    listener = Listener(app)
    await listener.until("id: ")
    app.stopping.close()
    await asyncio.wait_for(listener.task, 10)
    assert listener.ended
    assert (await client.get(CHANGES, headers=LIVE)).status_code == 503


@pytest.mark.parametrize("store", ["memory"])
async def test_a_slow_subscriber_is_disconnected(
    client: httpx.AsyncClient, app: RequestMiddleware, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The response to a subscriber that reads nothing is cut off without a clean end. A fast subscriber misses nothing."""
    monkeypatch.setattr(feed, "MAX_BACKLOG", 500)
    monkeypatch.setattr(feed, "BATCH_DELAY", 0.001)
    listener = Listener(app)
    await listener.until("id: ")
    listener.stuck = True
    fast = Listener(app)
    await fast.until("id: ")
    number = 0
    while not listener.task.done():
        number += 1
        await create_item(client, sku=f"S-{number}", description="x" * 500)
        await fast.until(f"id: {number}\n")
    assert (listener.ids, listener.ended) == ([], False)
    assert fast.ids == list(range(1, number + 1))
    await fast.hang_up()


async def test_a_stream_ends_if_its_entries_are_pruned_meanwhile(
    client: httpx.AsyncClient, app: RequestMiddleware, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If entries are pruned before they are replayed, the stream breaks off, so that the subscriber reconnects."""
    for sku in "ABC":
        await create_item(client, sku=sku)
    replay = container.feed()._replay

    async def prune_first(subscriber: Any, upto: int | None) -> Any:  # noqa: ANN401 - the feed's signature
        await container.storage().prune(3)
        async for chunk in replay(subscriber, upto):
            yield chunk

    monkeypatch.setattr(container.feed(), "_replay", prune_first)
    listener = Listener(app, last_event_id="1")
    await asyncio.wait_for(listener.task, 10)
    assert (listener.ids, listener.ended) == ([], False)


async def test_too_many_subscribers_are_refused(store_url: str) -> None:
    """The refusal names the limit and has Retry-After. Pages of the log still work."""
    settings = Settings(storage=StorageSettings(url=store_url), changes=ChangesSettings(max_subscribers=0))
    container = Container(settings=settings)
    async with running(container), client_for(create_app(container)) as client:
        refused = await client.get("/api/v1/changes", headers={"Accept": "text/event-stream"})
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many_subscribers")
        assert "0 readers" in refused.json()["detail"]
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/api/v1/changes")).status_code == 200
