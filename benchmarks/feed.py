"""The live feed: many subscribers to one process, while changes are written at a steady rate.

Every subscriber must receive every change, in order; what is measured is the time from the commit (when its writer has the
answer) to the receipt by each, and the memory that a subscriber takes.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from benchmarks.databases import create_database
from benchmarks.importing import CATALOG
from benchmarks.serving import catalog_at, memory_of
from tests.servers import postgres

SUBSCRIBERS = 1_000
RATE = 20
SECONDS = 20
GOAL = 250

_HEAD = "GET /api/v1/changes HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


class _Reader(asyncio.Protocol):
    """A subscriber: notes when each change came, by its number."""

    def __init__(self) -> None:
        self.received: list[tuple[int, float]] = []
        self._rest = b""
        self.begun = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(_HEAD.encode())

    def data_received(self, data: bytes) -> None:
        """Look for the numbers of whole events."""
        now = time.monotonic()
        self.begun.set()
        *lines, self._rest = (self._rest + data).split(b"\n")
        for before, line in zip([b"", *lines], lines, strict=False):
            if line.startswith(b"event: ") and before.startswith(b"id: "):
                self.received.append((int(before[4:]), now))


def main(arguments: list[str]) -> None:
    """Measure on SQLite and on Postgres, with so many subscribers (1,000)."""
    many = int(arguments[0]) if arguments else SUBSCRIBERS
    print(f"{many:,} subscribers, {RATE} changes a second, for {SECONDS} s\n")
    print("| store | changes | missed | out of order | p50 | p99 | memory a subscriber |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        stores = {"SQLite": f"sqlite:///{folder}/feed.db", "Postgres": server.url(create_database(server, "feed"))}
        for store, url in stores.items():
            environment = os.environ | {"CATALOG_STORAGE__URL": url}
            subprocess.run([CATALOG, "migrate"], check=True, env=environment, stdout=subprocess.DEVNULL)
            with catalog_at(Path(folder), url, cached=True) as (pid, address, _):
                asyncio.run(_measured(store, address, pid, many))
    print(f"\nGoal: every change to every subscriber, in order, p99 under {GOAL} ms.")


async def _measured(store: str, address: str, pid: int, many: int) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    before = memory_of(pid)
    readers = []
    for _ in range(many):
        _, reader = await loop.create_connection(_Reader, host, int(port))
        readers.append(reader)
    await asyncio.gather(*(reader.begun.wait() for reader in readers))
    await asyncio.sleep(2)
    each = (memory_of(pid) - before) * 1024 / many
    committed = await _write(host, int(port))
    await asyncio.sleep(1)
    waits = [(at - committed[seq]) * 1000 for reader in readers for seq, at in reader.received if seq in committed]
    numbers = sorted(committed)
    missed = sum(len(set(numbers) - {seq for seq, _ in reader.received}) for reader in readers)
    disordered = sum([seq for seq, _ in reader.received] != sorted({seq for seq, _ in reader.received}) for reader in readers)
    cut = quantiles(waits, n=100) if waits else sys.exit("Nobody received anything.")
    print(
        f"| {store} | {len(numbers)} | {missed} | {disordered} | {cut[49]:.0f} ms | {cut[98]:.0f} ms | {each:.0f} KiB |",
        flush=True,
    )


async def _write(host: str, port: int) -> dict[int, float]:
    """Create items at a steady rate; return when each change was acknowledged, by its number."""
    reader, writer = await asyncio.open_connection(host, port)
    committed: dict[int, float] = {}
    started = time.monotonic()
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, started + number / RATE - time.monotonic()))
        body = json.dumps({"name": f"Item {number}", "description": "An item of some length, as items are. " * 5})
        writer.write(
            f"POST /api/v1/items HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(length)
        # The log was empty, and nobody else writes: the entries are numbered like the items.
        committed[number + 1] = time.monotonic()
    writer.close()
    return committed
