"""Imports over HTTP, synchronous and in the background."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from catalog.application.imports import registry
from catalog.application.imports.jobs import ImportJobs
from catalog.application.imports.refusals import Refusal
from catalog.application.imports.rows import SLICE_ROWS
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.requests import uploads
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import ImportsSettings, StorageSettings
from tests.http.making import ITEMS, client_for, create_categories, create_item

IMPORT = f"{ITEMS}/import"
CSV = {"Content-Type": "text/csv; charset=utf-8"}
IN_BACKGROUND = CSV | {"Prefer": "respond-async"}


async def import_csv(client: httpx.AsyncClient, text: str, **parameters: Any) -> httpx.Response:  # noqa: ANN401 - parameters
    """Import CSV text with these query parameters."""
    return await client.post(IMPORT, content=text.encode(), headers=CSV, params=parameters)


def counts(body: dict[str, Any]) -> tuple[int, ...]:
    """Return the counts of rows, created, updated, unchanged, skipped and refused."""
    return tuple(body[name] for name in ("rows", "created", "updated", "unchanged", "skipped", "refused"))


def _scope() -> dict[str, Any]:
    """Return the ASGI scope of a CSV import."""
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


async def wait_for_end(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Wait until an import has ended, and return its state."""
    async with asyncio.timeout(60):
        while True:
            body: dict[str, Any] = (await client.get(path)).json()
            if body["status"] != "running":
                return body
            await asyncio.sleep(0.01)


async def test_valid_rows_are_imported_and_refusals_are_reported(client: httpx.AsyncClient) -> None:
    """Each refusal has line, field, code and detail. `errors_url` returns the refusals again, or the refused rows as CSV."""
    await create_categories(client, "lamps")
    text = "sku,name,category,price,currency,shelf\na,A,lamps,1,EUR,7\nb,,lamp,2,EUR,\na,Again,,1,EUR,\n,x,,,,\n"
    response = await import_csv(client, text)
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["status"], counts(body), body["ignored"], body["bytes"]) == ("done", (4, 1, 0, 0, 0, 3), ["shelf"], len(text))
    assert [(refusal["line"], refusal["field"], refusal["code"]) for refusal in body["refusals"]] == [
        (3, "name", "required"),
        (4, "sku", "sku_taken"),
        (5, "sku", "required"),
    ]
    assert (await client.get(f"{ITEMS}/a")).json()["price"] == {"amount": "1.00", "currency": "EUR"}
    state = (await client.get(f"/api/v1/imports/{body['id']}")).json()
    assert state == body
    lines = (await client.get(body["errors_url"])).text.splitlines()
    assert [json.loads(line) for line in lines] == body["refusals"]
    table = (await client.get(body["errors_url"], params={"format": "csv"})).text.splitlines()
    assert table[:2] == [
        "sku,name,category,price,currency,shelf,refused_line,refused_reason",
        "b,,lamp,2,EUR,,3,name: The name is missing.",
    ]


async def test_import_options_work_as_on_the_command_line(client: httpx.AsyncClient) -> None:
    """Existing items are refused, skipped or updated; columns are mapped, constants set and types given."""
    await create_item(client, sku="A", name="Old")
    text = "id;title;pages\na;New;3\nb;Other;4\n"
    options = {"map": ["sku=id", "name=title", "attr.pages=pages"], "type": "attr.pages=integer", "delimiter": ";"}
    assert counts((await import_csv(client, text, **options, dry_run="true")).json()) == (2, 1, 0, 0, 0, 1)
    assert counts((await import_csv(client, text, **options, on_conflict="skip")).json()) == (2, 1, 0, 0, 1, 0)
    with_constants = options | {"set": ["price=5", "currency=EUR"]}
    assert counts((await import_csv(client, text, **with_constants, on_conflict="update")).json()) == (2, 0, 2, 0, 0, 0)
    item = (await client.get(f"{ITEMS}/a")).json()
    assert (item["name"], item["attributes"], item["price"]["amount"]) == ("New", {"pages": 3}, "5.00")
    rows = [{"sku": "C", "name": "C", "category": "new"}]
    with_category = await client.post(f"{IMPORT}?create_categories=true", json=rows)
    assert (with_category.json()["created"], with_category.json()["categories"]) == (1, 1)
    lines = await client.post(IMPORT, content=b'{"sku": "D", "name": "D"}\n', headers={"Content-Type": "application/x-ndjson"})
    assert lines.json()["created"] == 1


