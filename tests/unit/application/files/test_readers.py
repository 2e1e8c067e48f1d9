"""Reading rows from the files that people send."""

import gzip
import io
import json
import re
from pathlib import Path

import pytest

from catalog.application.files.csv_reader import read_csv
from catalog.application.files.json_reader import read_json_array, read_json_lines
from catalog.application.files.readers import read_table
from catalog.application.files.row_source import MAX_ROW_SIZE, MalformedRow, Row
from catalog.domain.errors import InvalidFile, InvalidQuery
from catalog.domain.values.decimal_literal import DecimalLiteral

DATA = Path(__file__).parents[3] / "data"


def csv_rows(data: bytes, delimiter: str = ",") -> list[Row | MalformedRow]:
    """Read all rows of a CSV file."""
    return list(read_csv(io.BytesIO(data), delimiter).rows)


def array(text: str) -> list[Row | MalformedRow]:
    """Read all rows of a JSON array."""
    return list(read_json_array(io.BytesIO(text.encode())).rows)


def test_a_cell_may_contain_quotes_commas_and_newlines() -> None:
    """A row's line number is that of its first line. Empty cells are omitted."""
    data = 'sku, name \r\nA,"Say ""hi"",\nnow"\r\n\r\nB,\r\nC,Ünïcode\r\n'.encode()
    assert read_csv(io.BytesIO(data)).columns == ("sku", "name")
    assert csv_rows(data) == [
        Row(2, {"sku": "A", "name": 'Say "hi",\nnow'}),
        Row(5, {"sku": "B"}),
        Row(6, {"sku": "C", "name": "Ünïcode"}),
    ]


def test_a_byte_order_mark_and_another_delimiter_are_accepted() -> None:
    """Spreadsheets write both."""
    assert csv_rows("\ufeffsku;name\nA;B\n".encode(), ";") == [Row(2, {"sku": "A", "name": "B"})]


def test_a_row_that_is_not_utf_8_is_refused() -> None:
    """The other rows are read."""
    for rows in (
        csv_rows(b"name\ncaf\xe9\n\xc3\xa9\n"),
        list(read_json_lines(io.BytesIO(b'{}\n{"name":"\xe9"}\n{"name":"\xc3\xa9"}')).rows),
    ):
        malformed, valid = rows[-2:]
        assert isinstance(malformed, MalformedRow)
        assert "is not UTF-8; save the file as UTF-8" in malformed.message
        assert isinstance(valid, Row)
        assert valid.values == {"name": "é"}


def test_the_apostrophe_before_a_formula_is_removed() -> None:
    """Other apostrophes stay."""
    assert csv_rows(b"a,b,c,d\n'=1+1,''x,'Tis,'\n") == [Row(2, {"a": "=1+1", "b": "'x", "c": "'Tis", "d": "'"})]


def test_a_row_that_cannot_be_read_is_skipped() -> None:
    """It is reported with its line."""
    rows = csv_rows(b"a,b\n1\n1,2,3\n1,2\n1,2,, \n")
    assert [row.line for row in rows] == [2, 3, 4, 5]
    assert [type(row) for row in rows] == [MalformedRow, MalformedRow, Row, Row]


@pytest.mark.parametrize(
    ("data", "first", "last"),
    [
        (b'a,b\n1,2\n1,"x"y\n1,2\n\n1,2', 3, 6),
        (b'a,b\n1,"open\n1,2\n', 2, 3),
        (b'a,b\n1,"x"y', 2, 2),
        (b'a,b\n1,"x\ny",3\n1,2\n', 2, 4),
        (b'a,b\n1,"x\ny"\n1,"' + b"x\n" * MAX_ROW_SIZE + b'"\n1,2\n', 4, MAX_ROW_SIZE + 5),
        (b"a,b\n" + b"x" * (3 * MAX_ROW_SIZE) + b",1\n1,2\n", 2, 3),
        ((DATA / "unclosed.csv").read_bytes(), 3, 6),
    ],
)
def test_nothing_is_read_after_a_row_with_wrong_quotes(data: bytes, first: int, last: int) -> None:
    """Later lines may be part of a cell. The error names the lines that were skipped."""
    *rows, malformed = csv_rows(data)
    assert all(isinstance(row, Row) and row.line < first for row in rows)
    assert isinstance(malformed, MalformedRow)
    assert (malformed.line, malformed.last_line) == (first, last)
    assert f"Line {last}, the last" in malformed.message if first == last else f"Lines {first} to {last}," in malformed.message


def test_a_row_of_blank_cells_is_skipped() -> None:
    """As an empty line is."""
    assert csv_rows(b"a,b\n,\n , \n,,,\n,1\n") == [Row(5, {"b": "1"})]


def test_a_cell_may_be_as_long_as_a_row() -> None:
    """This cell exceeds the default limit of Python's csv module."""
    (row,) = csv_rows(b"a,b\n1," + b"x" * 200_000)
    assert isinstance(row, Row)
    assert len(row.values["b"]) == 200_000


@pytest.mark.parametrize("name", ["html.csv", "one-blank-header.csv", "nul.csv", "cr-only.csv", "header-spaces.csv"])
def test_files_as_people_have_them_are_read(name: str) -> None:
    """Every row is read."""
    rows = csv_rows((DATA / name).read_bytes())
    assert rows
    assert all(isinstance(row, Row) for row in rows)


