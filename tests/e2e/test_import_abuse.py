"""Imports that somebody means badly, or a disk that is full: the process stays, and says what it can do no more."""

import asyncio
import json
import resource
import subprocess
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_process import ITEMS, serving

MANY = 200
"""Imports at once."""

CSV = {"Content-Type": "text/csv"}
ASIDE = CSV | {"Prefer": "respond-async"}


@pytest.mark.parametrize("store", ["sqlite"])
async def test_many_imports_at_once_leave_others_in_peace(store_url: str, tmp_path: Path) -> None:
    """Each is done, accepted, or told the limit and when to come again; what is said to be there is there."""
    with serving(tmp_path, store_url) as served:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=served.url, limits=limits, timeout=60) as client:

            async def send(number: int) -> httpx.Response:
                rows = "".join(f"M-{number}-{row},Item\n" for row in range(20))
                headers = ASIDE if number % 2 else CSV
                return await client.post(f"{ITEMS}/import", content=f"sku,name\n{rows}", headers=headers)

            async def other(number: int) -> int:
                created = await client.post(ITEMS, json={"name": "Chair", "sku": f"O-{number}"})
                read = await client.get(f"{ITEMS}/o-{number}")
                return max(created.status_code, read.status_code)

            answers, others = await asyncio.gather(
                asyncio.gather(*map(send, range(MANY))), asyncio.gather(*map(other, range(20)))
            )
            assert set(others) == {201}
            assert set(Counter(answer.status_code for answer in answers)) <= {200, 202, 503}
            for answer in answers:
                if answer.status_code == 503:
                    assert answer.headers["retry-after"]
                    assert "imports are" in answer.json()["detail"] or "import files" in answer.json()["detail"]
            async with asyncio.timeout(60):
                for answer in answers:
                    while answer.status_code == 202:
                        state = (await client.get(answer.headers["location"])).json()["status"]
                        if state != "running":
                            assert state == "done"
                            break
            done = sum(answer.status_code in (200, 202) for answer in answers)
            counted = await client.get(ITEMS, params={"count": "exact", "limit": 1})
            assert counted.json()["count"] == 20 * done + 20


@pytest.mark.parametrize("store", ["sqlite"])
def test_a_form_of_curl_is_taken(store_url: str, tmp_path: Path) -> None:
    """As people send files."""
    file = tmp_path / "items.csv"
    file.write_text("sku;title\nA;One\nB;Two\n")
    with serving(tmp_path, store_url) as served:
        options = ("--form", f"file=@{file}", "--form-string", "delimiter=;", "--form", "map=name=title")
        command = ["curl", "--silent", "--show-error", *options, f"{served.url}{ITEMS}/import"]
        answer = json.loads(subprocess.check_output(command))
        assert (answer["created"], answer["refused"]) == (2, 0)


@pytest.mark.parametrize("store", ["sqlite"])
def test_a_full_disk_is_told_and_nothing_half_written_counts(store_url: str, tmp_path: Path) -> None:
    """Reads go on; with space again all goes on."""
    large = "sku,name,description\n" + "".join(f"L-{number},Item,{'x' * 500}\n" for number in range(4_000))
    medium = "".join(large.splitlines(keepends=True)[:1_500])
    with serving(tmp_path, store_url) as served, httpx.Client(base_url=served.url, timeout=60) as client:
        client.post(ITEMS, json={"name": "Chair", "sku": "A"})
        before = resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (1024**2, before[1]))
        for headers in (CSV, ASIDE):
            refused = client.post(f"{ITEMS}/import", content=large, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (507, "out_of_space")
        failed = client.post(f"{ITEMS}/import", content=medium, headers=CSV)
        assert failed.status_code in (503, 507), failed.text
        assert client.get(f"{ITEMS}/a").status_code == 200
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, before)
        there = client.get(ITEMS, params={"count": "exact", "limit": 1}).json()["count"] - 1
        assert there % 500 == 0
        again = client.post(f"{ITEMS}/import", params={"on_conflict": "skip"}, content=medium, headers=CSV).json()
        assert (again["status"], again["skipped"], again["created"]) == ("done", there, 1_499 - there)
        assert "Traceback" not in served.log.read_text()
