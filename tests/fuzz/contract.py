"""The service against its OpenAPI document: a real process, asked by schemathesis with all of its checks.

    python -m tests.fuzz.contract [--cases 5000] [--stores memory sqlite postgres] [--seed 1]

The exit code is 1 when an answer was not as the document says; what schemathesis reports is printed then.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx

from tests.servers import UNSAFE_BUT_FAST, free_port, postgres, wait_until

HOOKS = Path(__file__).parent / "hooks.py"
STORES = ("memory", "sqlite", "postgres")
OPERATIONS = 27
"""About how many operations the document has; schemathesis takes a number of cases for each."""

ALL_PHASES = "examples,coverage,fuzzing,stateful"
EVERY_CATEGORY = ({"slug": "garden-chairs", "name": "Garden chairs"}, {"slug": "tables", "name": "Tables"})
EVERY_ITEM = (
    {"sku": "CHAIR-1", "name": "Garden chair", "category": "garden-chairs", "price": {"amount": "49.90", "currency": "EUR"}},
    {"sku": "TABLE-1", "name": "Table", "category": "tables", "attributes": {"colour": "green", "size": 4.5, "new": True}},
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What schemathesis found: how many cases it sent, how many failed, and what it printed."""

    cases: int
    failures: int
    output: str


@contextmanager
def serving(url: str, folder: Path) -> Iterator[str]:
    """Serve a store with a few items from a process of its own, and return its address."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CATALOG_")}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [Path(sys.executable).parent / "catalog", "serve", "--port", str(port)],
            cwd=folder,
            env=environment | {"CATALOG_STORAGE__URL": url, "CATALOG_STORAGE__MIGRATE": "true"},
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{address}/health/ready").is_success
        return False

    try:
        wait_until(ready)
        for path, bodies in (("categories", EVERY_CATEGORY), ("items", EVERY_ITEM)):
            for body in bodies:
                httpx.post(f"{address}/api/v1/{path}", json=body).raise_for_status()
        yield address
    finally:
        process.kill()
        process.wait()


def check(address: str, folder: Path, *, each: int, seed: int, phases: str = ALL_PHASES) -> Outcome:
    """Ask the service at an address, with up to `each` cases for each operation and phase."""
    report = folder / "report.json"
    done = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis",
            *("run", f"{address}/openapi.json", "--checks=all", "--continue-on-failure"),
            *(f"--seed={seed}", f"--max-examples={each}", f"--phases={phases}", "--generation-database=none"),
            *("--report=json", f"--report-json-path={report}", "--no-color", "--warnings=off"),
        ],
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.exists():
        return Outcome(0, 1, done.stdout + done.stderr)
    found = json.loads(report.read_text())
    bad = found["test_cases"]["unique_failures"] + len(found["errors"]) + (not found["complete"])
    return Outcome(found["test_cases"]["generated"], bad or int(done.returncode != 0), done.stdout)


@contextmanager
def _store(name: str, folder: Path) -> Iterator[str]:
    """Return the address of an empty store; on Postgres a database of its own, where CATALOG_TEST_POSTGRES_URL says if set."""
    if name != "postgres":
        yield "memory://" if name == "memory" else f"sqlite:///{folder / 'catalog.db'}"
        return
    with contextlib.ExitStack() as stack:
        server = os.environ.get("CATALOG_TEST_POSTGRES_URL") or stack.enter_context(postgres(UNSAFE_BUT_FAST)).url()
        database = f"catalog_fuzz_{os.getpid()}"
        asyncio.run(_execute(server, f"CREATE DATABASE {database}"))
        stack.callback(lambda: asyncio.run(_execute(server, f"DROP DATABASE {database} WITH (FORCE)")))
        yield f"{server.rpartition('/')[0]}/{database}"


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def main() -> int:
    """Check each store, and print a line about each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000, help="at least this many for each store")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    failed = False
    for name in asked.stores:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            with _store(name, folder) as url, serving(url, folder) as address:
                outcome = check(address, folder, each=max(1, asked.cases // OPERATIONS), seed=asked.seed)
        enough = outcome.cases >= asked.cases
        sys.stdout.write(f"{name}: {outcome.cases} cases, {outcome.failures} failures\n")
        if outcome.failures or not enough:
            failed = True
            sys.stdout.write(outcome.output if outcome.failures else f"These are fewer than {asked.cases}.\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
