"""A flood of failed sign-ins while items are written: no write fails or waits for it, and the log of the flood is short."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count, islice, takewhile
from typing import Any

import asyncpg
import httpx
import pytest

from catalog.domain.identity.audit import AuditFilter
from catalog.domain.identity.security_log import SIGN_IN_FAILED
from tests.conftest import STORES
from tests.http.identity.making import AUTH, Service
from tests.http.making import ITEMS

ATTEMPTS = 5_000
NAMES = NETWORKS = 20
"""Half of the attempts are for as many names, from one address each; the others for one user, from as many networks."""

AT_ONCE = 10
WRITES = 50


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store."""
    kind: str = request.param
    return kind


@asynccontextmanager
async def commit_lock_of(url: str) -> AsyncIterator[None]:
    """Hold the lock that every commit of the catalog takes. In memory, there is none."""
    if url.startswith("postgresql"):
        holder = await asyncpg.connect(url)
        async with holder.transaction():
            await holder.execute("SELECT seq FROM log_head FOR UPDATE")
            yield
        await holder.close()
    elif url.startswith("sqlite"):
        file = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=20)
        file.execute("BEGIN IMMEDIATE")
        yield
        file.execute("ROLLBACK")
        file.close()
    else:
        yield


async def attempt(service: Service, username: str, address: str) -> int:
    """Try to sign in with a wrong password. Return the status. Without a client, whose work would be most of the test's."""
    body = json.dumps({"username": username, "password": "wrong"}).encode()
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": f"{AUTH}/token",
        "raw_path": f"{AUTH}/token".encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
        "client": (address, 1),
        "scheme": "http",
        "http_version": "1.1",
        "server": ("localhost", 80),
        "root_path": "",
    }
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await service.app(scope, receive, send)
    return statuses[0]


async def flood(service: Service, numbers: Iterable[int]) -> Counter[int]:
    """Make these attempts, many at a time. Return the number of each status."""
    statuses: Counter[int] = Counter()
    remaining = iter(numbers)
    while batch := list(islice(remaining, AT_ONCE)):
        attempts = (
            attempt(service, f"name{number % NAMES}", f"198.51.100.{number % NAMES}")
            if number % 2
            else attempt(service, "user", f"10.0.{number // 2 % NETWORKS}.1")
            for number in batch
        )
        statuses.update(await asyncio.gather(*attempts))
        await asyncio.sleep(0)
    return statuses


async def write(client: httpx.AsyncClient) -> None:
    """Create items, one after the other."""
    for number in range(WRITES):
        response = await client.post(ITEMS, json={"sku": f"S-{number}", "name": "Written meanwhile"})
        assert response.status_code == 201, response.text
        await asyncio.sleep(0)


async def test_a_flood_of_failed_sign_ins_does_not_stop_writes(service: Service) -> None:
    """Each write succeeds. The flood goes on while the catalog's lock is held by another, so it never takes it."""
    async with commit_lock_of(service.container.settings().storage.url):
        statuses = await asyncio.wait_for(flood(service, range(ATTEMPTS // 2)), 60)
    async with service.client(**await service.bearer("editor")) as client:
        writing = asyncio.create_task(write(client))
        further = takewhile(lambda number: number < ATTEMPTS or not writing.done(), count(ATTEMPTS // 2))
        statuses += await flood(service, further)
        await writing
    changes = await service.container.storage().changes(after=0, limit=WRITES + 10)
    assert [entry.seq for entry in changes.entries] == list(range(1, WRITES + 1))

    assert statuses.keys() == {401, 429}
    assert statuses.total() >= ATTEMPTS
    assert statuses[401] < ATTEMPTS / 10
    await service.container.security_events().write(everything=True)
    entries = await service.container.identity_storage().security_entries(
        AuditFilter(action=SIGN_IN_FAILED), before=None, limit=ATTEMPTS
    )
    counts: Counter[str] = Counter()
    for entry in entries:
        counts[entry.event.result] += entry.event.count
    assert counts == {"failure": statuses[401], "denied": statuses[429]}
    assert len(entries) < ATTEMPTS / 10
