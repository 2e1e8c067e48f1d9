"""Reading rows from the files that people send."""

import io
import json
import re
from pathlib import Path

import pytest

from catalog.application.files.row_source import MAX_ROW_SIZE, MalformedRow, Row
from catalog.domain.errors import InvalidFile, InvalidQuery
from catalog.domain.values.decimal_literal import DecimalLiteral
from tests.tables import table

DATA = Path(__file__).parents[3] / "data"


def csv_rows(data: bytes, delimiter: str | None = None) -> list[Row | MalformedRow]:
    """Read all rows of a CSV file."""
    return list(table(data, "csv", delimiter=delimiter).rows)


def array(text: str) -> list[Row | MalformedRow]:
    """Read all rows of a JSON array."""
    return list(table(text, "json").rows)


def test_a_cell_may_contain_quotes_commas_and_newlines() -> None:
    """A row's line number is that of its first line. Empty cells are omitted."""
    data = 'sku, name \r\nA,"Say ""hi"",\nnow"\r\n\r\nB,\r\nC,Ünïcode\r\n'.encode()
    assert table(data, "csv").columns == ("sku", "name")
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
        list(table(b"name\ncaf\xe9\n\xc3\xa9\n", encoding="utf-8").rows),
        list(table(b'{}\n{"name":"\xe9"}\n{"name":"\xc3\xa9"}', encoding="utf-8").rows),
    ):
        malformed, valid = rows[-2:]
        assert isinstance(malformed, MalformedRow)
        assert "is not valid UTF-8." in malformed.message
        assert "save the file as UTF-8" in malformed.cure
        assert isinstance(valid, Row)
        assert valid.values == {"name": "é"}


def test_the_apostrophe_before_a_formula_is_removed() -> None:
    """Other apostrophes stay."""
    assert csv_rows(b"a,b,c,d\n'=1+1,''x,'Tis,'\n") == [Row(2, {"a": "=1+1", "b": "'x", "c": "'Tis", "d": "'"})]


def test_short_and_long_rows_are_repaired_if_nothing_is_lost() -> None:
    """Missing cells are absent and surplus empty cells are cut. A row with a cell that has no column is refused."""
    assert csv_rows(b"a,b\n1\n1,2,3\n1,2\n1,2,, \n") == [
        Row(2, {"a": "1"}, repair="filled"),
        MalformedRow(3, "The row has 3 cells, but the header has 2; no column for '3'.", cells=("1", "2", "3")),
        Row(4, {"a": "1", "b": "2"}),
        Row(5, {"a": "1", "b": "2"}, repair="cut"),
    ]


@pytest.mark.parametrize(
    ("data", "first", "last", "following"),
    [
        (b'a,b\n1,2\n1,"x"y\n1,2\n\n1,2', 3, 3, [4, 6]),
        (b'a,b\n1,"open\n1,2\n', 2, 2, [3]),
        (b'a,b\n1,"x"y', 2, 2, []),
        (b'a,b\n1,"open\nx\ny', 2, 4, []),
        (b'a,b\n1,"x\ny",3\n1,2\n', 2, 3, [4]),
        (b'a,b\n1,"x\ny"\n1,"' + b"x\n" * MAX_ROW_SIZE + b'"\n1,2\n', 4, MAX_ROW_SIZE + 4, [MAX_ROW_SIZE + 5]),
        (b"a,b\n" + b"x" * (3 * MAX_ROW_SIZE) + b",1\n1,2\n", 2, 2, [3]),
        ((DATA / "unclosed.csv").read_bytes(), 3, 3, [4, 5, 6]),
    ],
)
def test_reading_goes_on_after_a_row_with_wrong_quotes(data: bytes, first: int, last: int, following: list[int]) -> None:
    """The error names the lines that were not read."""
    rows = csv_rows(data)
    (malformed,) = [row for row in rows if isinstance(row, MalformedRow)]
    assert (malformed.line, malformed.last_line) == (first, last)
    assert malformed.message.startswith(f"Line {first} cannot" if first == last else f"Lines {first} to {last}")
    assert [row.line for row in rows if row.line > last] == following


@pytest.mark.parametrize(
    ("record", "cells"),
    [
        ('S-1,"19" rack",x', ["S-1", '19" rack', "x"]),
        ('S-1,19" rack,x', ["S-1", '19" rack', "x"]),
        ('S-1,"a ""b"" "c" d",x', ["S-1", 'a "b" "c" d', "x"]),
        ('S-1,"<p class="a">\none</p>",x', ["S-1", '<p class="a">\none</p>', "x"]),
    ],
)
def test_stray_quotes_are_read_as_they_were_meant(record: str, cells: list[str]) -> None:
    """A quote that is not next to a delimiter is part of the cell, if the row then has the right number of cells."""
    rows = csv_rows(f"a,b,c\n{record}\n1,2,3\n".encode())
    assert [row.values for row in rows if isinstance(row, Row)] == [
        dict(zip("abc", cells, strict=True)),
        {"a": "1", "b": "2", "c": "3"},
    ]
    assert len(rows) == 2


def test_a_row_of_blank_cells_is_skipped() -> None:
    """As an empty line is."""
    assert csv_rows(b"a,b\n,\n , \n,,,\n,1\n") == [Row(5, {"b": "1"})]


def test_a_cell_may_be_as_long_as_a_row() -> None:
    """This cell exceeds the default limit of Python's csv module."""
    (row,) = csv_rows(b"a,b\n1," + b"x" * 200_000)
    assert isinstance(row, Row)
    assert len(row.values["b"]) == 200_000


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


