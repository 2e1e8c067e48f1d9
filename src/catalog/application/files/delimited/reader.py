"""Reads CSV (RFC 4180) and repairs what real files have: stray quotes, short rows, blank rows. Streams; memory does not grow."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from catalog.application.files.delimited.delimiters import detect_delimiter, parse_delimiter, sep_line
from catalog.application.files.delimited.lines import Lines, RowTooLong
from catalog.application.files.delimited.records import Records
from catalog.application.files.detection import FileDetection
from catalog.application.files.errors import DamagedFile, invalid_file
from catalog.application.files.formulas import unescape_formula
from catalog.application.files.row_source import KNOWN_NAMES, MalformedRow, Row, RowSource, sampled
from catalog.application.files.text import RIGHT_ENCODING, TextFile
from catalog.application.files.trailer import verify_trailer

MAX_COLUMNS = 2_000
"""Maximum columns of a CSV file."""


def read_csv(text: TextFile, delimiter: str | None = None, compression: str | None = None) -> RowSource:
    """Read CSV with a header. Empty cells are omitted, and the apostrophe that escapes a formula is removed.

    A column without a name is named after its position, such as "column 3". Without a `delimiter`, it is detected.

    Raises: InvalidQuery for a bad delimiter, InvalidFile if the file is not CSV, has no header or is incomplete.
    """
    try:
        given = None if delimiter is None else parse_delimiter(delimiter)
        lines = Lines(text)
        first_line = sep_line(text.sample)
        if first_line is not None:
            lines.skip_line()
        rest = text.sample[first_line[1] :] if first_line else text.sample
        used = given or (first_line[0] if first_line else detect_delimiter(rest, is_whole=text.is_whole, known_names=KNOWN_NAMES))
        records = Records(lines, used)
        columns = _header(records, text)
    except BaseException:
        text.stream.close()
        raise
    rows = verify_trailer(_rows(records, columns, text), text.hashing_reader)
    sample, rows = sampled(rows)
    detected = FileDetection(
        "csv", compression, text.encoding.name, used, warnings=(*_encoding_warnings(text, sample), *records.warnings)
    )
    return RowSource(
        columns,
        rows,
        text.stream.close,
        sample=sample,
        detected=detected,
        doubts=records.warnings,
        is_cut=text.is_cut,
    )


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


def _header(records: Records, text: TextFile) -> tuple[str, ...]:
    """Read the column names.

    Raises: InvalidFile.
    """
    try:
        header = records.header()
    except (csv.Error, RowTooLong) as error:
        raise invalid_file(f"The header cannot be read: {error}.") from error
    names = [unescape_formula(name.strip()) for name in header]
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
        message = f"Line {records.lines.count} {text.undecodable} To read it, {RIGHT_ENCODING}."
        raise invalid_file(message, RIGHT_ENCODING)
    return tuple(name or f"column {number}" for number, name in enumerate(names, 1))


def _rows(records: Records, columns: tuple[str, ...], text: TextFile) -> Iterator[Row | MalformedRow]:
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
            row = _to_row(line, cells, columns, lines.size)
            yield row if lines.decodable else _undecodable(line, cells, lines, text)


def _undecodable(line: int, cells: list[str], lines: Lines, text: TextFile) -> MalformedRow:
    content = "".join(lines.record)
    return MalformedRow(line, f"The row {text.undecodable}", cells=tuple(cells), cure=RIGHT_ENCODING, text=content)


def _to_row(line: int, cells: list[str], columns: tuple[str, ...], size: int) -> Row | MalformedRow:
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
    return Row(line, values, size, repair, cells)


def _list(cells: Sequence[str]) -> str:
    """Quote the first cells that are not empty."""
    return ", ".join(repr(cell[:40]) for cell in cells if cell.strip())[:200]
