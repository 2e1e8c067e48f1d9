"""/changes: page by page, and live."""

import asyncio
from typing import Any

import httpx
import pytest

from catalog.application.changes import feed
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.settings import ChangesSettings, Settings, StorageSettings
from tests.http.conftest import asked
from tests.http.items.test_items import ITEMS, created, planted

CHANGES = "/api/v1/changes"
LIVE = {"Accept": "text/event-stream"}


class Listener:
    """Asks for the feed as a server would, and keeps what comes; httpx' transport waits for an answer's end."""

    def __init__(self, app: RequestMiddleware, query: str = "", **headers: str) -> None:
        """Ask."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.ended = False
        self.stuck = False
        self._news = asyncio.Event()
        self._gone = asyncio.Event()
        given = {"accept": "text/event-stream", **{name.replace("_", "-"): value for name, value in headers.items()}}
        scope = {
            "type": "http",
            "method": "GET",
            "path": CHANGES,
            "raw_path": CHANGES.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost"), *((name.encode(), value.encode()) for name, value in given.items())],
            "http_version": "1.1",
            "scheme": "http",
            "server": ("localhost", 80),
            "client": ("localhost", 1),
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def until(self, text: str) -> None:
        """Wait until this has come."""
        async with asyncio.timeout(30):
            while text not in self.text:
                self._news.clear()
                await self._news.wait()

    async def hang_up(self) -> None:
        """Go."""
        self._gone.set()
        await self.task

    @property
    def ids(self) -> list[int]:
        """Return the numbers of the events that came whole."""
        events = [part.split("\n") for part in self.text.split("\n\n")[:-1] if "event: " in part]
        return [int(lines[0].removeprefix("id: ")) for lines in events]

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:  # noqa: ANN401 - ASGI's
        if self.stuck:
            await asyncio.Event().wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.text += message["body"].decode()
            self.ended = not message.get("more_body", False)
        self._news.set()


async def test_the_log_is_read_page_by_page(client: httpx.AsyncClient) -> None:
    """Of items and categories, oldest first; of some kinds, of one item."""
    await planted(client, "lamps")
    made = (await created(client, sku="A", category="lamps")).json()
    await client.delete(f"{ITEMS}/a")
    whole = (await client.get(CHANGES)).json()
    assert (whole["next_after"], whole["head"]) == (None, 3)
    first = whole["changes"][0]
    assert (first["kind"], first["slug"], first["item_id"], first["after"]["slug"]) == (
        "category.created",
        "lamps",
        None,
        "lamps",
    )
    assert "slug" not in whole["changes"][1]
    page = (await client.get(CHANGES, params={"after": 1, "limit": 1})).json()
    assert ([entry["seq"] for entry in page["changes"]], page["next_after"]) == ([2], 2)
    for params in ({"kind": "item.created,item.removed"}, {"item": made["id"]}, {"item": "a"}):
        found = (await client.get(CHANGES, params=params)).json()
        assert [entry["seq"] for entry in found["changes"]] == [2, 3]
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
async def test_what_the_log_cannot_tell_is_refused(
    client: httpx.AsyncClient, container: Container, query: str, status: int, code: str
) -> None:
    """The same page by page and live."""
    await created(client, sku="A")
    await created(client, sku="B")
    await container.storage().prune(2)
    for headers in ({}, LIVE):
        response = await client.get(f"{CHANGES}?{query}", headers=headers)
        assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "99", "9" * 30])
async def test_a_position_that_the_log_has_not_is_refused(client: httpx.AsyncClient, last: str) -> None:
    """A Last-Event-ID that is no number of this log."""
    await created(client)
    response = await client.get(CHANGES, headers=LIVE | {"Last-Event-ID": last})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_position")


async def test_the_log_is_followed_live(client: httpx.AsyncClient, app: RequestMiddleware) -> None:
    """From now on, or from a number on; each event with its number, kind and change."""
    await created(client, sku="A")
    now, missed, only = Listener(app), Listener(app, last_event_id="0"), Listener(app, "after=0&kind=item.removed")
    for listener in (now, missed, only):
        await listener.until(": alive\nid: ")
    assert (now.status, now.headers["content-type"]) == (200, "text/event-stream")
    assert now.headers["cache-control"] == "no-store"
    await missed.until("event: item.created\ndata: {")
    await client.delete(f"{ITEMS}/a")
    for listener in (now, missed, only):
        await listener.until("id: 2\nevent: item.removed\ndata: {")
    assert (now.ids, missed.ids, only.ids) == ([2], [1, 2], [2])
    for listener in (now, missed, only):
        await listener.hang_up()


async def test_all_streams_end_at_the_stop(client: httpx.AsyncClient, app: RequestMiddleware) -> None:
    """At once; and no new one begins."""
    listener = Listener(app)
    await listener.until("id: ")
    app.stopping.close()
    await asyncio.wait_for(listener.task, 10)
    assert listener.ended
    assert (await client.get(CHANGES, headers=LIVE)).status_code == 503


@pytest.mark.parametrize("store", ["memory"])
async def test_a_slow_reader_is_cut_off(
    client: httpx.AsyncClient, app: RequestMiddleware, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when he takes nothing at all; his answer is not ended in good order."""
    monkeypatch.setattr(feed, "MAX_BACKLOG", 500)
    monkeypatch.setattr(feed, "BATCH_DELAY", 0.001)
    listener = Listener(app)
    await listener.until("id: ")
    listener.stuck = True
    quick = Listener(app)
    await quick.until("id: ")
    number = 0
    while not listener.task.done():
        number += 1
        await created(client, sku=f"S-{number}", description="x" * 500)
        await quick.until(f"id: {number}\n")
    assert (listener.ids, listener.ended) == ([], False)
    assert quick.ids == list(range(1, number + 1))
    await quick.hang_up()


async def test_a_stream_that_breaks_ends(
    client: httpx.AsyncClient, app: RequestMiddleware, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where what is missed is pruned before it is read: the reader asks again, and is told."""
    for sku in "ABC":
        await created(client, sku=sku)
    real = container.feed()._replay

    async def late(subscriber: Any, upto: int | None) -> Any:  # noqa: ANN401 - as the feed's
        await container.storage().prune(3)
        async for piece in real(subscriber, upto):
            yield piece

    monkeypatch.setattr(container.feed(), "_replay", late)
    listener = Listener(app, last_event_id="1")
    await asyncio.wait_for(listener.task, 10)
    assert (listener.ids, listener.ended) == ([], False)


async def test_too_many_readers_of_the_live_feed_are_told_to_come_later(store_url: str) -> None:
    """With the limit and how to read on without the feed."""
    settings = Settings(storage=StorageSettings(url=store_url), changes=ChangesSettings(max_subscribers=0))
    container = Container(settings=settings)
    async with running(container), asked(create_app(container)) as client:
        refused = await client.get("/api/v1/changes", headers={"Accept": "text/event-stream"})
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many_subscribers")
        assert "0 readers" in refused.json()["detail"]
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/api/v1/changes")).status_code == 200
