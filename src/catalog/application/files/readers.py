"""Readers for CSV, JSON and JSON Lines. They stream, so memory use does not grow with file size.

Malformed rows are reported in place and skipped if the format allows it. Bytes that are not UTF-8 become lone surrogates, which
the domain rejects in the field that contains them.
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
"""Maximum characters of one row; longer rows are refused."""

MAX_COLUMNS = 2_000
"""Maximum columns of a CSV file."""

QUOTES = "\"'"
"""Quote characters, which cannot be delimiters."""

_CHUNK = 64 * 1024
_NEWLINES = ("\n", "\r")
_NOT_UTF8 = "is not UTF-8; save the file as UTF-8 and send it again."

_SIGNATURES = {
    b"\x1f\x8b": "The file is compressed (gzip); decompress it first.",
    b"PK\x03\x04": "The file is a ZIP archive or a spreadsheet; save the table as UTF-8 CSV.",
    b"\xd0\xcf\x11\xe0": "The file is a spreadsheet; save the table as UTF-8 CSV.",
    b"%PDF": "The file is a PDF, not a table.",
    b"SQLite format 3": "The file is a SQLite database, not a table.",
    codecs.BOM_UTF16_LE: "The file is UTF-16; save it as UTF-8.",
    codecs.BOM_UTF16_BE: "The file is UTF-16; save it as UTF-8.",
}
"""First bytes of files that are often sent by mistake, and the error messages for them."""

_JSON_START = {b"[": "json", b"{": "jsonl"}
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "'")
"""Exports escape cells that start with these, because spreadsheets run them as formulas or drop the apostrophe."""

# Python's default cell limit of 131,072 characters is process-wide. Rows have their own limit here.
csv.field_size_limit(MAX_ROW_SIZE)

_ESCAPED_PREFIXES = tuple(f"'{prefix}" for prefix in FORMULA_PREFIXES)


def read_csv(file: BinaryReader, delimiter: str = ",", policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read CSV (RFC 4180) with a header. Empty cells are omitted, and the apostrophe that escapes a formula is removed.

    A column without a name is named after its position, such as "column 3".

    Raises: InvalidQuery for a bad delimiter, InvalidFile if the file is not CSV, has no header or is incomplete.
    """
    delimiter = parse_delimiter(delimiter)
    text, hashing_reader = _open_text(file, "csv", "", policy)
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        columns = _header(reader)
        hashing_reader.require_trailer(columns)
    except InvalidFile:
        text.close()
        raise
    return RowSource(columns, verify_trailer(_csv_rows(reader, lines, columns), hashing_reader, columns), text.close)


def parse_delimiter(text: str) -> str:
    """Parse a CSV delimiter: one character, or `tab` for a tab character.

    Raises: InvalidQuery.
    """
    delimiter = "\t" if text == "tab" else text
    is_punctuation = len(delimiter) == 1 and "!" <= delimiter <= "~" and not delimiter.isalnum() and delimiter not in QUOTES
    if is_punctuation or delimiter == "\t":
        return delimiter
    message = f"The delimiter must be one character such as , ; | or tab, not a letter, digit, quote or space: {text!r:.20}."
    raise InvalidQuery([FieldError(("delimiter",), "invalid_delimiter", message)])


def _header(reader: Any) -> tuple[str, ...]:  # noqa: ANN401 - the type of csv's reader is private
    """Read the column names.

    Raises: InvalidFile.
    """
    try:
        header: list[str] = next(reader, [])
    except (csv.Error, _RowTooLong) as error:
        raise _invalid_file(f"The header cannot be read: {error}.") from error
    names = [name.strip() for name in header]
    if not any(names):
        message = "The file has no header; its first line must name the columns, such as sku,name,price,currency."
        raise _invalid_file(message)
    if len(names) > MAX_COLUMNS:
        message = f"The header has {len(names)} columns; the maximum is {MAX_COLUMNS}."
        raise _invalid_file(message)
    if any("\x00" in name for name in names):
        message = "The file is not UTF-8 text: its first line contains the character U+0000."
        raise _invalid_file(message)
    if any(_is_not_utf8(name) for name in names):
        message = f"Line 1 {_NOT_UTF8}"
        raise _invalid_file(message)
    return tuple(name or f"column {number}" for number, name in enumerate(names, 1))


