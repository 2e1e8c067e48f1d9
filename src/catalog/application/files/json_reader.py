"""Reads JSON arrays and JSON Lines. Streams, so memory use does not grow with file size, and reports malformed rows in place."""

import io
from collections.abc import Iterator
from typing import Any

from catalog.application.files.detection import FileDetection
from catalog.application.files.errors import DamagedFile, invalid_file
from catalog.application.files.row_source import MAX_CUT, MAX_ROW_SIZE, MalformedRow, Row, RowSource, sampled
from catalog.application.files.text import CHUNK_SIZE, RIGHT_ENCODING, TextFile
from catalog.application.files.trailer import verify_trailer
from catalog.application.strict_json import next_value, parse_json, skip_whitespace, to_json
from catalog.domain.errors import Malformed


def read_json_lines(text: TextFile, compression: str | None = None) -> RowSource:
    """Read JSON Lines: one object per line. Empty lines are skipped.

    Raises: InvalidFile if the file is incomplete.
    """
    return _without_header(_json_lines(text), text, FileDetection("jsonl", compression, text.encoding.name))


def read_json_array(text: TextFile, records: str | None = None, compression: str | None = None) -> RowSource:
    """Read a JSON array of objects without loading it as a whole. `records` is the path of the member that has the array.

    Raises: InvalidFile if the file has no such array, or is incomplete.
    """
    window = _Window(text.stream)
    try:
        _find_array(window, records)
    except BaseException:
        text.stream.close()
        raise
    return _without_header(
        _json_array(window, is_cut=text.is_cut), text, FileDetection("json", compression, text.encoding.name, records=records)
    )


def wrapped_arrays(sample: str) -> list[str]:
    """Return the members of a JSON object that have arrays of objects, as far as the sample shows; [] for other texts."""
    return [] if not sample.lstrip("\ufeff \t\r\n").startswith("{") else _arrays(_Window(io.StringIO(sample)), "")


def _arrays(window: "_Window", path: str) -> list[str]:
    """Return the paths of the arrays of objects in the object at the window's position, two levels deep."""
    found: list[str] = []
    try:
        for name in window.members():
            if window.next_character(peek=True) == "[":
                window.next_character()
                if window.next_character(peek=True) == "{":
                    return [*found, f"{path}{name}"]
                window.skip_array()
            elif window.next_character(peek=True) == "{" and not path:
                found += _arrays(window, f"{name}.")
                if found:
                    return found
            else:
                window.read_value()
    except Malformed:
        pass
    return found


def _find_array(window: "_Window", records: str | None) -> None:
    """Move the window to the first element of the array.

    Raises: InvalidFile.
    """
    missing = invalid_file("The file is not a JSON array: it does not start with [. For one object per line, use format jsonl.")
    try:
        for name in records.split(".") if records else ():
            if name not in _until(window, name):
                message = f"The file has no member {records} that the records could be in."
                raise invalid_file(message)
            missing = invalid_file(f"The member {records} is not an array of objects.")
        if window.next_character() != "[":
            raise missing
    except Malformed as error:
        message = f"The file is not valid JSON: {error}"
        raise invalid_file(message) from error


def _until(window: "_Window", wanted: str) -> list[str]:
    """Move the window to the value of a member, and return its name in a list; [] if there is none."""
    if window.next_character(peek=True) != "{":
        return []
    for name in window.members():
        if name == wanted:
            return [name]
        window.skip_value()
    return []


def _without_header(rows: Iterator[Row | MalformedRow], text: TextFile, detected: FileDetection) -> RowSource:
    """Make a row source for rows that name their own columns."""
    sample, verified = sampled(verify_trailer(_until_damage(rows), text.hashing_reader))
    return RowSource(None, verified, text.stream.close, sample=sample, detected=detected, is_cut=text.is_cut)


def _until_damage(rows: Iterator[Row | MalformedRow]) -> Iterator[Row | MalformedRow]:
    """Yield the rows up to where the file is damaged, and then say so."""
    line = 1
    try:
        for row in rows:
            line = row.line
            yield row
    except DamagedFile as error:
        yield MalformedRow(line, f"{error} The rows up to line {line} were read.", line)


