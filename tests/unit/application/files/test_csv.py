"""CSV files: quotes, delimiters, and rows of the wrong length."""

from pathlib import Path

import pytest

from catalog.application.files.row_source import MAX_ROW_SIZE, MalformedRow, Row
from catalog.domain.errors import InvalidFile, InvalidQuery
from tests.tables import csv_rows, table

DATA = Path(__file__).parents[3] / "data"


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


@pytest.mark.parametrize("delimiter", ['"', "\n", "\r", "\x00", " ", "", "ab", "a", "1", "'", "\x1b", "é"])
def test_an_invalid_delimiter_is_refused(delimiter: str) -> None:
    """Quotes, letters, digits, blanks and control characters cannot separate cells."""
    with pytest.raises(InvalidQuery, match="delimiter must be one character"):
        csv_rows(b"a,b\n", delimiter)


@pytest.mark.parametrize(("data", "message"), [(b"", "no header"), (b",,\n", "no header"), (b'"a\n', "cannot be read")])
def test_a_csv_file_needs_a_header(data: bytes, message: str) -> None:
    """Without one nothing is read."""
    with pytest.raises(InvalidFile, match=message):
        table(data, "csv")


def test_a_first_line_that_gives_the_delimiter_is_skipped() -> None:
    """Excel writes it for other programs of its kind."""
    source = table('sep=;\r\nsku;name\r\nA;"b;c"\r\n')
    assert source.detected.delimiter == ";"
    assert list(source.rows) == [Row(3, {"sku": "A", "name": "b;c"})]


def test_reading_does_not_go_on_at_a_blank_or_damaged_row() -> None:
    """It goes on after them."""
    rows = csv_rows(b'a,b,c\n1,"open,2\n,,\n1,2,3\n')
    assert [(type(row), row.line) for row in rows] == [(MalformedRow, 2), (Row, 4)]


def test_a_line_with_wrong_quotes_is_no_row_of_its_own() -> None:
    """Even if it has an even number of quotes and enough delimiters, it may be the rest of the cell before it."""
    rows = csv_rows(b'a,b,c\n1,"open,2\n1,"p"q"r",2\n5,6,7\n')
    assert rows == [
        Row(2, {"a": "1", "b": 'open,2\n1,"p"q"r', "c": "2"}),
        Row(4, {"a": "5", "b": "6", "c": "7"}),
    ]
