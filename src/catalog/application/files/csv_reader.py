"""Reads CSV (RFC 4180) and repairs what real files have: stray quotes, short rows, blank rows. Streams; memory does not grow.

A quote that does not belong there swaps the inside and the outside of cells up to the next quote, so later lines seem to be part
of a cell. The rules for a record that cannot be read, or that spans several lines and has the wrong number of cells:

1. If its first line, or its first few lines, give a row with the right number of cells when only a quote next to a delimiter ends
   a cell (`"Shelf 19" deep"`), they are that row, unless one of the later lines is a complete row of its own.
2. Otherwise, reading continues at the next line from which on the file is a table again: from there, up to three records in a row
   have the right number of cells, and the first one is quoted as the header is. The lines before are refused. One line that looks
   like a row is not enough, since a cell may contain such lines.
"""

import csv
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from catalog.application.files.delimiters import detect_delimiter, parse_delimiter, sep_line
from catalog.application.files.detection import FileDetection
from catalog.application.files.errors import DamagedFile, invalid_file
from catalog.application.files.formulas import unescape_formula
from catalog.application.files.row_source import KNOWN_NAMES, MAX_ROW_SIZE, MalformedRow, Row, RowSource, sampled
from catalog.application.files.text import CHUNK_SIZE, TextFile
from catalog.application.files.trailer import verify_trailer

MAX_COLUMNS = 2_000
"""Maximum columns of a CSV file."""

_NEWLINES = ("\n", "\r")

_REPAIRED_LINES = 20
"""Maximum lines of a record that is repaired."""

_CONFIRMING_RECORDS = 3
"""Records with the right number of cells that prove that the file is a table again."""

_LOOK_AHEAD = 10
"""Lines that are read ahead to find them."""

# Python's default cell limit of 131,072 characters is process-wide. Rows have their own limit here.
csv.field_size_limit(MAX_ROW_SIZE)


def read_csv(text: TextFile, delimiter: str | None = None, compression: str | None = None) -> RowSource:
    """Read CSV with a header. Empty cells are omitted, and the apostrophe that escapes a formula is removed.

    A column without a name is named after its position, such as "column 3". Without a `delimiter`, it is detected.

    Raises: InvalidQuery for a bad delimiter, InvalidFile if the file is not CSV, has no header or is incomplete.
    """
    try:
        given = None if delimiter is None else parse_delimiter(delimiter)
        lines = _Lines(text)
        first_line = sep_line(text.sample)
        if first_line is not None:
            lines.skip_line()
        rest = text.sample[first_line[1] :] if first_line else text.sample
        used = given or (first_line[0] if first_line else detect_delimiter(rest, is_whole=text.is_whole, known_names=KNOWN_NAMES))
        records = _Records(lines, used)
        columns = _header(records, text)
    except BaseException:
        text.stream.close()
        raise
    rows = verify_trailer(_rows(records, columns, text), text.hashing_reader)
    sample, rows = sampled(rows)
    detected = FileDetection("csv", compression, text.encoding.name, used, warnings=_encoding_warnings(text, sample))
    return RowSource(columns, rows, text.stream.close, sample=sample, detected=detected)


def _encoding_warnings(text: TextFile, sample: Sequence[Row | MalformedRow]) -> tuple[str, ...]:
    """Say that the encoding is a guess, and how many cells depend on it."""
    if not text.encoding.guessed:
        return ()
    cells = [cell for row in sample if isinstance(row, Row) for cell in row.values.values() if not cell.isascii()]
    example = f", such as {min(cells, key=len)[:40]!r}" if cells else ""
    warning = (
        f"The file is not UTF-8. It was read as {text.encoding.name}, which is a guess: {len(cells)} cells at its start have "
        f"letters that depend on it{example}. If they are wrong, set the encoding."
    )
    return (warning,)


class _RowTooLong(Exception):
    """A CSV record exceeds MAX_ROW_SIZE."""


