"""JSON arrays, JSON Lines, and arrays that are members of an object."""

import json
import re

import pytest

from catalog.application.files.row_source import MAX_ROW_SIZE, MalformedRow, Row
from catalog.domain.errors import InvalidFile
from catalog.domain.values.decimal_literal import DecimalLiteral
from tests.tables import table


def array(text: str) -> list[Row | MalformedRow]:
    """Read all rows of a JSON array."""
    return list(table(text, "json").rows)


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
