"""An import that runs when its user loses the right to import: it stops, and what was committed stays."""

import asyncio

from tests.http.identity.making import Service
from tests.http.making import ITEMS

ROWS = 60_000


async def test_an_import_ends_with_the_right_to_import(service: Service) -> None:
    """Signing out does not stop it; the user's removal does, within a slice."""
    file = "sku,name\n" + "".join(f"S{number},Chair\n" for number in range(ROWS))
    editor, admin = await service.bearer("editor"), await service.bearer("admin")
    async with service.client() as client:
        csv = {"Content-Type": "text/csv", "Prefer": "respond-async"}
        started = await client.post(f"{ITEMS}/import", content=file, headers=csv | editor)
        assert started.status_code == 202
        job = started.headers["location"]
        assert (await client.post("/api/v1/auth/logout", json={}, headers=editor)).status_code == 204
        async with asyncio.timeout(60):
            while not (await client.get(job, headers=admin)).json()["created"]:  # noqa: ASYNC110 - it is a background job
                await asyncio.sleep(0.01)
            assert (await client.get(job, headers=admin)).json()["status"] == "running"
            assert (await client.delete("/api/v1/users/editor", headers=admin)).status_code == 204
            while (state := (await client.get(job, headers=admin)).json())["status"] == "running":  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
    assert (state["status"], "disabled or deleted" in state["error"]) == ("failed", True)
    assert 0 < state["created"] < ROWS
