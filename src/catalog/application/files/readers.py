"""Rows out of files: CSV, JSON and JSON Lines, read as they come, so that a file of any size takes the same memory.

What cannot be read is told in its place and, where the format allows it, passed over. Bytes that are no UTF-8 become
lone surrogates, which the domain refuses in the field where they stand.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from catalog.application.files.row_source import BinaryReader, MalformedRow, Row, RowSource
from catalog.application.files.trailer import HashingReader, TrailerPolicy, verify_trailer
from catalog.application.strict_json import next_value, parse_json, skip_whitespace
from catalog.domain.errors import FieldError, InvalidFile, InvalidQuery, Malformed

MAX_ROW_SIZE = 1024 * 1024
"""Characters of one row; a longer one is refused."""

MAX_COLUMNS = 2_000
"""Columns of a CSV file."""

QUOTES = "\"'"
"""What stands around cells, and never between them."""

_CHUNK = 64 * 1024
_NEWLINES = ("\n", "\r")
_NOT_UTF8 = "is not UTF-8; save the file as UTF-8 and send it again."

_SIGNATURES = {
    b"\x1f\x8b": "The file is compressed (gzip); unpack it first.",
    b"PK\x03\x04": "The file is a ZIP archive or a workbook of a spreadsheet; save the table as CSV in UTF-8.",
    b"\xd0\xcf\x11\xe0": "The file is a workbook of a spreadsheet; save the table as CSV in UTF-8.",
    b"%PDF": "The file is a PDF, not a table.",
    b"SQLite format 3": "The file is an SQLite database, not a table.",
    codecs.BOM_UTF16_LE: "The file is UTF-16; save it as UTF-8.",
    codecs.BOM_UTF16_BE: "The file is UTF-16; save it as UTF-8.",
}
"""How files begin that are often sent by mistake, and what is said of them."""

_JSON_START = {b"[": "json", b"{": "jsonl"}
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "'")
"""How cells begin that an export puts an apostrophe before: a spreadsheet would calculate them, or take the apostrophe off."""

# Python's own limit of a cell, 131,072, is one of the process; rows have a limit of their own here.
csv.field_size_limit(MAX_ROW_SIZE)

_ESCAPED_PREFIXES = tuple(f"'{sign}" for sign in FORMULA_PREFIXES)


def read_csv(file: BinaryReader, delimiter: str = ",", policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read CSV (RFC 4180) with a header. An empty cell is absent; a formula's guarding apostrophe is taken off.

    A column without a name is called "column 3", by its place. Raises InvalidQuery for a bad delimiter, and InvalidFile when the
    file is no CSV or has no header.
    """
    delimiter = parse_delimiter(delimiter)
    text, sealed = _open_text(file, "csv", "", policy)
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        columns = _header(reader)
        sealed.require_trailer(columns)
    except InvalidFile:
        text.close()
        raise
    return RowSource(columns, verify_trailer(_csv_rows(reader, lines, columns), sealed, columns), text.close)


def parse_delimiter(text: str) -> str:
    """Return the character between the cells of a CSV file (`tab`: a tabulator). Raises InvalidQuery."""
    delimiter = "\t" if text == "tab" else text
    visible_sign = len(delimiter) == 1 and "!" <= delimiter <= "~" and not delimiter.isalnum() and delimiter not in QUOTES
    if visible_sign or delimiter == "\t":
        return delimiter
    message = f"The delimiter is one character like , ; | or tab, not a letter, a digit, a quote or a space: {text!r:.20}."
    raise InvalidQuery([FieldError(("delimiter",), "invalid_delimiter", message)])


def _header(reader: Any) -> tuple[str, ...]:  # noqa: ANN401 - csv's reader has no name
    """Read the names of the columns."""
    try:
        header: list[str] = next(reader, [])
    except (csv.Error, _RowTooLong) as error:
        raise _invalid_file(f"The header cannot be read: {error}.") from error
    names = [name.strip() for name in header]
    if not any(names):
        message = "The file has no header; its first line names the columns: sku,name,price,currency."
        raise _invalid_file(message)
    if len(names) > MAX_COLUMNS:
        message = f"The header has {len(names)} columns; an import takes up to {MAX_COLUMNS}."
        raise _invalid_file(message)
    if any("\x00" in name for name in names):
        message = "The file is no text in UTF-8: its first line has the character U+0000."
        raise _invalid_file(message)
    if any(_is_not_utf8(name) for name in names):
        message = f"Line 1 {_NOT_UTF8}"
        raise _invalid_file(message)
    return tuple(name or f"column {number}" for number, name in enumerate(names, 1))


