"""The system clock jumps by days and years while the service runs: nothing fails, and versions and times never go back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from tests.making import FixedClock

API = "/api/v1"
ITEM = f"{API}/items/CHAIR-1"
JUMPS = (
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 10, 31, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 11, 3, tzinfo=UTC),
    datetime(9999, 12, 30, tzinfo=UTC),
    datetime(2026, 11, 4, tzinfo=UTC),
    datetime(1902, 1, 1, tzinfo=UTC),
)
"""The times of the clock, in this order."""


@pytest.fixture
def clock() -> FixedClock:
    """The clock of the service."""
    return FixedClock(JUMPS[0])


@pytest.fixture
async def client(store_url: str, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application on a fresh store, with one item in one category."""
    container = Container(settings=Settings(storage=StorageSettings(url=store_url)))
    container.clock.override(clock)
    async with running(container):
        transport = httpx.ASGITransport(app=create_app(container))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            assert (await client.post(f"{API}/categories", json={"slug": "chairs", "name": "Chairs"})).status_code == 201
            item = {"sku": "CHAIR-1", "name": "Oak chair", "category": "chairs", "price": {"amount": "1", "currency": "EUR"}}
            assert (await client.post(f"{API}/items", json=item)).status_code == 201
            yield client


async def test_the_service_works_after_clock_jumps(client: httpx.AsyncClient, clock: FixedClock) -> None:
    """Every kind of write and read succeeds after each jump."""
    before = (await client.get(ITEM)).json()
    for turn, clock.time in enumerate(JUMPS):
        responses = [
            await client.patch(ITEM, json={"name": f"Chair {turn}"}),
            await client.patch(f"{ITEM}/price", json={"amount": str(turn + 2), "currency": "EUR"}),
            await client.put(f"{API}/items/PUT-{turn}", json={"name": "Put"}),
            await client.delete(f"{API}/items/PUT-{turn}"),
            await client.post(f"{API}/items/PUT-{turn}/restore"),
            await client.post(f"{ITEM}/revert", json={"version": 1}),
            await client.patch(f"{API}/categories/chairs", json={"name": f"Chairs {turn}"}),
            await client.post(
                f"{API}/items/batch",
                json={"operations": [{"op": "update", "key": "CHAIR-1", "patch": {"description": f"Turn {turn}"}}]},
            ),
            await client.post(f"{API}/items/import", content=f"sku,name\nROW-{turn},Row\n", headers={"Content-Type": "text/csv"}),
        ]
        headers = {"Idempotency-Key": f"turn-{turn}"}
        responses += [await client.post(f"{API}/items", json={"name": "Once"}, headers=headers) for _ in range(2)]
        assert responses[-1].content == responses[-2].content
        after = (await client.get(ITEM)).json()
        for query in ("sort=-updated_at", "sort=created_at", "updated_at__lte=2026-11-02T00:00:00Z", "q=chair"):
            responses.append(await client.get(f"{API}/items?{query}"))
        responses += [
            await client.get(f"{API}/items/export?format=json"),
            await client.get(f"{ITEM}/history"),
            await client.get(f"{ITEM}/prices"),
            await client.get(f"{API}/changes"),
            await client.get("/health"),
        ]
        assert [(r.request.method, r.url.path, r.status_code) for r in responses if r.status_code >= 400] == []
        assert after["version"] > before["version"]
        assert after["updated_at"] >= before["updated_at"]
        assert after["created_at"] == before["created_at"]
        before = after
    page = (await client.get(f"{API}/changes?limit=1000")).json()
    seqs = [entry["seq"] for entry in page["changes"]]
    assert seqs == list(range(1, len(seqs) + 1))