class _Lines:
    """The lines of a text, for csv.reader. Counts them, limits each record to MAX_ROW_SIZE, and can return lines again."""

    def __init__(self, text: TextFile) -> None:
        self._text = text
        self._stream: io.TextIOWrapper = text.stream
        self._returned: deque[str] = deque()
        self.record: list[str] = []
        """The lines of the current record."""
        self.count = 0
        """The number of lines that were read, without those that were returned."""
        self._size = 0
        self.decodable = True

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._stream.readline(MAX_ROW_SIZE + 1)
        if not line:
            raise StopIteration
        self.count += 1
        self._size += len(line)
        if self._size > MAX_ROW_SIZE:
            self._returned.appendleft(line)
            self.count -= 1
            message = f"it has more than {MAX_ROW_SIZE} characters"
            raise _RowTooLong(message)
        self.record.append(line)
        if not line.isascii() and self._text.is_undecodable(line):
            self.decodable = False
        return line

    def start_record(self) -> int:
        """Start a record and return the number of its first line."""
        self._size = 0
        self.record = []
        self.decodable = True
        return self.count + 1

    def skip_line(self) -> None:
        """Skip a line, however long it is."""
        self.count += 1
        while chunk := (self._returned.popleft() if self._returned else self._stream.readline(CHUNK_SIZE)):
            if chunk.endswith(_NEWLINES):
                return

    def peek(self, count: int) -> list[str]:
        """Return up to `count` of the next lines, as long as they are no longer than a row together. They are read again."""
        size = sum(map(len, self._returned))
        while len(self._returned) < count and size <= MAX_ROW_SIZE and (line := self._stream.readline(MAX_ROW_SIZE + 1)):
            self._returned.append(line)
            size += len(line)
        return list(islice(self._returned, count))

    def skip_lines(self, count: int) -> None:
        """Skip lines that `peek` returned."""
        for _ in range(count):
            self._returned.popleft()
        self.count += count

    def skip_until(self, is_start: Callable[[Iterable[str]], bool]) -> bool:
        """Skip lines until one is a start, judged with some of the lines after it. Return False at the end of the file."""
        returned = self._returned
        line = "\n"
        while True:
            while len(returned) < _LOOK_AHEAD and (line := self._stream.readline(MAX_ROW_SIZE + 1)):
                returned.append(line)
            if not returned:
                return False
            if is_start(returned):
                return True
            self.count += returned.popleft().endswith(_NEWLINES) or not returned

    def give_back(self, lines: Sequence[str]) -> None:
        """Return the last lines that were read, so that they are read again."""
        self._returned.extendleft(reversed(lines))
        self.count -= len(lines)


class _Records:
    """The records of a CSV file."""

    def __init__(self, lines: _Lines, delimiter: str) -> None:
        self.lines = lines
        self.delimiter = delimiter
        self._reader = csv.reader(lines, delimiter=delimiter, strict=True)
        self._quoted = False

    def header(self) -> list[str]:
        """Return the cells of the first record that is not blank; [] if there is none. Raises: csv.Error, _RowTooLong."""
        for cells in self._reader:
            if any(map(str.strip, cells)):
                self._quoted = self.lines.record[0].startswith('"')
                return cells
            self.lines.start_record()
        return []

    def read(self, line: int, column_count: int) -> "list[str] | MalformedRow | None":
        """Return the cells of the next record, which begins at `line`; None at the end of the file. Raises: DamagedFile."""
        try:
            cells: list[str] | None = next(self._reader, None)
        except csv.Error as error:
            return self._repair(line, column_count, str(error))
        except _RowTooLong as error:
            return self._refuse(line, column_count, str(error))
        if cells is not None and len(cells) != column_count and self.lines.count > line:
            reason = f"it spans lines {line} to {self.lines.count} and has {len(cells)} cells, but the header has {column_count}"
            return self._repair(line, column_count, reason)
        return cells

    def _repair(self, line: int, column_count: int, reason: str) -> "list[str] | MalformedRow":
        """Repair the current record, which began at `line` and cannot be read, or return the lines that are refused."""
        lines = self.lines
        lines.give_back(lines.record)
        lines.record = []
        following = lines.peek(_REPAIRED_LINES)
        for count in range(1, len(following) + 1):
            if count > 1 and self._is_table([following[count - 1]], column_count):
                break
            cells = split_leniently("".join(following[:count]).rstrip("\r\n"), self.delimiter)
            if cells is not None and len(cells) == column_count:
                lines.skip_lines(count)
                return cells
        return self._refuse(line, column_count, reason)

    def _refuse(self, line: int, column_count: int, reason: str) -> MalformedRow:
        """Refuse the current record, and skip to where the file is a table again."""
        lines = self.lines
        lines.give_back(lines.record)
        first = lines.peek(1)
        lines.skip_line()
        goes_on = lines.skip_until(lambda ahead: self._is_table(ahead, column_count))
        last = lines.count
        if last == line:
            message = f"Line {line} cannot be read: {reason}."
        elif goes_on:
            message = f"Lines {line} to {last} cannot be read: {reason}. Reading continued after them."
        else:
            message = f"Lines {line} to {last}, the rest of the file, cannot be read: {reason}."
        first_cells = first[0][:MAX_ROW_SIZE].rstrip("\r\n").split(self.delimiter)
        return MalformedRow(line, f"{message} Double the quotes inside cells.", last, tuple(first_cells))

    def _is_table(self, lines: Iterable[str], column_count: int) -> bool:
        """Return whether some records from the first of these lines on have the right number of cells.

        The first one must begin with a quote if the header does, and have no odd quote, as the last line of a cell has.
        """
        first = next(iter(lines))
        if first.count(self.delimiter) < column_count - 1 or (self._quoted and not first.startswith('"')) or first.count('"') % 2:
            return False
        reader = csv.reader(iter(lines), delimiter=self.delimiter, strict=True)
        confirmed = 0
        try:
            for cells in reader:
                if not any(map(str.strip, cells)):
                    if confirmed:
                        continue
                    return False
                if len(cells) != column_count:
                    return False
                confirmed += 1
                if confirmed == _CONFIRMING_RECORDS:
                    return True
        except csv.Error:
            return False
        return confirmed > 0


