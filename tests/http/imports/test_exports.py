"""How bytes go over the wire: compression, HEAD of streams, slow senders and slow readers."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from catalog.adapters.sql.database import MAX_STREAMS
from catalog.application.exports import export
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.http.requests import bodies
from catalog.entrypoints.http.responses import compression
from catalog.entrypoints.settings import HttpSettings, Settings, StorageSettings
from tests.http.middleware.test_request import ITEMS

EXPORT = f"{ITEMS}/export"


async def plant(client: httpx.AsyncClient, count: int = 30) -> None:
    """Create some items."""
    operations = [{"op": "create", "item": {"name": f"Chair {number}", "sku": f"S-{number}"}} for number in range(count)]
    response = await client.post(f"{ITEMS}/batch", json={"operations": operations})
    assert response.json()["failed"] == 0, response.text


class Wire:
    """An ASGI server's side of one request, with a body that comes in pieces, and a client that may stop reading."""

    def __init__(self, app: RequestMiddleware, method: str, path: str, *headers: tuple[bytes, bytes]) -> None:
        """Prepare the request."""
        self._app = app
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"localhost"), *headers],
            "state": {},
        }
        self.sent: list[dict[str, Any]] = []
        self.blocked = asyncio.Event()

    async def run(self, *pieces: bytes, reads: int = 1000) -> None:
        """Send pieces of a body, the last of which never comes, and take so many messages of the response."""
        coming = list(pieces)

        async def receive() -> dict[str, Any]:
            if not coming:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": coming.pop(0), "more_body": True}

        async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's
            self.sent.append(message)
            if len(self.sent) >= reads:
                self.blocked.set()
                await asyncio.Event().wait()

        await self._app(self.scope, receive, send)


@pytest.fixture
def hasty(container: Container, store_url: str) -> RequestMiddleware:
    """The application on the same store, with no patience."""
    http = HttpSettings(read_seconds=0.05, send_seconds=0.05)
    container.settings.override(Settings(storage=StorageSettings(url=store_url), http=http))
    return create_app(container)


async def test_a_body_that_does_not_come_is_a_408(hasty: RequestMiddleware) -> None:
    """However many bytes there were; and the connection is closed, for what may still come on it."""
    for path, pieces in ((ITEMS, [b"{"]), (f"{ITEMS}/batch", [b"{", b" "]), (f"{ITEMS}/x/restore", [])):
        wire = Wire(hasty, "POST", path, (b"content-type", b"application/json"))
        await wire.run(*pieces)
        assert wire.sent[0]["status"] == 408, path
        assert (b"connection", b"close") in wire.sent[0]["headers"]
        assert b"16 KiB" in wire.sent[1]["body"]