@pytest.mark.parametrize("delimiter", ['"', "\n", "\r", "\x00", " ", "", "ab", "a", "1", "'", "\x1b", "é"])
def test_an_invalid_delimiter_is_refused(delimiter: str) -> None:
    """Quotes, letters, digits, blanks and control characters cannot separate cells."""
    with pytest.raises(InvalidQuery, match="delimiter must be one character"):
        csv_rows(b"a,b\n", delimiter)


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (gzip.compress(b"sku,name\n", mtime=0), "csv", "compressed"),
        (gzip.compress(b"{}", mtime=0), "jsonl", "compressed"),
        (b"PK\x03\x04...", "csv", "spreadsheet"),
        ((DATA / "utf16.csv").read_bytes(), "csv", "UTF-16"),
        (b"s\x00k\x00u\x00,\x00", "csv", "not UTF-8 text"),
        (b"sku,gr\xf6\xdfe\n", "csv", "Line 1 is not UTF-8"),
        (b"\n <!DOCTYPE html><html>", "csv", "HTML"),
        (b"<html></html>", "jsonl", "HTML"),
        (b"[]", "csv", "JSON, not CSV"),
        (b'{"a": 1}', "csv", "use format jsonl"),
        (b'[{"a": 1}]', "jsonl", "use format json"),
        ((DATA / "wrapped.json").read_bytes(), "json", "not a JSON array"),
        (b"", "csv", "no header"),
        (b"\xef\xbb\xbf \n", "jsonl", "is empty"),
        (b"", "json", "is empty"),
        (b"a," * 2_001, "csv", "2002 columns"),
        (b"x" * (2 * MAX_ROW_SIZE), "csv", "header cannot be read"),
    ],
)
def test_a_file_in_another_format_is_refused(data: bytes, kind: str, message: str) -> None:
    """The file is closed."""
    file = io.BytesIO(data)
    with pytest.raises(InvalidFile, match=message):
        read_table(file, kind)
    assert file.closed


def test_an_empty_array_has_no_rows() -> None:
    """A CSV file with only a header has none either."""
    assert list(read_table(io.BytesIO(b" [ ] "), "json").rows) == []
    assert csv_rows(b"sku,name\n") == []


@pytest.mark.parametrize(("data", "message"), [(b"", "no header"), (b",,\n1,2,3\n", "no header"), (b'"a\n', "cannot be read")])
def test_a_csv_file_needs_a_header(data: bytes, message: str) -> None:
    """Without one nothing is read."""
    with pytest.raises(InvalidFile, match=message):
        read_csv(io.BytesIO(data))


def test_json_lines_are_read_one_by_one() -> None:
    """Empty lines are skipped, null values are omitted, malformed and oversized lines are reported."""
    too_long = json.dumps({"name": "x" * MAX_ROW_SIZE})
    far_too_long = "x" * (3 * MAX_ROW_SIZE)
    text = f'{{"sku": "A", "price": 1.50, "name": null}}\n\n[1]\n{{"a": 1\n{too_long}\n{{"sku": "B"}}\n{far_too_long}'
    rows = list(read_json_lines(io.BytesIO(text.encode())).rows)
    assert rows[0] == Row(1, {"sku": "A", "price": DecimalLiteral("1.50")})
    assert [(row.line, type(row)) for row in rows[1:]] == [
        (3, MalformedRow),
        (4, MalformedRow),
        (5, MalformedRow),
        (6, Row),
        (7, MalformedRow),
    ]


def test_an_array_is_read_value_by_value() -> None:
    """Each row has the line on which its value starts."""
    assert array('\n[ {"a": 1},\n {"a": 2}\n,5 ]') == [
        Row(2, {"a": 1}),
        Row(3, {"a": 2}),
        MalformedRow(4, "The row is not an object."),
    ]
    assert array("[ ]") == []
    many = [{"sku": f"S-{number}", "text": "é" * 50} for number in range(3000)]
    assert [row.values["sku"] for row in array(json.dumps(many)) if isinstance(row, Row)] == [row["sku"] for row in many]


@pytest.mark.parametrize(
    ("text", "row_count", "message"),
    [
        ("[", 0, "ends too early"),
        ('[{"a": 1}', 1, r"a comma or \]"),
        ('[{"a": 1} {"a": 2}]', 1, r"a comma or \]"),
        ('[{"a": 1},]', 1, "ends too early"),
        ('[{"a": 1}, {"b": 1, "b": 2}, {"a": 3}]', 1, "twice"),
        ('[{"a": 1}, ' + "[" * 100_000, 1, "nested more than 32 levels deep"),
        ('[{"a": 1}, {"b": "' + "x" * (2 * MAX_ROW_SIZE), 1, "more than"),
    ],
)
def test_a_malformed_array_is_read_up_to_the_error(text: str, row_count: int, message: str) -> None:
    """The values before it are read, nothing after it."""
    rows = array(text)
    assert [isinstance(row, Row) for row in rows] == [True] * row_count + [False]
    last = rows[-1]
    assert isinstance(last, MalformedRow)
    assert re.search(message, last.message)