def read_json_lines(file: BinaryReader, policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read JSON Lines: an object a line; empty lines are passed over."""
    text, sealed = _open_text(file, "jsonl", "\n", policy)
    return _without_header(_json_lines(text), sealed, text)


def read_json_array(file: BinaryReader, policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read a JSON array of objects, without ever holding all of it."""
    text, sealed = _open_text(file, "json", "\n", policy)
    return _without_header(_json_array(text), sealed, text)


def _without_header(rows: Iterator[Row | MalformedRow], hashing_reader: HashingReader, text: io.TextIOWrapper) -> RowSource:
    """Make a table of rows that name their own columns; those of the first tell whether the file is an export."""
    first = next(rows, None)
    try:
        hashing_reader.require_trailer(first.values if isinstance(first, Row) else ())
    except InvalidFile:
        text.close()
        raise
    return RowSource(None, verify_trailer(chain(() if first is None else (first,), rows), hashing_reader), text.close)


def read_table(file: BinaryReader, kind: str, delimiter: str = ",", policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read a file of one of the formats of READERS; of CSV with what stands between the cells (`tab`: a tabulator).

    Raises InvalidFile when it is something else, or not whole though `proof` says that it must be.
    """
    if kind == "csv":
        return read_csv(file, delimiter, policy)
    return read_json_array(file, policy) if kind == "json" else read_json_lines(file, policy)


READERS: dict[str, Callable[[BinaryReader], RowSource]] = {"csv": read_csv, "jsonl": read_json_lines, "json": read_json_array}
"""Format -> reader."""


def _open_text(file: BinaryReader, kind: str, newline: str, policy: TrailerPolicy) -> tuple[io.TextIOWrapper, HashingReader]:
    """Decode a file. Raises InvalidFile when its first bytes show that it is of another kind."""
    sealed = HashingReader(file, policy)
    buffered = io.BufferedReader(sealed, _CHUNK)
    try:
        _check_file_start(buffered.peek(_CHUNK), kind)
    except InvalidFile:
        buffered.close()
        raise
    return io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline=newline), sealed


def _check_file_start(start: bytes, kind: str) -> None:
    """Refuse what is no table of this kind, by how it begins."""
    for signature, message in _SIGNATURES.items():
        if start.startswith(signature):
            raise _invalid_file(message)
    begin = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if not begin and len(start) < _CHUNK:
        message = "The file is empty." if kind != "csv" else "The file is empty; it has no header that names the columns."
        raise _invalid_file(message)
    if begin[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        message = "The file is a page of HTML or XML, not a table; an address that asks for a sign-in often answers so."
        raise _invalid_file(message)
    first = begin[:1]
    if kind == "csv" and first in _JSON_START:
        message = f"The file is JSON, not CSV; its format is {_JSON_START[first]}."
        raise _invalid_file(message)
    if kind == "json" and first != b"[":
        message = "The file is no JSON array: it does not begin with [. An object a line is JSON Lines (format jsonl)."
        raise _invalid_file(message)
    if kind == "jsonl" and first == b"[":
        message = "The file is a JSON array, not JSON Lines; its format is json."
        raise _invalid_file(message)


class _RowTooLong(Exception):
    """A record of CSV goes on and on."""


class _Lines:
    """Lines of a text, for a CSV reader: counted, and no more characters of one record than LONGEST."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.count = 0
        self._size = 0
        self._line_complete = True
        self.all_utf8 = True

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW_SIZE + 1)
        if not line:
            raise StopIteration
        self.count += 1
        self._size += len(line)
        self._line_complete = line.endswith(_NEWLINES)
        if self._size > MAX_ROW_SIZE:
            message = f"it has more than {MAX_ROW_SIZE} characters"
            raise _RowTooLong(message)
        if not line.isascii() and _is_not_utf8(line):
            self.all_utf8 = False
        return line

    def start_record(self) -> int:
        """Begin a record, and return the number of its first line."""
        self._size = 0
        self.all_utf8 = True
        return self.count + 1

    def skip_to_end(self) -> int:
        """Read to the end of the text, and return the number of its last line."""
        begins = self._line_complete
        while piece := self._text.readline(_CHUNK):
            self.count += begins
            begins = piece.endswith(_NEWLINES)
        return self.count


def _is_not_utf8(text: str) -> bool:
    """Whether a decoded text holds bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _csv_rows(reader: Any, lines: _Lines, columns: tuple[str, ...]) -> Iterator[Row | MalformedRow]:  # noqa: ANN401 - csv's reader has no name
    """Go through the records. Where the quotes of one are wrong the file ends.

    Any line that follows may stand inside a cell, and nothing in the file proves that it does not: a stray quote turns inside
    and outside around up to the next one. To go on would make items of the lines of a description.
    """
    while True:
        line = lines.start_record()
        try:
            cells = next(reader, None)
        except (csv.Error, _RowTooLong) as error:
            yield _unreadable_rest(lines, line, f"The row at line {line} cannot be read: {error}.")
            return
        if cells is None:
            return
        if not cells or (not cells[0].strip() and not any(map(str.strip, cells))):
            continue
        if len(cells) != len(columns):
            surplus = cells[len(columns) :]
            if not surplus or any(map(str.strip, surplus)):
                message = f"The row has {len(cells)} cells, the header {len(columns)}."
                if lines.count > line:
                    yield _unreadable_rest(lines, line, f"{message} It has several lines: a quote may be missing or too many.")
                    return
                yield MalformedRow(line, message)
                continue
            del cells[len(columns) :]
        if not lines.all_utf8:
            yield MalformedRow(line, f"The row {_NOT_UTF8}")
            continue
        named = zip(columns, cells, strict=True)
        values = {name: cell if cell[0] != "'" else _unescape_formula(cell) for name, cell in named if cell}
        yield Row(line, values, sum(map(len, cells)))


def _unreadable_rest(lines: _Lines, line: int, reason: str) -> MalformedRow:
    """Say from which line to which nothing was read."""
    last = lines.skip_to_end()
    where = f"Line {line}, the last one, was" if last == line else f"Lines {line} to {last}, the rest of the file, were"
    return MalformedRow(line, f"{reason} {where} not read. Double the quotes inside of cells, and send the file again.", last)


def escape_formula(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would calculate, and before one that is there already."""
    return f"'{cell}" if cell.startswith(FORMULA_PREFIXES) else cell


def _unescape_formula(cell: str) -> str:
    """Take off the apostrophe that an export puts before what a spreadsheet would calculate."""
    return cell[1:] if cell.startswith(_ESCAPED_PREFIXES) else cell


def _json_lines(text: io.TextIOWrapper) -> Iterator[Row | MalformedRow]:
    line = 0
    while content := text.readline(MAX_ROW_SIZE + 1):
        line += 1
        if len(content) > MAX_ROW_SIZE:
            while content and not content.endswith("\n"):
                content = text.readline(MAX_ROW_SIZE)
            yield MalformedRow(line, f"The line has more than {MAX_ROW_SIZE} characters.")
        elif not content.isascii() and _is_not_utf8(content):
            yield MalformedRow(line, f"The line {_NOT_UTF8}")
        elif content.strip():
            try:
                yield _to_row(line, parse_json(content), len(content))
            except Malformed as error:
                yield MalformedRow(line, str(error))


def _json_array(text: io.TextIOWrapper) -> Iterator[Row | MalformedRow]:
    """Go through the values of an array. What is broken ends it, for nobody knows where the next value begins."""
    window = _Window(text)
    window.next_character()  # the opening bracket, which was seen when the file was opened
    expected = "]"
    while True:
        if window.next_character(peek=True) == expected == "]":
            return
        line = window.line
        try:
            value = window.read_value()
        except Malformed as error:
            yield MalformedRow(line, f"{error} Nothing after it was read.")
            return
        yield _to_row(line, value, window.value_length)
        sign = window.next_character()
        if sign == "]":
            return
        if sign != ",":
            yield MalformedRow(window.line, "The array is broken: a comma or its end is missing. Nothing after it was read.")
            return
        expected = ""


def _to_row(line: int, value: object, size: int) -> Row | MalformedRow:
    if not isinstance(value, dict):
        return MalformedRow(line, "The row is no object.")
    return Row(line, {name: inner for name, inner in value.items() if inner is not None}, size)


class _Window:
    """A stretch of a JSON text that moves on as values are taken from it."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._buffer = ""
        self._position = 0
        self.line = 1
        self.value_length = 0

    def next_character(self, *, peek: bool = False) -> str:
        """Take the next character that is no white space; nothing at the end."""
        while True:
            self._advance(skip_whitespace(self._buffer, self._position))
            if self._position < len(self._buffer):
                found = self._buffer[self._position]
                self._position += not peek
                return found
            if not self._read_more():
                return ""

    def read_value(self) -> Any:  # noqa: ANN401 - any JSON value
        """Take the next value. Raises Malformed."""
        self.next_character(peek=True)
        while True:
            found = next_value(self._buffer, self._position)
            if found is not None:
                self.value_length = found[1] - self._position
                self._advance(found[1])
                return found[0]
            if len(self._buffer) - self._position > MAX_ROW_SIZE:
                message = f"The array is broken here, or a row has more than {MAX_ROW_SIZE} characters."
                raise Malformed(message)
            if not self._read_more():
                message = "The array is broken, or ends too early."
                raise Malformed(message)

    def _read_more(self) -> bool:
        """Read on, and forget what was taken."""
        chunk = self._text.read(_CHUNK)
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return bool(chunk)

    def _advance(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._position, end)
        self._position = end


def _invalid_file(message: str) -> InvalidFile:
    return InvalidFile([FieldError((), "invalid_file", message)])
