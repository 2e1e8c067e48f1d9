"""Damaged files and files that are not tables: readers report them, always terminate, and use little memory."""

import csv
import io
import json
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.application.files.delimited import lines as module
from catalog.application.files.read_options import ReadOptions
from catalog.application.files.readers import open_table
from catalog.application.files.row_source import MAX_ROW_SIZE, MalformedRow, Row
from catalog.domain.errors import InvalidFile
from tests import tables

_INSIDE = "INSIDE-1,stolen,9"
"""A line within a cell that looks exactly like a row."""

_TEXTS = st.lists(st.sampled_from(["wide", 'say "x" now', "3 inches", _INSIDE, "é", "a,b"]), min_size=1, max_size=6).map(
    "\n".join
)
_TABLES = st.lists(st.tuples(st.sampled_from(["oak", 'the "best"', "x\ny"]), _TEXTS), min_size=1, max_size=8)


def _to_csv(table: list[tuple[str, str]]) -> str:
    """Write a table as valid CSV."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(("sku", "name", "description"))
    writer.writerows((f"S-{number}", name, description) for number, (name, description) in enumerate(table))
    return text.getvalue()


@given(table=_TABLES, place=st.integers(0, 10_000), kind=st.sampled_from(["lost", "stray"]))
@example(table=[("oak", f"wide\n{_INSIDE}\nx")], place=0, kind="stray")
@example(table=[("oak", f"wide\n{_INSIDE}\nx"), ("oak", f"wide\n{_INSIDE}\nx")], place=2, kind="lost")
def test_no_line_of_a_cell_becomes_a_row_when_a_quote_is_missing_or_extra(
    table: list[tuple[str, str]], place: int, kind: str
) -> None:
    """Whatever follows in the file, only rows of the table are read."""
    text = _to_csv(table)
    if kind == "lost":
        # A closing quote, or one of a pair. A file that loses an opening quote may be a valid file.
        quotes = [
            position
            for position, character in enumerate(text)
            if character == '"' and text[position - 1 : position] not in {"", ",", "\n", '"'}
        ]
    else:
        # Before a letter in the middle of a line. At the end of a line it would be a valid end of the cell.
        quotes = [position for position, character in enumerate(text) if character.isalpha() and text[position - 1].isalpha()]
    position = quotes[place % len(quotes)]
    damaged = text[:position] + text[position + 1 :] if kind == "lost" else f'{text[:position]}"{text[position:]}'
    try:
        rows = list(tables.table(damaged, "csv").rows)
    except InvalidFile:
        return  # the damage is in the header
    skus = {f"S-{number}" for number in range(len(table))}
    assert {row.values["sku"] for row in rows if isinstance(row, Row)} <= skus | {f'"{sku}' for sku in skus}
    lines = damaged.count("\n")
    assert all(row.line <= lines and (row.last_line or row.line) <= lines for row in rows if isinstance(row, MalformedRow))


_FRAGMENTS = st.sampled_from(
    [b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"sku", b"a", b"\xff", b"\xc3\xa9", b"\x00", b"[", b"]", b"{", b"}", b":", b"\\",
     b'{"sku":"A"}', b"1e9", b"null", b"_end", b'{"_end": {"rows": 1}}', b" ", b"\xef\xbb\xbf"]
)  # fmt: skip
_BYTES = st.one_of(st.binary(max_size=200), st.lists(_FRAGMENTS, max_size=60).map(b"".join))


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
@settings(max_examples=200)
@given(data=_BYTES, begin=st.sampled_from([b"", b"sku,name\n", b"[", b'{"sku": 1}\n']))
def test_any_bytes_are_read_as_rows_or_refused(kind: str, data: bytes, begin: bytes) -> None:
    """No other error is raised, and reading terminates: there are no more rows than lines or values."""
    try:
        rows = list(tables.table(begin + data, kind).rows)
    except InvalidFile:
        return
    assert len(rows) <= len(begin + data) + 1
    assert all(isinstance(row, Row) or row.message for row in rows)


class Endless(io.RawIOBase):
    """A file with some first bytes and then the same bytes repeated. Counts the bytes read."""

    def __init__(self, begin: bytes, more: bytes, size: int) -> None:
        """Repeat `more` up to `size` bytes."""
        super().__init__()
        self._begin, self._more = begin, more * (65_536 // len(more))
        self._left = size
        self.count = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        data, self._begin = self._begin or self._more[: min(size, self._left)], b""
        self._left -= len(data)
        self.count += len(data)
        return data


@pytest.mark.parametrize(
    ("kind", "begin", "more"),
    [
        ("csv", b"sku,name\n", b"x"),
        ("csv", b"sku,name\n", b"x,"),
        ("csv", b'sku,name\n"', b"x\n"),
        ("csv", b'sku,name\n"', b'""'),
        ("csv", b"x", b"x"),
        ("csv", b'"', b"x\n"),
        ("csv", b"x", b",x"),
        ("jsonl", b"{", b"x"),
        ("json", b'[{"a": "', b"x"),
        ("json", b"[", b" "),
        ("json", b"[1", b"1"),
    ],
)
def test_an_endless_record_is_refused_before_much_of_it_is_in_memory(
    kind: str, begin: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a record stops at MAX_ROW_SIZE characters. The rest is read in chunks or not at all."""
    monkeypatch.setattr(module, "MAX_ROW_SIZE", 64 * 1024)
    size = 16 * 1024**2
    file = Endless(begin, more, size)
    read_rows: list[Row | MalformedRow] = []
    with suppress(InvalidFile):
        rows = open_table(file, ReadOptions(kind)).rows
        first = next(rows, None)
        assert isinstance(first, MalformedRow), first
        read_rows.append(first)
        read_rows += list(rows)
    assert len(read_rows) <= 1
    last = read_rows[0] if read_rows else None
    if isinstance(last, MalformedRow) and last.last_line is None and kind != "jsonl" and more != b" ":
        assert file.count < size / 4


def test_rows_have_a_maximum_length() -> None:
    """A row of exactly that length is accepted."""
    cell = "x" * (MAX_ROW_SIZE - 3)
    (row,) = tables.table(f"a,b\n1,{cell}\n").rows
    assert isinstance(row, Row)
    (too_long,) = tables.table(f"a,b\n1,{cell}x\n").rows
    assert isinstance(too_long, MalformedRow)
    lines = json.dumps({"a": cell})
    assert len(list(tables.table(lines, "jsonl").rows)) == 1
