"""Requests a second of Catalog on each store, beside the ceiling and the peer, from one run. One process serves each; `wrk` asks.

The ceiling is asked again beside each server, so that a ratio compares what was measured within the same minute.
`make bench ARGS=http` makes one run with few connections; `make bench ARGS="http 2"` makes two, with 1, 32 and 128
connections, and takes the medians: that is what docs/explanation/performance.md shows.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.databases import create_database
from catalog.application.imports.sample_data import SAMPLE_SIZE
from tests.servers import PostgresServer, free_port, postgres, wait_until

BIN = Path(sys.executable).parent
SCRIPT = Path(__file__).parent / "load.lua"
SECONDS = 2
PAGE_BYTES = ("page", "search")

READS = ("get", "page", "search")
WRITES = ("reprice", "create")
TITLES = {
    "get": "get by id",
    "page": "first page of 20",
    "search": "search",
    "reprice": "reprice, If-Match",
    "create": "create",
    "mix": "95/5 mix",
}


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be held at 32 connections: a multiple of the peer's rate, a share of the ceiling's."""

    server: str
    kind: str
    peer: float | None
    ceiling: float | None


GOALS = (
    Goal("Postgres", "get", 6, 0.35),
    Goal("SQLite", "get", 5, 0.25),
    Goal("memory", "get", None, 0.60),
    *(Goal(f"{store}, cached", "get", 12, 0.75) for store in ("Postgres", "SQLite")),
    Goal("Postgres", "page", 4, None),
    Goal("SQLite", "page", 4, None),
    *(Goal(f"{store}, cached", "page", 15, 0.70) for store in ("Postgres", "SQLite")),
    Goal("Postgres", "create", 5, 0.20),
    Goal("SQLite", "create", 6, 0.18),
    Goal("Postgres", "reprice", 5, None),
    Goal("SQLite", "reprice", 6, None),
    Goal("Postgres, cached", "mix", 8, 0.50),
)


@dataclass(slots=True)
class Measured:
    """What was measured of one server, one kind and one number of connections; a value for each run."""

    rates: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    errors: int = 0


Results = dict[tuple[str, str, int], Measured]


def main(arguments: list[str]) -> None:
    """Run, and print the tables."""
    if shutil.which("wrk") is None:
        sys.exit("The HTTP benchmark asks with wrk; on Debian: apt install wrk")
    runs = int(arguments[0]) if arguments else 1
    connections = (1, 32, 128) if runs > 1 else (32,)
    results: Results = {}
    starts: list[float] = []
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        for run in range(runs):
            _run(Path(folder) / str(run), server, connections, results, starts)
    print(f"\n{SECONDS} s for each figure, {runs} runs, medians; one process each; access log on, to a file, but for the peer.\n")
    for many in connections:
        _table(results, many)
    _goals(results)
    print(f"\nFrom the start of `catalog serve` to its first answer: {median(starts):.1f} s")


