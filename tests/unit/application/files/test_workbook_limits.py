"""Workbooks that would not fit in memory are refused."""

import pytest

from catalog.application.files.row_source import MAX_ROW_SIZE, MalformedRow, Row
from catalog.application.files.workbooks import archive, xlsx
from catalog.domain.errors import InvalidFile
from tests.tables import table
from tests.workbooks import CONTENT, SHEET, edited, far_cells, ods, workbook


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


def test_a_row_of_a_workbook_has_a_maximum_length() -> None:
    """As in the other formats."""
    cells = ["x" * 30_000] * (MAX_ROW_SIZE // 30_000 + 1)
    header = [f"c{number}" for number, _ in enumerate(cells)]
    (row,) = table(workbook(Items=[header, cells])).rows
    assert isinstance(row, MalformedRow)
    assert "more than" in row.message
