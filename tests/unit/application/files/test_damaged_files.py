"""Files that are damaged, or no tables at all: readers say so, always end, and hold little in memory."""

import csv
import io
import json
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.application.files import readers as module
from catalog.application.files.readers import MAX_ROW_SIZE, read_csv, read_table
from catalog.application.files.row_source import MalformedRow, Row
from catalog.domain.errors import InvalidFile

_INSIDE = "INSIDE-1,stolen,9"
"""A line within a cell that looks just like a row."""

_TEXTS = st.lists(st.sampled_from(["wide", 'say "x" now', "3 inches", _INSIDE, "é", "a,b"]), min_size=1, max_size=6).map(
    "\n".join
)
_TABLES = st.lists(st.tuples(st.sampled_from(["oak", 'the "best"', "x\ny"]), _TEXTS), min_size=1, max_size=8)


def _written(table: list[tuple[str, str]]) -> str:
    """Write a table as every proper program does."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(("sku", "name", "description"))
    writer.writerows((f"S-{number}", name, description) for number, (name, description) in enumerate(table))
    return text.getvalue()


def _prefix(text: str) -> int:
    """Return how many rows there are before the first quote that RFC 4180 does not allow, and that no later one mends."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    count = 0
    with suppress(csv.Error):
        for _ in reader:
            count += 1
    return count - 1


@given(table=_TABLES, place=st.integers(0, 10_000), kind=st.sampled_from(["lost", "stray"]))
@example(table=[("oak", f"wide\n{_INSIDE}\nx")], place=0, kind="stray")
@example(table=[("oak", f"wide\n{_INSIDE}\nx"), ("oak", f"wide\n{_INSIDE}\nx")], place=2, kind="lost")
def test_no_line_out_of_a_cell_becomes_a_row_after_a_quote_is_lost_or_too_many(
    table: list[tuple[str, str]], place: int, kind: str
) -> None:
    """Whatever the file looks like behind it; every row comes as it was, or does not come."""
    text = _written(table)
    if kind == "lost":
        # A closing quote, or one of a pair. What loses its opening quote is another file that is all right.
        quotes = [at for at, sign in enumerate(text) if sign == '"' and text[at - 1 : at] not in {"", ",", "\n", '"'}]
    else:
        # Before a letter in the middle of a line: at the end of a line it is a proper end of the cell.
        quotes = [at for at, sign in enumerate(text) if sign.isalpha() and text[at - 1].isalpha()]
    at = quotes[place % len(quotes)]
    damaged = text[:at] + text[at + 1 :] if kind == "lost" else f'{text[:at]}"{text[at:]}'
    try:
        found = list(read_csv(io.BytesIO(damaged.encode())).rows)
    except InvalidFile:
        return  # the damage is in the header
    whole = {f"S-{number}": each for number, each in enumerate(table)}
    for row in found:
        if isinstance(row, Row):
            assert row.values["sku"] != "INSIDE-1"
            assert row.values["sku"] in whole
    assert len([row for row in found if isinstance(row, Row)]) <= _prefix(damaged)
    assert any(isinstance(row, MalformedRow) and row.last_line is not None for row in found) or len(found) <= len(table)


_PIECES = st.sampled_from(
    [b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"sku", b"a", b"\xff", b"\xc3\xa9", b"\x00", b"[", b"]", b"{", b"}", b":", b"\\",
     b'{"sku":"A"}', b"1e9", b"null", b"_end", b'{"_end": {"rows": 1}}', b" ", b"\xef\xbb\xbf"]
)  # fmt: skip
_BYTES = st.one_of(st.binary(max_size=200), st.lists(_PIECES, max_size=60).map(b"".join))


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
@settings(max_examples=200)
@given(data=_BYTES, begin=st.sampled_from([b"", b"sku,name\n", b"[", b'{"sku": 1}\n']))
def test_any_bytes_are_rows_or_are_refused(kind: str, data: bytes, begin: bytes) -> None:
    """With no other error, and never for ever: there are no more rows than there are lines, or values."""
    try:
        found = list(read_table(io.BytesIO(begin + data), kind).rows)
    except InvalidFile:
        return
    assert len(found) <= len(begin + data) + 1
    assert all(isinstance(row, Row) or row.message for row in found)


class Endless(io.RawIOBase):
    """A file that begins so and then goes on with the same bytes; it knows how much was read of it."""

    def __init__(self, begin: bytes, more: bytes, size: int) -> None:
        """Go on up to a size."""
        super().__init__()
        self._begin, self._more = begin, more * (65_536 // len(more))
        self._left = size
        self.count = 0

    def readable(self) -> bool:
        """It is."""
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
def test_what_never_ends_is_refused_before_much_of_it_is_in_memory(
    kind: str, begin: bytes, more: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record is given up after as many characters as a row may have; what follows is read by the piece, or not at all."""
    monkeypatch.setattr(module, "MAX_ROW_SIZE", 64 * 1024)
    size = 16 * 1024**2
    file = Endless(begin, more, size)
    found: list[Row | MalformedRow] = []
    with suppress(InvalidFile):
        rows = read_table(file, kind).rows
        first = next(rows, None)
        assert isinstance(first, MalformedRow), first
        found.append(first)
        found += list(rows)
    assert len(found) <= 1
    last = found[0] if found else None
    if isinstance(last, MalformedRow) and last.last_line is None and kind != "jsonl" and more != b" ":
        assert file.count < size / 4


def test_a_row_has_a_longest_length() -> None:
    """The limit itself is taken."""
    cell = "x" * (MAX_ROW_SIZE - 3)
    (row,) = read_csv(io.BytesIO(f"a,b\n1,{cell}\n".encode())).rows
    assert isinstance(row, Row)
    (broken,) = read_csv(io.BytesIO(f"a,b\n1,{cell}x\n".encode())).rows
    assert isinstance(broken, MalformedRow)
    lines = json.dumps({"a": cell})
    assert len(list(read_table(io.BytesIO(lines.encode()), "jsonl").rows)) == 1
