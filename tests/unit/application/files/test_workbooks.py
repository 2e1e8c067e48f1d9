"""Workbooks: .xlsx and .ods."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import python_calamine
import xlsxwriter

from catalog.application.files.row_source import MAX_ROW_SIZE, MalformedRow, Row
from catalog.application.files.workbooks import archive, xlsx
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
    assert source.detected.warnings == ("Only the sheet Items was read. Others with rows: Old; set sheet to read one.",)
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


def ods(content: str = CONTENT) -> bytes:
    """Return an .ods file with this content."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", content.replace("\n", ""))
    return file.getvalue()


def edited(data: bytes, part: str, edit: Callable[[bytes], bytes]) -> bytes:
    """Return a workbook with one part changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as original, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in original.namelist():
            content = original.read(name)
            copy.writestr(name, edit(content) if name == part else content)
    return file.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_an_ods_workbook_is_read() -> None:
    """The format of LibreOffice."""
    source = table(ods())
    assert list(source.rows) == [Row(2, {"sku": "A", "n": DecimalLiteral("2.5")})]
    assert source.detected.describe() == "ods, sheet T"


def far_cells() -> bytes:
    """Return a small workbook whose last cell is the last one that a sheet can have."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Items")
        sheet.write(0, 0, "sku")
        sheet.write(1_048_575, 16_383, "x")
    return file.getvalue()


def test_a_small_workbook_that_would_not_fit_in_memory_is_refused() -> None:
    """The library would allocate 17 billion cells, and end the process."""
    with pytest.raises(InvalidFile, match=r"The sheet Items has more than 12,000,000 cells. Save the table as CSV"):
        table(far_cells())
    for old, new in (
        ('<table:table-cell office:value-type="float"', '<table:table-cell table:number-columns-repeated="9000000"'),
        ("<table:table-row>", '<table:table-row table:number-rows-repeated="9000000">'),
    ):
        with pytest.raises(InvalidFile, match=r"The sheet T has more than 12,000,000 cells"):
            table(ods(CONTENT.replace(old, new)))


def test_empty_cells_that_are_repeated_to_the_end_of_a_sheet_do_no_harm() -> None:
    """LibreOffice ends each sheet with them."""
    filler = (
        '<table:table-row table:number-rows-repeated="1048574"><table:table-cell table:number-columns-repeated="16384"/>'
        "</table:table-row><table:table-row table:number-rows-repeated='7'/>"
    )
    source = table(ods(CONTENT.replace("</table:table>", f"{filler}</table:table>")))
    assert list(source.rows) == [Row(2, {"sku": "A", "n": DecimalLiteral("2.5")})]


def test_texts_that_are_stored_once_and_used_often_are_counted_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text is loaded once per cell."""
    data = workbook(Items=[["sku"], *([["x" * 1_000]] * 100)])
    assert len(list(table(data).rows)) == 100
    monkeypatch.setattr(xlsx, "MAX_TEXT", 50_000)
    with pytest.raises(InvalidFile, match="texts of the sheet Items have more than 50,000 bytes"):
        table(data)
    prefixed = edited(data, "xl/sharedStrings.xml", lambda xml: xml.replace(b"<si>", b"<si >"))
    with pytest.raises(InvalidFile, match="texts of the sheet Items have more than 50,000 bytes"):
        table(prefixed)


@pytest.mark.parametrize(
    ("limit", "message"), [("MAX_PART_SIZE", "sheet1.xml has more than 100 bytes"), ("_MAX_INDEX_SIZE", "rels is too large")]
)
def test_parts_of_a_workbook_have_a_maximum_size(limit: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressed, they can be small."""
    monkeypatch.setattr(archive, limit, 100)
    with pytest.raises(InvalidFile, match=message):
        table(workbook(Items=[["sku"], ["A"]]))


