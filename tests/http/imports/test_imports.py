"""Imports over HTTP: streamed, or by the side."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from catalog.application.imports import jobs
from catalog.application.imports.jobs import ImportJobs
from catalog.application.imports.rows import SLICE_ROWS
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.requests import uploads
from catalog.entrypoints.settings import ImportsSettings, Settings, StorageSettings
from tests.http.conftest import asked
from tests.http.items.test_items import ITEMS, created, planted

IMPORT = f"{ITEMS}/import"
CSV = {"Content-Type": "text/csv; charset=utf-8"}
BY_THE_SIDE = CSV | {"Prefer": "respond-async"}


async def taken(client: httpx.AsyncClient, text: str, **parameters: Any) -> httpx.Response:  # noqa: ANN401 - parameters
    """Import CSV."""
    return await client.post(IMPORT, content=text.encode(), headers=CSV, params=parameters)


def counts(body: dict[str, Any]) -> tuple[int, ...]:
    """Return rows, created, updated, unchanged, skipped and refused."""
    return tuple(body[name] for name in ("rows", "created", "updated", "unchanged", "skipped", "refused"))


def _scope() -> dict[str, Any]:
    """Make the scope of an import of CSV, as a server does."""
    return {
        "type": "http",
        "method": "POST",
        "path": IMPORT,
        "raw_path": IMPORT.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"text/csv")],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 80),
        "client": ("localhost", 1),
    }


async def ended(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Wait until an import is no longer running."""
    async with asyncio.timeout(60):
        while True:
            body: dict[str, Any] = (await client.get(path)).json()
            if body["status"] != "running":
                return body
            await asyncio.sleep(0.01)


async def test_rows_go_in_and_what_is_refused_is_told(client: httpx.AsyncClient) -> None:
    """Counted, with line, field, code and sentence; all of it again at an address of its own."""
    await planted(client, "lamps")
    text = "sku,name,category,price,currency,shelf\na,A,lamps,1,EUR,7\nb,,lamp,2,EUR,\na,Again,,1,EUR,\n,x,,,,\n"
    response = await taken(client, text)
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["status"], counts(body), body["ignored"], body["bytes"]) == ("done", (4, 1, 0, 0, 0, 3), ["shelf"], len(text))
    assert [(one["line"], one["field"], one["code"]) for one in body["refusals"]] == [
        (3, "name", "required"),
        (4, "sku", "sku_taken"),
        (5, "sku", "required"),
    ]
    assert (await client.get(f"{ITEMS}/a")).json()["price"] == {"amount": "1.00", "currency": "EUR"}
    kept = (await client.get(f"/api/v1/imports/{body['id']}")).json()
    assert kept == {name: value for name, value in body.items() if name != "refusals"}
    lines = (await client.get(body["errors_url"])).text.splitlines()
    assert [json.loads(line) for line in lines] == body["refusals"]
    table = (await client.get(body["errors_url"], params={"format": "csv"})).text.splitlines()
    assert table[:2] == ["line,sku,field,code,detail", "3,B,name,required,The name is missing."]


async def test_conflicts_are_met_as_one_likes(client: httpx.AsyncClient) -> None:
    """Refused, skipped or updated; columns mapped, values set, types given; as on the command line."""
    await created(client, sku="A", name="Old")
    text = "id;title;pages\na;New;3\nb;Other;4\n"
    options = {"map": ["sku=id", "name=title", "attr.pages=pages"], "type": "attr.pages=integer", "delimiter": ";"}
    assert counts((await taken(client, text, **options, dry_run="true")).json()) == (2, 1, 0, 0, 0, 1)
    assert counts((await taken(client, text, **options, on_conflict="skip")).json()) == (2, 1, 0, 0, 1, 0)
    set_too = options | {"set": ["price=5", "currency=EUR"]}
    assert counts((await taken(client, text, **set_too, on_conflict="update")).json()) == (2, 0, 2, 0, 0, 0)
    item = (await client.get(f"{ITEMS}/a")).json()
    assert (item["name"], item["attributes"], item["price"]["amount"]) == ("New", {"pages": 3}, "5.00")
    rows = [{"sku": "C", "name": "C", "category": "new"}]
    made = await client.post(f"{IMPORT}?create_categories=true", json=rows)
    assert (made.json()["created"], made.json()["categories"]) == (1, 1)
    lines = await client.post(IMPORT, content=b'{"sku": "D", "name": "D"}\n', headers={"Content-Type": "application/x-ndjson"})
    assert lines.json()["created"] == 1


