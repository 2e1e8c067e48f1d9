"""Reads CSV. Streams, so memory use does not grow with file size, and reports malformed rows in place."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from catalog.application.files.formulas import unescape_formula
from catalog.application.files.row_source import MAX_ROW_SIZE, BinaryReader, MalformedRow, Row, RowSource
from catalog.application.files.text import CHUNK_SIZE, NOT_UTF8, invalid_file, is_not_utf8, open_text
from catalog.application.files.trailer import TrailerPolicy, verify_trailer
from catalog.domain.errors import FieldError, InvalidFile, InvalidQuery

MAX_COLUMNS = 2_000
"""Maximum columns of a CSV file."""

QUOTES = "\"'"
"""Quote characters, which cannot be delimiters."""

_NEWLINES = ("\n", "\r")

# Python's default cell limit of 131,072 characters is process-wide. Rows have their own limit here.
csv.field_size_limit(MAX_ROW_SIZE)


def read_csv(file: BinaryReader, delimiter: str = ",", policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read CSV (RFC 4180) with a header. Empty cells are omitted, and the apostrophe that escapes a formula is removed.

    A column without a name is named after its position, such as "column 3".

    Raises: InvalidQuery for a bad delimiter, InvalidFile if the file is not CSV, has no header or is incomplete.
    """
    delimiter = parse_delimiter(delimiter)
    text, hashing_reader = open_text(file, "csv", "", policy)
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
        raise invalid_file(f"The header cannot be read: {error}.") from error
    names = [name.strip() for name in header]
    if not any(names):
        message = "The file has no header; its first line must name the columns, such as sku,name,price,currency."
        raise invalid_file(message)
    if len(names) > MAX_COLUMNS:
        message = f"The header has {len(names)} columns; the maximum is {MAX_COLUMNS}."
        raise invalid_file(message)
    if any("\x00" in name for name in names):
        message = "The file is not UTF-8 text: its first line contains the character U+0000."
        raise invalid_file(message)
    if any(is_not_utf8(name) for name in names):
        message = f"Line 1 {NOT_UTF8}"
        raise invalid_file(message)
    return tuple(name or f"column {number}" for number, name in enumerate(names, 1))


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
        if not line.isascii() and is_not_utf8(line):
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
        while chunk := self._text.readline(CHUNK_SIZE):
            self.count += at_line_start
            at_line_start = chunk.endswith(_NEWLINES)
        return self.count


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
            yield MalformedRow(line, f"The row {NOT_UTF8}")
            continue
        named_cells = zip(columns, cells, strict=True)
        values = {name: cell if cell[0] != "'" else unescape_formula(cell) for name, cell in named_cells if cell}
        yield Row(line, values, sum(map(len, cells)))


def _unreadable_rest(lines: _Lines, line: int, reason: str) -> MalformedRow:
    """Skip the rest of the file and report the lines that were not read."""
    last = lines.skip_to_end()
    skipped_lines = f"Line {line}, the last line, was" if last == line else f"Lines {line} to {last}, the rest of the file, were"
    return MalformedRow(line, f"{reason} {skipped_lines} not read. Double the quotes inside cells and send the file again.", last)