async def test_bodies_that_come_in_together_have_a_limit(
    client: httpx.AsyncClient, app: RequestMiddleware, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is small enough, all are not; what was counted is given back, however a body ends."""
    monkeypatch.setattr(bodies, "MAX_RECEIVING", 100)
    first, second = (Wire(app, "POST", ITEMS, (b"content-type", b"application/json")) for _ in range(2))
    waiting = asyncio.create_task(first.run(b" " * 60))
    await asyncio.sleep(0)
    await second.run(b" " * 30, b" " * 30)
    assert (second.sent[0]["status"], b"store_busy" in second.sent[1]["body"]) == (503, True)
    assert (await client.post(ITEMS, json={"name": "x"})).status_code == 201
    waiting.cancel()
    await asyncio.wait([waiting])
    third = Wire(app, "POST", ITEMS, (b"content-type", b"application/json"))
    await third.run(b" " * 90, b"x" * 300_000)
    assert third.sent[0]["status"] == 413


async def test_an_export_whose_reader_stops_is_cut_and_gives_its_snapshot_back(
    hasty: RequestMiddleware, client: httpx.AsyncClient
) -> None:
    """As many as there are streams, several times over: each leaves room for the next, and none looks whole."""
    await plant(client)
    for _ in range(3):
        wires = [Wire(hasty, "GET", EXPORT) for _ in range(MAX_STREAMS)]
        await asyncio.gather(*(wire.run(reads=2) for wire in wires))
        assert [[message.get("more_body") for message in wire.sent] for wire in wires] == [[None, True]] * MAX_STREAMS
    assert (await client.get(EXPORT)).status_code == 200


async def test_head_of_an_export_opens_no_stream(
    app: RequestMiddleware, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the headers of GET, and refuses what GET refuses; the store is not read."""
    await plant(client)
    whole = await client.get(EXPORT)
    opened = []
    true = export.export

    def counted(*args: Any, **options: Any) -> AsyncGenerator[bytes, None]:  # noqa: ANN401 - whatever it takes
        async def pieces() -> AsyncGenerator[bytes, None]:
            opened.append(args)
            async for piece in true(*args, **options):
                yield piece

        return pieces()

    monkeypatch.setattr("catalog.application.items.items.export", counted)
    head = await client.head(EXPORT)
    assert (head.status_code, head.content, opened) == (200, b"", [])
    for name in ("content-type", "content-disposition", "cache-control", "vary"):
        assert head.headers[name] == whole.headers[name]
    assert (await client.head(EXPORT, params={"format": "x"})).status_code == 422
    assert (await client.head(EXPORT, params={"format": "", "with_categories": ""})).status_code == 200
    assert (await client.get(EXPORT)).status_code == 200
    assert len(opened) == 1


async def test_head_of_the_feed_subscribes_to_nothing(client: httpx.AsyncClient, container: Container) -> None:
    """It says what GET would send."""
    head = await client.head("/api/v1/changes", headers={"Accept": "text/event-stream"})
    assert (head.status_code, head.headers["content-type"], head.content) == (200, "text/event-stream", b"")
    assert container.feed().subscribers == 0


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
async def test_an_export_is_compressed_on_request(client: httpx.AsyncClient, kind: str) -> None:
    """It is one gzip file then; without the header nothing is compressed."""
    await plant(client)
    url = httpx.URL(EXPORT, params={"format": kind})
    plain = await client.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    async with client.stream("GET", url, headers={"Accept-Encoding": "br, gzip;q=0.5"}) as response:
        assert response.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in response.headers["vary"]
        raw = b"".join([piece async for piece in response.aiter_raw()])
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 2


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [("gzip", True), ("GZIP;q=1", True), ("deflate, x-gzip", True), ("identity", False), ("gzip;q=0", False),
     ("gzip; q=0.0", False), ("*", False), ("", False), ("gzipped", False)],
)  # fmt: skip
async def test_long_lists_are_compressed_on_request(client: httpx.AsyncClient, accepted: str, *, compressed: bool) -> None:
    """Out of the cache too; their weak ETag stands for both."""
    await plant(client)
    plain = await client.get(ITEMS, headers={"Accept-Encoding": "identity"})
    for _ in range(2):
        response = await client.get(ITEMS, headers={"Accept-Encoding": accepted})
        assert ("content-encoding" in response.headers) is compressed
        assert (response.content, response.headers["etag"]) == (plain.content, plain.headers["etag"])
        assert (int(response.headers["content-length"]) < len(plain.content)) is compressed
        unchanged = await client.get(ITEMS, headers={"Accept-Encoding": accepted, "If-None-Match": plain.headers["etag"]})
        assert unchanged.status_code == 304


async def test_what_is_short_or_strongly_tagged_is_not_compressed(client: httpx.AsyncClient) -> None:
    """A strong ETag stands for the bytes themselves."""
    headers = {"Accept-Encoding": "gzip"}
    await client.put(f"{ITEMS}/a", json={"name": "x", "description": "y" * 5000})
    assert "content-encoding" not in (await client.get(f"{ITEMS}/a", headers=headers)).headers
    assert "content-encoding" not in (await client.get("/api/v1/categories/none", headers=headers)).headers


async def test_large_pieces_are_compressed_in_a_thread(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same result."""
    await plant(client)
    plain = [(await client.get(url, headers={"Accept-Encoding": "identity"})).content for url in (ITEMS, EXPORT)]
    monkeypatch.setattr(compression, "_MIN_THREAD_SIZE", 10)
    assert [(await client.get(url, headers={"Accept-Encoding": "gzip"})).content for url in (ITEMS, EXPORT)] == plain
