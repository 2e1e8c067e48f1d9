"""Workbooks: .xlsx and .ods."""

import io
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
import xlsxwriter

from catalog.application.files.row_source import MalformedRow, Row
from catalog.domain.errors import InvalidFile, InvalidQuery
from catalog.domain.values.decimal_literal import DecimalLiteral
from tests.tables import table
from tests.workbooks import CONTENT, SHEET, edited, ods, workbook


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


def test_a_given_sheet_may_be_empty() -> None:
    """Then it is refused, also if another has rows."""
    with pytest.raises(InvalidFile, match="The sheet Notes is empty"):
        table(workbook(Notes=[], Items=[["sku"]]), sheet="Notes")


def test_a_cell_without_a_column_refuses_its_row() -> None:
    """The other rows are read."""
    first, second = table(workbook(Items=[["sku"], ["A", "x"], ["B"]])).rows
    assert isinstance(first, MalformedRow)
    assert second == Row(3, {"sku": "B"})


def test_an_ods_workbook_is_read() -> None:
    """The format of LibreOffice."""
    source = table(ods())
    assert list(source.rows) == [Row(2, {"sku": "A", "n": DecimalLiteral("2.5")})]
    assert source.detected.describe() == "ods, sheet T"


def test_empty_cells_that_are_repeated_to_the_end_of_a_sheet_do_no_harm() -> None:
    """LibreOffice ends each sheet with them."""
    filler = (
        '<table:table-row table:number-rows-repeated="1048574"><table:table-cell table:number-columns-repeated="16384"/>'
        "</table:table-row><table:table-row table:number-rows-repeated='7'/>"
    )
    source = table(ods(CONTENT.replace("</table:table>", f"{filler}</table:table>")))
    assert list(source.rows) == [Row(2, {"sku": "A", "n": DecimalLiteral("2.5")})]


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


def test_the_trailer_of_an_export_that_was_saved_as_a_workbook_is_no_item() -> None:
    """Its row count is checked; the bytes whose hash it has are gone."""
    rows: list[list[Any]] = [["id", "sku", "name"], ["", "A", "a"], ["_end", 1, "0" * 64]]
    assert [row.line for row in table(workbook(Items=rows)).rows] == [2]
    rows[2][1] = 2
    _, mismatch = table(workbook(Items=rows)).rows
    assert isinstance(mismatch, MalformedRow)
    assert "the trailer says 2 rows, the file has 1" in mismatch.message
    assert [row.line for row in table(workbook(Items=rows), policy="ignore").rows] == [2]
