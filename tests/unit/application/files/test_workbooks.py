"""Workbooks: .xlsx and .ods."""

import io
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
import xlsxwriter

from catalog.application.files import workbook_reader
from catalog.application.files.row_source import MalformedRow, Row
from catalog.domain.errors import InvalidFile, InvalidQuery
from catalog.domain.values.decimal_literal import DecimalLiteral
from tests.tables import table


def workbook(**sheets: list[list[Any]]) -> bytes:
    """Return an .xlsx file with these sheets."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for line, row in enumerate(rows):
                for number, value in enumerate(row):
                    sheet.write(line, number, value)
    return file.getvalue()


def test_cells_have_the_types_they_show() -> None:
    """Integers stay integers, decimals are exact, dates are ISO 8601."""
    data = workbook(
        Items=[
            [],
            ["SKU", "name", None, "price", "n", "ok", "day", "at"],
            ["A-1", "Chair", None, 12.3, 12.0, True, date(2026, 11, 28), datetime(2026, 11, 28, 7, 30)],  # noqa: DTZ001 - as workbooks have it
            [None, None],
            [4006390000000, "Table", None, 0.1, -3, False],
        ]
    )
    source = table(data)
    assert source.columns == ("SKU", "name", "column 3", "price", "n", "ok", "day", "at")
    assert list(source.rows) == [
        Row(
            3,
            {
                "SKU": "A-1",
                "name": "Chair",
                "price": DecimalLiteral("12.3"),
                "n": 12,
                "ok": True,
                "day": "2026-11-28",
                "at": "2026-11-28T07:30:00",
            },
        ),
        Row(5, {"SKU": 4006390000000, "name": "Table", "price": DecimalLiteral("0.1"), "n": -3, "ok": False}),
    ]
    assert source.detected.describe() == "xlsx, sheet Items"


def test_a_sheet_is_chosen_by_name_or_number() -> None:
    """By default, it is the first one with rows, and the others are named."""
    data = workbook(Notes=[], Items=[["sku"], ["A"]], Old=[["sku"], ["B"]])
    source = table(data)
    assert [row.values for row in source.rows if isinstance(row, Row)] == [{"sku": "A"}]
    assert source.detected.warnings == ("Only the sheet Items was read. Others: Notes, Old.",)
    for sheet in ("Old", "3"):
        assert [row.values for row in table(data, sheet=sheet).rows if isinstance(row, Row)] == [{"sku": "B"}]
    for sheet in ("4", "0", "None"):
        with pytest.raises(InvalidQuery, match="Its sheets: Notes, Items, Old"):
            table(data, sheet=sheet)


def test_a_cell_without_a_column_refuses_its_row() -> None:
    """The other rows are read."""
    first, second = table(workbook(Items=[["sku"], ["A", "x"], ["B"]])).rows
    assert isinstance(first, MalformedRow)
    assert second == Row(3, {"sku": "B"})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (workbook(Items=[]), "is empty"),
        (workbook(Items=[["a"] * 2_001]), "2001 columns"),
        (workbook(Items=[["sku"]])[:-30], "damaged or incomplete ZIP"),
    ],
)
def test_a_workbook_without_a_table_is_refused(data: bytes, message: str) -> None:
    """The error says why."""
    with pytest.raises(InvalidFile, match=message):
        table(data)


def test_a_damaged_workbook_is_refused() -> None:
    """It is recognized by its parts, which cannot be read."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", "<nonsense")
    with pytest.raises(InvalidFile, match="damaged and cannot be read"):
        table(file.getvalue())
    with pytest.raises(InvalidFile, match="is a workbook"):
        table(file.getvalue(), "csv")


CONTENT = """<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet><table:table table:name="T">
<table:table-row><table:table-cell office:value-type="string"><text:p>sku</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>n</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell office:value-type="string"><text:p>A</text:p></table:table-cell>
<table:table-cell office:value-type="float" office:value="2.5"><text:p>2.5</text:p></table:table-cell></table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"""


MANIFEST = (
    '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" '
    'manifest:version="1.2"><manifest:file-entry manifest:full-path="/" '
    'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
)


def test_an_ods_workbook_is_read() -> None:
    """The format of LibreOffice."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", CONTENT.replace("\n", ""))
    source = table(file.getvalue())
    assert list(source.rows) == [Row(2, {"sku": "A", "n": DecimalLiteral("2.5")})]
    assert source.detected.describe() == "ods, sheet T"


def test_a_time_of_midnight_is_a_date() -> None:
    """Spreadsheets keep both as one number."""
    assert workbook_reader._value(datetime(2026, 11, 28)) == "2026-11-28"  # noqa: DTZ001 - as workbooks have it
