"""Workbooks whose XML other programs have written in their own way."""

from collections.abc import Callable

import pytest

from catalog.application.files.row_source import MalformedRow, Row
from catalog.application.files.workbooks import xlsx
from catalog.domain.errors import InvalidFile
from tests.tables import table
from tests.workbooks import CONTENT, SHEET, edited, ods, workbook

TEXTS = "xl/sharedStrings.xml"


def data(edit: Callable[[bytes], bytes] = lambda xml: xml, part: str = SHEET) -> bytes:
    """Return a workbook with a long text, after an edit."""
    return edited(workbook(Items=[["sku", "n"], ["A" * 100, 1]]), part, edit)


def test_shared_texts_are_parsed_only_if_they_are_written_in_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsing takes longer than counting."""
    monkeypatch.setattr(xlsx, "_parsed_text_sizes", None)
    assert len(list(table(data()).rows)) == 1
    rewritten = [
        data(lambda xml: xml.replace(b"<si>", b"<si >"), TEXTS),
        data(lambda xml: xml.replace(b"<si><t>A", b"<si\n><t>A"), TEXTS),
    ]
    for content in rewritten:
        with pytest.raises(TypeError):
            table(content)


@pytest.mark.parametrize("text_type", [b't="s" cm="0"', b't="s"\n'])
def test_texts_in_cells_with_other_attributes_are_counted(text_type: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sheet is parsed then."""
    rewritten = data(lambda xml: xml.replace(b't="s"', text_type))
    assert list(table(rewritten).rows) == [Row(2, {"sku": "A" * 100, "n": 1})]
    monkeypatch.setattr(xlsx, "MAX_TEXT", 50)
    with pytest.raises(InvalidFile, match="texts of the sheet Items have more than 50 bytes"):
        table(rewritten)


def test_references_to_texts_that_there_are_not_are_not_counted() -> None:
    """What the library makes of them is read, or refused."""
    with pytest.raises(InvalidFile, match="damaged"):
        table(data(lambda xml: xml.replace(b'r="A2" t="s"><v>2<', b'r="A2" t="s"><v>99<')))


def test_an_error_in_a_cell_without_a_place_is_no_place() -> None:
    """Excel has no column ZZZZ."""
    rewritten = data(lambda xml: xml.replace(b'r="B2"', b'r="ZZZZ2" t="e"'))
    try:
        rows = list(table(rewritten).rows)
    except InvalidFile:
        return
    assert not any(isinstance(row, MalformedRow) for row in rows)


def test_other_tags_of_a_table_are_no_cells() -> None:
    """LibreOffice writes columns."""
    columns = '<table:table-column table:number-columns-repeated="2"/><table:table-row>'
    assert len(list(table(ods(CONTENT.replace("<table:table-row>", columns, 1))).rows)) == 1
