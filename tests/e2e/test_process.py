"""The real process over a real socket: start, serve and stop."""

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


class Server:
    """A running `catalog serve`."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: Path) -> None:
        """Wrap a process that listens on this port of 127.0.0.1 and logs to this file."""
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    def ready(self) -> bool:
        """Return whether the server is ready."""
        assert self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        return False

    def stop(self) -> int:
        """Send SIGTERM, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def serving(folder: Path, url: str, *arguments: str, **settings: str) -> Iterator[Server]:
    """Run `catalog serve` for the duration of the context, on a free port unless the settings name one."""
    port = int(settings.get("CATALOG_HTTP__PORT") or free_port())
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
    server = Server(process, port, log)
    try:
        wait_until(server.ready)
        yield server
    finally:
        process.kill()
        process.communicate()


def test_the_server_starts_serves_and_stops(store: str, store_url: str, tmp_path: Path) -> None:
    """It prints three lines at startup. On persistent stores, data survives a restart."""
    with serving(tmp_path, store_url) as server:
        created = httpx.post(server.url + ITEMS, json={"name": "Chair", "sku": "A"}, headers={"X-Request-ID": "r-1"})
        assert created.status_code == 201
        assert "server" not in created.headers
        assert server.stop() == 0
        assert server.process.stdout is not None
        lines = server.process.stdout.read().splitlines()
        assert len(lines) == 3
        assert lines[0].startswith("Catalog ")
        assert server.url in lines[1]
        assert store in lines[2]
        access = [json.loads(line) for line in server.log.read_text().splitlines()]
        assert [(line["method"], line["status"]) for line in access if line["request_id"] == "r-1"] == [("POST", 201)]
    with serving(tmp_path, store_url) as server:
        assert httpx.get(f"{server.url}{ITEMS}/a").status_code == (404 if store == "memory" else 200)


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
def test_several_workers_serve_one_catalog(store_url: str, tmp_path: Path) -> None:
    """All workers see every write, and they stop together."""
    with serving(tmp_path, store_url, "--workers", "2") as server:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            created = list(pool.map(lambda n: httpx.post(server.url + ITEMS, json={"name": "x", "sku": f"S-{n}"}), range(40)))
            read = list(pool.map(lambda n: httpx.get(f"{server.url}{ITEMS}/s-{n}"), range(40)))
        assert {response.status_code for response in created} == {201}
        assert {response.status_code for response in read} == {200}
        assert server.stop() == 0


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_stop_completes_running_requests(store_url: str, tmp_path: Path) -> None:
    """Clients get complete responses until the listener is closed, and every acknowledged write is stored."""
    acknowledged: list[str] = []
    broken: list[str] = []
    refused = threading.Event()

    def write(writer: int) -> None:
        with httpx.Client(base_url=server.url) as client:
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

    with serving(tmp_path, store_url, CATALOG_HTTP__DRAIN_SECONDS="0.3") as server:
        writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
        for writer in writers:
            writer.start()
        wait_until(lambda: len(acknowledged) > 20)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{server.url}/health/ready").status_code == 503)
        acknowledged_before = len(acknowledged)
        for writer in writers:
            writer.join(30)
        assert server.process.wait(30) == 0
    assert broken == []
    assert refused.is_set()
    assert len(acknowledged) > acknowledged_before
    with serving(tmp_path, store_url) as server, httpx.Client(base_url=server.url) as client:
        assert {client.get(f"{ITEMS}/{sku}").status_code for sku in acknowledged} == {200}


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
def test_an_acknowledged_write_survives_a_kill(store_url: str, tmp_path: Path) -> None:
    """After several kills with SIGKILL under load, every acknowledged write is stored."""
    acknowledged: list[str] = []
    for attempt in range(3):
        with serving(tmp_path, store_url) as server:

            def write(writer: int, url: str = server.url, attempt: int = attempt) -> None:
                with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=url) as client:
                    for number in range(10_000):
                        sku = f"T{attempt}-{writer}-{number}"
                        if client.post(ITEMS, json={"name": "x", "sku": sku}).status_code == 201:
                            acknowledged.append(sku)

            writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
            for writer in writers:
                writer.start()
            before = len(acknowledged)
            wait_until(lambda before=before: len(acknowledged) > before + 50)
            server.process.kill()
            for writer in writers:
                writer.join(30)
    with serving(tmp_path, store_url) as server, httpx.Client(base_url=server.url) as client:
        assert {client.get(f"{ITEMS}/{sku}").status_code for sku in acknowledged} == {200}
