"""Transfer of bodies: compression, HEAD of streams, slow uploads and slow readers."""

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
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import HttpSettings, StorageSettings
from tests.http.making import ITEMS

EXPORT = f"{ITEMS}/export"


async def create_items(client: httpx.AsyncClient, count: int = 30) -> None:
    """Create `count` items."""
    operations = [{"op": "create", "item": {"name": f"Chair {number}", "sku": f"S-{number}"}} for number in range(count)]
    response = await client.post(f"{ITEMS}/batch", json={"operations": operations})
    assert response.json()["failed"] == 0, response.text


class Wire:
    """The server side of one ASGI request: sends the body in pieces and can stop reading the response."""

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
        """Send pieces of a body without ending it, and stop reading after `reads` messages of the response."""
        remaining = list(pieces)

        async def receive() -> dict[str, Any]:
            if not remaining:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": remaining.pop(0), "more_body": True}

        async def send(message: Any) -> None:  # noqa: ANN401 - an ASGI message
            self.sent.append(message)
            if len(self.sent) >= reads:
                self.blocked.set()
                await asyncio.Event().wait()

        await self._app(self.scope, receive, send)


@pytest.fixture
def hasty(container: Container, store_url: str) -> RequestMiddleware:
    """An application on the same store with very short timeouts."""
    http = HttpSettings(read_timeout_seconds=0.05, send_timeout_seconds=0.05)
    container.settings.override(Settings(storage=StorageSettings(url=store_url), http=http))
    return create_app(container)


async def test_a_body_that_stops_arriving_is_408(hasty: RequestMiddleware) -> None:
    """The connection is closed, because the rest of the body may still arrive on it."""
    for path, pieces in ((ITEMS, [b"{"]), (f"{ITEMS}/batch", [b"{", b" "]), (f"{ITEMS}/x/restore", [])):
        wire = Wire(hasty, "POST", path, (b"content-type", b"application/json"))
        await wire.run(*pieces)
        assert wire.sent[0]["status"] == 408, path
        assert (b"connection", b"close") in wire.sent[0]["headers"]
        assert b"16 KiB" in wire.sent[1]["body"]


async def test_concurrent_bodies_share_a_limit(
    client: httpx.AsyncClient, app: RequestMiddleware, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies that exceed the limit together are refused with 503. However a body ends, its share is released."""
    monkeypatch.setattr(bodies, "MAX_RECEIVING", 100)
    first, second = (Wire(app, "POST", ITEMS, (b"content-type", b"application/json")) for _ in range(2))
    receiving = asyncio.create_task(first.run(b" " * 60))
    await asyncio.sleep(0)
    await second.run(b" " * 30, b" " * 30)
    assert (second.sent[0]["status"], b"store_busy" in second.sent[1]["body"]) == (503, True)
    assert (await client.post(ITEMS, json={"name": "x"})).status_code == 201
    receiving.cancel()
    await asyncio.wait([receiving])
    third = Wire(app, "POST", ITEMS, (b"content-type", b"application/json"))
    await third.run(b" " * 90, b"x" * 300_000)
    assert third.sent[0]["status"] == 413


async def test_an_export_that_is_not_read_is_cut_off_and_releases_its_stream(
    hasty: RequestMiddleware, client: httpx.AsyncClient
) -> None:
    """Stalled exports, several times MAX_STREAMS of them, do not prevent another one. No stalled export looks complete."""
    await create_items(client)
    for _ in range(3):
        wires = [Wire(hasty, "GET", EXPORT) for _ in range(MAX_STREAMS)]
        await asyncio.gather(*(wire.run(reads=2) for wire in wires))
        assert [[message.get("more_body") for message in wire.sent] for wire in wires] == [[None, True]] * MAX_STREAMS
    assert (await client.get(EXPORT)).status_code == 200


async def test_head_of_an_export_opens_no_stream(
    app: RequestMiddleware, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HEAD returns the headers and refusals of GET without reading the store."""
    await create_items(client)
    full = await client.get(EXPORT)
    opened = []
    real_export = export.export

    def count_exports(*args: Any, **options: Any) -> AsyncGenerator[bytes, None]:  # noqa: ANN401 - passed through
        async def chunks() -> AsyncGenerator[bytes, None]:
            opened.append(args)
            async for chunk in real_export(*args, **options):
                yield chunk

        return chunks()

    monkeypatch.setattr("catalog.application.items.items.export", count_exports)
    head = await client.head(EXPORT)
    assert (head.status_code, head.content, opened) == (200, b"", [])
    for name in ("content-type", "content-disposition", "cache-control", "vary"):
        assert head.headers[name] == full.headers[name]
    assert (await client.head(EXPORT, params={"format": "x"})).status_code == 422
    assert (await client.head(EXPORT, params={"format": "", "with_categories": ""})).status_code == 200
    assert (await client.get(EXPORT)).status_code == 200
    assert len(opened) == 1


async def test_head_of_the_feed_does_not_subscribe(client: httpx.AsyncClient, container: Container) -> None:
    """HEAD returns the headers of the stream."""
    head = await client.head("/api/v1/changes", headers={"Accept": "text/event-stream"})
    assert (head.status_code, head.headers["content-type"], head.content) == (200, "text/event-stream", b"")
    assert container.feed().subscribers == 0


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
async def test_an_export_is_compressed_on_request(client: httpx.AsyncClient, kind: str) -> None:
    """With Accept-Encoding: gzip, an export is one gzip stream."""
    await create_items(client)
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
    """A list is compressed with or without the cache. Its weak ETag is the same for both encodings."""
    await create_items(client)
    plain = await client.get(ITEMS, headers={"Accept-Encoding": "identity"})
    for _ in range(2):
        response = await client.get(ITEMS, headers={"Accept-Encoding": accepted})
        assert ("content-encoding" in response.headers) is compressed
        assert (response.content, response.headers["etag"]) == (plain.content, plain.headers["etag"])
        assert (int(response.headers["content-length"]) < len(plain.content)) is compressed
        unchanged = await client.get(ITEMS, headers={"Accept-Encoding": accepted, "If-None-Match": plain.headers["etag"]})
        assert unchanged.status_code == 304


async def test_responses_that_are_short_or_have_a_strong_etag_are_not_compressed(client: httpx.AsyncClient) -> None:
    """A strong ETag identifies the exact bytes."""
    headers = {"Accept-Encoding": "gzip"}
    await client.put(f"{ITEMS}/a", json={"name": "x", "description": "y" * 5000})
    assert "content-encoding" not in (await client.get(f"{ITEMS}/a", headers=headers)).headers
    assert "content-encoding" not in (await client.get("/api/v1/categories/none", headers=headers)).headers


async def test_large_chunks_are_compressed_in_a_thread(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compression in a thread gives the same content."""
    await create_items(client)
    plain = [(await client.get(url, headers={"Accept-Encoding": "identity"})).content for url in (ITEMS, EXPORT)]
    monkeypatch.setattr(compression, "_MIN_THREAD_SIZE", 10)
    assert [(await client.get(url, headers={"Accept-Encoding": "gzip"})).content for url in (ITEMS, EXPORT)] == plain
