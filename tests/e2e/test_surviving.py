"""What is left when a process is killed in the middle: what was acknowledged, and nothing twice."""

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


def _file(rows: int = ROWS) -> bytes:
    return b"sku,name\n" + b"".join(b"S-%d,Item %d\n" % (number, number) for number in range(rows))


def _count(url: str) -> int:
    answer = httpx.get(url + ITEMS, params={"count": "exact", "limit": 1}, timeout=30)
    return int(answer.json()["count"])


@shared_stores
def test_an_import_that_was_killed_is_told_and_resumed(store_url: str, tmp_path: Path) -> None:
    """The numbers say what is committed; the same file again brings the rest, and nothing twice."""
    with serving(tmp_path, store_url) as served:
        begun = httpx.post(f"{served.url}{ITEMS}/import", content=_file(), headers=CSV | {"Prefer": "respond-async"})
        path = begun.headers["location"]
        wait_until(lambda: httpx.get(served.url + path).json()["rows"] > 0)
        served.process.kill()
        served.process.wait()
    with serving(tmp_path, store_url) as served:
        wait_until(lambda: httpx.get(served.url + path).json()["status"] == "interrupted")
        told = httpx.get(served.url + path).json()
        assert 0 < told["created"] < ROWS
        assert told["created"] == told["rows"] == _count(served.url)
        again = httpx.post(
            f"{served.url}{ITEMS}/import", params={"on_conflict": "skip"}, content=_file(), headers=CSV, timeout=60
        ).json()
        assert (again["created"], again["skipped"]) == (ROWS - told["created"], told["created"])
        assert _count(served.url) == ROWS


@shared_stores
def test_a_keyed_request_is_done_once_through_a_kill(store_url: str, tmp_path: Path) -> None:
    """Whoever did not get his answer asks again, and everything is there once."""
    lock = threading.Lock()
    answered: dict[int, str] = {}

    def ask(url: str, number: int) -> None:
        body = {"sku": f"K-{number}", "name": "Once"}
        answer = httpx.post(url + ITEMS, json=body, headers={"Idempotency-Key": f"k-{number}"}, timeout=30)
        assert answer.status_code == 201, answer.text
        with lock:
            assert answered.setdefault(number, answer.text) == answer.text

    def ask_all(url: str, numbers: range) -> None:
        for number in numbers:
            try:
                ask(url, number)
            except httpx.TransportError:
                return

    ranges = [range(start, start + 100) for start in range(0, 400, 100)]
    with serving(tmp_path, store_url) as served, concurrent.futures.ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask_all, served.url, numbers) for numbers in ranges]
        wait_until(lambda: len(answered) > 40)
        served.process.kill()
        served.process.wait()
        for one in asking:
            one.result()
    assert len(answered) < 400
    with serving(tmp_path, store_url) as served:
        for numbers in ranges:
            for number in numbers[:40]:
                ask(served.url, number)
        keys = {f"K-{number}" for number in answered}
        found: list[str] = []
        cursor = None
        while cursor is not None or not found:
            page = httpx.get(served.url + ITEMS, params={"limit": 200} | ({"cursor": cursor} if cursor else {})).json()
            found += [item["sku"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert len(found) == len(set(found))
        assert keys <= set(found)
        assert httpx.get(served.url + "/api/v1/changes").json()["head"] == len(found)


@shared_stores
def test_the_feed_tells_of_other_processes_and_ends_at_the_stop(store_url: str, tmp_path: Path) -> None:
    """A subscriber of one process hears what another one writes; at the stop its stream ends at once, in good order."""
    other = tmp_path / "other"
    other.mkdir()
    with serving(tmp_path, store_url) as served, serving(other, store_url) as writing:
        heard: list[int] = []
        ended = threading.Event()

        def listen() -> None:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": "0"}
            with httpx.stream("GET", f"{served.url}/api/v1/changes", headers=headers, timeout=60) as stream:
                heard.extend(json.loads(line[5:])["seq"] for line in stream.iter_lines() if line.startswith("data:"))
            ended.set()

        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        for number in range(20):
            assert httpx.post(writing.url + ITEMS, json={"sku": f"S-{number}", "name": "Item"}).status_code == 201
        wait_until(lambda: len(heard) == 20)
        assert served.stop() == 0
        assert ended.wait(30)
        assert heard == list(range(1, 21))


@shared_stores
def test_a_command_follows_the_log(store_url: str, tmp_path: Path) -> None:
    """`catalog changes follow`, until it is stopped."""
    import os  # noqa: PLC0415 - beside its only use

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
