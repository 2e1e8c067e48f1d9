"""The sheets of an .xlsx workbook, seen in its archive: which have rows, whether one fits in memory, its cells with errors."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO
from xml.etree import ElementTree as ET

from catalog.application.files.errors import invalid_file
from catalog.application.files.workbooks.archive import MAX_CELLS, SheetSummary, chunks, read_index, too_large

MAX_TEXT = 512 * 1024**2
"""Maximum bytes of the texts of all cells that share texts. A text is stored once and loaded once per cell."""

_LETTERS = bytes(range(65, 91))
_DIGITS = b"0123456789"

_CELL = b'<c r="'
"""How nearly all programs begin a cell. Sheets that are written otherwise are parsed, which takes longer."""

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_MAX_REFERENCE = 11
_OTHER_CELLS = (b":c ", b"<c>", b"<c\n", b"<c\r", b"<c\t", b"<!")
_VALUES = (b"<v>", b":v>", b"<is>", b":is>")
_MAX_ERRORS = 100_000


def find_xlsx_sheets(archive: zipfile.ZipFile) -> list[SheetSummary]:
    """List the sheets of an .xlsx workbook and whether they have rows.

    Raises: InvalidFile.
    """
    relations = {
        element.get("Id"): str(element.get("Target"))
        for element in ET.fromstring(read_index(archive, "xl/_rels/workbook.xml.rels"))  # noqa: S314 - bounded, and expat stops entities that multiply
    }
    sheets = []
    for element in ET.fromstring(read_index(archive, "xl/workbook.xml")).iter():  # noqa: S314 - as above
        if element.tag.rpartition("}")[2] == "sheet":
            relation = next((value for name, value in element.items() if name.endswith("}id")), None)
            target = relations.get(relation, "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            sheets.append(SheetSummary(str(element.get("name")), part))
    for sheet in sheets:
        sheet.filled = any(value in chunk for chunk in chunks(archive, sheet.part) for value in _VALUES)
    return sheets


def check_xlsx_sheet(archive: zipfile.ZipFile, sheet: SheetSummary) -> None:
    """Check that a sheet fits in memory, and find its cells with errors.

    Raises: InvalidFile.
    """
    extent = _SheetExtent(sheet, _text_sizes(archive))
    for chunk in chunks(archive, sheet.part):
        if not extent.scan(chunk):
            break
    else:
        return
    sheet.errors.clear()
    extent = _SheetExtent(sheet, _text_sizes(archive))
    with archive.open(sheet.part) as file:
        extent.parse(file)


class _SheetExtent:
    """Measures the cells of an .xlsx sheet, and finds those that have errors.

    Raises InvalidFile as soon as the sheet is too large.
    """

    def __init__(self, sheet: SheetSummary, text_sizes: list[int]) -> None:
        self._sheet = sheet
        self._text_sizes = text_sizes
        self._text_size = 0
        self._columns: set[bytes] = set()
        self._first_row, self._last_row = 2**31, 0

    def scan(self, chunk: bytes) -> bool:
        """Take the cells in a part of the XML. Return False if it is written in an unusual way, so that it must be parsed."""
        cells = [start[:_MAX_REFERENCE].partition(b'"')[0] for start in chunk.split(_CELL)[1:]]
        references = b" ".join(cells)
        if (
            chunk.count(b"<c ") != len(cells)
            or any(other in chunk for other in _OTHER_CELLS)
            or references.translate(None, _LETTERS + _DIGITS + b" ")
        ):
            return False
        if not cells:
            return True
        self._add(set(references.translate(None, _DIGITS).split()), set(map(int, references.translate(None, _LETTERS).split())))
        for start in chunk.split(b"<c ")[1:] if b't="e"' in chunk else ():
            attributes = start.partition(b">")[0]
            if b't="e"' in attributes:
                self._add_error(attributes.split(b'"')[1].decode())
        if self._text_sizes:
            texts = chunk.split(b't="s"><v>')[1:]
            if len(texts) != chunk.count(b't="s"'):
                return False
            self._add_texts(text.partition(b"<")[0] for text in texts)
        return True

    def parse(self, file: IO[bytes]) -> None:
        """Take the cells of the whole XML."""
        row = column = 0
        shared = False
        for event, element in ET.iterparse(file, ("start", "end")):  # noqa: S314 - bounded, and expat stops entities that multiply
            name = element.tag.rpartition("}")[2]
            if name == "row":
                row, column = row + (event == "start"), 0
                element.clear()
            elif name == "c" and event == "start":
                match = _REFERENCE.fullmatch(element.get("r", ""))
                if match is not None:
                    row, column = int(match[2]), _column_number(match[1].encode()) - 1
                column += 1
                letters = _letters(column)
                self._add({letters}, {row})
                shared = element.get("t") == "s"
                if element.get("t") == "e":
                    self._add_error(f"{letters.decode()}{row}")
            elif name == "v" and event == "end" and shared and self._text_sizes:
                self._add_texts([(element.text or "").strip().encode()])

    def _add(self, columns: set[bytes], rows: set[int]) -> None:
        self._columns |= columns
        self._first_row, self._last_row = min(self._first_row, *rows), max(self._last_row, *rows)
        numbers = set(map(_column_number, self._columns))
        if (self._last_row - self._first_row + 1) * (max(numbers) - min(numbers) + 1) > MAX_CELLS:
            raise too_large(f"The sheet {self._sheet.name} has more than {MAX_CELLS:,} cells")

    def _add_error(self, reference: str) -> None:
        match = _REFERENCE.fullmatch(reference)
        if match is not None:
            self._sheet.errors.add((int(match[2]), _column_number(match[1].encode())))
        if len(self._sheet.errors) > _MAX_ERRORS:
            message = f"More than {_MAX_ERRORS} cells of the sheet {self._sheet.name} have errors such as #N/A."
            raise invalid_file(message)

    def _add_texts(self, indexes: Iterable[bytes]) -> None:
        """Count the sizes of texts, by their positions among the texts that cells share."""
        for index in indexes:
            if index.isdigit() and int(index[:9]) < len(self._text_sizes):
                self._text_size += self._text_sizes[int(index[:9])]
        if self._text_size > MAX_TEXT:
            raise too_large(f"The texts of the sheet {self._sheet.name} have more than {MAX_TEXT:,} bytes")


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _letters(column: int) -> bytes:
    """Return the letters of a column by its number from 1: A, Z, AA."""
    letters = b""
    while column:
        column, digit = divmod(column - 1, 26)
        letters = bytes((65 + digit,)) + letters
    return letters


def _text_sizes(archive: zipfile.ZipFile) -> list[int]:
    """Return the sizes of the texts that cells share; an empty list if no sheet could become too large by them."""
    part = "xl/sharedStrings.xml"
    if part not in archive.namelist():
        return []
    sizes: list[int] = []
    opened = closed = named = 0
    for chunk in chunks(archive, part, b"</si>"):
        sizes += map(len, chunk.split(b"<si>")[1:])
        opened, closed, named = opened + chunk.count(b"<si>"), closed + chunk.count(b"</si>"), named + chunk.count(b"si>")
    if opened != closed or named != opened + closed:  # written in an unusual way
        with archive.open(part) as file:
            sizes = list(_parsed_text_sizes(file))
    return sizes if max(sizes, default=0) * MAX_CELLS > MAX_TEXT else []


def _parsed_text_sizes(file: IO[bytes]) -> Iterator[int]:
    size = 0
    for _, element in ET.iterparse(file):  # noqa: S314 - as above
        size += len(element.text or "")
        if element.tag.rpartition("}")[2] == "si":
            yield size
            size = 0
            element.clear()
