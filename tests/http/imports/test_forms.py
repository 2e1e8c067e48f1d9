"""Import files in multipart forms, as browsers and curl send them."""

import httpx
import pytest

from tests.http.imports.requests import IMPORT, file_form


async def test_a_form_with_a_file_is_imported(client: httpx.AsyncClient) -> None:
    """The format is detected from the file name. Options are form fields or query parameters."""
    text = "id;title\na;New\n"
    created = await client.post(IMPORT, **file_form("x.CSV", text, delimiter=";", map=["sku=id", "name=title"]))
    assert (created.status_code, created.json()["created"], created.json()["bytes"]) == (200, 1, len(text)), created.text
    lines = await client.post(IMPORT, **file_form("x.ndjson", '{"sku": "A", "name": "B"}'), params={"on_conflict": "update"})
    assert lines.json()["updated"] == 1
    key = {"Idempotency-Key": "k", "Prefer": "respond-async"}
    first = await client.post(IMPORT, **file_form("x.csv", "sku,name\nk,K\n", dry_run="true"), headers=key)
    assert first.status_code == 202
    repeated = await client.post(IMPORT, **file_form("x.csv", "sku,name\nk,K\n", dry_run="true"), headers=key)
    assert (repeated.content, repeated.headers["idempotency-replayed"]) == (first.content, "true")
    other = await client.post(IMPORT, **file_form("x.csv", "sku,name\nk,K\n"), headers=key)
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
    form = file_form("x.csv", "sku,name\na,A\n")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}):
        assert (await client.post(IMPORT, **form, headers=headers)).status_code == 403
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": str(client.base_url).rstrip("/")}):
        assert (await client.post(IMPORT, **form, headers=headers)).status_code == 200
    bare = await client.post(IMPORT, content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (bare.status_code, "boundary" in bare.json()["detail"]) == (400, True)
