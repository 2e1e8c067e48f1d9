"""Files of refused rows: how they are written, and how they are recognized."""

import pytest

from catalog.application.files.cells import cell_text
from catalog.application.files.read_options import ReadOptions
from catalog.application.files.refused_rows import csv_header, csv_row, json_row, options_for, own_members
from catalog.domain.values.decimal_literal import DecimalLiteral

GIVEN = ReadOptions("xlsx", "windows-1252", ";", "2", "items", partial=True)
CSV = ReadOptions("csv", "utf-8", ",", partial=True)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"sku,refused_line,refused_reason\r\na,2,x\r\n", CSV),
        (b'\xef\xbb\xbf"a\nb","refused_line","refused_reason"\n', GIVEN),
        (b'\xef\xbb\xbf"a\nb",refused_line,refused_reason\n', CSV),
        (b"sku,refused_line,refused_reason\n\xc3", CSV),
        (b"sku,refused_line,refused_reason\n\xfc\n", ReadOptions("csv", "windows-1252", ",", partial=True)),
        (b"sku,refused_line,refused_reason,name\n", GIVEN),
        (b'sku,name\na,"x,refused_line,refused_reason"\n', GIVEN),
        (b"sku;refused_line;refused_reason\n", GIVEN),
        (b'{"refused_line": 2, "refused_reason": "x", "sku": "a"}\n', ReadOptions("jsonl", partial=True)),
        (b'{"sku": "a", "refused_line": 2}\n', GIVEN),
        (b"", GIVEN),
    ],
)
def test_a_file_is_recognized_by_its_two_columns(start: bytes, expected: ReadOptions) -> None:
    """It is then read as it was written, not as the first file was. One saved in another way is read as the caller says."""
    assert options_for(start, GIVEN) == expected


def test_rows_of_a_table_have_two_more_cells() -> None:
    """Missing cells are filled up, those without a column stand at the end, and former reasons are replaced."""
    columns = ("sku", "=name", "refused_line", "refused_reason")
    assert csv_header(columns) == b"sku,'=name,refused_line,refused_reason\r\n"
    assert csv_row(columns, ("a", "'b", "7", "old", "more"), 2, "=new") == b"a,''b,2,'=new,more\r\n"
    assert csv_row(columns, ("a",), 2, "\udcff") == b"a,,2,\\udcff\r\n"


def test_rows_of_json_have_two_more_members() -> None:
    """They stand first. Former ones are replaced."""
    assert json_row("{}", 2, 'a "b"') == b'{"refused_line": 2, "refused_reason": "a \\"b\\""}\n'
    assert json_row('{"a": 1}', 2, "\ud800") == b'{"refused_line": 2, "refused_reason": "\\ud800", "a": 1}\n'
    assert own_members({"refused_line": 1, "refused_reason": "x", "refused_text": "y", "a": None}) == {"a": None}


def test_cells_of_any_format_become_text() -> None:
    """Numbers are as they were written, and other values are JSON."""
    cells = ("a", None, 5, DecimalLiteral("1.10"), True, [1, DecimalLiteral("2.50")], {"a": None}, 12.0)
    assert list(map(cell_text, cells)) == ["a", "", "5", "1.10", "true", "[1, 2.50]", '{"a": null}', "12"]