def _run(folder: Path, server: PostgresServer, connections: Sequence[int], results: Results, starts: list[float]) -> None:
    """Measure everything once, on fresh stores."""
    folder.mkdir()
    name = f"run_{folder.name}"
    urls = {
        "memory": "memory://",
        "SQLite": f"sqlite:///{folder}/catalog.db",
        "Postgres": server.url(create_database(server, name)),
    }
    for url in list(urls.values())[1:]:
        environment = os.environ | {"CATALOG_STORAGE__URL": url}
        subprocess.run([BIN / "catalog", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([BIN / "catalog", "seed"], env=environment, check=True, stdout=subprocess.DEVNULL)
    with catalog_at(folder, urls["SQLite"], cached=False) as (_, url, _):
        items = _items(url)
        (folder / "items.json").write_text(json.dumps(items))
        (folder / "page").write_bytes(_got(f"{url}/api/v1/items?limit=20"))
        (folder / "item").write_bytes(_got(f"{url}/api/v1/items/{items[0]['id']}"))
    files = {"CEILING_ITEM": str(folder / "item"), "CEILING_PAGE": str(folder / "page")}
    bare = [BIN / "uvicorn", "benchmarks.ceiling:app", "--no-access-log", "--log-level", "warning"]
    with ExitStack() as always:
        _, ceiling, _ = always.enter_context(running(bare, folder, "/item", files))
        for store, url in urls.items():
            with catalog_at(folder, url, cached=True) as (pid, at, took):
                starts += [took] if store != "memory" else []
                _measured(results, f"{store}, cached", ("get", "page", "mix"), connections, (pid, at, ceiling), folder)
            with catalog_at(folder, url, cached=False) as (pid, at, _):
                _measured(results, store, READS + WRITES, connections, (pid, at, ceiling), folder)
        peers = {
            "SQLite": f"sqlite+aiosqlite:///{folder}/peer.db",
            "Postgres": server.url(name).replace("postgresql:", "postgresql+asyncpg:"),
        }
        for store, url in peers.items():
            command = [BIN / "uvicorn", "benchmarks.peer_fastapi:app", "--no-access-log", "--log-level", "warning"]
            environment = {"PEER_URL": url, "PEER_ITEMS": str(folder / "items.json")}
            with running(command, folder, "/health/ready", environment) as (pid, at, _):
                _measured(results, f"peer, {store}", (*READS, "mix", *WRITES), connections, (pid, at, ceiling), folder, peer=True)


def _measured(  # noqa: PLR0913 - what is measured, where, and where it is kept
    results: Results,
    server: str,
    kinds: Sequence[str],
    connections: Sequence[int],
    served: tuple[int, str, str],
    folder: Path,
    *,
    peer: bool = False,
) -> None:
    """Measure one server beside the ceiling."""
    pid, url, ceiling = served
    ids = folder / "ids"
    for many in connections:
        most = {False: 0.0, True: 0.0}
        for is_page in most:
            most[is_page], *_ = _asked(ceiling, "page-bytes" if is_page else "item-bytes", many, ids)
        for kind in kinds:
            ids.write_text("".join(f"{item['id']} {item['version']}\n" for item in _items(url)))
            before = _cpu(pid)
            rate, p50, p99, count, errors = _asked(url, kind, many, ids, peer=peer)
            found = results.setdefault((server, kind, many), Measured())
            bare = most[kind in PAGE_BYTES]
            if kind == "mix":  # four of its answers are items to one page
                bare = 1 / (0.81 / most[False] + 0.19 / most[True])
            found.rates.append(rate)
            found.shares.append(rate / bare)
            found.p50.append(p50)
            found.p99.append(p99)
            found.cpu.append((_cpu(pid) - before) / count * 1000)
            found.memory.append(memory_of(pid))
            found.errors += int(errors)
        found = results.setdefault(("bare route", "get", many), Measured())
        found.rates.append(most[False])
        found = results.setdefault(("bare route", "page", many), Measured())
        found.rates.append(most[True])
    print(f"measured: {server}", file=sys.stderr, flush=True)


def _table(results: Results, many: int) -> None:
    """Print what was measured with so many connections."""
    bare = [f"{median(results['bare route', kind, many].rates):,.0f}" for kind in ("get", "page")]
    print(f"### {many} connection{'s' if many > 1 else ''}\n")
    print(f"The ceiling: {bare[0]} requests/s with an item's bytes, {bare[1]} with a page's.\n")
    print("| what | server | requests/s | of the ceiling | of the peer | p50 ms | p99 ms | CPU s/1,000 | memory |")
    print("|---|---|---|---|---|---|---|---|---|")
    for kind, title in TITLES.items():
        for (server, its, number), found in results.items():
            if its != kind or number != many or server == "bare route":
                continue
            times = _times_peer(results, server, kind, many)
            failed = f" ({found.errors} errors)" if found.errors else ""
            print(
                f"| {title} | {server} | {median(found.rates):,.0f}{failed} | {median(found.shares):.2f} "
                f"| {'' if times is None else f'{times:.1f} x'} | {median(found.p50):.1f} | {median(found.p99):.1f} "
                f"| {median(found.cpu):.2f} | {median(found.memory):.0f} MiB |"
            )
    print(flush=True)


def _goals(results: Results) -> None:
    """Print what is to be held, and what was reached."""
    print("### What is to be held, at 32 connections\n")
    print("| what | server | peer: goal | reached | ceiling: goal | reached |\n|---|---|---|---|---|---|")
    for goal in GOALS:
        times = _times_peer(results, goal.server, goal.kind, 32)
        share = median(results[goal.server, goal.kind, 32].shares)
        print(
            f"| {TITLES[goal.kind]} | {goal.server} | {_of(goal.peer, ' x')} | {_reached(goal.peer, times, ' x')} "
            f"| {_of(goal.ceiling, '')} | {_reached(goal.ceiling, share, '')} |"
        )
    if ("Postgres", "get", 1) in results:
        ours, peers = (median(results[name, "get", 1].p50) for name in ("Postgres", "peer, Postgres"))
        print(f"\nOne connection, get by id on Postgres: p50 {ours:.2f} ms, the peer's {peers:.2f} ms ({ours / peers:.2f} x).")


def _of(goal: float | None, unit: str) -> str:
    return "-" if goal is None else f"{goal:g}{unit}"


def _reached(goal: float | None, reached: float | None, unit: str) -> str:
    if reached is None:
        return "-"
    return f"{reached:.2f}{unit}" if goal is None or reached >= goal else f"**{reached:.2f}{unit}**"


def _times_peer(results: Results, server: str, kind: str, many: int) -> float | None:
    """Return how many times as fast as the peer on the same store it is, as the median of the runs."""
    peer = results.get((f"peer, {server.partition(',')[0]}", kind, many))
    if peer is None or server.startswith("peer"):
        return None
    return median(mine / its for mine, its in zip(results[server, kind, many].rates, peer.rates, strict=True))


def _asked(url: str, kind: str, many: int, ids: Path, *, peer: bool = False) -> tuple[float, ...]:
    """Ask for some seconds; return requests a second, median and 99th percentile in milliseconds, how many, and errors."""
    command = ["wrk", "-t", "1", "-c", str(many), "-d", f"{SECONDS}s", "-s", str(SCRIPT), url, "--", kind, str(ids)]
    ids.touch()
    environment = os.environ | ({"PEER": "1"} if peer else {})
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return tuple(map(float, said.partition("RESULT ")[2].split()))


def _items(url: str) -> list[dict[str, Any]]:
    """Return the items that were seeded, the oldest, by whichever way the server goes on with a list."""
    found: list[dict[str, Any]] = []
    onward = ""
    while len(found) < SAMPLE_SIZE:
        page = json.loads(_got(f"{url}/api/v1/items?limit=200&sort=created_at{onward}"))
        found += page["items"]
        onward = f"&cursor={page['next_cursor']}" if page.get("next_cursor") else f"&offset={page.get('next_offset')}"
    return found


def _got(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        body: bytes = answer.read()
    return body


def _cpu(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """Return the MiB that a process has in memory now."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmRSS"))) / 1024


def catalog_at(folder: Path, url: str, *, cached: bool) -> "Any":  # noqa: ANN401 - a context of pid, address, seconds to start
    """Serve a store; a process has no other way to fill a memory store than to do so itself."""
    command: list[object] = [sys.executable, "-m", "benchmarks.seeded"] if url == "memory://" else [BIN / "catalog", "serve"]
    environment = {"CATALOG_STORAGE__URL": url} | ({} if cached else {"CATALOG_CACHE__TTL_SECONDS": "0"})
    return running(command, folder, "/health/ready", environment)


@contextmanager
def running(command: Sequence[object], folder: Path, path: str, environment: dict[str, str]) -> Iterator[tuple[int, str, float]]:
    """Run a server as long as the context lasts."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    started = time.monotonic()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*map(str, command), "--port", str(port)], env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=log
        )

    def ready() -> bool:
        with suppress(OSError), urllib.request.urlopen(url + path) as answer:
            return bool(answer.status == 200)
        return False

    try:
        wait_until(ready)
        yield process.pid, url, time.monotonic() - started
    finally:
        process.terminate()
        process.wait(30)
