"""Requests a second on each store, beside the ceiling, from one run. One process serves; `wrk` asks (apt install wrk)."""

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.servers import free_port, postgres, wait_until

BIN = Path(sys.executable).parent
SCRIPT = Path(__file__).parent / "load.lua"
KINDS = ("get", "page", "search", "create")
SECONDS = 4
CONNECTIONS = 32


def main(_arguments: list[str]) -> None:
    """Print the table."""
    if shutil.which("wrk") is None:
        sys.exit("The HTTP benchmark asks with wrk; on Debian: apt install wrk")
    print(f"{CONNECTIONS} connections, {SECONDS} s each, one process; access log on, to a file\n")
    print("| what | store | requests/s | of the ceiling | p50 ms | p99 ms | memory |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        with _running(
            [BIN / "uvicorn", "benchmarks.ceiling:app", "--no-access-log", "--log-level", "warning"], Path(folder), "/item"
        ) as bare:
            ceiling, *rest = _asked(bare[1], "ceiling")
            _row("bare route", "-", ceiling, 1.0, rest, bare[0])
        urls = {"memory": "memory://", "SQLite": f"sqlite:///{folder}/catalog.db", "Postgres": server.url()}
        for store, url in urls.items():
            environment = {"CATALOG_STORAGE__URL": url, "CATALOG_STORAGE__MIGRATE": "true"}
            command: list[str | Path] = [BIN / "catalog", "serve"]
            if store == "memory":
                command = [sys.executable, "-m", "benchmarks.seeded"]
            if store != "memory":
                subprocess.run([BIN / "catalog", "seed"], env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
            with _running(command, Path(folder), "/health/ready", environment) as served:
                for kind in KINDS:
                    rate, *rest = _asked(served[1], kind)
                    _row(kind, store, rate, rate / ceiling, rest, served[0])


def _row(what: str, store: str, rate: float, share: float, rest: Sequence[float], pid: int) -> None:
    p50, p99, errors = rest
    memory = next(line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    failed = f" ({errors:.0f} errors)" if errors else ""
    print(
        f"| {what} | {store} | {rate:,.0f}{failed} | {share:.2f} | {p50:.1f} | {p99:.1f} | {int(memory) // 1024} MiB |",
        flush=True,
    )


def _asked(url: str, kind: str) -> tuple[float, ...]:
    """Ask for some seconds; return requests a second, median and 99th percentile in milliseconds, and errors."""
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{SECONDS}s", "-s", str(SCRIPT), url, "--", kind]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(map(float, said.partition("RESULT ")[2].split()))


@contextmanager
def _running(
    command: Sequence[str | Path], folder: Path, path: str, environment: dict[str, str] | None = None
) -> Iterator[tuple[int, str]]:
    """Run a server as long as the context lasts."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], env=os.environ | (environment or {}), stdout=subprocess.DEVNULL, stderr=log
        )

    def ready() -> bool:
        with suppress(OSError), urllib.request.urlopen(url + path) as answer:
            return bool(answer.status == 200)
        return False

    try:
        wait_until(ready)
        yield process.pid, url
    finally:
        process.terminate()
        process.wait(30)