async def test_all_or_nothing_imports_every_row_or_none(client: httpx.AsyncClient) -> None:
    """One refused row refuses the import. Under a key, the refusal is not stored. Without refusals there is one commit."""
    text = "sku,name\na,A\nb,\nc,C\n"
    refused = await import_csv(client, text, mode="all_or_nothing")
    body = refused.json()
    assert (refused.status_code, body["status"], counts(body)) == (422, "refused", (3, 0, 0, 0, 0, 1))
    assert [refusal["line"] for refusal in body["refusals"]] == [3]
    keyed = CSV | {"Idempotency-Key": "k"}
    for content, status in ((text, 422), ("sku,name\nz,Z\n", 200)):
        response = await client.post(f"{IMPORT}?mode=all_or_nothing", content=content, headers=keyed)
        assert response.status_code == status
    await client.delete(f"{ITEMS}/z")
    assert (await client.get(ITEMS)).json()["items"] == []
    dry_run = await import_csv(client, text, mode="all_or_nothing", dry_run="true")
    assert (dry_run.status_code, dry_run.json()["refused"]) == (200, 1)
    done = await import_csv(client, "sku,name\na,A\na,Twice\n", mode="all_or_nothing", on_conflict="update")
    assert (done.status_code, counts(done.json())) == (200, (2, 1, 1, 0, 0, 0))
    assert (await client.get(f"{ITEMS}/a")).json()["version"] == 2


async def test_an_export_can_be_imported(client: httpx.AsyncClient) -> None:
    """An export is imported as it is, with its trailer."""
    await create_item(client, sku="A")
    for kind, media in (("csv", "text/csv"), ("jsonl", "application/jsonl"), ("json", "application/json")):
        exported = (await client.get(f"{ITEMS}/export", params={"format": kind})).content
        response = await client.post(IMPORT, params={"on_conflict": "update"}, content=exported, headers={"Content-Type": media})
        assert counts(response.json()) == (1, 0, 0, 1, 0, 0), response.text


@pytest.mark.parametrize(
    ("query", "media", "body", "status", "code"),
    [
        ("on_conflict=x&mode=y&dry_run=1&colour=red&map=name&map=nope=x", "text/csv", "", 422, "invalid_query"),
        ("", "application/octet-stream", "", 422, "invalid_file"),
        ("format=csv", "text/plain", "", 415, "unsupported_media_type"),
        ("encoding=nope", "text/csv", "sku\n", 422, "invalid_query"),
        ("sheet=2", "text/csv", "sku,name\n", 200, ""),
        ("format=xml", "text/csv", "", 422, "invalid_query"),
        ("", "text/csv; charset=nope", "sku\n", 422, "invalid_query"),
        ("", "text/csv", "", 422, "invalid_file"),
        ("delimiter=ab", "text/csv", "sku\n", 422, "invalid_query"),
        ("map=name=title", "text/csv", "sku\n", 422, "invalid_query"),
        ("limit=1", "text/csv", "sku\n", 422, "invalid_query"),
    ],
)
async def test_invalid_import_requests_are_refused(
    client: httpx.AsyncClient, query: str, media: str, body: str, status: int, code: str
) -> None:
    """Nothing is written, and every invalid parameter is reported."""
    response = await client.post(f"{IMPORT}?{query}", content=body, headers={"Content-Type": media})
    assert (response.status_code, response.json().get("code", "")) == (status, code), response.text
    if "colour" in query:
        assert [error["parameter"] for error in response.json()["errors"]] == [
            "on_conflict", "mode", "dry_run", "colour", "map", "map",
        ]  # fmt: skip


