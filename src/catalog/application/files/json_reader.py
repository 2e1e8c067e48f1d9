"""Reads JSON arrays and JSON Lines. Streams, so memory use does not grow with file size, and reports malformed rows in place."""

import io
from collections.abc import Iterator
from itertools import chain
from typing import Any

from catalog.application.files.row_source import MAX_ROW_SIZE, BinaryReader, MalformedRow, Row, RowSource
from catalog.application.files.text import CHUNK_SIZE, NOT_UTF8, is_not_utf8, open_text
from catalog.application.files.trailer import HashingReader, TrailerPolicy, verify_trailer
from catalog.application.strict_json import next_value, parse_json, skip_whitespace
from catalog.domain.errors import InvalidFile, Malformed


def read_json_lines(file: BinaryReader, policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read JSON Lines: one object per line. Empty lines are skipped.

    Raises: InvalidFile if the file is not JSON Lines or is incomplete.
    """
    text, hashing_reader = open_text(file, "jsonl", "\n", policy)
    return _without_header(_json_lines(text), hashing_reader, text)


def read_json_array(file: BinaryReader, policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read a JSON array of objects without loading it as a whole.

    Raises: InvalidFile if the file is not a JSON array or is incomplete.
    """
    text, hashing_reader = open_text(file, "json", "\n", policy)
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


def _json_lines(text: io.TextIOWrapper) -> Iterator[Row | MalformedRow]:
    line = 0
    while content := text.readline(MAX_ROW_SIZE + 1):
        line += 1
        if len(content) > MAX_ROW_SIZE:
            while content and not content.endswith("\n"):
                content = text.readline(MAX_ROW_SIZE)
            yield MalformedRow(line, f"The line has more than {MAX_ROW_SIZE} characters.")
        elif not content.isascii() and is_not_utf8(content):
            yield MalformedRow(line, f"The line {NOT_UTF8}")
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
        chunk = self._text.read(CHUNK_SIZE)
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        return bool(chunk)

    def _advance(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._position, end)
        self._position = end