async def test_all_or_nothing_is_just_that(client: httpx.AsyncClient) -> None:
    """One bad row, and none goes in; without, one commit."""
    text = "sku,name\na,A\nb,\nc,C\n"
    refused = await taken(client, text, mode="all_or_nothing")
    body = refused.json()
    assert (refused.status_code, body["status"], counts(body)) == (422, "refused", (3, 0, 0, 0, 0, 1))
    assert [one["line"] for one in body["refusals"]] == [3]
    keyed = CSV | {"Idempotency-Key": "k"}
    for content, status in ((text, 422), ("sku,name\nz,Z\n", 200)):
        answer = await client.post(f"{IMPORT}?mode=all_or_nothing", content=content, headers=keyed)
        assert answer.status_code == status
    await client.delete(f"{ITEMS}/z")
    assert (await client.get(ITEMS)).json()["items"] == []
    tried = await taken(client, text, mode="all_or_nothing", dry_run="true")
    assert (tried.status_code, tried.json()["refused"]) == (200, 1)
    done = await taken(client, "sku,name\na,A\na,Twice\n", mode="all_or_nothing", on_conflict="update")
    assert (done.status_code, counts(done.json())) == (200, (2, 1, 1, 0, 0, 0))
    assert (await client.get(f"{ITEMS}/a")).json()["version"] == 2


async def test_what_is_exported_is_imported(client: httpx.AsyncClient) -> None:
    """As it stands, with its last row."""
    await created(client, sku="A")
    for kind, media in (("csv", "text/csv"), ("jsonl", "application/jsonl"), ("json", "application/json")):
        exported = (await client.get(f"{ITEMS}/export", params={"format": kind})).content
        response = await client.post(IMPORT, params={"on_conflict": "update"}, content=exported, headers={"Content-Type": media})
        assert counts(response.json()) == (1, 0, 0, 1, 0, 0), response.text


@pytest.mark.parametrize(
    ("query", "media", "body", "status", "code"),
    [
        ("on_conflict=x&mode=y&dry_run=1&colour=red&map=name&map=nope=x", "text/csv", "", 422, "invalid_query"),
        ("", "application/octet-stream", "", 422, "invalid_query"),
        ("format=csv", "application/octet-stream", "", 415, "unsupported_media_type"),
        ("format=xml", "text/csv", "", 422, "invalid_query"),
        ("", "text/csv; charset=latin-1", "", 415, "unsupported_media_type"),
        ("", "text/csv", "", 422, "invalid_file"),
        ("delimiter=ab", "text/csv", "sku\n", 422, "invalid_query"),
        ("map=name=title", "text/csv", "sku\n", 422, "invalid_query"),
        ("limit=1", "text/csv", "sku\n", 422, "invalid_query"),
    ],
)
async def test_what_is_no_import_is_refused(
    client: httpx.AsyncClient, query: str, media: str, body: str, status: int, code: str
) -> None:
    """Before anything is written; every fault at once."""
    response = await client.post(f"{IMPORT}?{query}", content=body, headers={"Content-Type": media})
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    if "colour" in query:
        assert [fault["parameter"] for fault in response.json()["errors"]] == [
            "on_conflict", "mode", "dry_run", "colour", "map", "map",
        ]  # fmt: skip