async def test_a_background_import_reports_its_progress(client: httpx.AsyncClient) -> None:
    """`Prefer: respond-async` returns 202 with the import's URL, where its progress and outcome can be read."""
    rows = "".join(f"S-{number},Item {number}\n" for number in range(3 * SLICE_ROWS // 2))
    started = await client.post(IMPORT, content=f"sku,name\n{rows}x,\n", headers=IN_BACKGROUND)
    assert (started.status_code, started.json()["status"]) == (202, "running")
    assert started.headers["preference-applied"] == "respond-async"
    path = started.headers["location"]
    assert path == f"/api/v1/imports/{started.json()['id']}"
    body = await wait_for_end(client, path)
    assert (body["status"], counts(body)) == ("done", (3 * SLICE_ROWS // 2 + 1, 3 * SLICE_ROWS // 2, 0, 0, 0, 1))
    assert body["rate"] > 0
    assert json.loads((await client.get(body["errors_url"])).text)["field"] == "name"
    deleted = await client.delete(path)
    assert (deleted.status_code, deleted.json()["status"]) == (202, "done")
    empty = await client.post(IMPORT, content="", headers=IN_BACKGROUND)
    failed = await wait_for_end(client, empty.headers["location"])
    assert (failed["status"], "header" in failed["error"]) == ("failed", True)
    atomic = await client.post(f"{IMPORT}?mode=all_or_nothing", content="sku,name\nx,\n", headers=IN_BACKGROUND)
    assert (await wait_for_end(client, atomic.headers["location"]))["status"] == "refused"


async def test_an_unknown_import_is_404(client: httpx.AsyncClient) -> None:
    """Reading, cancelling and listing the refusals of an unknown import return 404."""
    for path in ("nope", "nope/errors"):
        response = await client.get(f"/api/v1/imports/{path}")
        assert (response.status_code, response.json()["code"]) == (404, "import_not_found")
    assert (await client.delete("/api/v1/imports/nope")).status_code == 404
    assert (await client.get("/api/v1/imports/nope?x=1")).status_code == 422


async def test_a_repeated_import_gets_the_stored_response(client: httpx.AsyncClient) -> None:
    """This applies to synchronous and background imports. Other content under the same key is refused."""
    for headers in (CSV, IN_BACKGROUND):
        key = headers | {"Idempotency-Key": f"key-{len(headers)}"}
        text = f"sku,name\nk-{len(headers)},A\n"
        first = await client.post(IMPORT, content=text, headers=key)
        repeated = await client.post(IMPORT, content=text, headers=key)
        assert (repeated.status_code, repeated.content) == (first.status_code, first.content)
        assert repeated.headers["idempotency-replayed"] == "true"
        elsewhere = await client.post(f"{IMPORT}?on_conflict=skip", content=text, headers=key)
        assert "idempotency-replayed" not in elsewhere.headers
        other = await client.post(IMPORT, content=f"{text}b,B\n", headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "key_reused")


async def test_an_import_is_cancelled(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled import stops before its next slice and keeps what it has committed."""
    reached, may_continue = asyncio.Event(), asyncio.Event()
    real_import = ImportJobs._import

    async def blocked_import(self: ImportJobs, *arguments: Any) -> tuple[str, Sequence[Refusal]]:  # noqa: ANN401 - passed through
        reached.set()
        await may_continue.wait()
        return await real_import(self, *arguments)

    monkeypatch.setattr(ImportJobs, "_import", blocked_import)
    started = await client.post(IMPORT, content="sku,name\na,A\n", headers=IN_BACKGROUND)
    await reached.wait()
    assert (await client.delete(started.headers["location"])).json()["status"] == "running"
    may_continue.set()
    body = await wait_for_end(client, started.headers["location"])
    assert (body["status"], counts(body)) == ("cancelled", (0, 0, 0, 0, 0, 0))
    assert (await client.get(f"{ITEMS}/a")).status_code == 404


@pytest.fixture
async def limited(store_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with low limits on imports."""
    imports = ImportsSettings(max_bytes=1024, max_atomic_rows=2)
    container = Container(settings=Settings(storage=StorageSettings(url=store_url), imports=imports))
    async with running(container), client_for(create_app(container)) as client:
        yield client


@pytest.mark.parametrize("store", ["memory"])
async def test_imports_have_limits(limited: httpx.AsyncClient) -> None:
    """The size of a file, with or without a Content-Length, and the number of rows in an atomic import are limited."""
    large = "sku,name\n" + "".join(f"S-{number},Item\n" for number in range(200))
    assert (await import_csv(limited, large)).status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        for line in large.splitlines(keepends=True):
            yield line.encode()

    for headers in (CSV, IN_BACKGROUND):
        refused = await limited.post(IMPORT, content=pieces(), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (413, "content_too_large")
    too_many_rows = await import_csv(limited, "sku,name\na,A\nb,B\nc,C\n", mode="all_or_nothing")
    assert (too_many_rows.status_code, too_many_rows.json()["errors"][0]["code"]) == (422, "too_many_rows")
    assert (await limited.get(ITEMS)).json()["items"] == []


@pytest.mark.parametrize("store", ["memory"])
async def test_an_upload_that_stalls_or_breaks_off_is_refused(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent, a slow and a disconnected upload are refused; none of their rows are imported."""
    monkeypatch.setattr(uploads, "IDLE_TIMEOUT", 0.05)
    app = create_app(container)

    async def status_after(*messages: dict[str, Any]) -> int:
        remaining = list(messages)
        status = 0

        async def receive() -> dict[str, Any]:
            if remaining:
                return remaining.pop(0)
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's
            nonlocal status
            status = message.get("status", status)

        await app(_scope(), receive, send)
        return status

    first_chunk = {"type": "http.request", "body": b"sku,name\nS-1,One\n", "more_body": True}
    assert await status_after(first_chunk) == 408
    monkeypatch.setattr(uploads, "IDLE_TIMEOUT", 60.0)
    monkeypatch.setattr(uploads, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(uploads, "MIN_RATE", 1024**3)
    assert await status_after(first_chunk) == 408
    assert (
        await status_after({"type": "http.request", "body": b"sku,name\n", "more_body": True}, {"type": "http.disconnect"}) == 400
    )
    assert (await client.get(ITEMS)).json()["items"] == []


@pytest.mark.parametrize("store", ["memory"])
async def test_a_cancelled_upload_releases_its_disk_space(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelling the request stops the upload and deletes what was received."""
    closed: list[uploads.Upload] = []
    real_close = uploads.Upload.close

    def close(self: uploads.Upload) -> None:
        closed.append(self)
        real_close(self)

    monkeypatch.setattr(uploads.Upload, "close", close)
    received = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if received.is_set():
            await asyncio.Event().wait()
        received.set()
        return {"type": "http.request", "body": b"x" * 2 * 1024**2, "more_body": True}

    async def send(_message: object) -> None:
        """Nobody listens."""

    serving = asyncio.create_task(create_app(container)(_scope(), receive, send))
    await received.wait()
    serving.cancel()
    await asyncio.wait((serving,))
    (upload,) = closed
    assert upload._space.used == 0


@pytest.mark.parametrize("store", ["memory"])
async def test_an_import_waits_for_a_slot_or_is_refused(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two imports run at a time. An import gets 503 if it waits too long or if too many are already waiting."""
    may_continue = asyncio.Event()
    real_import = ImportJobs._import

    async def blocked_import(self: ImportJobs, *arguments: Any) -> tuple[str, Sequence[Refusal]]:  # noqa: ANN401 - passed through
        await may_continue.wait()
        return await real_import(self, *arguments)

    monkeypatch.setattr(ImportJobs, "_import", blocked_import)
    monkeypatch.setattr(registry, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(registry, "MAX_IMPORTS", 4)
    started = [await client.post(IMPORT, content=f"sku,name\n{name},A\n", headers=IN_BACKGROUND) for name in "abc"]
    late = await import_csv(client, "sku,name\nd,A\n")
    assert (late.status_code, late.json()["code"]) == (503, "imports_busy")
    assert "2 imports are already running" in late.json()["detail"]
    monkeypatch.setattr(registry, "MAX_IMPORTS", 3)
    for headers in (CSV, IN_BACKGROUND):
        full = await client.post(IMPORT, content="sku,name\nd,A\n", headers=headers)
        assert (full.status_code, full.json()["code"], full.headers["retry-after"]) == (503, "imports_busy", "1")
        assert "3 imports are already in progress" in full.json()["detail"]
    may_continue.set()
    assert {(await wait_for_end(client, response.headers["location"]))["status"] for response in started} == {"done"}


@pytest.mark.parametrize("store", ["memory"])
async def test_slow_uploads_do_not_block_other_imports(
    client: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploads take no import slot. More uploads than allowed are refused immediately."""
    monkeypatch.setattr(registry, "MAX_RECEIVING", 8)
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
    assert (await import_csv(client, "sku,name\na,A\n")).json()["created"] == 1
    slow.append(asyncio.create_task(app(_scope(), receive, send)))
    await stalled.acquire()
    full = await import_csv(client, "sku,name\nb,B\n")
    assert (full.status_code, full.json()["code"]) == (503, "imports_busy")
    assert "8 import files are already being uploaded" in full.json()["detail"]
    for task in slow:
        task.cancel()
    await asyncio.wait(slow)
    assert (await import_csv(client, "sku,name\nb,B\n")).json()["created"] == 1


@pytest.mark.parametrize("store", ["memory"])
async def test_concurrent_imports_succeed_or_are_refused(client: httpx.AsyncClient) -> None:
    """A refused import leaves nothing behind, and imports work again afterwards."""
    responses = await asyncio.gather(*(import_csv(client, f"sku,name\nm-{number},A\n") for number in range(150)))
    assert {response.status_code for response in responses} == {200, 503}
    assert {response.json()["code"] for response in responses if response.status_code == 503} == {"imports_busy"}
    done = sum(response.status_code == 200 for response in responses)
    assert (await client.get(ITEMS, params={"count": "exact", "limit": 1})).json()["count"] == done
    assert (await import_csv(client, "sku,name\nlast,A\n")).json()["created"] == 1


@pytest.mark.parametrize("store", ["memory"])
async def test_uploads_share_a_disk_budget(store_url: str) -> None:
    """An upload that exceeds `max_disk_bytes` is refused and releases its space."""
    imports = ImportsSettings(max_disk_bytes=1024)
    container = Container(settings=Settings(storage=StorageSettings(url=store_url), imports=imports))
    large = "sku,name\n" + "".join(f"S-{number},Item\n" for number in range(200))
    async with running(container), client_for(create_app(container)) as client:
        for headers in (CSV, IN_BACKGROUND):
            refused = await client.post(IMPORT, content=large, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (503, "imports_busy")
            assert "1024 bytes" in refused.json()["detail"]
        for _ in range(3):
            assert (await import_csv(client, large[:900])).status_code == 200


@pytest.mark.parametrize("store", ["memory"])
async def test_a_full_disk_is_507(client: httpx.AsyncClient) -> None:
    """If an upload cannot be written to disk, nothing is imported."""
    large = b"sku,name\n" + b"S,Item\n" * 100_000
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    try:
        for headers in (CSV, IN_BACKGROUND):
            refused = await client.post(IMPORT, content=large, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (507, "out_of_space"), refused.text
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (await client.get(ITEMS)).json()["items"] == []


def _form(name: str, text: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - form fields
    """Return the arguments of a form upload, as browsers send it."""
    return {"files": {"file": (name, text.encode(), "application/octet-stream")}, "data": options}


async def test_a_form_with_a_file_is_imported(client: httpx.AsyncClient) -> None:
    """The format is detected from the file name. Options are form fields or query parameters."""
    text = "id;title\na;New\n"
    created = await client.post(IMPORT, **_form("x.CSV", text, delimiter=";", map=["sku=id", "name=title"]))
    assert (created.status_code, created.json()["created"], created.json()["bytes"]) == (200, 1, len(text)), created.text
    lines = await client.post(IMPORT, **_form("x.ndjson", '{"sku": "A", "name": "B"}'), params={"on_conflict": "update"})
    assert lines.json()["updated"] == 1
    key = {"Idempotency-Key": "k", "Prefer": "respond-async"}
    first = await client.post(IMPORT, **_form("x.csv", "sku,name\nk,K\n", dry_run="true"), headers=key)
    assert first.status_code == 202
    repeated = await client.post(IMPORT, **_form("x.csv", "sku,name\nk,K\n", dry_run="true"), headers=key)
    assert (repeated.content, repeated.headers["idempotency-replayed"]) == (first.content, "true")
    other = await client.post(IMPORT, **_form("x.csv", "sku,name\nk,K\n"), headers=key)
    assert other.json()["code"] == "key_reused"


_FILE_PART = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.csv"\r\n\r\nsku\r\n--b--'


@pytest.mark.parametrize(
    ("body", "status", "detail"),
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
            b'--b\r\nContent-Disposition: form-data; name="delimiter"\r\n\r\n"\r\n' + _FILE_PART,
            422,
            "delimiter must be one character",
        ),
    ],
)
@pytest.mark.parametrize("store", ["memory"])
async def test_an_invalid_form_is_refused(client: httpx.AsyncClient, body: bytes, status: int, detail: str) -> None:
    """The detail says what is wrong with the form."""
    response = await client.post(IMPORT, content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (response.status_code, detail in response.json()["detail"]) == (status, True), response.text


@pytest.mark.parametrize("store", ["memory"])
async def test_a_form_from_another_site_is_refused(client: httpx.AsyncClient) -> None:
    """Browsers send cross-site forms without a preflight."""
    form = _form("x.csv", "sku,name\na,A\n")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}):
        assert (await client.post(IMPORT, **form, headers=headers)).status_code == 403
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": str(client.base_url).rstrip("/")}):
        assert (await client.post(IMPORT, **form, headers=headers)).status_code == 200
    bare = await client.post(IMPORT, content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (bare.status_code, "boundary" in bare.json()["detail"]) == (400, True)


async def test_an_edited_export_with_a_proof_is_imported_only_with_partial(client: httpx.AsyncClient) -> None:
    """A proof that does not match the file refuses it, unless `partial=true`. A file without a proof is imported."""
    await create_item(client, sku="A")
    await create_item(client, sku="B")
    lines = (await client.get(f"{ITEMS}/export", params={"format": "csv", "proof": "true"})).text.splitlines(keepends=True)
    part = "".join([*lines[:2], lines[-1]])
    refused = await import_csv(client, part, on_conflict="update")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_file")
    assert "was changed since" in refused.json()["detail"]
    assert counts((await import_csv(client, part, on_conflict="update", partial="true")).json()) == (1, 0, 0, 1, 0, 0)
    assert counts((await import_csv(client, "".join(lines[:2]), on_conflict="update")).json()) == (1, 0, 0, 1, 0, 0)
    assert (await client.get(f"{ITEMS}/export", params={"proof": "x"})).status_code == 422


async def test_formulas_in_refused_rows_are_escaped(client: httpx.AsyncClient) -> None:
    """The CSV of refusals escapes formulas like an export does."""
    body = (await import_csv(client, "sku,name\n=1+1,\n")).json()
    table = (await client.get(body["errors_url"], params={"format": "csv"})).text
    assert table.splitlines()[1].startswith("'=1+1,,2,")


async def test_an_export_can_include_the_categories(client: httpx.AsyncClient) -> None:
    """`with_categories=true` exports the category tree before the items."""
    await create_categories(client, "lamps")
    text = (await client.get(f"{ITEMS}/export", params={"format": "jsonl", "with_categories": "true"})).text
    assert text.startswith('{"_category":{"slug":"lamps"')
    assert "_category" not in (await client.get(f"{ITEMS}/export", params={"format": "jsonl"})).text
    refused = await client.get(f"{ITEMS}/export", params={"with_categories": "yes", "limit": "1"})
    assert [error["parameter"] for error in refused.json()["errors"]] == ["with_categories", "limit"]
