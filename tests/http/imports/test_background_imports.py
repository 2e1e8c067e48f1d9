"""Imports in the background: progress and cancellation."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from catalog.application.imports.jobs import ImportJobs
from catalog.application.imports.refusals import Refusal
from catalog.application.imports.rows import SLICE_ROWS
from tests.http.imports.requests import IMPORT, IN_BACKGROUND, counts, wait_for_end
from tests.http.making import ITEMS


async def test_a_background_import_reports_its_progress(client: httpx.AsyncClient) -> None:
    """`Prefer: respond-async` returns 202 with the import's URL, where its progress and outcome can be read."""
    rows = "".join(f"S-{number},Item {number}\n" for number in range(3 * SLICE_ROWS // 2))
    started = await client.post(IMPORT, content=f"sku,name\n{rows}x,\n", headers=IN_BACKGROUND)
    assert (started.status_code, started.json()["status"]) == (202, "running")
    assert started.headers["preference-applied"] == "respond-async"
    path = started.headers["location"]
    assert path == f"/api/v1/imports/{started.json()['id']}"
    body = await wait_for_end(client, path)
    assert (body["status"], counts(body)) == ("done", (3 * SLICE_ROWS // 2 + 1, 3 * SLICE_ROWS // 2, 0, 0, 0, 1))
    assert body["rate"] > 0
    assert json.loads((await client.get(body["errors_url"])).text)["field"] == "name"
    deleted = await client.delete(path)
    assert (deleted.status_code, deleted.json()["status"]) == (202, "done")
    empty = await client.post(IMPORT, content="", headers=IN_BACKGROUND)
    failed = await wait_for_end(client, empty.headers["location"])
    assert (failed["status"], "header" in failed["error"]) == ("failed", True)
    atomic = await client.post(f"{IMPORT}?mode=all_or_nothing", content="sku,name\nx,\n", headers=IN_BACKGROUND)
    assert (await wait_for_end(client, atomic.headers["location"]))["status"] == "refused"


async def test_an_unknown_import_is_404(client: httpx.AsyncClient) -> None:
    """Reading, cancelling and listing the refusals of an unknown import return 404."""
    for path in ("nope", "nope/errors"):
        response = await client.get(f"/api/v1/imports/{path}")
        assert (response.status_code, response.json()["code"]) == (404, "import_not_found")
    assert (await client.delete("/api/v1/imports/nope")).status_code == 404
    assert (await client.get("/api/v1/imports/nope?x=1")).status_code == 422


async def test_an_import_is_cancelled(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled import stops before its next slice and keeps what it has committed."""
    reached, may_continue = asyncio.Event(), asyncio.Event()
    real_import = ImportJobs._import

    async def blocked_import(self: ImportJobs, *arguments: Any) -> tuple[str, Sequence[Refusal]]:  # noqa: ANN401 - passed through
        reached.set()
        await may_continue.wait()
        return await real_import(self, *arguments)

    monkeypatch.setattr(ImportJobs, "_import", blocked_import)
    started = await client.post(IMPORT, content="sku,name\na,A\n", headers=IN_BACKGROUND)
    await reached.wait()
    assert (await client.delete(started.headers["location"])).json()["status"] == "running"
    may_continue.set()
    body = await wait_for_end(client, started.headers["location"])
    assert (body["status"], counts(body)) == ("cancelled", (0, 0, 0, 0, 0, 0))
    assert (await client.get(f"{ITEMS}/a")).status_code == 404
