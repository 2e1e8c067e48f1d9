"""Exports over HTTP: formats, options, headers, and errors before anything is sent."""

import asyncio
import csv
import io
from typing import Any

import httpx
import pytest
import python_calamine

from catalog.domain.errors import StoreBusy
from catalog.entrypoints.http.responses import spooling
from tests.http.making import ITEMS

EXPORT = f"{ITEMS}/export"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def fill(client: httpx.AsyncClient) -> None:
    """Create items, one with letters that ASCII does not have."""
    for sku, name, price in (("A", "Käse", "12.50"), ("B", "Brot", "1299.00")):
        body = {"sku": sku, "name": name, "price": {"amount": price, "currency": "EUR"}, "attributes": {"vendor": "Acme"}}
        assert (await client.post(ITEMS, json=body)).status_code == 201


async def test_a_workbook_is_downloaded(client: httpx.AsyncClient) -> None:
    """It is not compressed again. HEAD has the same headers. It can be imported."""
    await fill(client)
    response = await client.get(EXPORT, params={"format": "xlsx"}, headers={"Accept-Encoding": "gzip"})
    assert (response.status_code, response.headers["content-type"]) == (200, XLSX)
    assert response.headers["content-disposition"] == 'attachment; filename="items.xlsx"'
    assert "content-encoding" not in response.headers
    rows = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(response.content)).get_sheet_by_index(0).to_python()
    assert [row[1:6] for row in rows[1:]] == [["A", "Käse", "", "", 12.5], ["B", "Brot", "", "", 1299]]
    head = await client.head(EXPORT, params={"format": "xlsx"})
    assert (head.content, head.headers["content-type"]) == (b"", XLSX)
    imported = await client.post(f"{ITEMS}/import", params={"on_conflict": "update"}, files={"file": response.content})
    assert (imported.json()["unchanged"], imported.json()["refused"]) == (2, 0)


@pytest.mark.parametrize(
    ("parameters", "content_type", "filename", "start"),
    [
        ({"delimiter": ";", "encoding": "utf-8-sig"}, "text/csv; charset=utf-8", "items.csv", "\ufeffid;sku;name".encode()),
        ({"encoding": "windows-1252"}, "text/csv; charset=windows-1252", "items.csv", b"id,sku,name"),
        ({"format": "tsv"}, "text/tab-separated-values; charset=utf-8", "items.tsv", b"id\tsku\tname"),
        ({"format": "csv", "profile": "google"}, "text/csv; charset=utf-8", "items.csv", b"id,title,"),
        ({"format": "jsonl", "profile": "shopify"}, "application/jsonl", "items.jsonl", b'{"Variant SKU":"A"'),
        (
            {"format": "json", "decimal": "", "encoding": "", "delimiter": "", "profile": ""},
            "application/json",
            "items.json",
            b"[\n{",
        ),
    ],
)
async def test_the_headers_say_what_the_file_is(
    client: httpx.AsyncClient, parameters: dict[str, str], content_type: str, filename: str, start: bytes
) -> None:
    """An empty parameter counts as absent."""
    await fill(client)
    response = await client.get(EXPORT, params=parameters, headers={"Accept-Encoding": "gzip"})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == content_type
    assert response.headers["content-disposition"] == f'attachment; filename="{filename}"'
    assert response.content.startswith(start)
    assert response.headers["content-encoding"] == "gzip"


async def test_prices_have_a_decimal_comma_on_request(client: httpx.AsyncClient) -> None:
    """In CSV."""
    await fill(client)
    response = await client.get(EXPORT, params={"decimal": "comma", "delimiter": "tab"})
    assert [row["price"] for row in csv.DictReader(io.StringIO(response.text), delimiter="\t")] == ["12,50", "1299,00"]


async def test_an_item_that_cannot_be_written_is_an_error_before_anything_is_sent(client: httpx.AsyncClient) -> None:
    """The error names the item and what to do. All errors of the options are reported together."""
    await fill(client)
    response = await client.get(EXPORT, params={"encoding": "ascii"})
    assert response.status_code == 422
    assert "which the item A has; set encoding=utf-8-sig" in response.json()["errors"][0]["detail"]
    assert "content-disposition" not in response.headers
    await client.post(ITEMS, json={"sku": "C", "name": "c", "price": {"amount": "1", "currency": "CHF"}})
    response = await client.get(EXPORT, params={"profile": "amazon"})
    assert "the item C has CHF" in response.json()["errors"][0]["detail"]
    response = await client.get(
        EXPORT, params={"format": "json", "delimiter": ";", "profile": "ebay", "proof": "x", "price__lt": "x"}
    )
    assert len(response.json()["errors"]) >= 4, response.json()


async def test_exports_that_are_prepared_are_limited(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is 503, until one is sent. A full disk is 507."""
    spool = spooling.Spool(1)

    async def chunks() -> Any:  # noqa: ANN401 - a generator of bytes
        yield b"x" * 100_000

    first = spool.whole(chunks())
    assert await anext(first) == b"x" * 65_536
    with pytest.raises(StoreBusy, match="1 exports of this kind already"):
        await anext(spool.whole(chunks()))
    await first.aclose()
    assert b"".join([chunk async for chunk in spool.whole(chunks())]) == b"x" * 100_000
    await fill(client)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("xlsxwriter.packager.Packager._create_package", fail)
        response = await client.get(EXPORT, params={"format": "xlsx"})
    assert (response.status_code, response.json()["code"]) == (507, "out_of_space")
    assert (await client.get(EXPORT, params={"format": "xlsx"})).status_code == 200


async def test_exports_do_not_block_other_requests(client: httpx.AsyncClient) -> None:
    """Several workbooks are written at the same time."""
    await fill(client)
    responses = await asyncio.gather(*(client.get(EXPORT, params={"format": "xlsx"}) for _ in range(3)))
    assert [response.status_code for response in responses] == [200] * 3
