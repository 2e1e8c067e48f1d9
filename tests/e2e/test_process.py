"""The real process over a real socket: start, serve, stop."""

import concurrent.futures
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.servers import free_port, wait_until

ITEMS = "/api/v1/items"


class Served:
    """A `catalog serve` under way."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: Path) -> None:
        """Watch it."""
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    def ready(self) -> bool:
        """Whether it answers."""
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        return False

    def stop(self) -> int:
        """Say stop, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def serving(folder: Path, url: str, *arguments: str, **settings: str) -> Iterator[Served]:
    """Run `catalog serve` on a free port as long as the context lasts."""
    port = free_port()
    program = Path(sys.executable).parent / "catalog"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CATALOG_")}
    log = folder / "log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [program, "serve", "--port", str(port), *arguments],
            cwd=folder,
            env=environment | {"CATALOG_STORAGE__URL": url} | settings,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    served = Served(process, port, log)
    try:
        wait_until(served.ready)
        yield served
    finally:
        process.kill()
        process.communicate()


def test_it_starts_says_so_in_three_lines_serves_and_stops(store: str, store_url: str, tmp_path: Path) -> None:
    """On each store; what was written is there after the next start, where the store lasts."""
    with serving(tmp_path, store_url) as served:
        created = httpx.post(served.url + ITEMS, json={"name": "Chair", "sku": "A"}, headers={"X-Request-ID": "r-1"})
        assert created.status_code == 201
        assert "server" not in created.headers
        assert served.stop() == 0
        assert served.process.stdout is not None
        lines = served.process.stdout.read().splitlines()
        assert len(lines) == 3
        assert lines[0].startswith("Catalog ")
        assert served.url in lines[1]
        assert store in lines[2]
        access = [json.loads(line) for line in served.log.read_text().splitlines()]
        assert [(line["method"], line["status"]) for line in access if line["request_id"] == "r-1"] == [("POST", 201)]
    with serving(tmp_path, store_url) as served:
        assert httpx.get(f"{served.url}{ITEMS}/a").status_code == (404 if store == "memory" else 200)


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
def test_several_processes_serve_one_catalog(store_url: str, tmp_path: Path) -> None:
    """And stop together."""
    with serving(tmp_path, store_url, "--workers", "2") as served:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: httpx.post(served.url + ITEMS, json={"name": "x", "sku": f"S-{n}"}), range(40)))
            again = list(pool.map(lambda n: httpx.get(f"{served.url}{ITEMS}/s-{n}"), range(40)))
        assert {answer.status_code for answer in answers} == {201}
        assert {answer.status_code for answer in again} == {200}
        assert served.stop() == 0


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_stop_finishes_what_has_begun(store_url: str, tmp_path: Path) -> None:
    """Clients that ask all the time get whole answers until the listener is gone, and every acknowledged write is kept."""
    acknowledged: list[str] = []
    broken: list[str] = []
    refused = threading.Event()

    def write(writer: int) -> None:
        with httpx.Client(base_url=served.url) as client:
            for number in range(10_000):
                sku = f"W{writer}-{number}"
                try:
                    response = client.post(ITEMS, json={"name": "x", "sku": sku})
                except httpx.ConnectError:
                    refused.set()
                    return
                except httpx.TransportError as error:
                    broken.append(f"{type(error).__name__}: {error}")
                    return
                assert response.status_code == 201
                acknowledged.append(sku)

    with serving(tmp_path, store_url, CATALOG_HTTP__DRAIN_SECONDS="0.3") as served:
        writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
        for writer in writers:
            writer.start()
        wait_until(lambda: len(acknowledged) > 20)
        served.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{served.url}/health/ready").status_code == 503)
        during = len(acknowledged)
        for writer in writers:
            writer.join(30)
        assert served.process.wait(30) == 0
    assert broken == []
    assert refused.is_set()
    assert len(acknowledged) > during
    with serving(tmp_path, store_url) as served, httpx.Client(base_url=served.url) as client:
        assert {client.get(f"{ITEMS}/{sku}").status_code for sku in acknowledged} == {200}


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
def test_an_acknowledged_write_survives_a_kill(store_url: str, tmp_path: Path) -> None:
    """Kill -9 in mid-load, again and again: nothing that was acknowledged is lost."""
    acknowledged: list[str] = []
    for turn in range(3):
        with serving(tmp_path, store_url) as served:

            def write(writer: int, url: str = served.url, turn: int = turn) -> None:
                with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=url) as client:
                    for number in range(10_000):
                        sku = f"T{turn}-{writer}-{number}"
                        if client.post(ITEMS, json={"name": "x", "sku": sku}).status_code == 201:
                            acknowledged.append(sku)

            writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
            for writer in writers:
                writer.start()
            before = len(acknowledged)
            wait_until(lambda before=before: len(acknowledged) > before + 50)
            served.process.kill()
            for writer in writers:
                writer.join(30)
    with serving(tmp_path, store_url) as served, httpx.Client(base_url=served.url) as client:
        assert {client.get(f"{ITEMS}/{sku}").status_code for sku in acknowledged} == {200}
