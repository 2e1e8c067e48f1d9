"""A large import into a durable Postgres, compared with psql, and the latency of other writes meanwhile.

psql copies the file into a table of text columns, then inserts the rows with INSERT … SELECT into tables with the same indexes
as Catalog's: first into the items only, then also into the search index and the attribute index. It writes no change log, checks
no rules and looks up no keys.
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from benchmarks.databases import create_database
from benchmarks.importing import CATALOG, write_csv
from benchmarks.serving import serve_catalog
from tests.servers import PostgresServer, postgres

ROWS = 1_000_000
PAUSE = 0.02
"""Seconds between two creates during the import."""
GOAL_RATIO = 0.5
"""The goal for the rate of the import, relative to psql."""
GOAL_LATENCY = 250
"""The goal for the p99 of a create during the import, in milliseconds."""

_BARE = """
CREATE TABLE bare (LIKE items INCLUDING ALL);
CREATE TABLE bare_words (LIKE item_words INCLUDING ALL);
CREATE TABLE bare_attributes (LIKE item_attributes INCLUDING ALL);
CREATE TABLE staging (sku text, name text, description text, category text, price text, currency text, colour text, size text);
"""

_COPY = r"\copy staging FROM '{file}' WITH (FORMAT csv, HEADER)"

_ITEMS = """
INSERT INTO bare
SELECT row_number() OVER (), gen_random_uuid(), sku, name, lower(name), description, category, currency,
  (price::numeric * 100)::bigint, json_build_object('colour', colour, 'size', size)::text, 1, now(), now()
FROM staging;
"""

_INDEXES = """
INSERT INTO bare_words
SELECT seq, array_to_tsvector(string_to_array(lower(name), ' ')),
  array_to_tsvector(string_to_array(lower(name || ' ' || description), ' '))
FROM bare;
INSERT INTO bare_attributes
SELECT 'colour', 't' || (attributes::json ->> 'colour'), seq FROM bare
UNION ALL SELECT 'size', 't' || (attributes::json ->> 'size'), seq FROM bare;
"""


def main(arguments: list[str]) -> None:
    """Import a million rows, or as many as given, with psql and with Catalog, then a fifth of them while creating items."""
    rows = int(arguments[0]) if arguments else ROWS
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        Path(folder).chmod(0o755)
        file = write_csv(Path(folder), rows)
        url = server.url(create_database(server, "bare"))
        _migrate(url)
        items_seconds, total_seconds = _measure_psql(server, url, file)
        print(f"{rows:,} rows, a file of {file.stat().st_size / 1024**2:.0f} MiB\n")
        print("| | seconds | rows/s | ratio to psql |\n|---|---|---|---|")
        print(f"| psql, items only | {items_seconds:.1f} | {rows / items_seconds:,.0f} | |")
        print(
            f"| psql, with the search and attribute indexes | {total_seconds:.1f} | {rows / total_seconds:,.0f} | |", flush=True
        )
        summary = _measure_catalog(server, file, Path(folder), rows, items_seconds, total_seconds)
        print("\n" + summary)


def _measure_psql(server: PostgresServer, url: str, file: Path) -> tuple[float, float]:
    """Return the seconds for the items only, and for the items with the other indexes."""

    def run(*commands: str) -> float:
        started = time.monotonic()
        arguments = [part for command in commands for part in ("-c", command)]
        subprocess.run([server.program("psql"), url, "-q", "-v", "ON_ERROR_STOP=1", *arguments], check=True)
        return time.monotonic() - started

    run(_BARE)
    items_seconds = run(_COPY.format(file=file), _ITEMS)
    return items_seconds, items_seconds + run(_INDEXES)


def _measure_catalog(
    server: PostgresServer, file: Path, folder: Path, rows: int, items_seconds: float, total_seconds: float
) -> str:
    """Import the file into an idle store, then a part of it into another store while creating items."""
    url = server.url(create_database(server, "catalog_import"))
    _migrate(url)
    process, started = _start_import(url, file)
    seconds, memory = _wait_for_import(process, started, rows)
    print(
        f"| catalog import, including the change log | {seconds:.1f} | {rows / seconds:,.0f} "
        f"| {items_seconds / seconds:.2f} and {total_seconds / seconds:.2f} |",
        flush=True,
    )
    part_rows = max(rows // 5, 1_000)
    part = write_csv(folder, part_rows)
    url = server.url(create_database(server, "concurrent_import"))
    _migrate(url)
    with serve_catalog(folder, url, cached=True) as (_, address, _seconds):
        process, started = _start_import(url, part)
        latencies = _create_items(address, process)
        part_seconds, _ = _wait_for_import(process, started, part_rows)
    median, p99 = quantiles(latencies, n=100)[49], quantiles(latencies, n=100)[98]
    return (
        f"Goal: {GOAL_RATIO} of psql's rate. The import used {memory:.0f} MiB. "
        f"During an import of {part_rows:,} rows ({part_seconds:.1f} s), {len(latencies):,} items were created sequentially "
        f"over HTTP: p50 {median:.0f} ms, p99 {p99:.0f} ms (goal: {GOAL_LATENCY} ms)."
    )


def _start_import(url: str, file: Path) -> "tuple[subprocess.Popen[bytes], float]":
    """Start to import a file. Return the process and the start time."""
    environment = os.environ | {"CATALOG_STORAGE__URL": url, "CATALOG_STORAGE__TIMEOUT_SECONDS": "30"}
    command = [str(CATALOG), "import", str(file), "--create-categories"]
    started = time.monotonic()
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL), started


def _wait_for_import(process: "subprocess.Popen[bytes]", started: float, rows: int) -> tuple[float, float]:
    """Wait for an import to finish. Return its duration in seconds and its peak memory in MiB."""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    output = process.stdout.read().decode() if process.stdout else ""
    if process.returncode or not output.startswith(f"{rows} rows"):
        sys.exit(f"The import failed: {output}")
    return seconds, usage.ru_maxrss / 1024


def _create_items(address: str, process: "subprocess.Popen[bytes]") -> list[float]:
    """Create items one after another until the import ends. Return the milliseconds that each took."""
    host, _, port = address.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port))
    latencies: list[float] = []
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        body = json.dumps({"sku": f"CONCURRENT-{len(latencies)}", "name": "Created during an import"})
        started = time.monotonic()
        connection.request("POST", "/api/v1/items", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        latencies.append((time.monotonic() - started) * 1000)
        if response.status != http.client.CREATED:
            sys.exit(f"Creating an item failed during the import: {response.status}")
        time.sleep(PAUSE)
    return latencies


def _migrate(url: str) -> None:
    environment = os.environ | {"CATALOG_STORAGE__URL": url}
    subprocess.run([CATALOG, "migrate"], check=True, env=environment, stdout=subprocess.DEVNULL)
