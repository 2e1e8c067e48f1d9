"""What an import would make of a file, over HTTP."""

import gzip
import io
import json
from typing import Any

import httpx
import pytest
import xlsxwriter

from catalog.application.imports.inspection import MAX_ARCHIVE_SIZE, START_SIZE
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.controllers import import_inspections
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import ImportsSettings, StorageSettings
from tests.http.making import ITEMS, client_for, create_item

IMPORT = f"{ITEMS}/import"
INSPECT = f"{IMPORT}/inspect"


@pytest.fixture
def store() -> str:
    """One kind of store is enough: inspections do not use it."""
    return "memory"


async def inspect(client: httpx.AsyncClient, data: bytes | str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - options
    """Inspect a file that is the request body."""
    headers = {"Content-Type": "application/octet-stream"}
    response = await client.post(INSPECT, content=data, headers=headers, params=options)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def refusal(  # noqa: PLR0913, PLR0917 - the members of a refusal
    line: int, sku: str, field: str, code: str, detail: str, column: str = "", value: str = ""
) -> dict[str, Any]:
    """Return a refusal without a cure."""
    return {
        "line": line,
        "sku": sku,
        "field": field,
        "code": code,
        "detail": detail,
        "column": column,
        "value": value,
        "cure": "",
    }


async def test_the_response_says_what_an_import_would_do(client: httpx.AsyncClient) -> None:
    """The whole of it, as the API reference describes it. Nothing is imported."""
    body = await inspect(client, "sku;Titel;price\na;Stuhl;1,50\nb;;x\n", set="currency=EUR")
    assert body == {
        "detection": {
            "format": "csv",
            "compression": None,
            "encoding": "utf-8",
            "delimiter": ";",
            "sheet": None,
            "records": None,
            "decimal": "comma",
            "profile": None,
            "mapping": {"sku": "sku", "price": "price"},
            "types": {},
        },
        "detected": "utf-8, semicolon-separated; decimal comma; 1 column ignored",
        "warnings": ["The column Titel may be the name: map=name=Titel."],
        "columns": [
            {"name": "sku", "field": "sku", "suggested": None, "attribute": "sku", "type": "text", "samples": ["a", "b"]},
            {"name": "Titel", "field": None, "suggested": "name", "attribute": "titel", "type": "text", "samples": ["Stuhl"]},
            {
                "name": "price",
                "field": "price",
                "suggested": None,
                "attribute": "price",
                "type": "text",
                "samples": ["1,50", "x"],
            },
        ],
        "mapping": {"sku": "sku", "price": "price"},
        "missing": ["name"],
        "profiles": [],
        "sheets": [],
        "rows": [
            {
                "line": 2,
                "fields": {"sku": "a", "price": {"amount": "1.50", "currency": "EUR"}},
                "refusals": [refusal(2, "A", "name", "required", "The name is missing.")],
            },
            {
                "line": 3,
                "fields": {"sku": "b"},
                "refusals": [
                    refusal(3, "b", "price", "invalid_amount", body["rows"][1]["refusals"][0]["detail"], "price", "x"),
                    refusal(3, "b", "name", "required", "The name is missing."),
                ],
            },
        ],
        "truncated": False,
        "problem": None,
    }
    assert (await client.get(ITEMS)).json()["items"] == []


async def test_a_form_has_the_file_and_the_options(client: httpx.AsyncClient) -> None:
    """Before or after the file, and in the query string."""
    parts: Any = [
        ("map", (None, "name=Titel")),
        ("file", ("items.csv", b"sku,Titel,n\na,Stuhl,007\n", "text/csv")),
        ("attributes", (None, "all")),
    ]
    response = await client.post(INSPECT, files=parts, params={"types": "auto"})
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["mapping"] == {"sku": "sku", "name": "Titel", "attr.n": "n"}
    assert body["rows"] == [{"line": 2, "fields": {"sku": "A", "name": "Stuhl", "attributes": {"n": "007"}}, "refusals": []}]
    named = [("file", ("items.json", b"sku,name\n", "text/csv"))]
    assert (await client.post(INSPECT, files=named)).json()["code"] == "invalid_file"


def _repeated(line: str, codec: str = "utf-8") -> bytes:
    """Return a CSV file that is a little longer than what is inspected."""
    header = "sku,name,description\n"
    count = 2 * START_SIZE // len(line.encode(codec))
    return (header + line * count).encode(codec)


CUT_OFF = {
    "quoted-cell": _repeated('a,Chair,"one,two,three\nfour"\n'),
    "character": _repeated("a,Chair,漢字漢字漢字漢字漢\n"),
    "utf-16": _repeated("a,Chair,🙂🙂🙂🙂🙂🙂🙂\n", "utf-16"),
    "unmarked-utf-16": _repeated("a,Chair,🙂🙂🙂🙂🙂🙂🙂\n", "utf-16-le"),
    "json": json.dumps([{"sku": "a", "name": "Chair"}] * 40_000).encode(),
    "jsonl": b'{"sku": "a", "name": "Chair", "description": "\xe6\xbc\xa2"}\n' * 30_000,
    "gzip": gzip.compress(
        "".join(["sku,name\n", *(f"a{number**9},{number**7}\n" for number in range(100_000))]).encode(), compresslevel=1
    ),
}


@pytest.mark.parametrize("kind", CUT_OFF)
async def test_what_is_cut_off_is_no_error(client: httpx.AsyncClient, kind: str) -> None:
    """Whether the page sends the first megabyte, or all of the file and the service ignores the rest."""
    data = CUT_OFF[kind]
    assert len(data) > START_SIZE
    body: dict[str, Any] = {}
    for offset in range(3):
        body = await inspect(client, data[: START_SIZE + offset * 10_000])
        assert body["truncated"]
        assert body["problem"] is None
        assert len(body["rows"]) == 10
        assert not any(row["refusals"] for row in body["rows"])
    form = await client.post(INSPECT, files={"file": ("items", data)})
    assert form.json() == body


@pytest.mark.parametrize("kind", CUT_OFF)
async def test_a_row_that_is_cut_off_is_not_shown(client: httpx.AsyncClient, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the file is cut."""
    data = CUT_OFF[kind]
    whole = (await inspect(client, data))["rows"]
    for size in range(90, 170):
        monkeypatch.setattr("catalog.application.imports.inspection.START_SIZE", size)
        monkeypatch.setattr(import_inspections, "START_SIZE", size)
        body = await inspect(client, data[: size + 1])
        assert body["truncated"]
        assert body["problem"] is None
        assert body["rows"] == whole[: len(body["rows"])]


def _workbook(rows: int) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Items")
        sheet.write_row(0, 0, ["sku", "name"])
        for number in range(1, rows):
            sheet.write_row(number, 0, [f"S-{number}", f"{number**9} {number**11}"])
        book.add_worksheet("Old")
    return file.getvalue()


async def test_a_workbook_is_sent_as_a_whole(client: httpx.AsyncClient) -> None:
    """Up to its own limit. If only its start is sent, the error says so by a code of its own."""
    data = _workbook(30_000)
    assert len(data) > START_SIZE
    body = await inspect(client, data)
    assert (body["detection"]["format"], body["detection"]["sheet"], body["sheets"]) == ("xlsx", "Items", ["Items", "Old"])
    assert (body["truncated"], len(body["rows"])) == (False, 10)
    headers = {"Content-Type": "application/octet-stream"}
    cut = await client.post(INSPECT, content=data[:START_SIZE], headers=headers)
    assert (cut.status_code, cut.json()["errors"][0]["code"]) == (422, "incomplete_archive")
    large = await client.post(INSPECT, content=data[:100] + bytes(MAX_ARCHIVE_SIZE), headers=headers)
    assert large.status_code == 413
    assert large.json()["detail"].startswith("The file exceeds the limit of 16777216 bytes; a larger workbook or archive")


async def test_a_file_that_would_be_refused_is_shown_with_the_problem(client: httpx.AsyncClient) -> None:
    """It is the problem of the import itself."""
    text = b"Artikelnummer,name\nA,B\n"
    headers = {"Content-Type": "text/csv"}
    body = await inspect(client, text)
    refused = (await client.post(IMPORT, content=text, headers=headers)).json()
    assert body["problem"] == {
        "code": refused["code"],
        "title": refused["title"],
        "detail": refused["detail"],
        "errors": [{"code": "invalid_file", "detail": refused["errors"][0]["detail"], "parameter": ""}],
    }
    assert [column["suggested"] for column in body["columns"]] == ["sku", None]
    body = await inspect(client, text, map=["sku=artikelnummer", "name=Titel"])
    assert body["problem"]["code"] == "invalid_query"
    assert [(error["code"], error["parameter"]) for error in body["problem"]["errors"]] == [("unknown_column", "map")]
    assert body["mapping"] == {"sku": "Artikelnummer", "name": "name"}


@pytest.mark.parametrize(
    ("data", "options", "status", "code"),
    [
        (b"", {}, 422, "invalid_file"),
        (b"<html><body>Sign in</body></html>", {}, 422, "invalid_file"),
        (b"sku\nA\n", {"decimal": "dot"}, 422, "invalid_query"),
        (b"sku\nA\n", {"encoding": "utf-9"}, 422, "invalid_query"),
        (b"sku\nA\n", {"colour": "red"}, 422, "invalid_query"),
    ],
)
async def test_a_file_of_which_nothing_can_be_read_is_refused(
    client: httpx.AsyncClient, data: bytes, options: dict[str, str], status: int, code: str
) -> None:
    """And so are options that are wrong, in forms too. The problem is that of the import."""
    for body in ({"content": data, "headers": {"Content-Type": "text/csv"}}, {"files": {"file": ("items.csv", data)}}):
        refused = await client.post(INSPECT, params=options, **body)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        imported = await client.post(IMPORT, params=options, **body)
        assert [error["detail"] for error in refused.json()["errors"]] == [error["detail"] for error in imported.json()["errors"]]


async def test_requests_that_are_not_imports_are_refused(client: httpx.AsyncClient) -> None:
    """By their media type, their length, or as incomplete forms."""
    assert (await client.post(INSPECT, content=b"sku\n")).status_code == 415
    assert (await client.post(INSPECT, files={"map": (None, "sku=a")})).status_code == 400
    settings = Settings(storage=StorageSettings(url="memory://"), imports=ImportsSettings(max_bytes=2000))
    container = Container(settings=settings)
    async with running(container), client_for(create_app(container)) as strict:
        too_long = await strict.post(INSPECT, content=bytes(2001), headers={"Content-Type": "text/csv"})
        assert too_long.status_code == 413


async def test_the_path_is_no_item(client: httpx.AsyncClient) -> None:
    """An item with such a SKU is read by its encoded path."""
    await create_item(client, sku="import/inspect")
    assert (await client.get(INSPECT)).status_code in {404, 405}
    assert (await client.get(f"{IMPORT}%2Finspect")).json()["sku"] == "IMPORT/INSPECT"


async def test_texts_that_json_cannot_represent_are_shown_as_escapes(client: httpx.AsyncClient) -> None:
    """Lone surrogates, wherever they are; and numbers keep their digits."""
    body = await inspect(
        client, '[{"sku": "\\ud800", "name": "b", "\\udc00": [1.50, 3, {"\\udc00": true}], "attributes": {"\\udc00": [1.10]}}]'
    )
    assert body["rows"][0]["fields"] == {"sku": "\\ud800", "name": "b", "attributes": {"\\udc00": ["1.10"]}}
    assert body["columns"][2]["name"] == "\\udc00"
    assert body["rows"][0]["refusals"]
