"""Looks into the archive of a workbook before it is loaded: its sheets, whether they fit in memory, and cells with errors.

The library that reads workbooks loads a sheet as a dense table and reports cells with errors as empty.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree import ElementTree as ET

from catalog.application.files.errors import invalid_file
from catalog.domain.errors import FieldError, InvalidFile, InvalidQuery

DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError, NotImplementedError, RuntimeError, ET.ParseError),
)
"""What reading a damaged archive or its XML raises."""

MAX_CELLS = 12_000_000
"""Maximum cells of a sheet, empty ones included: a million rows of ten columns take about 1 GB while they are imported."""

MAX_PART_SIZE = 1024**3
"""Maximum bytes of a sheet, or of all texts, in the XML of a workbook. A million rows of ten columns have about 600 MB."""

MAX_TEXT = 512 * 1024**2
"""Maximum bytes of the texts of all cells that share texts. A text is stored once and loaded once per cell."""

_MAX_INDEX_SIZE = 16 * 1024**2
"""Maximum bytes of the parts that list the sheets."""

_CHUNK_SIZE = 1024**2
_LETTERS = bytes(range(65, 91))
_DIGITS = b"0123456789"

_CELL = re.compile(rb"""<(?:\w+:)?c\s(?:[^<>]*?\s)?r\s*=\s*["']([A-Z]{1,3}[0-9]{1,7})["']""")
_FILLED_CELL = re.compile(rb"<(?:\w+:)?(?:v|t)(?:\s[^<>]*)?>[^<]")
_ERROR_CELL = re.compile(rb"""<(?:\w+:)?c\s(?=[^<>]*\st\s*=\s*["']e["'])(?:[^<>]*?\s)?r\s*=\s*["']([A-Z]{1,3})([0-9]{1,7})["']""")
_SHARED_TEXT = re.compile(rb"""\st\s*=\s*["']s["'][^<>]*>\s*<(?:\w+:)?v>\s*([0-9]{1,9})""")
_MAX_ERRORS = 100_000

_ODS_TAG = re.compile(rb"<(/?)table:(table-row|table-cell|covered-table-cell|table)((?:\s[^<>]*?)?)(/?)>")
_ODS_REPEATED = re.compile(rb"""number-(?:columns|rows)-repeated\s*=\s*["']([0-9]{1,9})["']""")
_ODS_NAME = re.compile(rb"""table:name\s*=\s*["']([^"']*)["']""")
_ODS_ERROR = b'calcext:value-type="error"'


@dataclass(slots=True)
class SheetSummary:
    """What the archive shows of a sheet: its name and part, whether it has rows, and cells with errors (row, column, from 1).

    `has_unplaced_errors`: there are others, whose place is not known.
    """

    name: str
    part: str
    filled: bool = False
    errors: set[tuple[int, int]] = field(default_factory=set)
    has_unplaced_errors: bool = False


def inspect_workbook(file: IO[bytes], file_format: str, sheet: str | None) -> tuple[list[SheetSummary], int]:
    """List the sheets of a workbook. Return them, and the position of the one to read, which fits in memory.

    That is the given sheet, by name or by number from 1, or the first one with rows.

    Raises: InvalidFile if the workbook is damaged, empty or too large, InvalidQuery if there is no such sheet.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _refuse_encrypted(archive)
            sheets = find_xlsx_sheets(archive) if file_format == "xlsx" else check_ods(archive)
            position = _choose(sheets, sheet)
            if file_format == "xlsx":
                check_xlsx_sheet(archive, sheets[position])
    except DAMAGED as error:
        message = f"The workbook ({file_format}) is damaged and cannot be read; open it and save it again, or save it as CSV."
        raise invalid_file(message) from error
    file.seek(0)
    return sheets, position


def _refuse_encrypted(archive: zipfile.ZipFile) -> None:
    """Refuse an .ods workbook with a password. An .xlsx workbook with one is not even a ZIP archive.

    Raises: InvalidFile.
    """
    manifest = "META-INF/manifest.xml"
    if manifest in archive.namelist() and b"encryption-data" in _read_index(archive, manifest):
        message = "The workbook is encrypted; save it without a password."
        raise invalid_file(message)


def _choose(sheets: list[SheetSummary], sheet: str | None) -> int:
    """Return the position of the sheet with a name or number, or of the first sheet with rows.

    Raises: InvalidFile, InvalidQuery.
    """
    if sheet is None:
        position = next((position for position, found in enumerate(sheets) if found.filled), None)
        if position is None:
            message = "The workbook is empty; none of its sheets has rows."
            raise invalid_file(message)
        return position
    names = [found.name for found in sheets]
    if sheet in names:
        return names.index(sheet)
    if sheet.isascii() and sheet.isdecimal() and 1 <= int(sheet[:9]) <= len(sheets):
        return int(sheet) - 1
    message = f"The workbook has no sheet {sheet!r:.60}. Its sheets: {', '.join(names)[:500]}."
    raise InvalidQuery([FieldError(("sheet",), "unknown_sheet", message)])


def find_xlsx_sheets(archive: zipfile.ZipFile) -> list[SheetSummary]:
    """List the sheets of an .xlsx workbook and whether they have rows.

    Raises: InvalidFile.
    """
    relations = {
        element.get("Id"): str(element.get("Target"))
        for element in ET.fromstring(_read_index(archive, "xl/_rels/workbook.xml.rels"))  # noqa: S314 - bounded, and expat stops entities that multiply
    }
    sheets = []
    for element in ET.fromstring(_read_index(archive, "xl/workbook.xml")).iter():  # noqa: S314 - as above
        if element.tag.rpartition("}")[2] == "sheet":
            relation = next((value for name, value in element.items() if name.endswith("}id")), None)
            target = relations.get(relation, "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            sheets.append(SheetSummary(str(element.get("name")), part))
    for sheet in sheets:
        sheet.filled = any(_FILLED_CELL.search(chunk) for chunk in _chunks(archive, sheet.part))
    return sheets


def check_xlsx_sheet(archive: zipfile.ZipFile, sheet: SheetSummary) -> None:
    """Check that a sheet fits in memory, and find its cells with errors.

    Raises: InvalidFile.
    """
    text_sizes = _text_sizes(archive)
    columns: set[bytes] = set()
    last_row, first_row, text_size = 0, 0, 0
    for chunk in _chunks(archive, sheet.part):
        if references := b" ".join(_CELL.findall(chunk)):
            columns.update(references.translate(None, _DIGITS).split())
            rows = set(map(int, references.translate(None, _LETTERS).split()))
            last_row, first_row = max(last_row, *rows), min(first_row or 2**31, *rows)
            _check_area(sheet.name, last_row - first_row + 1, columns)
        if b'"e"' in chunk or b"'e'" in chunk:
            sheet.errors.update((int(row), _column_number(column)) for column, row in _ERROR_CELL.findall(chunk))
            if len(sheet.errors) > _MAX_ERRORS:
                raise invalid_file(f"More than {_MAX_ERRORS} cells of the sheet {sheet.name} have errors such as #N/A.")
        if text_sizes:
            text_size += sum(text_sizes[index] for index in map(int, _SHARED_TEXT.findall(chunk)) if index < len(text_sizes))
            if text_size > MAX_TEXT:
                raise _too_large(f"The texts of the sheet {sheet.name} have more than {MAX_TEXT:,} bytes")


def check_ods(archive: zipfile.ZipFile) -> list[SheetSummary]:
    """List the sheets of an .ods workbook, and check that all of them fit in memory, because all are loaded.

    Raises: InvalidFile.
    """
    sheets: list[SheetSummary] = []
    area = _OdsArea()
    for chunk in _chunks(archive, "content.xml"):
        for closing, kind, attributes, empty in _ODS_TAG.findall(chunk):
            if kind == b"table" and not closing:
                name = _ODS_NAME.search(attributes)
                text = name[1].decode(errors="replace") if name else ""
                sheets.append(SheetSummary(ET.fromstring(f"<a>{text}</a>").text or "", "content.xml"))  # noqa: S314 - a name
                area = _OdsArea()
            elif sheets:
                area.add(kind, attributes, closing=bool(closing), empty=bool(empty))
                sheets[-1].filled = sheets[-1].filled or area.width > 0
                if area.size > MAX_CELLS:
                    raise _too_large(f"The sheet {sheets[-1].name} has more than {MAX_CELLS:,} cells")
        if sheets and _ODS_ERROR in chunk:
            sheets[-1].has_unplaced_errors = True
    return sheets


class _OdsArea:
    """Measures the part of an .ods sheet that has values, where rows and cells may be repeated."""

    def __init__(self) -> None:
        self.width = 0
        self._height = self._rows = self._cells = self._filled = 0

    @property
    def size(self) -> int:
        return self.width * self._height

    def add(self, kind: bytes, attributes: bytes, *, closing: bool, empty: bool) -> None:
        """Take the next tag of a row or a cell."""
        is_row = kind == b"table-row"
        if is_row and (closing or empty):
            if self._filled:
                self._height = self._rows
        elif is_row:
            self._cells = self._filled = 0
        if is_row and not closing:
            self._rows += _repeated(attributes)
        if not is_row and not closing:
            self._cells += _repeated(attributes)
            if not empty or b"value" in attributes:
                self._filled = self._cells
                self.width = max(self.width, self._filled)


def _repeated(attributes: bytes) -> int:
    match = _ODS_REPEATED.search(attributes)
    return int(match[1]) if match else 1


def _check_area(name: str, height: int, columns: set[bytes]) -> None:
    numbers = set(map(_column_number, columns))
    if height * (max(numbers) - min(numbers) + 1) > MAX_CELLS:
        raise _too_large(f"The sheet {name} has more than {MAX_CELLS:,} cells")


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _text_sizes(archive: zipfile.ZipFile) -> list[int]:
    """Return the sizes of the texts that cells share; an empty list if no sheet could become too large by them."""
    part = "xl/sharedStrings.xml"
    if part not in archive.namelist():
        return []
    sizes: list[int] = []
    for chunk in _chunks(archive, part, b"</si>"):
        sizes += map(len, chunk.split(b"<si>")[1:]) if b"<si>" in chunk else map(len, re.split(rb"<(?:\w+:)?si[\s>]", chunk)[1:])
    return sizes if max(sizes, default=0) * MAX_CELLS > MAX_TEXT else []


def _read_index(archive: zipfile.ZipFile, part: str) -> bytes:
    if archive.getinfo(part).file_size > _MAX_INDEX_SIZE:
        raise _too_large(f"Its part {part} is too large")
    return archive.read(part)


def _chunks(archive: zipfile.ZipFile, part: str, separator: bytes = b"<") -> Iterator[bytes]:
    """Yield the content of a part in chunks that do not end within a tag, or before a given separator.

    Raises: InvalidFile if it is too large.
    """
    if archive.getinfo(part).file_size > MAX_PART_SIZE:
        raise _too_large(f"Its part {part} has more than {MAX_PART_SIZE:,} bytes")
    rest = b""
    with archive.open(part) as file:
        while data := file.read(_CHUNK_SIZE):
            data = rest + data
            end = data.rfind(separator)
            if end > 0:
                yield data[:end]
                data = data[end:]
            if len(data) > 2 * _CHUNK_SIZE:
                raise invalid_file(f"The workbook is damaged: its part {part} is not XML.")
            rest = data
    yield rest


def _too_large(problem: str) -> InvalidFile:
    return invalid_file(f"The workbook is too large to be read in memory: {problem}. Save the table as CSV, which has no limit.")
