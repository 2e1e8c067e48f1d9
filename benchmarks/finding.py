"""How reads scale with the size of the catalog: one client sends one request after another to 10,000 and to 1,000,000 items.

The sizes alternate request by request, because the speed of the machine varies from minute to minute.

`make bench ARGS=finding` takes about twelve minutes, most of it to create the items. `make bench ARGS="finding 10000 100000"`
uses other sizes. The cache is off, so each response is read from the store.
"""

import asyncio
import os
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks.databases import create_database
from benchmarks.populating import COMMON, RARE, item, item_id, populate
from benchmarks.serving import BIN, resident_memory, serve_catalog
from catalog.domain.queries.cursor import CursorPosition, encode_cursor
from catalog.domain.queries.list_request import ListRequest
from catalog.domain.queries.ordering import sort_values
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.servers import postgres

SIZES = (10_000, 1_000_000)
REPEATS = 61
"""The number of times that each request is sent."""
MAX_GROWTH = 1.5
LIMITED = ("get by id", "first page", "deep page", "rare word")
"""The requests whose duration may grow by at most MAX_GROWTH from the smallest to the largest size."""

MakePath = Callable[[int], str]
"""Returns the path to request in a round, given the round's number."""


def main(arguments: list[str]) -> None:
    """Fill the stores, send the requests, and print a table."""
    sizes = [int(argument) for argument in arguments] or list(SIZES)
    titles = list(_requests(sizes[0]))
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        for store in ("SQLite", "Postgres"):
            urls = []
            for size in sizes:
                name = f"finding_{size}"
                url = f"sqlite:///{folder}/{size}.db" if store == "SQLite" else server.url(create_database(server, name))
                environment = os.environ | {"CATALOG_STORAGE__URL": url}
                subprocess.run([BIN / "catalog", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
                asyncio.run(_fill(url, size))
                urls.append(url)
            _print(store, sizes, titles, _measure(Path(folder), urls, sizes))


def _requests(size: int) -> Mapping[str, MakePath]:
    """Return what is requested, by title. Paths can depend on the round, so that different items are read."""
    query = ListRequest.parse({"limit": "20"}).query
    cursor = encode_cursor(CursorPosition(sort_values(item(size // 2, size), query.ordering)), query.fingerprint)
    lists: dict[str, dict[str, str]] = {
        "first page": {},
        "deep page": {"cursor": cursor},
        "by price": {"sort": "-price"},
        "a category": {"category": "c-007"},
        "a root of categories, by name": {"category": "a-3", "sort": "name"},
        "an attribute, common": {"attr.colour": "red"},
        "an attribute, rare": {"attr.size": "500"},
        "an attribute, range": {"attr.size__gte": "990"},
        "rare word": {"q": RARE[:5]},
        "common word": {"q": COMMON},
        "count, exact": {"count": "exact", "limit": "1"},
        "count, estimated": {"count": "estimated", "limit": "1"},
        "count, exact, a root": {"count": "exact", "limit": "1", "category": "a-3"},
        "facets of all": {"facet": "category,currency,attr.colour", "limit": "1"},
        "facets of a root": {"facet": "category,currency,attr.colour", "limit": "1", "category": "a-3"},
    }
    requests: dict[str, MakePath] = {"get by id": lambda round_number: f"/api/v1/items/{item_id(round_number * 7919 % size)}"}
    for title, parameters in lists.items():
        path = f"/api/v1/items?{urllib.parse.urlencode({'limit': '20'} | parameters)}"
        requests[title] = lambda _round_number, path=path: path  # type: ignore[misc]
    return requests


def _measure(folder: Path, urls: Sequence[str], sizes: Sequence[int]) -> list[tuple[dict[str, float], float]]:
    """Return for each store the median of each request in milliseconds, and the peak memory of its process in MiB."""
    with ExitStack() as stack:
        servers = []
        for url, size in zip(urls, sizes, strict=True):
            folder_of_size = folder / f"served-{size}"
            folder_of_size.mkdir(exist_ok=True)
            servers.append(stack.enter_context(serve_catalog(folder_of_size, url, cached=False)))
        medians: list[dict[str, float]] = [{} for _ in sizes]
        peak_memory = [0.0 for _ in sizes]
        requests = [_requests(size) for size in sizes]
        for title in requests[0]:
            milliseconds: list[list[float]] = [[] for _ in sizes]
            for round_number in range(REPEATS):
                for index, (_, base_url, _seconds) in enumerate(servers):
                    milliseconds[index].append(_request_milliseconds(requests[index][title](round_number), base_url))
            for index, (pid, *_) in enumerate(servers):
                medians[index][title] = median(milliseconds[index][1:])
                peak_memory[index] = max(peak_memory[index], resident_memory(pid))
    return list(zip(medians, peak_memory, strict=True))


async def _fill(url: str, size: int) -> None:
    storage = open_store(StorageOptions(url, deadline=60))
    await storage.open()
    await populate(storage, size)
    await storage.close()


def _request_milliseconds(path: str, base_url: str) -> float:
    """Send one request, and return its duration in milliseconds."""
    request = urllib.request.Request(base_url + path)
    started = time.perf_counter()
    with urllib.request.urlopen(request) as response:
        response.read()
    return (time.perf_counter() - started) * 1000


def _print(store: str, sizes: list[int], titles: list[str], columns: list[tuple[dict[str, float], float]]) -> None:
    print(f"\n| {store} | {' | '.join(f'{size:,} items' for size in sizes)} | growth |\n|{'---|' * (len(sizes) + 2)}")
    for title in titles:
        milliseconds = [medians[title] for medians, _ in columns]
        growth = milliseconds[-1] / milliseconds[0]
        growth_cell = f"**{growth:.2f}**" if title in LIMITED and growth > MAX_GROWTH else f"{growth:.2f}"
        cells = " | ".join(f"{value:.1f} ms" for value in milliseconds)
        print(f"| {title}{' (limited)' if title in LIMITED else ''} | {cells} | {growth_cell} |")
    print(f"| memory of the process | {' | '.join(f'{peak_memory:.0f} MiB' for _, peak_memory in columns)} | |", flush=True)
