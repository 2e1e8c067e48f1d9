"""Uploads of import files: limits on their size and disk space, and uploads that do not arrive."""

import asyncio
import resource
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.requests import uploads
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import ImportsSettings, StorageSettings
from tests.http.imports.requests import CSV, IMPORT, IN_BACKGROUND, import_csv, scope
from tests.http.making import ITEMS, client_for


@pytest.fixture
async def limited(store_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with low limits on imports."""
    imports = ImportsSettings(max_bytes=1024, max_atomic_rows=2)
    container = Container(settings=Settings(storage=StorageSettings(url=store_url), imports=imports))
    async with running(container), client_for(create_app(container)) as client:
        yield client


@pytest.mark.parametrize("store", ["memory"])
async def test_imports_have_limits(limited: httpx.AsyncClient) -> None:
    """The size of a file, with or without a Content-Length, and the number of rows in an atomic import are limited."""
    large = "sku,name\n" + "".join(f"S-{number},Item\n" for number in range(200))
    assert (await import_csv(limited, large)).status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        for line in large.splitlines(keepends=True):
            yield line.encode()

    for headers in (CSV, IN_BACKGROUND):
        refused = await limited.post(IMPORT, content=pieces(), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (413, "content_too_large")
    too_many_rows = await import_csv(limited, "sku,name\na,A\nb,B\nc,C\n", mode="all_or_nothing")
    assert (too_many_rows.status_code, too_many_rows.json()["errors"][0]["code"]) == (422, "too_many_rows")
    assert (await limited.get(ITEMS)).json()["items"] == []


@pytest.mark.parametrize("store", ["memory"])
async def test_an_upload_that_stalls_or_breaks_off_is_refused(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent, a slow and a disconnected upload are refused; none of their rows are imported."""
    monkeypatch.setattr(uploads, "IDLE_TIMEOUT", 0.05)
    app = create_app(container)

    async def status_after(*messages: dict[str, Any]) -> int:
        remaining = list(messages)
        status = 0

        async def receive() -> dict[str, Any]:
            if remaining:
                return remaining.pop(0)
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's
            nonlocal status
            status = message.get("status", status)

        await app(scope(), receive, send)
        return status

    first_chunk = {"type": "http.request", "body": b"sku,name\nS-1,One\n", "more_body": True}
    assert await status_after(first_chunk) == 408
    monkeypatch.setattr(uploads, "IDLE_TIMEOUT", 60.0)
    monkeypatch.setattr(uploads, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(uploads, "MIN_RATE", 1024**3)
    assert await status_after(first_chunk) == 408
    assert (
        await status_after({"type": "http.request", "body": b"sku,name\n", "more_body": True}, {"type": "http.disconnect"}) == 400
    )
    assert (await client.get(ITEMS)).json()["items"] == []


@pytest.mark.parametrize("store", ["memory"])
async def test_a_cancelled_upload_releases_its_disk_space(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelling the request stops the upload and deletes what was received."""
    closed: list[uploads.Upload] = []
    real_close = uploads.Upload.close

    def close(self: uploads.Upload) -> None:
        closed.append(self)
        real_close(self)

    monkeypatch.setattr(uploads.Upload, "close", close)
    received = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if received.is_set():
            await asyncio.Event().wait()
        received.set()
        return {"type": "http.request", "body": b"x" * 2 * 1024**2, "more_body": True}

    async def send(_message: object) -> None:
        """Nobody listens."""

    serving = asyncio.create_task(create_app(container)(scope(), receive, send))
    await received.wait()
    serving.cancel()
    await asyncio.wait((serving,))
    (upload,) = closed
    assert upload._space.used == 0


@pytest.mark.parametrize("store", ["memory"])
async def test_uploads_share_a_disk_budget(store_url: str) -> None:
    """An upload that exceeds `max_disk_bytes` is refused and releases its space."""
    imports = ImportsSettings(max_disk_bytes=1024)
    container = Container(settings=Settings(storage=StorageSettings(url=store_url), imports=imports))
    large = "sku,name\n" + "".join(f"S-{number},Item\n" for number in range(200))
    async with running(container), client_for(create_app(container)) as client:
        for headers in (CSV, IN_BACKGROUND):
            refused = await client.post(IMPORT, content=large, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (503, "imports_busy")
            assert "1024 bytes" in refused.json()["detail"]
        for _ in range(3):
            assert (await import_csv(client, large[:900])).status_code == 200


@pytest.mark.parametrize("store", ["memory"])
async def test_a_full_disk_is_507(client: httpx.AsyncClient) -> None:
    """If an upload cannot be written to disk, nothing is imported."""
    large = b"sku,name\n" + b"S,Item\n" * 100_000
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    try:
        for headers in (CSV, IN_BACKGROUND):
            refused = await client.post(IMPORT, content=large, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (507, "out_of_space"), refused.text
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (await client.get(ITEMS)).json()["items"] == []