def _json_lines(text: TextFile) -> Iterator[Row | MalformedRow]:
    line = 0
    stream = text.stream
    while content := stream.readline(MAX_ROW_SIZE + 1):
        line += 1
        if len(content) > MAX_ROW_SIZE:
            while content and not content.endswith(("\n", "\r")):
                content = stream.readline(MAX_ROW_SIZE)
            yield MalformedRow(line, f"The line has more than {MAX_ROW_SIZE} characters.")
        elif content.strip():
            row = _parse_line(text, line, content)
            if text.is_cut and isinstance(row, MalformedRow) and not content.endswith(("\n", "\r")):
                return  # cut off
            yield row


def _parse_line(text: TextFile, line: int, content: str) -> Row | MalformedRow:
    if not content.isascii() and text.is_undecodable(content):
        return MalformedRow(line, f"The line {text.undecodable}", cure=RIGHT_ENCODING, text=content.strip())
    try:
        return _to_row(line, parse_json(content), len(content))
    except Malformed as error:
        return MalformedRow(line, str(error), text=content.strip())


def _json_array(window: "_Window", *, is_cut: bool) -> Iterator[Row | MalformedRow]:
    """Yield the values of an array. Stop at the first malformed one, since the start of the next value is then unknown.

    With `is_cut`, the array may end anywhere, and a value that is cut off is left out.
    """
    expected = "]"
    while True:
        if window.next_character(peek=True) == expected == "]":
            return
        line = window.line
        try:
            value = window.read_value()
        except Malformed as error:
            if not (is_cut and window.is_cut_off):
                yield MalformedRow(line, f"{error} Nothing after this was read.")
            return
        yield _to_row(line, value, window.value_length)
        separator = window.next_character()
        if separator == "]" or (is_cut and not separator):
            return
        if separator != ",":
            yield MalformedRow(window.line, "The array is malformed: expected a comma or ]. Nothing after this was read.")
            return
        expected = ""


def _to_row(line: int, value: object, size: int) -> Row | MalformedRow:
    if not isinstance(value, dict):
        return MalformedRow(line, "The row is not an object.", text=to_json(value))
    return Row(line, {name: cell for name, cell in value.items() if cell is not None}, size, cells=value)


_SKIPPED_LEVELS = 3
"""Levels of nesting on which values are skipped piece by piece."""


class _Window:
    """A moving window over a JSON text, from which one value after another is read."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._buffer = ""
        self._position = 0
        self._is_at_end = False
        self.line = 1
        self.value_length = 0

    @property
    def is_cut_off(self) -> bool:
        """Whether the text ended within a value, which is not so large that it is malformed rather."""
        return self._is_at_end and len(self._buffer) - self._position <= MAX_CUT

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

    def members(self) -> Iterator[str]:
        """Yield the name of each member of the object here. The caller reads its value before the next one.

        Raises: Malformed.
        """
        self.next_character()
        while self.next_character(peek=True) == '"':
            name = self.read_value()
            if self.next_character() != ":":
                message = "A member of an object has no colon."
                raise Malformed(message)
            yield name
            if self.next_character() != ",":
                return
        self.next_character()

    def skip_value(self, levels: int = _SKIPPED_LEVELS) -> None:
        """Skip a value. Arrays and objects may be larger than a row on the outer levels.

        Raises: Malformed.
        """
        character = self.next_character(peek=True)
        if character == "[" and levels:
            self.next_character()
            self.skip_array(levels - 1)
        elif character == "{" and levels:
            for _ in self.members():
                self.skip_value(levels - 1)
        else:
            self.read_value()

    def skip_array(self, levels: int = _SKIPPED_LEVELS) -> None:
        """Skip the rest of an array whose opening bracket was read.

        Raises: Malformed.
        """
        while self.next_character(peek=True) not in ("]", ""):
            self.skip_value(levels)
            if self.next_character(peek=True) == ",":
                self.next_character()
        self.next_character()

    def _read_more(self) -> bool:
        """Drop the consumed text and read more. Return False at the end of the file."""
        chunk = self._text.read(CHUNK_SIZE)
        self._buffer = self._buffer[self._position :] + chunk
        self._position = 0
        self._is_at_end = not chunk
        return bool(chunk)

    def _advance(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._position, end)
        self._position = end