async def test_an_import_by_the_side_tells_how_far_it_is(client: httpx.AsyncClient) -> None:
    """202 with its address; it ends by itself."""
    rows = "".join(f"S-{number},Item {number}\n" for number in range(3 * SLICE_ROWS // 2))
    begun = await client.post(IMPORT, content=f"sku,name\n{rows}x,\n", headers=BY_THE_SIDE)
    assert (begun.status_code, begun.json()["status"]) == (202, "running")
    assert begun.headers["preference-applied"] == "respond-async"
    path = begun.headers["location"]
    assert path == f"/api/v1/imports/{begun.json()['id']}"
    body = await ended(client, path)
    assert (body["status"], counts(body)) == ("done", (3 * SLICE_ROWS // 2 + 1, 3 * SLICE_ROWS // 2, 0, 0, 0, 1))
    assert body["rate"] > 0
    assert json.loads((await client.get(body["errors_url"])).text)["field"] == "name"
    after = await client.delete(path)
    assert (after.status_code, after.json()["status"]) == (202, "done")
    broken = await client.post(IMPORT, content="", headers=BY_THE_SIDE)
    failed = await ended(client, broken.headers["location"])
    assert (failed["status"], "header" in failed["error"]) == ("failed", True)
    atomic = await client.post(f"{IMPORT}?mode=all_or_nothing", content="sku,name\nx,\n", headers=BY_THE_SIDE)
    assert (await ended(client, atomic.headers["location"]))["status"] == "refused"


async def test_what_there_is_not_is_404(client: httpx.AsyncClient) -> None:
    """Of imports."""
    for path in ("nope", "nope/errors"):
        response = await client.get(f"/api/v1/imports/{path}")
        assert (response.status_code, response.json()["code"]) == (404, "import_not_found")
    assert (await client.delete("/api/v1/imports/nope")).status_code == 404
    assert (await client.get("/api/v1/imports/nope?x=1")).status_code == 422


async def test_an_import_is_done_once_under_a_key(client: httpx.AsyncClient) -> None:
    """The body is compared as it comes in; here and by the side."""
    for headers in (CSV, BY_THE_SIDE):
        key = headers | {"Idempotency-Key": f"key-{len(headers)}"}
        text = f"sku,name\nk-{len(headers)},A\n"
        first = await client.post(IMPORT, content=text, headers=key)
        again = await client.post(IMPORT, content=text, headers=key)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        elsewhere = await client.post(f"{IMPORT}?on_conflict=skip", content=text, headers=key)
        assert "idempotency-replayed" not in elsewhere.headers
        other = await client.post(IMPORT, content=f"{text}b,B\n", headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "key_reused")


async def test_an_import_is_cancelled(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its next slice; what is committed stays, and is told."""
    reached, free = asyncio.Event(), asyncio.Event()
    real = ImportJobs._import

    async def held(self: ImportJobs, *arguments: Any) -> str:  # noqa: ANN401 - as it is
        reached.set()
        await free.wait()
        return await real(self, *arguments)

    monkeypatch.setattr(ImportJobs, "_import", held)
    begun = await client.post(IMPORT, content="sku,name\na,A\n", headers=BY_THE_SIDE)
    await reached.wait()
    assert (await client.delete(begun.headers["location"])).json()["status"] == "running"
    free.set()
    body = await ended(client, begun.headers["location"])
    assert (body["status"], counts(body)) == ("cancelled", (0, 0, 0, 0, 0, 0))
    assert (await client.get(f"{ITEMS}/a")).status_code == 404


@pytest.fixture
async def limited(store_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that takes little."""
    imports = ImportsSettings(max_bytes=1024, max_atomic_rows=2)
    made = Container(settings=Settings(storage=StorageSettings(url=store_url), imports=imports))
    async with running(made), asked(create_app(made)) as client:
        yield client


@pytest.mark.parametrize("store", ["memory"])
async def test_there_is_a_limit(limited: httpx.AsyncClient) -> None:
    """Of bytes, announced or not, and of rows that go in together."""
    large = "sku,name\n" + "".join(f"S-{number},Item\n" for number in range(200))
    assert (await taken(limited, large)).status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        for line in large.splitlines(keepends=True):
            yield line.encode()

    for headers in (CSV, BY_THE_SIDE):
        refused = await limited.post(IMPORT, content=pieces(), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (413, "content_too_large")
    many = await taken(limited, "sku,name\na,A\nb,B\nc,C\n", mode="all_or_nothing")
    assert (many.status_code, many.json()["errors"][0]["code"]) == (422, "too_many_rows")
    assert (await limited.get(ITEMS)).json()["items"] == []


@pytest.mark.parametrize("store", ["memory"])
async def test_a_body_that_stops_coming_is_given_up(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is silent too long, what comes too slowly, and what hangs up; nothing of it is imported."""
    monkeypatch.setattr(uploads, "IDLE_TIMEOUT", 0.05)
    app = create_app(container)

    async def sent(*messages: dict[str, Any]) -> int:
        waiting = list(messages)
        status = 0

        async def receive() -> dict[str, Any]:
            if waiting:
                return waiting.pop(0)
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's
            nonlocal status
            status = message.get("status", status)

        await app(_scope(), receive, send)
        return status

    begun = {"type": "http.request", "body": b"sku,name\nS-1,One\n", "more_body": True}
    assert await sent(begun) == 408
    monkeypatch.setattr(uploads, "IDLE_TIMEOUT", 60.0)
    monkeypatch.setattr(uploads, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(uploads, "MIN_RATE", 1024**3)
    assert await sent(begun) == 408
    assert await sent({"type": "http.request", "body": b"sku,name\n", "more_body": True}, {"type": "http.disconnect"}) == 400
    assert (await client.get(ITEMS)).json()["items"] == []


@pytest.mark.parametrize("store", ["memory"])
async def test_an_import_that_is_cut_off_waits_for_no_more_bytes(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came of it is gone."""
    kept: list[uploads.Upload] = []
    real = uploads.Upload.close

    def close(self: uploads.Upload) -> None:
        kept.append(self)
        real(self)

    monkeypatch.setattr(uploads.Upload, "close", close)
    waiting = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if waiting.is_set():
            await asyncio.Event().wait()
        waiting.set()
        return {"type": "http.request", "body": b"x" * 2 * 1024**2, "more_body": True}

    async def send(_message: object) -> None:
        """Nobody listens."""

    serving = asyncio.create_task(create_app(container)(_scope(), receive, send))
    await waiting.wait()
    serving.cancel()
    await asyncio.wait((serving,))
    (upload,) = kept
    assert upload._space.used == 0


@pytest.mark.parametrize("store", ["memory"])
async def test_too_many_imports_wait_or_are_refused(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are worked on at a time; who waits here too long is told to come again."""
    free = asyncio.Event()
    real = ImportJobs._import

    async def held(self: ImportJobs, *arguments: Any) -> str:  # noqa: ANN401 - as it is
        await free.wait()
        return await real(self, *arguments)

    monkeypatch.setattr(ImportJobs, "_import", held)
    monkeypatch.setattr(jobs, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(jobs, "MAX_IMPORTS", 4)
    begun = [await client.post(IMPORT, content=f"sku,name\n{name},A\n", headers=BY_THE_SIDE) for name in "abc"]
    late = await taken(client, "sku,name\nd,A\n")
    assert (late.status_code, late.json()["code"]) == (503, "imports_busy")
    assert "2 imports are already running" in late.json()["detail"]
    monkeypatch.setattr(jobs, "MAX_IMPORTS", 3)
    for headers in (CSV, BY_THE_SIDE):
        full = await client.post(IMPORT, content="sku,name\nd,A\n", headers=headers)
        assert (full.status_code, full.json()["code"], full.headers["retry-after"]) == (503, "imports_busy", "1")
        assert "3 imports are already in progress" in full.json()["detail"]
    free.set()
    assert {(await ended(client, one.headers["location"]))["status"] for one in begun} == {"done"}


@pytest.mark.parametrize("store", ["memory"])
async def test_files_that_come_in_slowly_keep_nobody_waiting(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as may; more are refused at once."""
    monkeypatch.setattr(jobs, "MAX_RECEIVING", 8)
    app = create_app(container)
    stalled = asyncio.Semaphore(0)

    async def receive() -> dict[str, Any]:
        stalled.release()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(_message: object) -> None:
        """Nobody listens."""

    slow = [asyncio.create_task(app(_scope(), receive, send)) for _ in range(7)]
    for _ in slow:
        await stalled.acquire()
    assert (await taken(client, "sku,name\na,A\n")).json()["created"] == 1
    slow.append(asyncio.create_task(app(_scope(), receive, send)))
    await stalled.acquire()
    full = await taken(client, "sku,name\nb,B\n")
    assert (full.status_code, full.json()["code"]) == (503, "imports_busy")
    assert "8 import files are already being uploaded" in full.json()["detail"]
    for task in slow:
        task.cancel()
    await asyncio.wait(slow)
    assert (await taken(client, "sku,name\nb,B\n")).json()["created"] == 1


@pytest.mark.parametrize("store", ["memory"])
async def test_many_imports_at_once_are_done_or_told_to_come_again(client: httpx.AsyncClient) -> None:
    """And nothing else suffers."""
    answers = await asyncio.gather(*(taken(client, f"sku,name\nm-{number},A\n") for number in range(150)))
    assert {answer.status_code for answer in answers} == {200, 503}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 503} == {"imports_busy"}
    done = sum(answer.status_code == 200 for answer in answers)
    assert (await client.get(ITEMS, params={"count": "exact", "limit": 1})).json()["count"] == done
    assert (await taken(client, "sku,name\nlast,A\n")).json()["created"] == 1


@pytest.mark.parametrize("store", ["memory"])
async def test_uploads_have_a_budget_of_disk(store_url: str) -> None:
    """All together; what is refused takes nothing."""
    imports = ImportsSettings(max_disk_bytes=1024)
    made = Container(settings=Settings(storage=StorageSettings(url=store_url), imports=imports))
    large = "sku,name\n" + "".join(f"S-{number},Item\n" for number in range(200))
    async with running(made), asked(create_app(made)) as client:
        for headers in (CSV, BY_THE_SIDE):
            refused = await client.post(IMPORT, content=large, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (503, "imports_busy")
            assert "1024 bytes" in refused.json()["detail"]
        for _ in range(3):
            assert (await taken(client, large[:900])).status_code == 200


@pytest.mark.parametrize("store", ["memory"])
async def test_a_full_disk_is_told(client: httpx.AsyncClient) -> None:
    """507, and nothing was imported."""
    large = b"sku,name\n" + b"S,Item\n" * 100_000
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    try:
        for headers in (CSV, BY_THE_SIDE):
            refused = await client.post(IMPORT, content=large, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (507, "out_of_space"), refused.text
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (await client.get(ITEMS)).json()["items"] == []


def _form(name: str, text: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    """Make a form with a file, as browsers send it."""
    return {"files": {"file": (name, text.encode(), "application/octet-stream")}, "data": options}


async def test_a_form_with_a_file_is_taken(client: httpx.AsyncClient) -> None:
    """The file's name says what it is; the options are fields or parameters."""
    text = "id;title\na;New\n"
    made = await client.post(IMPORT, **_form("x.CSV", text, delimiter=";", map=["sku=id", "name=title"]))
    assert (made.status_code, made.json()["created"], made.json()["bytes"]) == (200, 1, len(text)), made.text
    lines = await client.post(IMPORT, **_form("x.ndjson", '{"sku": "A", "name": "B"}'), params={"on_conflict": "update"})
    assert lines.json()["updated"] == 1
    key = {"Idempotency-Key": "k", "Prefer": "respond-async"}
    first = await client.post(IMPORT, **_form("x.csv", "sku,name\nk,K\n", dry_run="true"), headers=key)
    assert first.status_code == 202
    again = await client.post(IMPORT, **_form("x.csv", "sku,name\nk,K\n", dry_run="true"), headers=key)
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    other = await client.post(IMPORT, **_form("x.csv", "sku,name\nk,K\n"), headers=key)
    assert other.json()["code"] == "key_reused"


_FILE = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.csv"\r\n\r\nsku\r\n--b--'


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--\r\n', 400, "no file"),
        (b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\nsku', 400, "form is incomplete"),
        (
            b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.csv"\r\n\r\nsku\r\n' * 2 + b"--b--",
            400,
            "more than one",
        ),
        (b"--b\r\nnonsense\r\n\r\n", 400, "Invalid multipart"),
        (b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"x" * 70_000 + b"\r\n--b--", 400, "65536 bytes"),
        (b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n' * 101 + b"--b--", 400, "100 parts"),
        (b"", 400, "form is incomplete"),
        (
            b'--b\r\nContent-Disposition: form-data; name="delimiter"\r\n\r\n"\r\n' + _FILE,
            422,
            "delimiter must be one character",
        ),
        (_FILE.replace(b".csv", b""), 422, "Cannot detect the file format"),
    ],
)
@pytest.mark.parametrize("store", ["memory"])
async def test_what_is_no_such_form_is_refused(client: httpx.AsyncClient, body: bytes, status: int, said: str) -> None:
    """And leaves nothing behind."""
    response = await client.post(IMPORT, content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (response.status_code, said in response.json()["detail"]) == (status, True), response.text


@pytest.mark.parametrize("store", ["memory"])
async def test_a_form_of_another_site_is_refused(client: httpx.AsyncClient) -> None:
    """For a browser sends it without asking."""
    form = _form("x.csv", "sku,name\na,A\n")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}):
        assert (await client.post(IMPORT, **form, headers=headers)).status_code == 403
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": str(client.base_url).rstrip("/")}):
        assert (await client.post(IMPORT, **form, headers=headers)).status_code == 200
    bare = await client.post(IMPORT, content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (bare.status_code, "boundary" in bare.json()["detail"]) == (400, True)


async def test_a_part_of_an_export_is_refused_unless_it_is_said_to_be_one(client: httpx.AsyncClient) -> None:
    """Nothing of it goes in."""
    await created(client, sku="A")
    await created(client, sku="B")
    whole = (await client.get(f"{ITEMS}/export", params={"format": "csv"})).text
    part = "".join(whole.splitlines(keepends=True)[:2])
    refused = await taken(client, part, on_conflict="update")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_file")
    assert "not a complete export" in refused.json()["detail"]
    assert counts((await taken(client, part, on_conflict="update", partial="true")).json()) == (1, 0, 0, 1, 0, 0)
    assert (await taken(client, "sku,name\nc,C\n", preserve="true")).status_code == 422


async def test_refused_rows_are_no_formulas_in_a_spreadsheet(client: httpx.AsyncClient) -> None:
    """They are guarded like those of an export."""
    body = (await taken(client, "sku,name\n=1+1,x\n")).json()
    table = (await client.get(body["errors_url"], params={"format": "csv"})).text
    assert table.splitlines()[1].startswith("2,'=1+1,sku,invalid_sku,")


async def test_the_tree_of_categories_is_exported_too(client: httpx.AsyncClient) -> None:
    """Where it is wanted."""
    await planted(client, "lamps")
    text = (await client.get(f"{ITEMS}/export", params={"format": "jsonl", "with_categories": "true"})).text
    assert text.startswith('{"_category":{"slug":"lamps"')
    assert "_category" not in (await client.get(f"{ITEMS}/export", params={"format": "jsonl"})).text
    refused = await client.get(f"{ITEMS}/export", params={"with_categories": "yes", "limit": "1"})
    assert [fault["parameter"] for fault in refused.json()["errors"]] == ["with_categories", "limit"]
