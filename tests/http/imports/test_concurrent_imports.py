"""Many imports at once: some wait, and some are refused."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from catalog.application.imports import registry, slots
from catalog.application.imports.jobs import ImportJobs
from catalog.application.imports.refusals import Refusal
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from tests.http.imports.requests import CSV, IMPORT, IN_BACKGROUND, import_csv, scope, wait_for_end
from tests.http.making import ITEMS


@pytest.mark.parametrize("store", ["memory"])
async def test_an_import_waits_for_a_slot_or_is_refused(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two imports run at a time. An import gets 503 if it waits too long or if too many are already waiting."""
    may_continue = asyncio.Event()
    real_import = ImportJobs._import

    async def blocked_import(self: ImportJobs, *arguments: Any) -> tuple[str, Sequence[Refusal]]:  # noqa: ANN401 - passed through
        await may_continue.wait()
        return await real_import(self, *arguments)

    monkeypatch.setattr(ImportJobs, "_import", blocked_import)
    monkeypatch.setattr(slots, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(registry, "MAX_IMPORTS", 4)
    started = [await client.post(IMPORT, content=f"sku,name\n{name},A\n", headers=IN_BACKGROUND) for name in "abc"]
    late = await import_csv(client, "sku,name\nd,A\n")
    assert (late.status_code, late.json()["code"]) == (503, "imports_busy")
    assert "2 imports are already running" in late.json()["detail"]
    monkeypatch.setattr(registry, "MAX_IMPORTS", 3)
    for headers in (CSV, IN_BACKGROUND):
        full = await client.post(IMPORT, content="sku,name\nd,A\n", headers=headers)
        assert (full.status_code, full.json()["code"], full.headers["retry-after"]) == (503, "imports_busy", "1")
        assert "3 imports are already in progress" in full.json()["detail"]
    may_continue.set()
    assert {(await wait_for_end(client, response.headers["location"]))["status"] for response in started} == {"done"}


@pytest.mark.parametrize("store", ["memory"])
async def test_slow_uploads_do_not_block_other_imports(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploads take no import slot. More uploads than allowed are refused immediately."""
    monkeypatch.setattr(registry, "MAX_RECEIVING", 8)
    app = create_app(container)
    stalled = asyncio.Semaphore(0)

    async def receive() -> dict[str, Any]:
        stalled.release()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(_message: object) -> None:
        """Nobody listens."""

    slow = [asyncio.create_task(app(scope(), receive, send)) for _ in range(7)]
    for _ in slow:
        await stalled.acquire()
    assert (await import_csv(client, "sku,name\na,A\n")).json()["created"] == 1
    slow.append(asyncio.create_task(app(scope(), receive, send)))
    await stalled.acquire()
    full = await import_csv(client, "sku,name\nb,B\n")
    assert (full.status_code, full.json()["code"]) == (503, "imports_busy")
    assert "8 import files are already being uploaded" in full.json()["detail"]
    for task in slow:
        task.cancel()
    await asyncio.wait(slow)
    assert (await import_csv(client, "sku,name\nb,B\n")).json()["created"] == 1


@pytest.mark.parametrize("store", ["memory"])
async def test_concurrent_imports_succeed_or_are_refused(client: httpx.AsyncClient) -> None:
    """A refused import leaves nothing behind, and imports work again afterwards."""
    responses = await asyncio.gather(*(import_csv(client, f"sku,name\nm-{number},A\n") for number in range(150)))
    assert {response.status_code for response in responses} == {200, 503}
    assert {response.json()["code"] for response in responses if response.status_code == 503} == {"imports_busy"}
    done = sum(response.status_code == 200 for response in responses)
    assert (await client.get(ITEMS, params={"count": "exact", "limit": 1})).json()["count"] == done
    assert (await import_csv(client, "sku,name\nlast,A\n")).json()["created"] == 1
