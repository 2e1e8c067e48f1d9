"""What survives a kill in the middle of work: every acknowledged write, and none twice."""

import concurrent.futures
import json
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_process import ITEMS, serving
from tests.servers import wait_until

shared_stores = pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)

ROWS = 6_000
CSV = {"Content-Type": "text/csv"}


def _csv(rows: int = ROWS) -> bytes:
    return b"sku,name\n" + b"".join(b"S-%d,Item %d\n" % (number, number) for number in range(rows))


def _count(url: str) -> int:
    response = httpx.get(url + ITEMS, params={"count": "exact", "limit": 1}, timeout=30)
    return int(response.json()["count"])


@shared_stores
def test_a_killed_import_is_interrupted_and_can_be_repeated(store_url: str, tmp_path: Path) -> None:
    """Its counts match the committed rows. Importing the same file again adds the remaining rows and none twice."""
    with serving(tmp_path, store_url) as server:
        started = httpx.post(f"{server.url}{ITEMS}/import", content=_csv(), headers=CSV | {"Prefer": "respond-async"})
        path = started.headers["location"]
        wait_until(lambda: httpx.get(server.url + path).json()["rows"] > 0)
        server.process.kill()
        server.process.wait()
    with serving(tmp_path, store_url) as server:
        wait_until(lambda: httpx.get(server.url + path).json()["status"] == "interrupted")
        state = httpx.get(server.url + path).json()
        assert 0 < state["created"] < ROWS
        assert state["created"] == state["rows"] == _count(server.url)
        repeated = httpx.post(
            f"{server.url}{ITEMS}/import", params={"on_conflict": "skip"}, content=_csv(), headers=CSV, timeout=60
        ).json()
        assert (repeated["created"], repeated["skipped"]) == (ROWS - state["created"], state["created"])
        assert _count(server.url) == ROWS


@shared_stores
def test_a_keyed_request_runs_once_despite_a_kill(store_url: str, tmp_path: Path) -> None:
    """A client that got no response repeats the request, and each item exists once."""
    lock = threading.Lock()
    bodies: dict[int, str] = {}

    def send(url: str, number: int) -> None:
        body = {"sku": f"K-{number}", "name": "Once"}
        response = httpx.post(url + ITEMS, json=body, headers={"Idempotency-Key": f"k-{number}"}, timeout=30)
        assert response.status_code == 201, response.text
        with lock:
            assert bodies.setdefault(number, response.text) == response.text

    def send_all(url: str, numbers: range) -> None:
        for number in numbers:
            try:
                send(url, number)
            except httpx.TransportError:
                return

    ranges = [range(start, start + 100) for start in range(0, 400, 100)]
    with serving(tmp_path, store_url) as server, concurrent.futures.ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(send_all, server.url, numbers) for numbers in ranges]
        wait_until(lambda: len(bodies) > 40)
        server.process.kill()
        server.process.wait()
        for future in futures:
            future.result()
    assert len(bodies) < 400
    with serving(tmp_path, store_url) as server:
        for numbers in ranges:
            for number in numbers[:40]:
                send(server.url, number)
        keys = {f"K-{number}" for number in bodies}
        skus: list[str] = []
        cursor = None
        while cursor is not None or not skus:
            page = httpx.get(server.url + ITEMS, params={"limit": 200} | ({"cursor": cursor} if cursor else {})).json()
            skus += [item["sku"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert len(skus) == len(set(skus))
        assert keys <= set(skus)
        assert httpx.get(server.url + "/api/v1/changes").json()["head"] == len(skus)


@shared_stores
def test_the_feed_has_changes_of_other_processes_and_ends_on_shutdown(store_url: str, tmp_path: Path) -> None:
    """A subscriber of one process receives what another process writes. On shutdown its stream ends cleanly."""
    other = tmp_path / "other"
    other.mkdir()
    with serving(tmp_path, store_url) as server, serving(other, store_url) as writer:
        received: list[int] = []
        ended = threading.Event()

        def listen() -> None:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": "0"}
            with httpx.stream("GET", f"{server.url}/api/v1/changes", headers=headers, timeout=60) as stream:
                received.extend(json.loads(line[5:])["seq"] for line in stream.iter_lines() if line.startswith("data:"))
            ended.set()

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        for number in range(20):
            assert httpx.post(writer.url + ITEMS, json={"sku": f"S-{number}", "name": "Item"}).status_code == 201
        wait_until(lambda: len(received) == 20)
        assert server.stop() == 0
        assert ended.wait(30)
        assert received == list(range(1, 21))


@shared_stores
def test_a_command_follows_the_log(store_url: str, tmp_path: Path) -> None:
    """`catalog changes follow` prints changes until it is stopped."""
    import os  # noqa: PLC0415 - used only here

    program = Path(sys.executable).parent / "catalog"
    environment = os.environ | {"CATALOG_STORAGE__URL": store_url}
    with subprocess.Popen(
        [program, "changes", "follow", "--after", "0", "--json"], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as following:
        subprocess.run(
            [program, "items", "create", "--name", "A"], env=environment, cwd=tmp_path, check=True, capture_output=True
        )
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["kind"] == "item.created"
        following.terminate()
