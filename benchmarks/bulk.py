"""A large import into a durable Postgres, beside what psql needs for the same file; and whether others can write meanwhile.

psql copies the file into a table of texts, and puts it with INSERT … SELECT into bare tables with the indexes of ours: into the
items alone; and then also into the search index and the index of attributes. There is no log, no rule and no key to look up.
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
from benchmarks.importing import CATALOG, made
from benchmarks.serving import catalog_at
from tests.servers import PostgresServer, postgres

ROWS = 1_000_000
PAUSE = 0.02
GOAL_RATIO = 0.5
GOAL_WAIT = 250

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
    """Import so many rows (a million), with psql and with Catalog; and a fifth of them while somebody creates items."""
    rows = int(arguments[0]) if arguments else ROWS
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        Path(folder).chmod(0o755)
        file = made(Path(folder), rows)
        url = server.url(create_database(server, "bare"))
        _migrated(url)
        items, whole = _psql(server, url, file)
        print(f"{rows:,} rows, a file of {file.stat().st_size / 1024**2:.0f} MiB\n")
        print("| | seconds | rows/s | of psql |\n|---|---|---|---|")
        print(f"| psql, items alone | {items:.1f} | {rows / items:,.0f} | |")
        print(f"| psql, with the indexes of words and attributes | {whole:.1f} | {rows / whole:,.0f} | |", flush=True)
        ours = _ours(server, file, Path(folder), rows, items, whole)
        print("\n" + ours)


def _psql(server: PostgresServer, url: str, file: Path) -> tuple[float, float]:
    """Return the seconds for the items alone, and for the other indexes besides."""

    def run(*commands: str) -> float:
        started = time.monotonic()
        given = [part for command in commands for part in ("-c", command)]
        subprocess.run([server.program("psql"), url, "-q", "-v", "ON_ERROR_STOP=1", *given], check=True)
        return time.monotonic() - started

    run(_BARE)
    items = run(_COPY.format(file=file), _ITEMS)
    return items, items + run(_INDEXES)


def _ours(server: PostgresServer, file: Path, folder: Path, rows: int, items: float, whole: float) -> str:
    """Import the file while nobody else is there, then a part of it while somebody creates items."""
    url = server.url(create_database(server, "ours"))
    _migrated(url)
    importing, started = _importing(url, file)
    took, memory = _ended(importing, started, rows)
    print(
        f"| catalog import, log included | {took:.1f} | {rows / took:,.0f} | {items / took:.2f} and {whole / took:.2f} |",
        flush=True,
    )
    fewer = max(rows // 5, 1_000)
    part = made(folder, fewer)
    url = server.url(create_database(server, "beside"))
    _migrated(url)
    with catalog_at(folder, url, cached=True) as (_, address, _seconds):
        importing, started = _importing(url, part)
        waits = _creating(address, importing)
        beside, _ = _ended(importing, started, fewer)
    median, p99 = quantiles(waits, n=100)[49], quantiles(waits, n=100)[98]
    return (
        f"Goal: {GOAL_RATIO} of psql. The import took {memory:.0f} MiB. Beside one of {fewer:,} rows ({beside:.1f} s), "
        f"{len(waits):,} items were created one by one over HTTP: p50 {median:.0f} ms, p99 {p99:.0f} ms (goal: {GOAL_WAIT} ms)."
    )


def _importing(url: str, file: Path) -> "tuple[subprocess.Popen[bytes], float]":
    """Begin to import a file; return the process, and when it began."""
    environment = os.environ | {"CATALOG_STORAGE__URL": url, "CATALOG_STORAGE__DEADLINE_SECONDS": "30"}
    command = [str(CATALOG), "import", str(file), "--create-categories"]
    started = time.monotonic()
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL), started


def _ended(importing: "subprocess.Popen[bytes]", started: float, rows: int) -> tuple[float, float]:
    """Wait for an import; return the seconds that it took, and its memory in MiB."""
    _, status, usage = os.wait4(importing.pid, 0)
    took = time.monotonic() - started
    importing.returncode = os.waitstatus_to_exitcode(status)
    said = importing.stdout.read().decode() if importing.stdout else ""
    if importing.returncode or not said.startswith(f"{rows} rows"):
        sys.exit(f"The import failed: {said}")
    return took, usage.ru_maxrss / 1024


def _creating(address: str, importing: "subprocess.Popen[bytes]") -> list[float]:
    """Create items one after another as long as the import goes on; return the milliseconds of each."""
    host, _, port = address.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port))
    waits: list[float] = []
    while os.waitid(os.P_PID, importing.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        body = json.dumps({"sku": f"BESIDE-{len(waits)}", "name": "Created beside an import"})
        started = time.monotonic()
        connection.request("POST", "/api/v1/items", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        waits.append((time.monotonic() - started) * 1000)
        if answer.status != http.client.CREATED:
            sys.exit(f"A create failed beside the import: {answer.status}")
        time.sleep(PAUSE)
    return waits


def _migrated(url: str) -> None:
    environment = os.environ | {"CATALOG_STORAGE__URL": url}
    subprocess.run([CATALOG, "migrate"], check=True, env=environment, stdout=subprocess.DEVNULL)
