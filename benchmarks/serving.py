"""Requests per second of Catalog on each store, of the ceiling and of the peer, in one run. `wrk` calls one process of each.

The ceiling is measured again with each server, so that a ratio compares numbers from the same minute. `make bench ARGS=http`
makes one run with few connections. `make bench ARGS="http 2"` makes two runs with 1, 32 and 128 connections and prints the
medians; docs/explanation/performance.md shows these.
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
    """A goal at 32 connections: a multiple of the peer's rate, a share of the ceiling's rate, or both."""

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
class Measurements:
    """The measurements of one server, kind of request and number of connections, with one value per run."""

    rates: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    errors: int = 0


Results = dict[tuple[str, str, int], Measurements]


def main(arguments: list[str]) -> None:
    """Run the benchmark, and print the tables."""
    if shutil.which("wrk") is None:
        sys.exit("The HTTP benchmark needs wrk. On Debian: apt install wrk")
    runs = int(arguments[0]) if arguments else 1
    connections = (1, 32, 128) if runs > 1 else (32,)
    results: Results = {}
    start_seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        for run in range(runs):
            _measure_all(Path(folder) / str(run), server, connections, results, start_seconds)
    print(f"\n{SECONDS} s per measurement, {runs} runs, medians, one process per server.")
    print("The access log goes to a file; the peer has none.\n")
    for connection_count in connections:
        _print_table(results, connection_count)
    _print_goals(results)
    print(f"\nFrom the start of `catalog serve` to its first response: {median(start_seconds):.1f} s")


def _measure_all(
    folder: Path, server: PostgresServer, connections: Sequence[int], results: Results, start_seconds: list[float]
) -> None:
    """Measure every server once, on fresh stores."""
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
    with serve_catalog(folder, urls["SQLite"], cached=False) as (_, url, _):
        items = _items(url)
        (folder / "items.json").write_text(json.dumps(items))
        (folder / "page").write_bytes(_fetch(f"{url}/api/v1/items?limit=20"))
        (folder / "item").write_bytes(_fetch(f"{url}/api/v1/items/{items[0]['id']}"))
    files = {"CEILING_ITEM": str(folder / "item"), "CEILING_PAGE": str(folder / "page")}
    ceiling_command = [BIN / "uvicorn", "benchmarks.ceiling:app", "--no-access-log", "--log-level", "warning"]
    with ExitStack() as stack:
        _, ceiling, _ = stack.enter_context(run_server(ceiling_command, folder, "/item", files))
        for store, url in urls.items():
            with serve_catalog(folder, url, cached=True) as (pid, base_url, seconds):
                start_seconds += [seconds] if store != "memory" else []
                _measure(results, f"{store}, cached", ("get", "page", "mix"), connections, (pid, base_url, ceiling), folder)
            with serve_catalog(folder, url, cached=False) as (pid, base_url, _):
                _measure(results, store, READS + WRITES, connections, (pid, base_url, ceiling), folder)
        peers = {
            "SQLite": f"sqlite+aiosqlite:///{folder}/peer.db",
            "Postgres": server.url(name).replace("postgresql:", "postgresql+asyncpg:"),
        }
        for store, url in peers.items():
            command = [BIN / "uvicorn", "benchmarks.peer_fastapi:app", "--no-access-log", "--log-level", "warning"]
            environment = {"PEER_URL": url, "PEER_ITEMS": str(folder / "items.json")}
            with run_server(command, folder, "/health/ready", environment) as (pid, base_url, _):
                _measure(
                    results, f"peer, {store}", (*READS, "mix", *WRITES), connections, (pid, base_url, ceiling), folder, peer=True
                )


def _measure(  # noqa: PLR0913 - the measurement's parameters
    results: Results,
    server: str,
    kinds: Sequence[str],
    connections: Sequence[int],
    target: tuple[int, str, str],
    folder: Path,
    *,
    peer: bool = False,
) -> None:
    """Measure one server and the ceiling."""
    pid, url, ceiling = target
    ids = folder / "ids"
    for connection_count in connections:
        ceiling_rates = {False: 0.0, True: 0.0}
        for is_page in ceiling_rates:
            ceiling_rates[is_page], *_ = run_wrk(ceiling, "page-bytes" if is_page else "item-bytes", connection_count, ids)
        for kind in kinds:
            ids.write_text("".join(f"{item['id']} {item['version']}\n" for item in _items(url)))
            cpu_before = cpu_seconds(pid)
            rate, p50, p99, count, errors = run_wrk(url, kind, connection_count, ids, peer=peer)
            measurements = results.setdefault((server, kind, connection_count), Measurements())
            ceiling_rate = ceiling_rates[kind in PAGE_BYTES]
            if kind == "mix":  # 81% of the responses are items, 19% are pages
                ceiling_rate = 1 / (0.81 / ceiling_rates[False] + 0.19 / ceiling_rates[True])
            measurements.rates.append(rate)
            measurements.shares.append(rate / ceiling_rate)
            measurements.p50.append(p50)
            measurements.p99.append(p99)
            measurements.cpu.append((cpu_seconds(pid) - cpu_before) / count * 1000)
            measurements.memory.append(resident_memory(pid))
            measurements.errors += int(errors)
        measurements = results.setdefault(("bare route", "get", connection_count), Measurements())
        measurements.rates.append(ceiling_rates[False])
        measurements = results.setdefault(("bare route", "page", connection_count), Measurements())
        measurements.rates.append(ceiling_rates[True])
    print(f"measured: {server}", file=sys.stderr, flush=True)


def _print_table(results: Results, connection_count: int) -> None:
    """Print the measurements with this number of connections."""
    ceiling_rates = [f"{median(results['bare route', kind, connection_count].rates):,.0f}" for kind in ("get", "page")]
    print(f"### {connection_count} connection{'s' if connection_count > 1 else ''}\n")
    print(f"The ceiling: {ceiling_rates[0]} requests/s with an item's bytes, {ceiling_rates[1]} with a page's.\n")
    print("| request | server | requests/s | ratio to the ceiling | ratio to the peer | p50 ms | p99 ms | CPU s/1,000 | memory |")
    print("|---|---|---|---|---|---|---|---|---|")
    for kind, title in TITLES.items():
        for (server, measured_kind, measured_connections), measurements in results.items():
            if measured_kind != kind or measured_connections != connection_count or server == "bare route":
                continue
            ratio = _ratio_to_peer(results, server, kind, connection_count)
            errors = f" ({measurements.errors} errors)" if measurements.errors else ""
            print(
                f"| {title} | {server} | {median(measurements.rates):,.0f}{errors} | {median(measurements.shares):.2f} "
                f"| {'' if ratio is None else f'{ratio:.1f} x'} "
                f"| {median(measurements.p50):.1f} | {median(measurements.p99):.1f} "
                f"| {median(measurements.cpu):.2f} | {median(measurements.memory):.0f} MiB |"
            )
    print(flush=True)


def _print_goals(results: Results) -> None:
    """Print the goals, and the results."""
    print("### Goals at 32 connections\n")
    print("| request | server | peer: goal | result | ceiling: goal | result |\n|---|---|---|---|---|---|")
    for goal in GOALS:
        ratio = _ratio_to_peer(results, goal.server, goal.kind, 32)
        share = median(results[goal.server, goal.kind, 32].shares)
        print(
            f"| {TITLES[goal.kind]} | {goal.server} | {_format_goal(goal.peer, ' x')} | {_format_result(goal.peer, ratio, ' x')} "
            f"| {_format_goal(goal.ceiling, '')} | {_format_result(goal.ceiling, share, '')} |"
        )
    if ("Postgres", "get", 1) in results:
        catalog_p50, peer_p50 = (median(results[name, "get", 1].p50) for name in ("Postgres", "peer, Postgres"))
        ratio = catalog_p50 / peer_p50
        print(f"\nOne connection, get by id on Postgres: p50 {catalog_p50:.2f} ms, peer {peer_p50:.2f} ms ({ratio:.2f} x).")


def _format_goal(goal: float | None, unit: str) -> str:
    return "-" if goal is None else f"{goal:g}{unit}"


def _format_result(goal: float | None, result: float | None, unit: str) -> str:
    if result is None:
        return "-"
    return f"{result:.2f}{unit}" if goal is None or result >= goal else f"**{result:.2f}{unit}**"


def _ratio_to_peer(results: Results, server: str, kind: str, connection_count: int) -> float | None:
    """Return the rate relative to the peer on the same store, as the median of the runs."""
    peer = results.get((f"peer, {server.partition(',')[0]}", kind, connection_count))
    if peer is None or server.startswith("peer"):
        return None
    return median(
        rate / peer_rate for rate, peer_rate in zip(results[server, kind, connection_count].rates, peer.rates, strict=True)
    )


def run_wrk(
    url: str, kind: str, connection_count: int, ids: Path, *, peer: bool = False, headers: Sequence[str] = ()
) -> tuple[float, ...]:
    """Run wrk, with these headers.

    Return requests per second, median and 99th percentile in milliseconds, the number of requests, and of errors.
    """
    command = ["wrk", "-t", "1", "-c", str(connection_count), "-d", f"{SECONDS}s", "-s", str(SCRIPT), url]
    command += [part for header in headers for part in ("-H", header)] + ["--", kind, str(ids)]
    ids.touch()
    environment = os.environ | ({"PEER": "1"} if peer else {})
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return tuple(map(float, output.partition("RESULT ")[2].split()))


def _items(url: str) -> list[dict[str, Any]]:
    """Return the seeded items, oldest first. The pages are linked by cursor or by offset."""
    items: list[dict[str, Any]] = []
    next_page = ""
    while len(items) < SAMPLE_SIZE:
        page = json.loads(_fetch(f"{url}/api/v1/items?limit=200&sort=created_at{next_page}"))
        items += page["items"]
        next_page = f"&cursor={page['next_cursor']}" if page.get("next_cursor") else f"&offset={page.get('next_offset')}"
    return items


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:
        body: bytes = response.read()
    return body


def cpu_seconds(pid: int) -> float:
    """Return the seconds of CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_memory(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmRSS"))) / 1024


def serve_catalog(folder: Path, url: str, *, cached: bool) -> "Any":  # noqa: ANN401 - yields PID, URL, seconds
    """Serve a store. A memory store is seeded by the serving process, because no other process can fill it."""
    command: list[object] = [sys.executable, "-m", "benchmarks.seeded"] if url == "memory://" else [BIN / "catalog", "serve"]
    environment = {"CATALOG_STORAGE__URL": url} | ({} if cached else {"CATALOG_CACHE__TTL_SECONDS": "0"})
    return run_server(command, folder, "/health/ready", environment)


@contextmanager
def run_server(
    command: Sequence[object], folder: Path, path: str, environment: dict[str, str]
) -> Iterator[tuple[int, str, float]]:
    """Run a server for the duration of the context. Yield its PID, its URL and the seconds until it was ready."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    started_at = time.monotonic()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*map(str, command), "--port", str(port)], env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=log
        )

    def ready() -> bool:
        with suppress(OSError), urllib.request.urlopen(url + path) as response:
            return bool(response.status == 200)
        return False

    try:
        wait_until(ready)
        yield process.pid, url, time.monotonic() - started_at
    finally:
        process.terminate()
        process.wait(30)