def read_json_lines(file: BinaryReader, policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read JSON Lines: one object per line. Empty lines are skipped.

    Raises: InvalidFile if the file is not JSON Lines or is incomplete.
    """
    text, hashing_reader = _open_text(file, "jsonl", "\n", policy)
    return _without_header(_json_lines(text), hashing_reader, text)


def read_json_array(file: BinaryReader, policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read a JSON array of objects without loading it as a whole.

    Raises: InvalidFile if the file is not a JSON array or is incomplete.
    """
    text, hashing_reader = _open_text(file, "json", "\n", policy)
    return _without_header(_json_array(text), hashing_reader, text)


def _without_header(rows: Iterator[Row | MalformedRow], hashing_reader: HashingReader, text: io.TextIOWrapper) -> RowSource:
    """Make a row source for rows that name their own columns. The first row shows whether the file is an export."""
    first = next(rows, None)
    try:
        hashing_reader.require_trailer(first.values if isinstance(first, Row) else ())
    except InvalidFile:
        text.close()
        raise
    return RowSource(None, verify_trailer(chain(() if first is None else (first,), rows), hashing_reader), text.close)


def read_table(file: BinaryReader, kind: str, delimiter: str = ",", policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read a file in one of the formats of READERS. `delimiter` is for CSV only; see `parse_delimiter`.

    Raises: InvalidQuery for a bad delimiter, InvalidFile if the file has another format or fails the trailer policy.
    """
    if kind == "csv":
        return read_csv(file, delimiter, policy)
    return read_json_array(file, policy) if kind == "json" else read_json_lines(file, policy)


READERS: dict[str, Callable[[BinaryReader], RowSource]] = {"csv": read_csv, "jsonl": read_json_lines, "json": read_json_array}
"""Readers by format."""


def _open_text(file: BinaryReader, kind: str, newline: str, policy: TrailerPolicy) -> tuple[io.TextIOWrapper, HashingReader]:
    """Open a file as UTF-8 text.

    Raises: InvalidFile if its first bytes show that it has another format.
    """
    hashing_reader = HashingReader(file, policy)
    buffered = io.BufferedReader(hashing_reader, _CHUNK)
    try:
        _check_file_start(buffered.peek(_CHUNK), kind)
    except InvalidFile:
        buffered.close()
        raise
    return io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline=newline), hashing_reader


def _check_file_start(start: bytes, kind: str) -> None:
    """Refuse a file whose first bytes show that it is not a table in this format.

    Raises: InvalidFile.
    """
    for signature, message in _SIGNATURES.items():
        if start.startswith(signature):
            raise _invalid_file(message)
    content = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if not content and len(start) < _CHUNK:
        message = "The file is empty." if kind != "csv" else "The file is empty; it has no header with column names."
        raise _invalid_file(message)
    if content[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        message = "The file is an HTML or XML page, not a table; URLs that require a sign-in often return one."
        raise _invalid_file(message)
    first_byte = content[:1]
    if kind == "csv" and first_byte in _JSON_START:
        message = f"The file is JSON, not CSV; use format {_JSON_START[first_byte]}."
        raise _invalid_file(message)
    if kind == "json" and first_byte != b"[":
        message = "The file is not a JSON array: it does not start with [. For one object per line, use format jsonl."
        raise _invalid_file(message)
    if kind == "jsonl" and first_byte == b"[":
        message = "The file is a JSON array, not JSON Lines; use format json."
        raise _invalid_file(message)


class _RowTooLong(Exception):
    """A CSV record exceeds MAX_ROW_SIZE."""


class _Lines:
    """The lines of a text, for csv.reader. Counts lines and limits each record to MAX_ROW_SIZE characters."""

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
        """Start a record and return the number of its first line."""
        self._size = 0
        self.all_utf8 = True
        return self.count + 1

    def skip_to_end(self) -> int:
        """Read to the end of the text and return the number of its last line."""
        at_line_start = self._line_complete
        while chunk := self._text.readline(_CHUNK):
            self.count += at_line_start
            at_line_start = chunk.endswith(_NEWLINES)
        return self.count


def _is_not_utf8(text: str) -> bool:
    """Return whether a decoded text contains bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _csv_rows(reader: Any, lines: _Lines, columns: tuple[str, ...]) -> Iterator[Row | MalformedRow]:  # noqa: ANN401 - the type of csv's reader is private
    """Yield the records. Stop at the first record with wrong quotes.

    A stray quote swaps inside and outside of cells up to the next quote, so every later line may be part of a cell, and nothing
    in the file proves that it is not. Reading on could turn the lines of a description into items.
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
            extra_cells = cells[len(columns) :]
            if not extra_cells or any(map(str.strip, extra_cells)):
                message = f"The row has {len(cells)} cells, but the header has {len(columns)}."
                if lines.count > line:
                    yield _unreadable_rest(lines, line, f"{message} It spans several lines; a quote may be missing or extra.")
                    return
                yield MalformedRow(line, message)
                continue
            del cells[len(columns) :]
        if not lines.all_utf8:
            yield MalformedRow(line, f"The row {_NOT_UTF8}")
            continue
        named_cells = zip(columns, cells, strict=True)
        values = {name: cell if cell[0] != "'" else _unescape_formula(cell) for name, cell in named_cells if cell}
        yield Row(line, values, sum(map(len, cells)))


def _unreadable_rest(lines: _Lines, line: int, reason: str) -> MalformedRow:
    """Skip the rest of the file and report the lines that were not read."""
    last = lines.skip_to_end()
    skipped_lines = f"Line {line}, the last line, was" if last == line else f"Lines {line} to {last}, the rest of the file, were"
    return MalformedRow(line, f"{reason} {skipped_lines} not read. Double the quotes inside cells and send the file again.", last)


def escape_formula(cell: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would run as a formula, or that starts with an apostrophe."""
    return f"'{cell}" if cell.startswith(FORMULA_PREFIXES) else cell


def _unescape_formula(cell: str) -> str:
    """Remove the apostrophe that `escape_formula` adds."""
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
    """Yield the values of an array. Stop at the first malformed one, since the start of the next value is then unknown."""
    window = _Window(text)
    window.next_character()  # the opening bracket, checked when the file was opened
    expected = "]"
    while True:
        if window.next_character(peek=True) == expected == "]":
            return
        line = window.line
        try:
            value = window.read_value()
        except Malformed as error:
            yield MalformedRow(line, f"{error} Nothing after this was read.")
            return
        yield _to_row(line, value, window.value_length)
        separator = window.next_character()
        if separator == "]":
            return
        if separator != ",":
            yield MalformedRow(window.line, "The array is malformed: expected a comma or ]. Nothing after this was read.")
            return
        expected = ""


def _to_row(line: int, value: object, size: int) -> Row | MalformedRow:
    if not isinstance(value, dict):
        return MalformedRow(line, "The row is not an object.")
    return Row(line, {name: cell for name, cell in value.items() if cell is not None}, size)


class _Window:
    """A moving window over a JSON text, from which one value after another is read."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._buffer = ""
        self._position = 0
        self.line = 1
        self.value_length = 0

    def next_character(self, *, peek: bool = False) -> str:
        """Skip whitespace and return the next character, or an empty string at the end. Consume it unless `peek` is set."""
        while True:
            self._advance(skip_whitespace(self._buffer, self._position))
            if self._position < len(self._buffer):
                character = self._buffer[self._position]
                self._position += not peek
                return character
            if not self._read_more():
                return ""

    def read_value(self) -> Any:  # noqa: ANN401 - any JSON value
        """Read the next value.

        Raises: Malformed.
        """
        self.next_character(peek=True)
        while True:
            parsed = next_value(self._buffer, self._position)
            if parsed is not None:
                self.value_length = parsed[1] - self._position
                self._advance(parsed[1])
                return parsed[0]
            if len(self._buffer) - self._position > MAX_ROW_SIZE:
                message = f"The array is malformed here, or a row has more than {MAX_ROW_SIZE} characters."
                raise Malformed(message)
            if not self._read_more():
                message = "The array is malformed or ends too early."
                raise Malformed(message)

    def _read_more(self) -> bool:
        """Drop the consumed text and read more. Return False at the end of the file."""
        chunk = self._text.read(_CHUNK)
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return bool(chunk)

    def _advance(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._position, end)
        self._position = end


def _invalid_file(message: str) -> InvalidFile:
    return InvalidFile([FieldError((), "invalid_file", message)])