def test_a_part_that_is_no_xml_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag that does not end is refused."""
    monkeypatch.setattr(archive, "_CHUNK_SIZE", 100)
    with pytest.raises(InvalidFile, match="is not XML"):
        table(edited(workbook(Items=[["sku"]]), SHEET, lambda _: b"<row " + b"x" * 1_000))


def test_a_cell_with_an_error_refuses_its_row() -> None:
    """The library reads it as empty, which would leave out the price."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Items")
        sheet.write_row(1, 1, ["sku", "price", "stock"])
        sheet.write_row(2, 1, ["A", 1.5])
        sheet.write_row(3, 1, ["B"])
        sheet.write_formula(3, 2, "=NA()", None, "#N/A")
        sheet.write_formula(3, 3, "=1/0", None, "#DIV/0!")
        sheet.write_row(4, 1, ["C", "#REF!"])
        sheet.write_formula(5, 5, "=1/0", None, "#DIV/0!")
    first, *refused = table(file.getvalue()).rows
    assert first == Row(3, {"sku": "A", "price": DecimalLiteral("1.5")})
    assert [(row.line, row.message.partition(" has")[0]) for row in refused if isinstance(row, MalformedRow)] == [
        (4, "The cell in column price"),
        (5, "The cell in column price"),
        (6, "The cell in column 5"),
    ]


def test_more_errors_than_a_table_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their places are in memory."""
    monkeypatch.setattr(xlsx, "_MAX_ERRORS", 0)
    data = edited(workbook(Items=[["sku"], [1]]), SHEET, lambda xml: xml.replace(b'r="A2"', b'r="A2" t="e"'))
    with pytest.raises(InvalidFile, match="cells of the sheet Items have errors"):
        table(data)


def test_errors_in_an_ods_workbook_are_a_warning() -> None:
    """Their places are not known."""
    content = CONTENT.replace('office:value-type="float"', 'calcext:value-type="error" office:value-type="float"', 1)
    assert table(ods(content)).detected.warnings == (
        "Cells of the sheet have errors such as #N/A; some of them are read as empty.",
    )


def test_numbers_have_the_digits_that_spreadsheets_show() -> None:
    """Fifteen: the rest is noise of binary fractions."""
    data = workbook(Items=[["a", "b", True], [1e20, 123456789012345678, 2.5]])
    source = table(edited(data, SHEET, lambda xml: xml.replace(b"<v>2.5<", b"<v>0.30000000000000004<")))
    assert source.columns == ("a", "b", "true")
    values = {"a": DecimalLiteral("1e+20"), "b": DecimalLiteral("1.23456789012346e+17"), "true": DecimalLiteral("0.3")}
    assert list(source.rows) == [Row(2, values)]


def test_times_and_durations_are_texts() -> None:
    """A duration is in hours, minutes and seconds, as spreadsheets show it."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Items")
        sheet.write_row(0, 0, ["time", "duration"])
        sheet.write_datetime(1, 0, time(7, 30), book.add_format({"num_format": "hh:mm"}))
        sheet.write_datetime(1, 1, timedelta(hours=30, seconds=5), book.add_format({"num_format": "[h]:mm:ss"}))
    assert list(table(file.getvalue()).rows) == [Row(2, {"time": "07:30:00", "duration": "30:00:05"})]


def test_the_trailer_of_an_export_that_was_saved_as_a_workbook_is_no_item() -> None:
    """Its row count is checked; the bytes whose hash it has are gone."""
    rows: list[list[Any]] = [["id", "sku", "name"], ["", "A", "a"], ["_end", 1, "0" * 64]]
    assert [row.line for row in table(workbook(Items=rows)).rows] == [2]
    rows[2][1] = 2
    _, mismatch = table(workbook(Items=rows)).rows
    assert isinstance(mismatch, MalformedRow)
    assert "the trailer says 2 rows, the file has 1" in mismatch.message
    assert [row.line for row in table(workbook(Items=rows), policy="ignore").rows] == [2]


