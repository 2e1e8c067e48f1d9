"""What the chain of the change log costs: imports and creates with it and without, in alternating turns.

`make bench ARGS="chain [TURNS] [ROWS] [--against PATH]"`. Without `--against`, the other side computes no digests
(benchmarks/unchained.py). With it, the other side is the source tree at PATH. The memory store computes digests only when they
are read, so its writes pay nothing.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.databases import create_database
from benchmarks.importing import write_csv
from benchmarks.serving import cpu_seconds, run_server, run_wrk
from tests.servers import PostgresServer, postgres

TURNS = 9
ROWS = 50_000
GOAL = 0.97
_MAIN = "from catalog.entrypoints.cli.main import main; main()"
_WITH = [sys.executable, "-c", _MAIN]
_WITHOUT = [sys.executable, "-m", "benchmarks.unchained"]

Measured = tuple[float, float]
"""Rate, and CPU seconds of Catalog per row or request."""


def main(arguments: list[str]) -> None:
    """Measure on SQLite and on Postgres."""
    against = None
    if "--against" in arguments:
        place = arguments.index("--against")
        against = Path(arguments[place + 1]).resolve()
        arguments = arguments[:place] + arguments[place + 2 :]
    turns, rows = (*map(int, arguments), *(TURNS, ROWS)[len(arguments) :])
    sides = [(_WITHOUT, {}), (_WITH, {})] if against is None else [(_WITH, {"PYTHONPATH": str(against / "src")}), (_WITH, {})]
    print(f"| with the chain / without, {turns} turns | store | rate | range | CPU | goal |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name, postgres() as server:
        folder = Path(name)
        file = write_csv(folder, rows)
        for store in ("SQLite", "Postgres"):
            imports = [_importing(folder, server, store, file, rows, *side) for side in sides]
            _compare(f"import of {rows:,} rows", store, imports, turns)
            if against is None:
                _compare_creates(folder, server, store, turns)
            else:
                _compare_creates_of_two(folder, server, store, sides, turns)


def _importing(  # noqa: PLR0913, PLR0917 - the measurement's parameters
    folder: Path, server: PostgresServer, store: str, file: Path, rows: int, command: list[str], environment: dict[str, str]
) -> Callable[[], Measured]:
    """Return a function that imports the file into a fresh store."""

    def run() -> Measured:
        settings = os.environ | environment | {"CATALOG_STORAGE__URL": _fresh(folder, server, store)}
        subprocess.run([*command, "migrate"], env=settings, check=True, stdout=subprocess.DEVNULL)
        before, started = _children_cpu(), time.perf_counter()
        arguments = [*command, "import", str(file), "--create-categories"]
        subprocess.run(arguments, env=settings, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return rows / (time.perf_counter() - started), (_children_cpu() - before) / rows

    return run


def _compare_creates(folder: Path, server: PostgresServer, store: str, turns: int) -> None:
    """Create items in one process, which computes digests in every other measurement."""
    environment = {"CATALOG_STORAGE__URL": _fresh(folder, server, store)}
    subprocess.run([*_WITHOUT, "migrate"], env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
    with run_server([*_WITHOUT, "serve"], folder, "/health/ready", environment) as (pid, url, _):
        is_chained = False

        def create(*, chained: bool) -> Measured:
            nonlocal is_chained
            if chained != is_chained:
                os.kill(pid, signal.SIGUSR1)
                is_chained = chained
            return _create(pid, url, folder)

        create(chained=False)
        _compare("create", store, [lambda: create(chained=False), lambda: create(chained=True)], turns)


def _compare_creates_of_two(
    folder: Path, server: PostgresServer, store: str, sides: list[tuple[list[str], dict[str, str]]], turns: int
) -> None:
    """Create items with each side in turn, served anew each turn: two processes of one program differ by some percent."""
    environments = [environment | {"CATALOG_STORAGE__URL": _fresh(folder, server, store)} for _, environment in sides]
    for (command, _), environment in zip(sides, environments, strict=True):
        subprocess.run([*command, "migrate"], env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)

    def creating(number: int) -> Callable[[], Measured]:
        def run() -> Measured:
            with run_server([*sides[number][0], "serve"], folder, "/health/ready", environments[number]) as (pid, url, _):
                _create(pid, url, folder)
                return _create(pid, url, folder)

        return run

    _compare("create", store, [creating(0), creating(1)], turns)


def _create(pid: int, url: str, folder: Path) -> Measured:
    before = cpu_seconds(pid)
    rate, _, _, count, _ = run_wrk(url, "create", 32, folder / "ids")
    return rate, (cpu_seconds(pid) - before) / count


def _compare(title: str, store: str, sides: list[Callable[[], Measured]], turns: int) -> None:
    """Print the medians of the ratios of the second side to the first."""
    rates, costs = [], []
    for turn in range(turns):
        order = (0, 1) if turn % 2 else (1, 0)
        measured = {side: sides[side]() for side in order}
        rates.append(measured[1][0] / measured[0][0])
        costs.append(measured[1][1] / measured[0][1])
    spread = f"{min(rates):.2f} to {max(rates):.2f}"
    print(f"| {title} | {store} | {median(rates):.3f} | {spread} | {median(costs):.3f} x | {GOAL} |", flush=True)


_numbers = iter(range(1_000_000))


def _fresh(folder: Path, server: PostgresServer, store: str) -> str:
    """Return the URL of a store that does not exist yet, or is empty."""
    name = f"chain_{next(_numbers)}"
    return f"sqlite:///{folder}/{name}.db" if store == "SQLite" else server.url(create_database(server, name))


def _children_cpu() -> float:
    """Return the CPU seconds of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
