"""Speed and peak memory of `catalog import`, on SQLite and on a durable Postgres."""

import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.databases import create_database
from tests.servers import postgres

SIZES = (10_000, 100_000)
CATALOG = Path(sys.executable).parent / "catalog"


def main(arguments: list[str]) -> None:
    """Import a file with options (`FILE --map …`), or generated files, into fresh stores."""
    print("| file | rows | store | seconds | rows/s | peak memory |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        imports = [arguments] if arguments else [[str(write_csv(Path(folder), size)), "--create-categories"] for size in SIZES]
        for number, (file, *options) in enumerate(imports):
            path = Path(file).resolve()
            database = create_database(server, f"import_{number}")
            for store, url in {"SQLite": f"sqlite:///{folder}/{number}.db", "Postgres": server.url(database)}.items():
                _measure(path, options, store, url)


def _measure(file: Path, options: list[str], store: str, url: str) -> None:
    environment = os.environ | {"CATALOG_STORAGE__URL": url, "CATALOG_STORAGE__TIMEOUT_SECONDS": "30"}
    subprocess.run([CATALOG, "migrate"], check=True, env=environment, stdout=subprocess.DEVNULL)
    started = time.monotonic()
    process = subprocess.Popen(
        [CATALOG, "import", file, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    output = process.stdout.read().decode() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    rows = int(output.split()[0]) if output else 0
    print(
        f"| {file.name} | {rows:,} | {store} | {seconds:.1f} | {rows / seconds:,.0f} | {usage.ru_maxrss / 1024:.0f} MiB |",
        flush=True,
    )


def write_csv(folder: Path, size: int) -> Path:
    """Write a CSV file with `size` items, and return its path."""
    path = folder / f"items-{size}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "name", "description", "category", "price", "currency", "attr.colour", "attr.size"])
        for number in range(size):
            name = f"Item {number} of many, Größe {number % 50}"
            text = f"An item like {number % 997} others, with a description of some length, so that rows weigh something."
            writer.writerow(
                [f"M-{number}", name, text, f"group-{number % 40}", f"{number % 900}.50", "EUR", "green", number % 50]
            )
    return path
