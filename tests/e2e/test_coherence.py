"""Two processes on one store, many clients, and a checker: nobody reads what is older than is allowed, cache or no cache."""

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
from tests.e2e.test_process import Served, serving
from tests.servers import ValkeyServer, valkey

ITEMS = "/api/v1/items"
CLIENTS = 12
ROUNDS = 40
SKUS = [f"S-{number}" for number in range(6)]
ONLY_AT_FIRST = SKUS[:3]
"""Written by the first process only: whatever another knows of them, it knows by the log."""


@dataclass(frozen=True, slots=True)
class Event:
    """What one client saw: between two moments, a process answered with a version of an item."""

    process: int
    sku: str
    version: int
    begun: float
    ended: float
    wrote: bool


def faults(history: list[Event], lease: float = MAX_STALENESS) -> list[str]:
    """Check a history: versions only grow by writes, so it is enough to compare numbers.

    A read is at least as new as every write that its own process had answered before the read began, and as every write
    that any process had answered `lease` seconds before. It is never newer than the writes that had begun when it ended. Each
    version is written once.
    """
    found = []
    for sku in {event.sku for event in history}:
        writes = [event for event in history if event.sku == sku and event.wrote]
        if len({write.version for write in writes}) < len(writes):
            found.append(f"{sku}: a version was written twice")
        for read in (event for event in history if event.sku == sku and not event.wrote):
            own = [w.version for w in writes if w.process == read.process and w.ended < read.begun]
            any_ones = [w.version for w in writes if w.ended + lease < read.begun]
            begun = [w.version for w in writes if w.begun < read.ended]
            if read.version < max(own, default=1):
                found.append(f"{sku}: process {read.process} answered {read.version} after it had answered a write of {max(own)}")
            if read.version < max(any_ones, default=1):
                found.append(f"{sku}: {read.version} was read, long after {max(any_ones)} had been written")
            if read.version > max(begun, default=1):
                found.append(f"{sku}: {read.version} was read before it was written")
    return found


def test_the_checker_finds_what_it_is_for() -> None:
    """Each kind of fault, and none where there is none."""
    write = Event(0, "A", 2, 1.0, 1.1, wrote=True)
    assert not faults([write, Event(0, "A", 2, 1.2, 1.3, wrote=False), Event(1, "A", 1, 1.2, 1.3, wrote=False)])
    assert not faults([write, Event(0, "A", 1, 1.05, 1.3, wrote=False), Event(0, "A", 2, 1.0, 1.05, wrote=False)])
    assert "after it had answered" in faults([write, Event(0, "A", 1, 1.2, 1.3, wrote=False)])[0]
    assert "long after" in faults([write, Event(1, "A", 1, 1.4, 1.5, wrote=False)])[0]
    assert "before it was written" in faults([write, Event(1, "A", 2, 0.8, 0.9, wrote=False)])[0]
    assert "twice" in faults([write, Event(1, "A", 2, 1.2, 1.3, wrote=True)])[0]


async def one_client(number: int, processes: list[Served], history: list[Event]) -> None:
    """Read and write at random, at both processes, by SKU and by list, and note what came."""
    chance = random.Random(number)
    async with httpx.AsyncClient(timeout=30) as client:
        for _ in range(ROUNDS):
            process, sku = chance.randrange(len(processes)), chance.choice(SKUS)
            wrote = chance.random() < 0.25
            if wrote and sku in ONLY_AT_FIRST:
                process = 0
            url = processes[process].url
            by_list = not wrote and chance.random() < 0.3
            begun = time.monotonic()
            if wrote:
                name = f"{number} {chance.random()}"
                response = await client.patch(f"{url}{ITEMS}/{sku}", json={"name": name})
            elif by_list:
                response = await client.get(f"{url}{ITEMS}", params={"limit": 10, "sort": "sku"})
            else:
                response = await client.get(f"{url}{ITEMS}/{sku}")
            ended = time.monotonic()
            assert response.status_code == 200, response.text
            items = response.json()["items"] if by_list else [response.json()]
            history += [Event(process, item["sku"], item["version"], begun, ended, wrote=wrote) for item in items]
            await asyncio.sleep(chance.choice([0, 0, 0.002, 0.02]))


async def recorded(processes: list[Served], clients: int = CLIENTS) -> list[Event]:
    """Let many clients loose, and return what they saw."""
    async with httpx.AsyncClient() as client:
        for sku in SKUS:
            await client.post(f"{processes[0].url}{ITEMS}", json={"sku": sku, "name": "First"})
    history: list[Event] = []
    await asyncio.gather(*(one_client(number, processes, history) for number in range(clients)))
    await asyncio.sleep(MAX_STALENESS + 0.05)
    await asyncio.gather(*(last_looks(process, served, history) for process, served in enumerate(processes)))
    return history


async def last_looks(process: int, served: Served, history: list[Event]) -> None:
    """Read everything once more, when everybody must have seen the end."""
    async with httpx.AsyncClient() as client:
        for sku in SKUS:
            begun = time.monotonic()
            item = (await client.get(f"{served.url}{ITEMS}/{sku}")).json()
            history.append(Event(process, sku, item["version"], begun, time.monotonic(), wrote=False))


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
    """With each cache, on each store that processes share. Without a cache there is nothing to wait for."""
    settings = {"CATALOG_STORAGE__MIGRATE": "true", "CATALOG_CACHE__TTL_SECONDS": "0" if cache == "off" else "60"}
    if cache == "shared":
        settings["CATALOG_CACHE__URL"] = request.getfixturevalue("shared_cache").url
    with ExitStack() as stack:
        processes = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            processes.append(stack.enter_context(serving(tmp_path / name, store_url, **settings)))
        history = asyncio.run(recorded(processes))
        assert faults(history, 0.0 if cache == "off" else MAX_STALENESS) == []
        assert sum(event.wrote for event in history) > CLIENTS
        hits = sum(_hit(process) for process in processes)
        assert hits == 0 if cache == "off" else hits > 0


@pytest.mark.parametrize("store", ["sqlite"])
def test_a_shared_cache_that_dies_and_comes_back_is_noticed_once_and_harms_nobody(
    store: str, store_url: str, tmp_path: Path, shared_cache: ValkeyServer
) -> None:
    """In the midst of the load: no read fails, none is too old, and the log says it went and came, once each."""
    with serving(tmp_path, store_url, CATALOG_CACHE__URL=shared_cache.url, CATALOG_CACHE__TTL_SECONDS="1") as served:

        async def load() -> list[Event]:
            running = asyncio.create_task(recorded([served], clients=6))
            await asyncio.sleep(0.3)
            shared_cache.kill()
            await asyncio.sleep(0.6)
            await asyncio.to_thread(shared_cache.start)
            history = await running
            async with httpx.AsyncClient() as client:
                for number in range(200):  # until the breaker has tried again
                    await client.get(f"{served.url}{ITEMS}?q=x{number}")
                    if "shared_cache_recovered" in served.log.read_text():
                        break
                    await asyncio.sleep(0.1)
            return history

        assert faults(asyncio.run(load())) == []
        said = served.log.read_text()
        assert said.count('"shared_cache_unavailable"') == 1
        assert said.count('"shared_cache_recovered"') == 1
        assert '"status":5' not in said


def _hit(process: Served) -> bool:
    """Whether the process answers the same question a second time out of its cache."""
    answers = [httpx.get(f"{process.url}{ITEMS}/{SKUS[0]}").headers["x-cache"] for _ in range(20)]
    return "HIT" in answers
