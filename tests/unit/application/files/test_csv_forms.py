"""CSV in the forms that programs write: any delimiter, line end and style of quoting; and damaged files, line by line."""

import csv
import io
import re
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from catalog.application.files.delimited.delimiters import DELIMITERS, detect_delimiter
from catalog.application.files.row_source import KNOWN_NAMES, MAX_ROW_SIZE, MalformedRow, Row
from catalog.domain.errors import InvalidFile
from tests.tables import table

_HEADER = ("sku", "name", "description")

_CELLS = st.text(
    st.one_of(
        st.sampled_from(["a", "1", " ", '"', "'", ",", ";", "\t", "|", "\n", "\r", "\u2028", "\x0b", "\x1c", "é", "=", "\\"]),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=12,
)
_TABLES = st.lists(st.tuples(_CELLS, _CELLS, _CELLS), min_size=1, max_size=6)


def _write(rows: Sequence[Sequence[str]], delimiter: str, line_end: str, quoting: int) -> bytes:
    """Write a table as a spreadsheet does."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(_HEADER)
    writer.writerows(rows)
    return text.getvalue().encode()


def _values(row: Sequence[str]) -> dict[str, str]:
    """Return the cells of a row as they are read: without those that are empty, and without the apostrophe of formulas."""
    return {name: cell[1:] if re.match("'[=+\\-@\t\r']", cell) else cell for name, cell in zip(_HEADER, row, strict=True) if cell}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=_TABLES,
    delimiter=st.sampled_from(DELIMITERS),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
@example([("A", "Shelf\u2028wide", "x"), ("B", "\x0b", "y")], ";", "\n", csv.QUOTE_MINIMAL)
@example([("A", "1,5", "x, y"), ("B", "2,5", "x, y")], ";", "\n", csv.QUOTE_MINIMAL)
def test_a_table_is_read_back_as_itself(rows: list[tuple[str, str, str]], delimiter: str, line_end: str, quoting: int) -> None:
    """Whether the delimiter is given or detected; only blank rows are not there."""
    if quoting == csv.QUOTE_MINIMAL:  # Python's writer quotes cells for the characters of its own line end only
        others = str.maketrans("", "", "".join({"\n", "\r"} - set(line_end)))
        rows = [(sku.translate(others), name.translate(others), text.translate(others)) for sku, name, text in rows]
    expected = [_values(row) for row in rows if any(map(str.strip, row))]
    data = _write(rows, delimiter, line_end, quoting)
    for given_delimiter in (delimiter, None):
        source = table(data, "csv", encoding="utf-8", delimiter=given_delimiter)
        assert [row.values if isinstance(row, Row) else row for row in source.rows] == expected
        assert (source.columns, source.detected.delimiter) == (_HEADER, delimiter)
        assert [row.values for row in source.sample if isinstance(row, Row)] == expected[:1000]


@pytest.mark.parametrize(
    ("sample", "delimiter"),
    [
        ("sku;name;price\nA;Chair;12,50\nB;Table;1.299,00\n", ";"),
        ("Artikel;Preis, netto\nA;12,50\nB;13,00\n", ";"),
        ("sku\tdescription\nA\toak, ash; wide\nB\toak, ash; wide\n", "\t"),
        ("sku|name\nA|x,y\n", "|"),
        ("sku,name\nA,x;y\nB,x;y\n", ","),
        ('sku,"a;b;c",name\nA,"x;y;z",B\n', ","),
        ("sku\nA\nB;C\nD,E\n", ","),
        ("name;sku", ";"),
        ("a,b;c", ","),
        ("Artikel;Text, lang\nA;x\u2028a, b\u2028c, d\nB;y\u2028a, b\u2028c, d\n", ";"),
        ('sku;name\nA;B\nC;"' + "x" * 2 * MAX_ROW_SIZE, ";"),
        ("", ","),
        ('"', ","),
        ('sku;name\nA;19" rack\nB;5" shelf, wide\n', ";"),
        ('sku;name;x\nA;"19" rack, black";1\nB;"5" shelf, wide";2\n', ";"),
    ],
)
def test_the_delimiter_is_the_one_that_makes_a_table(sample: str, delimiter: str) -> None:
    """Decimal commas, and commas in texts, do not count as delimiters."""
    assert detect_delimiter(sample, is_whole=True, known_names=KNOWN_NAMES) == delimiter


@pytest.mark.parametrize(
    ("data", "delimiter"),
    [
        (b"sep=;\r\nsku;name\r\nA;x,y\r\n", ";"),
        (b"\xef\xbb\xbfsep=|\nsku|name\nA|x,y\n", "|"),
        ("sep=\t\r\nsku\tname\r\nA\tx,y\r\n".encode("utf-16"), "\t"),
        (b'"sep=^"\rsku^name\rA^x,y\r', "^"),
    ],
)
def test_the_line_that_names_the_delimiter_is_skipped(data: bytes, delimiter: str) -> None:
    """Excel reads and writes it. Lines are counted as in the file."""
    source = table(data)
    assert source.detected.delimiter == delimiter
    assert list(source.rows) == [Row(3, {"sku": "A", "name": "x,y"})]


def test_a_given_delimiter_is_used_whatever_the_first_line_says() -> None:
    """The caller decides; the line is skipped all the same."""
    assert list(table(b"sep=;\nsku,name\nA,x;y\n", delimiter=",").rows) == [Row(3, {"sku": "A", "name": "x;y"})]


_LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "A,b,c",
                'A,"b",c',
                'A,"b',
                'b",c',
                "A,b",
                "A,b,c,d",
                "A,b,c,,",
                '"',
                '""',
                '"A","b","c"',
                'A,19" rack,c',
                'A,"19" rack",c',
                'A, "b, c",d',
                "x",
                "",
                ",,",
                'A,"b""',
                '"A,b,c',
                'A,b,"c\\"",d',
            ]
        ),
        st.text(st.sampled_from(['"', ",", "a", " ", "\\"]), max_size=10),
    ),
    max_size=25,
)


def _is_blank(line: str) -> bool:
    """Return whether a line has nothing but delimiters, quotes and spaces."""
    return not line.replace('"', "").replace(",", "").strip()


@settings(max_examples=400)
@given(lines=_LINES, ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=1, max_size=3))
@example(['A,"b', "A,b,c", "A,b,c"], ["\n"])
@example(['A,"Shelf 19,deep', "A,b,c", "x"], ["\n"])
def test_no_line_is_lost(lines: list[str], ends: list[str]) -> None:
    """Each line that is not blank is part of a row, or of the lines that a malformed row names. None is part of two."""
    content = ["sku,name,description", *lines]
    text = "".join(line + ends[number % len(ends)] for number, line in enumerate(content))
    physical = io.StringIO(text, newline="").readlines()
    assume(len(physical) == len(content))  # no \r before a \n
    try:
        rows = list(table(text, "csv", delimiter=",").rows)
    except InvalidFile:
        return
    position = 2
    for row in rows:
        assert all(_is_blank(line) for line in content[position - 1 : row.line - 1]), (position, row)
        assert row.line >= position
        if isinstance(row, MalformedRow):
            last = row.last_line or row.line
            assert last == row.line or f"Lines {row.line} to {last}" in row.message
        else:
            breaks = sum(len(re.findall("\r\n|\r|\n", value)) for value in row.values.values())
            last = row.line + breaks
        position = last + 1
    assert all(_is_blank(line) for line in content[position - 1 :]), (position, rows)


@pytest.mark.parametrize(
    ("record", "cells"),
    [
        ('A,"19\\" rack",x', ["A", '19" rack', "x"]),
        ('A,"19\\"",x', ["A", '19"', "x"]),
        ('A,"C:\\",x', ["A", "C:\\", "x"]),
        ('A,"C:\\","19" rack"', ["A", "C:\\", '19" rack']),
        ('A ,"b, c" ,x', ["A ", "b, c", "x"]),
        ('A, "b, c", x', ["A", "b, c", " x"]),
        ('A, "b, c", "d"', ["A", "b, c", "d"]),
        ('"A", "19" rack, black" , x', ["A", '19" rack, black', " x"]),
        ('A,"b"c"', None),
        ('A, "b, c', ["A", ' "b', " c"]),
        ('A, "b, c, d', None),
        ('A, "b", c, "d", e', None),
    ],
)
def test_quotes_that_other_programs_write(record: str, cells: list[str] | None) -> None:
    """A backslash may escape a quote, and spaces may surround it. Without a reading of the right width, the row is refused."""
    first, *others = table(f"sku,name,description\n{record}\nB,b,b\nC,c,c\n", delimiter=",").rows
    assert others == [
        Row(3, dict.fromkeys(("name", "description"), "b") | {"sku": "B"}),
        Row(4, {"sku": "C", "name": "c", "description": "c"}),
    ]
    if cells is None:
        assert isinstance(first, MalformedRow)
        assert (first.line, first.last_line or 2) == (2, 2)
    else:
        assert first == Row(2, dict(zip(_HEADER, cells, strict=True)))


def test_a_quote_that_is_never_closed_is_repaired_however_long_the_rest_of_the_file_is() -> None:
    """The rest does not fit into a row, but the line does."""
    first, *others = table('sku,name\nA,"19\\""\n' + "B,b\n" * (MAX_ROW_SIZE // 4), delimiter=",").rows
    assert first == Row(2, {"sku": "A", "name": '19"'})
    assert len(others) == MAX_ROW_SIZE // 4
    assert all(isinstance(row, Row) for row in others)


@pytest.mark.parametrize(
    ("inside", "warned"),
    [
        ("B,b,1\nC,c,2\nD,d,3\n", True),
        ("B,b,1\nC,c,2\n", False),
        ("B,b,1\nC,c,2\nD d 3\n", False),
        ('B,b,1\nC,""c"",2\nD,d,3\n', False),
    ],
)
def test_a_cell_that_seems_to_contain_rows_is_read_with_a_warning(inside: str, *, warned: bool) -> None:
    """A missing quote and an extra one far below make a valid cell of the rows between."""
    source = table(f'sku,name,description\nA,a,"Shelf 19\n{inside}E,e,19"\nF,f,x\n', delimiter=",")
    assert [row.values["sku"] for row in source.rows if isinstance(row, Row)] == ["A", "F"]
    assert [warning[:34] for warning in source.detected.warnings] == ["Lines 2 to 6 were read as one row,"] * warned
