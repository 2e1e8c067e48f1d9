"""What one caller waits for: Catalog beside the peer, request by request in turns, on each Postgres that is found.

Debian's packages and the official images compile statements (JIT) by default, the wheel cannot. `make bench ARGS=lone`, or
`make bench ARGS="lone 500"` for another number of requests.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks.databases import create_database
from benchmarks.serving import BIN, catalog_at, running
from tests.servers import installed_binaries, postgres

ITEMS = 120
REQUESTS = 200
GOAL = 1.2
"""How many times the peer's time a create may take."""

KINDS = {
    "create": ("POST", "/api/v1/items"),
    "get by id": ("GET", "/api/v1/items/{id}"),
    "first page of 20": ("GET", "/api/v1/items?limit=20"),
    "search": ("GET", "/api/v1/items?limit=20&q=oak"),
}
"""What both are asked."""

OURS = {
    "prices": ("GET", "/api/v1/items/{id}/prices"),
    "filter": ("GET", "/api/v1/items?limit=20&attr.material=oak"),
    "facets": ("GET", "/api/v1/items?limit=20&facet=attr.material,currency"),
}
"""What the peer cannot answer."""


class Caller:
    """One connection to one server."""

    def __init__(self, url: str) -> None:
        """Connect."""
        self._connection = HTTPConnection(urlsplit(url).netloc)
        self._skus = count(1)
        self.id = ""

    def ask(self, method: str, path: str) -> float:
        """Ask once; return the milliseconds that the answer took."""
        body = json.dumps(self._item()) if method == "POST" else None
        began = time.perf_counter()
        self._connection.request(method, path.replace("{id}", self.id), body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        said = answer.read()
        took = time.perf_counter() - began
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {said!r}")
        if method == "POST":
            self.id = json.loads(said)["id"]
        return took * 1000

    def _item(self) -> dict[str, Any]:
        number = next(self._skus)
        return {
            "sku": f"LONE-{number}",
            "name": f"Oak chair number {number}",
            "description": "A fine thing of wood",
            "price": {"amount": "19.90", "currency": "EUR"},
            "attributes": {"color": "red", "size": number % 10, "material": "oak"},
        }


def main(arguments: list[str]) -> None:
    """Measure on the wheel's Postgres, and on each that is installed."""
    requests = int(arguments[0]) if arguments else REQUESTS
    for binaries in (None, *installed_binaries()):
        with postgres(binaries=binaries) as server, tempfile.TemporaryDirectory() as folder:
            said = subprocess.run([server.program("postgres"), "--version"], check=True, capture_output=True, text=True).stdout
            print(f"\n### {said.strip()}{'' if binaries else ' (wheel, no JIT)'}\n")
            database = server.url(create_database(server, "lone"))
            _table(Path(folder), database, requests)


def _table(folder: Path, url: str, requests: int) -> None:
    """Print what each kind of request took."""
    subprocess.run(
        [BIN / "catalog", "migrate"], env=os.environ | {"CATALOG_STORAGE__URL": url}, check=True, stdout=subprocess.DEVNULL
    )
    (folder / "none.json").write_text("[]")
    peer = [BIN / "uvicorn", "benchmarks.peer_fastapi:app", "--no-access-log", "--log-level", "warning"]
    environment = {"PEER_URL": url.replace("postgresql:", "postgresql+asyncpg:"), "PEER_ITEMS": str(folder / "none.json")}
    (folder / "peer").mkdir()
    with (
        catalog_at(folder, url, cached=False) as (_, ours, _),
        running(peer, folder / "peer", "/health/ready", environment) as (_, theirs, _),
    ):
        callers = (Caller(ours), Caller(theirs))
        for _ in _in_turns(callers, KINDS["create"], ITEMS):
            pass
        print("| one connection, 120 items, medians | Catalog | peer | of the peer's time |\n|---|---|---|---|")
        for kind, asked in KINDS.items():
            mine, its = map(median, zip(*_in_turns(callers, asked, requests), strict=True))
            share = f"**{mine / its:.2f}**" if kind == "create" and mine > GOAL * its else f"{mine / its:.2f}"
            print(f"| {kind} | {mine:.2f} ms | {its:.2f} ms | {share} |")
        for kind, asked in OURS.items():
            print(f"| {kind} | {median(callers[0].ask(*asked) for _ in range(requests)):.2f} ms | | |", flush=True)


def _in_turns(callers: tuple[Caller, ...], asked: tuple[str, str], requests: int) -> Iterator[list[float]]:
    """Ask one after the other, each first as often as the others."""
    for turn in range(requests):
        order = callers if turn % 2 else callers[::-1]
        took = {caller: caller.ask(*asked) for caller in order}
        yield [took[caller] for caller in callers]
