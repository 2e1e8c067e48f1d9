"""How reads grow with the catalog: one caller asks one question after another, of 10,000 items and of 1,000,000.

The sizes take turns, question by question, for the machine is not as fast in one minute as in the next.

`make bench ARGS=finding` takes some twelve minutes, most of them to make the items; `make bench ARGS="finding 10000 100000"`
takes other sizes. The cache is off: each answer is read from the store.
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
from benchmarks.serving import BIN, catalog_at, memory_of
from catalog.domain.queries.cursor import CursorPosition, encode_cursor
from catalog.domain.queries.list_request import ListRequest
from catalog.domain.queries.ordering import sort_values
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.servers import postgres

SIZES = (10_000, 1_000_000)
TIMES = 61
"""How often each question is asked."""
MOST_GROWTH = 1.5
HELD = ("get by id", "first page", "deep page", "rare word")
"""What may grow by MOST_GROWTH from the smaller size to the larger."""

Question = Callable[[int], str]


def main(arguments: list[str]) -> None:
    """Fill the stores, ask, and print a table."""
    sizes = [int(argument) for argument in arguments] or list(SIZES)
    titles = list(_questions(sizes[0]))
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        for store in ("SQLite", "Postgres"):
            urls = []
            for size in sizes:
                name = f"finding_{size}"
                url = f"sqlite:///{folder}/{size}.db" if store == "SQLite" else server.url(create_database(server, name))
                environment = os.environ | {"CATALOG_STORAGE__URL": url}
                subprocess.run([BIN / "catalog", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
                asyncio.run(_filled(url, size))
                urls.append(url)
            _print(store, sizes, titles, _measured(Path(folder), urls, sizes))


def _questions(size: int) -> Mapping[str, Question]:
    """Return what is asked, as paths; each takes the number of the round, so that not always the same is asked."""
    deep = ListRequest.parse({"limit": "20"}).query
    cursor = encode_cursor(CursorPosition(sort_values(item(size // 2, size), deep.ordering)), deep.fingerprint)
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
    asked: dict[str, Question] = {"get by id": lambda turn: f"/api/v1/items/{item_id(turn * 7919 % size)}"}
    for title, parameters in lists.items():
        path = f"/api/v1/items?{urllib.parse.urlencode({'limit': '20'} | parameters)}"
        asked[title] = lambda _turn, path=path: path  # type: ignore[misc]
    return asked


def _measured(folder: Path, urls: Sequence[str], sizes: Sequence[int]) -> list[tuple[dict[str, float], float]]:
    """Return of each store the median of each question in milliseconds, and the most memory that its process took, in MiB."""
    with ExitStack() as stack:
        served = []
        for url, size in zip(urls, sizes, strict=True):
            own = folder / f"served-{size}"
            own.mkdir(exist_ok=True)
            served.append(stack.enter_context(catalog_at(own, url, cached=False)))
        medians: list[dict[str, float]] = [{} for _ in sizes]
        most = [0.0 for _ in sizes]
        questions = [_questions(size) for size in sizes]
        for title in questions[0]:
            took: list[list[float]] = [[] for _ in sizes]
            for turn in range(TIMES):
                for place, (_, at, _seconds) in enumerate(served):
                    took[place].append(_timed(questions[place][title](turn), at))
            for place, (pid, *_) in enumerate(served):
                medians[place][title] = median(took[place][1:])
                most[place] = max(most[place], memory_of(pid))
    return list(zip(medians, most, strict=True))


async def _filled(url: str, size: int) -> None:
    storage = open_store(StorageOptions(url, deadline=60))
    await storage.open()
    await populate(storage, size)
    await storage.close()


def _timed(path: str, at: str) -> float:
    """Ask once, and return the milliseconds it took."""
    request = urllib.request.Request(at + path)
    started = time.perf_counter()
    with urllib.request.urlopen(request) as answer:
        answer.read()
    return (time.perf_counter() - started) * 1000


def _print(store: str, sizes: list[int], titles: list[str], columns: list[tuple[dict[str, float], float]]) -> None:
    print(f"\n| {store} | {' | '.join(f'{size:,} items' for size in sizes)} | growth |\n|{'---|' * (len(sizes) + 2)}")
    for title in titles:
        took = [medians[title] for medians, _ in columns]
        growth = took[-1] / took[0]
        shown = f"**{growth:.2f}**" if title in HELD and growth > MOST_GROWTH else f"{growth:.2f}"
        print(f"| {title}{' (held)' if title in HELD else ''} | {' | '.join(f'{each:.1f} ms' for each in took)} | {shown} |")
    print(f"| memory of the process | {' | '.join(f'{most:.0f} MiB' for _, most in columns)} | |", flush=True)
