"""Latency for a single client: Catalog and the peer, alternating request by request, on each Postgres that is found.

Debian's packages and the official images compile statements (JIT) by default; the wheel's Postgres cannot. Use
`make bench ARGS=lone`, or `make bench ARGS="lone 500"` for another number of requests.
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
from benchmarks.serving import BIN, run_server, serve_catalog
from tests.servers import installed_binaries, postgres

ITEMS = 120
REQUESTS = 200
GOAL = 1.2
"""The goal for the latency of a create, relative to the peer."""

REQUESTS_OF_BOTH = {
    "create": ("POST", "/api/v1/items"),
    "get by id": ("GET", "/api/v1/items/{id}"),
    "first page of 20": ("GET", "/api/v1/items?limit=20"),
    "search": ("GET", "/api/v1/items?limit=20&q=oak"),
}
"""The requests that both services answer."""

CATALOG_ONLY = {
    "prices": ("GET", "/api/v1/items/{id}/prices"),
    "filter": ("GET", "/api/v1/items?limit=20&attr.material=oak"),
    "facets": ("GET", "/api/v1/items?limit=20&facet=attr.material,currency"),
}
"""The requests that only Catalog can answer."""


class Client:
    """One connection to one server."""

    def __init__(self, url: str) -> None:
        """Connect to the server."""
        self._connection = HTTPConnection(urlsplit(url).netloc)
        self._skus = count(1)
        self.id = ""

    def send(self, method: str, path: str) -> float:
        """Send one request, and return its duration in milliseconds."""
        body = json.dumps(self._item()) if method == "POST" else None
        started_at = time.perf_counter()
        self._connection.request(method, path.replace("{id}", self.id), body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        content = response.read()
        seconds = time.perf_counter() - started_at
        if response.status >= 300:
            sys.exit(f"{method} {path}: {response.status} {content!r}")
        if method == "POST":
            self.id = json.loads(content)["id"]
        return seconds * 1000

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
    """Measure on the wheel's Postgres and on each installed one."""
    requests = int(arguments[0]) if arguments else REQUESTS
    for binaries in (None, *installed_binaries()):
        with postgres(binaries=binaries) as server, tempfile.TemporaryDirectory() as folder:
            version = subprocess.run([server.program("postgres"), "--version"], check=True, capture_output=True, text=True).stdout
            print(f"\n### {version.strip()}{'' if binaries else ' (wheel, no JIT)'}\n")
            database = server.url(create_database(server, "lone"))
            _print_table(Path(folder), database, requests)


def _print_table(folder: Path, url: str, requests: int) -> None:
    """Print the median latency of each kind of request."""
    subprocess.run(
        [BIN / "catalog", "migrate"], env=os.environ | {"CATALOG_STORAGE__URL": url}, check=True, stdout=subprocess.DEVNULL
    )
    (folder / "none.json").write_text("[]")
    peer = [BIN / "uvicorn", "benchmarks.peer_fastapi:app", "--no-access-log", "--log-level", "warning"]
    environment = {"PEER_URL": url.replace("postgresql:", "postgresql+asyncpg:"), "PEER_ITEMS": str(folder / "none.json")}
    (folder / "peer").mkdir()
    with (
        serve_catalog(folder, url, cached=False) as (_, catalog_url, _),
        run_server(peer, folder / "peer", "/health/ready", environment) as (_, peer_url, _),
    ):
        clients = (Client(catalog_url), Client(peer_url))
        for _ in _alternate(clients, REQUESTS_OF_BOTH["create"], ITEMS):
            pass
        print("| one connection, 120 items, medians | Catalog | peer | ratio to the peer |\n|---|---|---|---|")
        for kind, request in REQUESTS_OF_BOTH.items():
            catalog_median, peer_median = map(median, zip(*_alternate(clients, request, requests), strict=True))
            ratio = (
                f"**{catalog_median / peer_median:.2f}**"
                if kind == "create" and catalog_median > GOAL * peer_median
                else f"{catalog_median / peer_median:.2f}"
            )
            print(f"| {kind} | {catalog_median:.2f} ms | {peer_median:.2f} ms | {ratio} |")
        for kind, request in CATALOG_ONLY.items():
            print(f"| {kind} | {median(clients[0].send(*request) for _ in range(requests)):.2f} ms | | |", flush=True)


def _alternate(clients: tuple[Client, ...], request: tuple[str, str], requests: int) -> Iterator[list[float]]:
    """Send the request to each client in turn, alternating which is first. Yield the durations in the order of the clients."""
    for round_number in range(requests):
        order = clients if round_number % 2 else clients[::-1]
        milliseconds = {client: client.send(*request) for client in order}
        yield [milliseconds[client] for client in clients]
