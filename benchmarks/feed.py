"""The live feed: many subscribers to one process while changes are committed at a steady rate.

Every subscriber must receive every change, in order. The benchmark measures the time from the commit (when the writer gets the
response) to the receipt by each subscriber, and the memory per subscriber.
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
from benchmarks.serving import resident_memory, serve_catalog
from tests.servers import postgres

SUBSCRIBERS = 1_000
RATE = 20
SECONDS = 20
GOAL = 250

_REQUEST = "GET /api/v1/changes HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


class _Subscriber(asyncio.Protocol):
    """A subscriber that records when it received each change, by sequence number."""

    def __init__(self) -> None:
        self.received: list[tuple[int, float]] = []
        self._buffer = b""
        self.started = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(_REQUEST.encode())

    def data_received(self, data: bytes) -> None:
        """Record the sequence numbers of complete events."""
        now = time.monotonic()
        self.started.set()
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for previous, line in zip([b"", *lines], lines, strict=False):
            if line.startswith(b"event: ") and previous.startswith(b"id: "):
                self.received.append((int(previous[4:]), now))


def main(arguments: list[str]) -> None:
    """Measure on SQLite and on Postgres, with 1,000 subscribers or as many as given."""
    subscriber_count = int(arguments[0]) if arguments else SUBSCRIBERS
    print(f"{subscriber_count:,} subscribers, {RATE} changes per second, for {SECONDS} s\n")
    print("| store | changes | missed | out of order | p50 | p99 | memory per subscriber |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        stores = {"SQLite": f"sqlite:///{folder}/feed.db", "Postgres": server.url(create_database(server, "feed"))}
        for store, url in stores.items():
            environment = os.environ | {"CATALOG_STORAGE__URL": url}
            subprocess.run([CATALOG, "migrate"], check=True, env=environment, stdout=subprocess.DEVNULL)
            with serve_catalog(Path(folder), url, cached=True) as (pid, address, _):
                asyncio.run(_measure(store, address, pid, subscriber_count))
    print(f"\nGoal: every subscriber receives every change, in order, with p99 under {GOAL} ms.")


async def _measure(store: str, address: str, pid: int, subscriber_count: int) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    before = resident_memory(pid)
    subscribers = []
    for _ in range(subscriber_count):
        _, subscriber = await loop.create_connection(_Subscriber, host, int(port))
        subscribers.append(subscriber)
    await asyncio.gather(*(subscriber.started.wait() for subscriber in subscribers))
    await asyncio.sleep(2)
    memory_per_subscriber = (resident_memory(pid) - before) * 1024 / subscriber_count
    committed = await _create_items(host, int(port))
    await asyncio.sleep(1)
    latencies = [
        (received_at - committed[seq]) * 1000
        for subscriber in subscribers
        for seq, received_at in subscriber.received
        if seq in committed
    ]
    numbers = sorted(committed)
    missed = sum(len(set(numbers) - {seq for seq, _ in subscriber.received}) for subscriber in subscribers)
    out_of_order = sum(
        [seq for seq, _ in subscriber.received] != sorted({seq for seq, _ in subscriber.received}) for subscriber in subscribers
    )
    percentiles = quantiles(latencies, n=100) if latencies else sys.exit("No subscriber received any change.")
    print(
        f"| {store} | {len(numbers)} | {missed} | {out_of_order} "
        f"| {percentiles[49]:.0f} ms | {percentiles[98]:.0f} ms | {memory_per_subscriber:.0f} KiB |",
        flush=True,
    )


async def _create_items(host: str, port: int) -> dict[int, float]:
    """Create items at a steady rate. Return when each change was acknowledged, by sequence number."""
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
        # The log was empty and there is no other writer, so the nth item has sequence number n.
        committed[number + 1] = time.monotonic()
    writer.close()
    return committed
