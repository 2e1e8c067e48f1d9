"""Abusive imports and a full disk: the process survives and reports what it cannot do."""

import asyncio
import json
import resource
import subprocess
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_process import ITEMS, serving

CONCURRENT = 200
"""The number of concurrent imports."""

CSV = {"Content-Type": "text/csv"}
IN_BACKGROUND = CSV | {"Prefer": "respond-async"}


@pytest.mark.parametrize("store", ["sqlite"])
async def test_many_concurrent_imports_do_not_disturb_other_requests(store_url: str, tmp_path: Path) -> None:
    """Each import succeeds, is accepted, or gets 503 with the limit and Retry-After. Every accepted row is imported."""
    with serving(tmp_path, store_url) as server:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=60) as client:

            async def send_import(number: int) -> httpx.Response:
                rows = "".join(f"M-{number}-{row},Item\n" for row in range(20))
                headers = IN_BACKGROUND if number % 2 else CSV
                return await client.post(f"{ITEMS}/import", content=f"sku,name\n{rows}", headers=headers)

            async def send_other(number: int) -> int:
                created = await client.post(ITEMS, json={"name": "Chair", "sku": f"O-{number}"})
                read = await client.get(f"{ITEMS}/o-{number}")
                return max(created.status_code, read.status_code)

            responses, statuses = await asyncio.gather(
                asyncio.gather(*map(send_import, range(CONCURRENT))), asyncio.gather(*map(send_other, range(20)))
            )
            assert set(statuses) == {201}
            assert set(Counter(response.status_code for response in responses)) <= {200, 202, 503}
            for response in responses:
                if response.status_code == 503:
                    assert response.headers["retry-after"]
                    assert "imports are" in response.json()["detail"] or "import files" in response.json()["detail"]
            async with asyncio.timeout(60):
                for response in responses:
                    while response.status_code == 202:
                        state = (await client.get(response.headers["location"])).json()["status"]
                        if state != "running":
                            assert state == "done"
                            break
            done = sum(response.status_code in (200, 202) for response in responses)
            page = await client.get(ITEMS, params={"count": "exact", "limit": 1})
            assert page.json()["count"] == 20 * done + 20


@pytest.mark.parametrize("store", ["sqlite"])
def test_a_form_sent_by_curl_is_imported(store_url: str, tmp_path: Path) -> None:
    """The form that `curl --form` sends is imported."""
    file = tmp_path / "items.csv"
    file.write_text("sku;title\nA;One\nB;Two\n")
    with serving(tmp_path, store_url) as server:
        options = ("--form", f"file=@{file}", "--form-string", "delimiter=;", "--form", "map=name=title")
        command = ["curl", "--silent", "--show-error", *options, f"{server.url}{ITEMS}/import"]
        report = json.loads(subprocess.check_output(command))
        assert (report["created"], report["refused"]) == (2, 0)


@pytest.mark.parametrize("store", ["sqlite"])
def test_a_full_disk_is_507_and_leaves_no_partial_slice(store_url: str, tmp_path: Path) -> None:
    """Reads keep working, and imports work again when there is space."""
    large = "sku,name,description\n" + "".join(f"L-{number},Item,{'x' * 500}\n" for number in range(4_000))
    medium = "".join(large.splitlines(keepends=True)[:1_500])
    with serving(tmp_path, store_url) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        client.post(ITEMS, json={"name": "Chair", "sku": "A"})
        before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1024**2, before[1]))
        for headers in (CSV, IN_BACKGROUND):
            refused = client.post(f"{ITEMS}/import", content=large, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (507, "out_of_space")
        failed = client.post(f"{ITEMS}/import", content=medium, headers=CSV)
        assert failed.status_code in (503, 507), failed.text
        assert client.get(f"{ITEMS}/a").status_code == 200
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)
        imported = client.get(ITEMS, params={"count": "exact", "limit": 1}).json()["count"] - 1
        assert imported % 500 == 0
        repeated = client.post(f"{ITEMS}/import", params={"on_conflict": "skip"}, content=medium, headers=CSV).json()
        assert (repeated["status"], repeated["skipped"], repeated["created"]) == ("done", imported, 1_499 - imported)
        assert "Traceback" not in server.log.read_text()
