"""Rows out of files: CSV, JSON and JSON Lines, read as they come, so that a file of any size takes the same memory.

What cannot be read is told in its place and, where the format allows it, passed over. Bytes that are no UTF-8 become
lone surrogates, which the domain refuses in the field where they stand.
"""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from catalog.application.json_text import gap_end, next_value, parse_json
from catalog.application.sealing import Sealed, checked
from catalog.application.tables import Broken, Readable, Row, Table
from catalog.domain.errors import Fault, InvalidQuery, Malformed

LONGEST = 1024 * 1024
"""Characters of one row; a longer one is refused."""

_CHUNK = 64 * 1024
CALCULATED = ("=", "+", "-", "@", "\t", "\r", "'")
"""How cells begin that an export puts an apostrophe before: a spreadsheet would calculate them, or take the apostrophe off."""

_FORMULA = tuple(f"'{sign}" for sign in CALCULATED)


def read_csv(file: Readable, delimiter: str = ",") -> Table:
    """Read CSV (RFC 4180) with a header. An empty cell is absent; a formula's guarding apostrophe is taken off.

    Raises InvalidQuery when there is no header, or it names a column twice, or the delimiter is none.
    """
    if len(delimiter) != 1:
        message = f"What stands between the cells is one character, not {delimiter!r}."
        raise _refused(message)
    text, sealed = _text(file, newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        columns = _header(reader)
    except InvalidQuery:
        text.close()
        raise
    return Table(columns, checked(_csv_rows(reader, columns), sealed), text.close)


def _header(reader: Any) -> tuple[str, ...]:  # noqa: ANN401 - csv's reader has no name
    """Read the names of the columns."""
    try:
        header: list[str] = next(reader, [])
    except csv.Error as error:
        raise _refused(f"The header cannot be read: {error}.") from error
    columns = tuple(name.strip() for name in header)
    if not any(columns):
        message = "The file has no header; its first line names the columns: sku,name,price,currency."
        raise _refused(message)
    if len(set(columns)) < len(columns):
        twice = ", ".join(sorted({name for name in columns if columns.count(name) > 1}))
        raise _refused(f"The header names columns twice: {twice}.")
    return columns


def read_json_lines(file: Readable) -> Table:
    """Read JSON Lines: an object a line; empty lines are passed over."""
    text, sealed = _text(file, newline="\n")
    return Table(None, checked(_json_lines(text), sealed), text.close)


def read_json_array(file: Readable) -> Table:
    """Read a JSON array of objects, without ever holding all of it."""
    text, sealed = _text(file, newline="\n")
    return Table(None, checked(_json_array(text), sealed), text.close)


def read_table(file: Readable, kind: str, delimiter: str = ",") -> Table:
    """Read a file of one of the formats of READERS; of CSV with what stands between the cells (`tab`: a tabulator)."""
    return read_csv(file, "\t" if delimiter == "tab" else delimiter) if kind == "csv" else READERS[kind](file)


READERS: dict[str, Callable[[Readable], Table]] = {"csv": read_csv, "jsonl": read_json_lines, "json": read_json_array}
"""Format -> reader."""


def _text(file: Readable, newline: str) -> tuple[io.TextIOWrapper, Sealed]:
    sealed = Sealed(file)
    buffered = io.BufferedReader(sealed, _CHUNK)
    return io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline=newline), sealed


def _csv_rows(reader: Any, columns: tuple[str, ...]) -> Iterator[Row | Broken]:  # noqa: ANN401 - csv's reader has no name
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Broken(line, f"The row cannot be read: {error}.")
            continue
        if cells is None:
            return
        if not cells:
            continue
        if len(cells) != len(columns):
            yield Broken(line, f"The row has {len(cells)} cells, the header {len(columns)}.")
            continue
        named = zip(columns, cells, strict=True)
        values = {name: cell if cell[0] != "'" else _plain(cell) for name, cell in named if cell}
        yield Row(line, values, sum(map(len, cells)))


def _plain(cell: str) -> str:
    """Take off the apostrophe that an export puts before what a spreadsheet would calculate."""
    return cell[1:] if cell.startswith(_FORMULA) else cell


def _json_lines(text: io.TextIOWrapper) -> Iterator[Row | Broken]:
    line = 0
    while content := text.readline(LONGEST + 1):
        line += 1
        if len(content) > LONGEST:
            while content and not content.endswith("\n"):
                content = text.readline(LONGEST)
            yield Broken(line, f"The line has more than {LONGEST} characters.")
        elif content.strip():
            try:
                yield _row(line, parse_json(content), len(content))
            except Malformed as error:
                yield Broken(line, str(error))


def _json_array(text: io.TextIOWrapper) -> Iterator[Row | Broken]:
    """Go through the values of an array. What is broken ends it, for nobody knows where the next value begins."""
    window = _Window(text)
    if window.sign() != "[":
        yield Broken(1, "The file is no JSON array: it does not begin with [. An object a line is JSON Lines (--format jsonl).")
        return
    expected = "]"
    while True:
        if window.sign(peek=True) == expected == "]":
            return
        line = window.line
        try:
            value = window.value()
        except Malformed as error:
            yield Broken(line, f"{error} Nothing after it was read.")
            return
        yield _row(line, value, window.taken)
        sign = window.sign()
        if sign == "]":
            return
        if sign != ",":
            yield Broken(window.line, "The array is broken: a comma or its end is missing. Nothing after it was read.")
            return
        expected = ""


def _row(line: int, value: object, size: int) -> Row | Broken:
    if not isinstance(value, dict):
        return Broken(line, "The row is no object.")
    return Row(line, {name: inner for name, inner in value.items() if inner is not None}, size)


class _Window:
    """A stretch of a JSON text that moves on as values are taken from it."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._buffer = ""
        self._position = 0
        self.line = 1
        self.taken = 0

    def sign(self, *, peek: bool = False) -> str:
        """Take the next character that is no white space; nothing at the end."""
        while True:
            self._move(gap_end(self._buffer, self._position))
            if self._position < len(self._buffer):
                found = self._buffer[self._position]
                self._position += not peek
                return found
            if not self._more():
                return ""

    def value(self) -> Any:  # noqa: ANN401 - any JSON value
        """Take the next value. Raises Malformed."""
        self.sign(peek=True)
        while True:
            found = next_value(self._buffer, self._position)
            if found is not None:
                self.taken = found[1] - self._position
                self._move(found[1])
                return found[0]
            if len(self._buffer) - self._position > LONGEST:
                message = f"The array is broken here, or a row has more than {LONGEST} characters."
                raise Malformed(message)
            if not self._more():
                message = "The array is broken, or ends too early."
                raise Malformed(message)

    def _more(self) -> bool:
        """Read on, and forget what was taken."""
        chunk = self._text.read(_CHUNK)
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return bool(chunk)

    def _move(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._position, end)
        self._position = end


def _refused(message: str) -> InvalidQuery:
    return InvalidQuery([Fault(("file",), "invalid_file", message)])