@pytest.mark.parametrize("delimiter", ['"', "\n", "\r", "\x00", " ", "", "ab", "a", "1", "'", "\x1b", "é"])
def test_an_invalid_delimiter_is_refused(delimiter: str) -> None:
    """Quotes, letters, digits, blanks and control characters cannot separate cells."""
    with pytest.raises(InvalidQuery, match="delimiter must be one character"):
        csv_rows(b"a,b\n", delimiter)


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


def test_an_empty_array_has_no_rows() -> None:
    """A CSV file with only a header has none either."""
    assert list(table(" [ ] ", "json").rows) == []
    assert csv_rows(b"sku,name\n") == []


@pytest.mark.parametrize(("data", "message"), [(b"", "no header"), (b",,\n", "no header"), (b'"a\n', "cannot be read")])
def test_a_csv_file_needs_a_header(data: bytes, message: str) -> None:
    """Without one nothing is read."""
    with pytest.raises(InvalidFile, match=message):
        table(data, "csv")


def test_json_lines_are_read_one_by_one() -> None:
    """Empty lines are skipped, null values are omitted, malformed and oversized lines are reported."""
    too_long = json.dumps({"name": "x" * MAX_ROW_SIZE})
    far_too_long = "x" * (3 * MAX_ROW_SIZE)
    text = f'{{"sku": "A", "price": 1.50, "name": null}}\n\n[1]\n{{"a": 1\n{too_long}\n{{"sku": "B"}}\n{far_too_long}'
    rows = list(table(text, "jsonl").rows)
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


def test_a_header_in_brackets_is_no_json() -> None:
    """As SQL Server writes names."""
    assert table("[sku],[name]\n1,2\n").columns == ("[sku]", "[name]")


def test_json_lines_with_lists_of_objects_are_no_wrapped_array() -> None:
    """A second line shows that each is a row."""
    line = '{"variants": [{"a": 1}], "sku": "A"}\n'
    assert table(line * 2).detected.format == "jsonl"


def test_values_before_the_records_may_be_larger_than_a_row() -> None:
    """They are skipped piece by piece."""
    large = [{"x": "y" * 1000}] * (MAX_ROW_SIZE // 1000 + 1)
    document = {"a": {}, "b": [], "c": {"d": large, "e": {"f": [[1], {"g": {}}]}}, "data": {"items": [{"sku": "A"}]}}
    (row,) = table(json.dumps(document), records="data.items").rows
    assert isinstance(row, Row)
    assert row.values == {"sku": "A"}


RECORDS = (
    '{"total": 2, "tags": ["a", "b"], "empty": [], "page": {"skip": [1]}, '
    '"data": {"n": 1, "items": [{"sku": "A"}, {"sku": "B"}]}}'
)


def test_the_rows_of_a_json_object_are_read_from_the_member_that_is_named() -> None:
    """The path may have several members; other arrays are skipped."""
    source = table(RECORDS, records="data.items")
    assert [row.values for row in source.rows if isinstance(row, Row)] == [{"sku": "A"}, {"sku": "B"}]
    assert source.detected.describe() == "json, utf-8, rows in data.items"
    with pytest.raises(InvalidFile, match=r"set records=data\.items"):
        table(RECORDS)


@pytest.mark.parametrize(
    ("text", "records", "message"),
    [
        (RECORDS, "nope", "no member nope"),
        (RECORDS, "total.x", "no member total.x"),
        (RECORDS, "total", "is not an array"),
        ('{"a" 1}', "b", "not valid JSON"),
        ('{"a": [1, 2', "b", "not valid JSON|no member"),
        ('{"a": {"b": 1, ', "c", "not valid JSON|no member"),
    ],
)
def test_a_member_without_rows_is_refused(text: str, records: str, message: str) -> None:
    """The error names the member."""
    with pytest.raises(InvalidFile, match=message):
        table(text, records=records)


def test_json_lines_with_inner_objects_are_not_wrapped() -> None:
    """Only a member with an array of objects is offered."""
    for text in ('{"a": {"b": 1}, "c": [1]}\n', '{"a": {"b" 1}}\n', '{"a": 1\n'):
        assert table(text).detected.format == "jsonl"


def test_an_unknown_format_is_refused() -> None:
    """The error lists the formats."""
    with pytest.raises(InvalidQuery, match="csv, tsv, json"):
        table("sku,name\n", "xml")


def test_a_first_line_that_gives_the_delimiter_is_skipped() -> None:
    """Excel writes it for other programs of its kind."""
    source = table('sep=;\r\nsku;name\r\nA;"b;c"\r\n')
    assert source.detected.delimiter == ";"
    assert list(source.rows) == [Row(3, {"sku": "A", "name": "b;c"})]


def test_reading_does_not_go_on_at_a_blank_or_damaged_row() -> None:
    """It goes on after them."""
    rows = csv_rows(b'a,b,c\n1,"open,2\n,,\n1,2,3\n')
    assert [(type(row), row.line) for row in rows] == [(MalformedRow, 2), (Row, 4)]


def test_a_header_that_cannot_be_decoded_refuses_the_file() -> None:
    """The error says what to do."""
    with pytest.raises(InvalidFile, match="Line 1 is not valid UTF-8"):
        table(b"sku,gr\xf6\xdfe\n", encoding="utf-8")


def test_a_line_with_wrong_quotes_is_no_row_of_its_own() -> None:
    """Even if it has an even number of quotes and enough delimiters, it may be the rest of the cell before it."""
    rows = csv_rows(b'a,b,c\n1,"open,2\n1,"p"q"r",2\n5,6,7\n')
    assert rows == [
        Row(2, {"a": "1", "b": 'open,2\n1,"p"q"r', "c": "2"}),
        Row(4, {"a": "5", "b": "6", "c": "7"}),
    ]