def split_leniently(record: str, delimiter: str) -> list[str] | None:
    """Split a record into cells. In a quoted cell, only a quote before a delimiter or at the end ends it.

    Return None if a quoted cell does not end.
    """
    cells = []
    position = 0
    while True:
        if record.startswith('"', position):
            end = _closing_quote(record, position + 1, delimiter)
            if end is None:
                return None
            cells.append(record[position + 1 : end].replace('""', '"'))
            position = end + 1
        else:
            end = record.find(delimiter, position)
            end = len(record) if end < 0 else end
            cells.append(record[position:end])
            position = end
        if position >= len(record):
            return cells
        position += 1  # the delimiter


def _closing_quote(record: str, start: int, delimiter: str) -> int | None:
    """Return the position of the quote that ends a cell."""
    position = record.find('"', start)
    while position >= 0:
        following = record[position + 1 : position + 2]
        if following in ("", delimiter):
            return position
        position = record.find('"', position + (2 if following == '"' else 1))
    return None


def _header(records: _Records, text: TextFile) -> tuple[str, ...]:
    """Read the column names.

    Raises: InvalidFile.
    """
    try:
        header = records.header()
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
        message = "The file is not text: its first line contains the character U+0000."
        raise invalid_file(message)
    if any(text.is_undecodable(name) for name in names):
        message = f"Line {records.lines.count} {text.undecodable}"
        raise invalid_file(message)
    return tuple(name or f"column {number}" for number, name in enumerate(names, 1))


def _rows(records: _Records, columns: tuple[str, ...], text: TextFile) -> Iterator[Row | MalformedRow]:
    """Yield the records as rows."""
    lines = records.lines
    count = len(columns)
    while True:
        line = lines.start_record()
        try:
            cells = records.read(line, count)
        except DamagedFile as error:
            yield MalformedRow(line, f"{error} The rows before line {line} were read.", line)
            return
        if cells is None:
            return
        if isinstance(cells, MalformedRow):
            yield cells
        elif cells and (cells[0].strip() or any(map(str.strip, cells))):
            row = _to_row(line, cells, columns)
            yield row if lines.decodable else MalformedRow(line, f"The row {text.undecodable}", cells=tuple(cells))


def _to_row(line: int, cells: list[str], columns: tuple[str, ...]) -> Row | MalformedRow:
    """Name the cells. Missing cells are absent, and surplus empty cells are cut."""
    repair: Any = ""
    if len(cells) != len(columns):
        surplus = cells[len(columns) :]
        if any(map(str.strip, surplus)):
            message = f"The row has {len(cells)} cells, but the header has {len(columns)}; no column for {_list(surplus)}."
            return MalformedRow(line, message, cells=tuple(cells))
        repair = "cut" if surplus else "filled"
        del cells[len(columns) :]
    named_cells = zip(columns, cells, strict=False)
    values = {name: cell if cell[0] != "'" else unescape_formula(cell) for name, cell in named_cells if cell}
    return Row(line, values, sum(map(len, cells)), repair)


def _list(cells: Sequence[str]) -> str:
    """Quote the first cells that are not empty."""
    return ", ".join(repr(cell[:40]) for cell in cells if cell.strip())[:200]
