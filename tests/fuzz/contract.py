"""Checks the service against its OpenAPI document: schemathesis calls a real process, with all of its checks enabled.

    python -m tests.fuzz.contract [--cases 5000] [--stores memory sqlite postgres] [--seed 1]

The exit code is 1 if a response does not conform to the document. In that case, the report of schemathesis is printed.
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
"""The approximate number of operations in the document. The cases are divided among them."""

ALL_PHASES = "examples,coverage,fuzzing,stateful"
CATEGORIES = ({"slug": "garden-chairs", "name": "Garden chairs"}, {"slug": "tables", "name": "Tables"})
ITEMS = (
    {"sku": "CHAIR-1", "name": "Garden chair", "category": "garden-chairs", "price": {"amount": "49.90", "currency": "EUR"}},
    {"sku": "TABLE-1", "name": "Table", "category": "tables", "attributes": {"colour": "green", "size": 4.5, "new": True}},
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a schemathesis run: the numbers of cases and failures, and its output."""

    cases: int
    failures: int
    output: str


@contextmanager
def serving(url: str, folder: Path) -> Iterator[str]:
    """Serve a store with a few items from a separate process, and yield its URL."""
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
    base_url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{base_url}/health/ready").is_success
        return False

    try:
        wait_until(ready)
        for path, bodies in (("categories", CATEGORIES), ("items", ITEMS)):
            for body in bodies:
                httpx.post(f"{base_url}/api/v1/{path}", json=body).raise_for_status()
        yield base_url
    finally:
        process.kill()
        process.wait()


def check(base_url: str, folder: Path, *, each: int, seed: int, phases: str = ALL_PHASES) -> Outcome:
    """Run schemathesis against the service at a URL, with up to `each` cases for each operation and phase."""
    report = folder / "report.json"
    completed = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis",
            *("run", f"{base_url}/openapi.json", "--checks=all", "--continue-on-failure"),
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
        return Outcome(0, 1, completed.stdout + completed.stderr)
    result = json.loads(report.read_text())
    failures = result["test_cases"]["unique_failures"] + len(result["errors"]) + (not result["complete"])
    return Outcome(result["test_cases"]["generated"], failures or int(completed.returncode != 0), completed.stdout)


@contextmanager
def _store(name: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty store. For Postgres, create a database on CATALOG_TEST_POSTGRES_URL or on a temporary server."""
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
    """Check each store, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000, help="minimum number of cases per store")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    failed = False
    for name in options.stores:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            with _store(name, folder) as url, serving(url, folder) as base_url:
                outcome = check(base_url, folder, each=max(1, options.cases // OPERATIONS), seed=options.seed)
        is_complete = outcome.cases >= options.cases
        sys.stdout.write(f"{name}: {outcome.cases} cases, {outcome.failures} failures\n")
        if outcome.failures or not is_complete:
            failed = True
            sys.stdout.write(outcome.output if outcome.failures else f"Fewer cases than the minimum of {options.cases}.\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
