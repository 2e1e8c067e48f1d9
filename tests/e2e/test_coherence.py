"""Two processes on one store under load: a checker proves that no read is older than allowed, with or without a cache."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from catalog.application.caching.freshness import MAX_STALENESS
from tests.e2e.test_process import ITEMS, Server, serving
from tests.servers import ValkeyServer, valkey

CLIENTS = 12
ROUNDS = 40
SKUS = [f"S-{number}" for number in range(6)]
WRITTEN_BY_FIRST = SKUS[:3]
"""SKUs that only the first process writes. The other process learns of these changes only from the log."""


@dataclass(frozen=True, slots=True)
class Event:
    """What one client saw: between two points in time, a process returned a version of an item."""

    process: int
    sku: str
    version: int
    started_at: float
    ended_at: float
    is_write: bool


def find_violations(history: list[Event], max_staleness: float = MAX_STALENESS) -> list[str]:
    """Check a history and return the violations. Only writes increment a version, so comparing versions is enough.

    A read is at least as new as every write that its own process had answered before the read started, and as every write
    that any process had answered `max_staleness` seconds before. It is never newer than the writes that had started when it
    ended. Each version is written once.
    """
    violations = []
    for sku in {event.sku for event in history}:
        writes = [event for event in history if event.sku == sku and event.is_write]
        if len({write.version for write in writes}) < len(writes):
            violations.append(f"{sku}: a version was written twice")
        for read in (event for event in history if event.sku == sku and not event.is_write):
            own = [w.version for w in writes if w.process == read.process and w.ended_at < read.started_at]
            settled = [w.version for w in writes if w.ended_at + max_staleness < read.started_at]
            started = [w.version for w in writes if w.started_at < read.ended_at]
            if read.version < max(own, default=1):
                violations.append(f"{sku}: process {read.process} returned {read.version} after its own write of {max(own)}")
            if read.version < max(settled, default=1):
                violations.append(f"{sku}: {read.version} was read long after {max(settled)} had been written")
            if read.version > max(started, default=1):
                violations.append(f"{sku}: {read.version} was read before it was written")
    return violations


def test_the_checker_finds_every_kind_of_violation() -> None:
    """The checker reports each kind of violation and accepts valid histories."""
    write = Event(0, "A", 2, 1.0, 1.1, is_write=True)
    assert not find_violations([write, Event(0, "A", 2, 1.2, 1.3, is_write=False), Event(1, "A", 1, 1.2, 1.3, is_write=False)])
    assert not find_violations([write, Event(0, "A", 1, 1.05, 1.3, is_write=False), Event(0, "A", 2, 1.0, 1.05, is_write=False)])
    assert "after its own write" in find_violations([write, Event(0, "A", 1, 1.2, 1.3, is_write=False)])[0]
    assert "long after" in find_violations([write, Event(1, "A", 1, 1.4, 1.5, is_write=False)])[0]
    assert "before it was written" in find_violations([write, Event(1, "A", 2, 0.8, 0.9, is_write=False)])[0]
    assert "twice" in find_violations([write, Event(1, "A", 2, 1.2, 1.3, is_write=True)])[0]


async def run_client(number: int, servers: list[Server], history: list[Event]) -> None:
    """Read and write at random, through both processes, by SKU and by list, and record what was returned."""
    rng = random.Random(number)
    async with httpx.AsyncClient(timeout=30) as client:
        for _ in range(ROUNDS):
            process, sku = rng.randrange(len(servers)), rng.choice(SKUS)
            is_write = rng.random() < 0.25
            if is_write and sku in WRITTEN_BY_FIRST:
                process = 0
            url = servers[process].url
            by_list = not is_write and rng.random() < 0.3
            started_at = time.monotonic()
            if is_write:
                name = f"{number} {rng.random()}"
                response = await client.patch(f"{url}{ITEMS}/{sku}", json={"name": name})
            elif by_list:
                response = await client.get(f"{url}{ITEMS}", params={"limit": 10, "sort": "sku"})
            else:
                response = await client.get(f"{url}{ITEMS}/{sku}")
            ended_at = time.monotonic()
            assert response.status_code == 200, response.text
            items = response.json()["items"] if by_list else [response.json()]
            history += [Event(process, item["sku"], item["version"], started_at, ended_at, is_write=is_write) for item in items]
            await asyncio.sleep(rng.choice([0, 0, 0.002, 0.02]))


async def record_history(servers: list[Server], clients: int = CLIENTS) -> list[Event]:
    """Run many clients at once, and return what they saw."""
    async with httpx.AsyncClient() as client:
        for sku in SKUS:
            await client.post(f"{servers[0].url}{ITEMS}", json={"sku": sku, "name": "First"})
    history: list[Event] = []
    await asyncio.gather(*(run_client(number, servers, history) for number in range(clients)))
    await asyncio.sleep(MAX_STALENESS + 0.05)
    await asyncio.gather(*(read_all(number, server, history) for number, server in enumerate(servers)))
    return history


async def read_all(process: int, server: Server, history: list[Event]) -> None:
    """Read every item once more, after every process must have seen the last write."""
    async with httpx.AsyncClient() as client:
        for sku in SKUS:
            started_at = time.monotonic()
            item = (await client.get(f"{server.url}{ITEMS}/{sku}")).json()
            history.append(Event(process, sku, item["version"], started_at, time.monotonic(), is_write=False))


@pytest.fixture
def shared_cache() -> Iterator[ValkeyServer]:
    """A Valkey that a test may kill."""
    with valkey() as server:
        yield server


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
@pytest.mark.parametrize("cache", ["near", "shared", "off"])
def test_no_read_is_older_than_allowed(
    store: str, store_url: str, cache: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """This holds with each kind of cache on each shared store. Without a cache, the allowed staleness is zero."""
    settings = {"CATALOG_STORAGE__MIGRATE": "true", "CATALOG_CACHE__TTL_SECONDS": "0" if cache == "off" else "60"}
    if cache == "shared":
        settings["CATALOG_CACHE__URL"] = request.getfixturevalue("shared_cache").url
    with ExitStack() as stack:
        servers = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            servers.append(stack.enter_context(serving(tmp_path / name, store_url, **settings)))
        history = asyncio.run(record_history(servers))
        assert find_violations(history, 0.0 if cache == "off" else MAX_STALENESS) == []
        assert sum(event.is_write for event in history) > CLIENTS
        hits = sum(_is_cached(server) for server in servers)
        assert hits == 0 if cache == "off" else hits > 0


@pytest.mark.parametrize("store", ["sqlite"])
def test_an_outage_of_the_shared_cache_harms_no_reads_and_is_logged_once(
    store: str, store_url: str, tmp_path: Path, shared_cache: ValkeyServer
) -> None:
    """While the cache restarts under load, no read fails or is too old, and the log has one outage and one recovery."""
    with serving(tmp_path, store_url, CATALOG_CACHE__URL=shared_cache.url, CATALOG_CACHE__TTL_SECONDS="1") as server:

        async def load() -> list[Event]:
            recording = asyncio.create_task(record_history([server], clients=6))
            await asyncio.sleep(0.3)
            shared_cache.kill()
            await asyncio.sleep(0.6)
            await asyncio.to_thread(shared_cache.start)
            history = await recording
            async with httpx.AsyncClient() as client:
                for number in range(200):  # until the circuit breaker has retried
                    await client.get(f"{server.url}{ITEMS}?q=x{number}")
                    if "shared_cache_recovered" in server.log.read_text():
                        break
                    await asyncio.sleep(0.1)
            return history

        assert find_violations(asyncio.run(load())) == []
        log = server.log.read_text()
        assert log.count('"shared_cache_unavailable"') == 1
        assert log.count('"shared_cache_recovered"') == 1
        assert '"status":5' not in log


def _is_cached(server: Server) -> bool:
    """Return whether the process serves a repeated read from its cache."""
    cache_statuses = [httpx.get(f"{server.url}{ITEMS}/{SKUS[0]}").headers["x-cache"] for _ in range(20)]
    return "HIT" in cache_statuses
