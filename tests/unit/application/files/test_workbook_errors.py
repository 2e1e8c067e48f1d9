"""Cells of workbooks that have errors, such as #N/A."""

import io

import pytest
import xlsxwriter

from catalog.application.files.row_source import MalformedRow, Row
from catalog.application.files.workbooks import xlsx
from catalog.domain.errors import InvalidFile
from catalog.domain.values.decimal_literal import DecimalLiteral
from tests.tables import table
from tests.workbooks import CONTENT, SHEET, edited, ods, workbook


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
