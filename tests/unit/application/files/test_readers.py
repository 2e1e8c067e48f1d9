"""Reading rows from the files that people send: which files are read, and which are refused."""

import io
from pathlib import Path

import pytest

from catalog.application.files.row_source import MAX_ROW_SIZE, MalformedRow, Row
from catalog.domain.errors import InvalidFile, InvalidQuery
from tests.tables import csv_rows, table

DATA = Path(__file__).parents[3] / "data"


@pytest.mark.parametrize(
    ("name", "description", "rows"),
    [
        ("bom.csv", "utf-8, comma-separated", 1),
        ("bom.jsonl", "jsonl, utf-8", 2),
        ("cp1252.csv", "windows-1252, comma-separated", 3),
        ("cr-only.csv", "utf-8, comma-separated", 2),
        ("footer.csv", "utf-8, comma-separated", 2),
        ("google.tsv", "utf-8, tab-separated", 2),
        ("header-spaces.csv", "utf-8, comma-separated", 1),
        ("html.csv", "utf-8, comma-separated", 2),
        ("nul.csv", "utf-8, comma-separated", 3),
        ("one-blank-header.csv", "utf-8, comma-separated", 2),
        ("ragged.csv", "utf-8, comma-separated", 3),
        ("semicolon.csv", "utf-8, semicolon-separated", 3),
        ("shopify.csv", "utf-8, comma-separated", 3),
        ("trailing.jsonl", "jsonl, utf-8", 2),
        ("utf16.csv", "utf-16, comma-separated", 1),
    ],
)
def test_files_as_people_have_them_are_read(name: str, description: str, rows: int) -> None:
    """Without any option, every row is read, and what was detected is described."""
    source = table((DATA / name).read_bytes())
    read = list(source.rows)
    assert (source.detected.describe(), len(read)) == (description, rows)
    assert all(isinstance(row, Row) for row in read)
    assert source.sample == tuple(read)
    assert bool(source.detected.warnings) == (name == "cp1252.csv")


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"PK\x03\x04...", None, "damaged or incomplete ZIP"),
        (b"\xd0\xcf\x11\xe0....", None, "before 2007"),
        (b"%PDF-1.7", None, "PDF"),
        (b"\n <!DOCTYPE html><html>", None, "HTML"),
        (b"<html></html>", "jsonl", "HTML"),
        ("<html></html>".encode("utf-16"), None, "HTML"),
        (b"[]", "csv", "JSON array, not csv; use format json"),
        (b'{"a": 1}', "csv", "use format jsonl"),
        (b'[{"a": 1}]', "jsonl", "use format json"),
        (b"sku,name\n", "json", "not JSON"),
        (b"sku,name\n", "xlsx", "no workbook"),
        ((DATA / "wrapped.json").read_bytes(), None, "set records=products"),
        (b'{"data": {"total": 2, "items": [{"sku": "A"}]}}', None, "set records=data.items"),
        (b"", None, "no header"),
        (b"\xef\xbb\xbf \n", "jsonl", "is empty"),
        (b"a," * 2_001, None, "2002 columns"),
        (b"x" * (2 * MAX_ROW_SIZE), None, "header cannot be read"),
        (b"a\0,b\n", None, "U\\+0000"),
    ],
)
def test_a_file_in_another_format_is_refused(data: bytes, kind: str | None, message: str) -> None:
    """The file is closed."""
    file = io.BytesIO(data)
    with pytest.raises(InvalidFile, match=message):
        table(file, kind)
    assert file.closed


def test_an_unknown_format_is_refused() -> None:
    """The error lists the formats."""
    with pytest.raises(InvalidQuery, match="csv, tsv, json"):
        table("sku,name\n", "xml")


def test_an_empty_array_has_no_rows() -> None:
    """A CSV file with only a header has none either."""
    assert list(table(" [ ] ", "json").rows) == []
    assert csv_rows(b"sku,name\n") == []


def test_a_row_that_is_not_utf_8_is_refused() -> None:
    """The other rows are read."""
    for rows in (
        list(table(b"name\ncaf\xe9\n\xc3\xa9\n", encoding="utf-8").rows),
        list(table(b'{}\n{"name":"\xe9"}\n{"name":"\xc3\xa9"}', encoding="utf-8").rows),
    ):
        malformed, valid = rows[-2:]
        assert isinstance(malformed, MalformedRow)
        assert "is not valid UTF-8." in malformed.message
        assert "save the file as UTF-8" in malformed.cure
        assert isinstance(valid, Row)
        assert valid.values == {"name": "é"}


def test_a_header_that_cannot_be_decoded_refuses_the_file() -> None:
    """The error says what to do."""
    with pytest.raises(InvalidFile, match="Line 1 is not valid UTF-8"):
        table(b"sku,gr\xf6\xdfe\n", encoding="utf-8")
