"""Rows out of files, as the world delivers them."""

import io
import json
import re

import pytest

from catalog.application.rows import LONGEST, READERS, read_csv, read_json_array, read_json_lines
from catalog.application.tables import Broken, Row
from catalog.domain.errors import InvalidQuery
from catalog.domain.numeral import Numeral


def csv_rows(data: bytes, delimiter: str = ",") -> list[Row | Broken]:
    """Read all rows of a CSV file."""
    return list(read_csv(io.BytesIO(data), delimiter).rows)


def array(text: str) -> list[Row | Broken]:
    """Read all rows of a JSON array."""
    return list(read_json_array(io.BytesIO(text.encode())).rows)


def test_a_cell_may_hold_quotes_commas_and_lines() -> None:
    """The line is the one where the row begins; an empty cell is absent."""
    data = 'sku, name \r\nA,"Say ""hi"",\nnow"\r\n\r\nB,\r\nC,Ünïcode\r\n'.encode()
    assert read_csv(io.BytesIO(data)).columns == ("sku", "name")
    assert csv_rows(data) == [
        Row(2, {"sku": "A", "name": 'Say "hi",\nnow'}),
        Row(5, {"sku": "B"}),
        Row(6, {"sku": "C", "name": "Ünïcode"}),
    ]


def test_a_byte_order_mark_and_another_delimiter_do_not_hinder() -> None:
    """Spreadsheets write both."""
    assert csv_rows("\ufeffsku;name\nA;B\n".encode(), ";") == [Row(2, {"sku": "A", "name": "B"})]


def test_bytes_that_are_no_utf_8_are_left_for_the_domain_to_refuse() -> None:
    """In their row alone."""
    assert csv_rows(b"name\ncaf\xe9\nok\n") == [Row(2, {"name": "caf\udce9"}), Row(3, {"name": "ok"})]


def test_a_formulas_guard_is_taken_off() -> None:
    """And no other apostrophe."""
    assert csv_rows(b"a,b,c,d\n'=1+1,''x,'Tis,'\n") == [Row(2, {"a": "=1+1", "b": "'x", "c": "'Tis", "d": "'"})]


def test_a_row_that_cannot_be_read_is_passed_over() -> None:
    """With its line."""
    found = csv_rows(b'a,b\n1\n1,2,3\n"x"y,1\n1,2\n"open,1\n')
    assert [row.line for row in found] == [2, 3, 4, 5, 6]
    assert [type(row) for row in found] == [Broken, Broken, Broken, Row, Broken]


@pytest.mark.parametrize(
    ("data", "said"), [(b"", "no header"), (b",,\n1,2,3\n", "no header"), (b"a,b,a\n", "twice: a"), (b'"a\n', "cannot be read")]
)
def test_a_header_must_be_there_and_name_each_column_once(data: bytes, said: str) -> None:
    """Or nothing is read at all."""
    with pytest.raises(InvalidQuery, match=said):
        read_csv(io.BytesIO(data))


def test_a_delimiter_is_one_character() -> None:
    """Else nothing is read."""
    with pytest.raises(InvalidQuery, match="one character"):
        csv_rows(b"a,b", ",,")


def test_json_lines_are_read_one_by_one() -> None:
    """Empty ones are passed over, null is absent, what is broken or too long is told."""
    long = json.dumps({"name": "x" * LONGEST})
    longer = "x" * (3 * LONGEST)
    text = f'{{"sku": "A", "price": 1.50, "name": null}}\n\n[1]\n{{"a": 1\n{long}\n{{"sku": "B"}}\n{longer}'
    found = list(read_json_lines(io.BytesIO(text.encode())).rows)
    assert found[0] == Row(1, {"sku": "A", "price": Numeral("1.50")})
    assert [(row.line, type(row)) for row in found[1:]] == [(3, Broken), (4, Broken), (5, Broken), (6, Row), (7, Broken)]


def test_an_array_is_read_value_by_value() -> None:
    """With the line where each begins."""
    assert array('\n[ {"a": 1},\n {"a": 2}\n,5 ]') == [Row(2, {"a": 1}), Row(3, {"a": 2}), Broken(4, "The row is no object.")]
    assert array("[ ]") == []
    many = [{"sku": f"S-{number}", "text": "é" * 50} for number in range(3000)]
    assert [row.values["sku"] for row in array(json.dumps(many)) if isinstance(row, Row)] == [one["sku"] for one in many]


@pytest.mark.parametrize(
    ("text", "whole", "said"),
    [
        ("{}", 0, "no JSON array"),
        ("", 0, "no JSON array"),
        ("[", 0, "ends too early"),
        ('[{"a": 1}', 1, "a comma or its end"),
        ('[{"a": 1} {"a": 2}]', 1, "a comma or its end"),
        ('[{"a": 1},]', 1, "ends too early"),
        ('[{"a": 1}, {"b": 1, "b": 2}, {"a": 3}]', 1, "twice"),
        ('[{"a": 1}, ' + "[" * 100_000, 1, "nested more than 32 deep"),
        ('[{"a": 1}, {"b": "' + "x" * (2 * LONGEST), 1, "more than"),
    ],
)
def test_a_broken_array_ends_where_it_breaks(text: str, whole: int, said: str) -> None:
    """What stood before is taken; what follows is not guessed."""
    found = array(text)
    assert [isinstance(row, Row) for row in found] == [True] * whole + [False]
    last = found[-1]
    assert isinstance(last, Broken)
    assert re.search(said, last.message)


def test_there_is_a_reader_for_each_format() -> None:
    """By its name."""
    assert set(READERS) == {"csv", "json", "jsonl"}