def test_a_row_of_a_workbook_has_a_maximum_length() -> None:
    """As in the other formats."""
    cells = ["x" * 30_000] * (MAX_ROW_SIZE // 30_000 + 1)
    header = [f"c{number}" for number, _ in enumerate(cells)]
    (row,) = table(workbook(Items=[header, cells])).rows
    assert isinstance(row, MalformedRow)
    assert "more than" in row.message


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/_rels/workbook.xml.rels"])
@pytest.mark.parametrize("content", [b"", b"\xff", b"<a>", b"<a/>"])
def test_a_workbook_with_a_damaged_part_is_refused(part: str, content: bytes) -> None:
    """Whatever the library makes of it."""
    with pytest.raises(InvalidFile, match=r"damaged|empty"):
        table(edited(workbook(Items=[["sku"], ["A"]]), part, lambda _: content))


@pytest.mark.parametrize("old", [b'r="A1"', b'r="A2"', b"<row", b"</row>", b"<v>0</v>", b't="s"'])
@pytest.mark.parametrize("new", [b"", b'r="ZZZ1"', b'r="A0"', b"<v>99</v>", b'r="A9999999"', b't="e"'])
def test_a_workbook_with_other_content_is_read_or_refused(old: bytes, new: bytes) -> None:
    """No other error is raised."""
    data = edited(workbook(Items=[["sku", "n"], ["A", 1]]), SHEET, lambda xml: xml.replace(old, new))
    try:
        rows = list(table(data).rows)
    except InvalidFile:
        return
    assert len(rows) <= 3


class PanicException(BaseException):
    """What the library raises when its code, in Rust, meets what it does not expect."""


class PanickingWorkbook:
    """A workbook whose sheets cannot be read."""

    def __init__(self, error: BaseException) -> None:
        """Raise this error."""
        self._error = error

    def from_filelike(self, _file: object) -> None:
        """Raise the error."""
        raise self._error


def test_a_workbook_at_which_the_library_panics_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is no Exception, unlike other errors that are no Exceptions, which are passed on."""
    data = workbook(Items=[["sku"]])
    monkeypatch.setattr(python_calamine, "CalamineWorkbook", PanickingWorkbook(PanicException()))
    with pytest.raises(InvalidFile, match="damaged and cannot be read: unexpected content"):
        table(data)
    monkeypatch.setattr(python_calamine, "CalamineWorkbook", PanickingWorkbook(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        table(data)


def test_an_encrypted_ods_workbook_is_refused() -> None:
    """LibreOffice says so in the manifest."""
    entry = (
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml">'
        "<manifest:encryption-data/></manifest:file-entry></manifest:manifest>"
    )
    data = edited(ods(), "META-INF/manifest.xml", lambda xml: xml.replace(b"</manifest:manifest>", entry.encode()))
    with pytest.raises(InvalidFile, match="is encrypted"):
        table(data)


def test_a_given_sheet_may_be_empty() -> None:
    """Then it is refused, also if another has rows."""
    with pytest.raises(InvalidFile, match="The sheet Notes is empty"):
        table(workbook(Notes=[], Items=[["sku"]]), sheet="Notes")


def test_a_time_at_midnight_is_a_date_and_texts_may_be_in_their_cells() -> None:
    """As some programs write them."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Items")
        sheet.write_row(0, 0, ["sku", "day"])
        sheet.write(1, 0, "A")
        sheet.write_datetime(1, 1, datetime(2026, 11, 28), book.add_format({"num_format": "yyyy-mm-dd hh:mm"}))  # noqa: DTZ001 - as workbooks have it
    assert list(table(edited(file.getvalue(), "", lambda xml: xml)).rows) == [Row(2, {"sku": "A", "day": "2026-11-28"})]
    stray = CONTENT.replace("<table:table table", "<table:table-row/><table:table table")
    assert [row.line for row in table(ods(stray)).rows] == [2]
    dated = CONTENT.replace('"float" office:value="2.5"', '"date" office:date-value="2026-11-28T00:00:00"')
    assert list(table(ods(dated)).rows) == [Row(2, {"sku": "A", "n": "2026-11-28"})]


@pytest.mark.parametrize("new", [b"<c  r='", b"<c\n r='", b"<c s='0' r='"])
def test_sheets_that_are_written_in_another_way_are_measured_too(new: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are parsed, which takes longer. Cells without a place follow each other."""

    def rewrite(xml: bytes) -> bytes:
        first, *cells = xml.split(b'<c r="')
        return new.join([first, *(cell.replace(b'"', b"'", 1) for cell in cells)])

    with pytest.raises(InvalidFile, match="more than 12,000,000 cells"):
        table(edited(far_cells(), SHEET, rewrite))
    data = edited(workbook(Items=[["sku", "n"], ["A" * 100, 1]]), SHEET, lambda xml: rewrite(xml).replace(b't="s"', b"t='s'"))
    assert list(table(data).rows) == [Row(2, {"sku": "A" * 100, "n": 1})]
    failed = edited(
        data,
        SHEET,
        lambda xml: xml.replace(b"'B2'", b"'B2' t='e'").replace(b"<v>1</v></c></row></s", b"<v>#N/A</v></c></row></s"),
    )
    assert isinstance(next(table(failed).rows), MalformedRow)
    monkeypatch.setattr(xlsx, "MAX_TEXT", 50)
    with pytest.raises(InvalidFile, match="texts of the sheet Items have more than 50 bytes"):
        table(data)
