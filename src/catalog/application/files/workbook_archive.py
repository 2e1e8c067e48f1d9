"""Looks into the archive of a workbook before it is loaded: its sheets, whether they fit in memory, and cells with errors.

The library that reads workbooks loads a sheet as a dense table and reports cells with errors as empty.
"""

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
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

_CELL = b'<c r="'
"""How nearly all programs begin a cell. Sheets that are written otherwise are parsed, which takes longer."""

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_MAX_REFERENCE = 11
_OTHER_CELLS = (b":c ", b"<c>", b"<c\n", b"<c\r", b"<c\t", b"<!")
_VALUES = (b"<v>", b":v>", b"<is>", b":is>")
_MAX_ERRORS = 100_000

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
        sheet.filled = any(value in chunk for chunk in _chunks(archive, sheet.part) for value in _VALUES)
    return sheets


def check_xlsx_sheet(archive: zipfile.ZipFile, sheet: SheetSummary) -> None:
    """Check that a sheet fits in memory, and find its cells with errors.

    Raises: InvalidFile.
    """
    extent = _SheetExtent(sheet, _text_sizes(archive))
    for chunk in _chunks(archive, sheet.part):
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
            raise _too_large(f"The sheet {self._sheet.name} has more than {MAX_CELLS:,} cells")

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
            raise _too_large(f"The texts of the sheet {self._sheet.name} have more than {MAX_TEXT:,} bytes")


def check_ods(archive: zipfile.ZipFile) -> list[SheetSummary]:
    """List the sheets of an .ods workbook, and check that all of them fit in memory, because all are loaded.

    Raises: InvalidFile.
    """
    sheets: list[SheetSummary] = []
    area = _OdsArea()
    for chunk in _chunks(archive, "content.xml"):
        for closing, kind, attributes, empty in _ods_tags(chunk):
            if kind == b"table" and not closing:
                text = _attribute(attributes, b"table:name").decode(errors="replace")
                sheets.append(SheetSummary(ET.fromstring(f"<a>{text}</a>").text or "", "content.xml"))  # noqa: S314 - a name
                area = _OdsArea()
            elif sheets:
                area.add(kind, attributes, closing=closing, empty=empty)
                sheets[-1].filled = sheets[-1].filled or area.width > 0
                if area.size > MAX_CELLS:
                    raise _too_large(f"The sheet {sheets[-1].name} has more than {MAX_CELLS:,} cells")
        if sheets and _ODS_ERROR in chunk:
            sheets[-1].has_unplaced_errors = True
    return sheets


def _ods_tags(chunk: bytes) -> Iterator[tuple[bool, bytes, bytes, bool]]:
    """Yield the tags of tables, rows and cells: whether it is a closing one, its name, its attributes, whether it is empty."""
    for piece in chunk.split(b"<"):
        if b"table:" in piece[:15]:
            tag = piece.partition(b">")[0]
            name, *attributes = tag.strip(b"/").split(None, 1)
            kind = name.removeprefix(b"table:")
            if kind in _ODS_KINDS:
                yield tag.startswith(b"/"), kind, attributes[0] if attributes else b"", tag.endswith(b"/")


_ODS_KINDS = (b"table", b"table-row", b"table-cell", b"covered-table-cell")


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
    number = _attribute(attributes, b"-repeated")
    return int(number[:9]) if number.isdigit() else 1


def _attribute(attributes: bytes, name: bytes) -> bytes:
    """Return the value of an attribute by the end of its name; nothing if there is none."""
    value = attributes.partition(name)[2].lstrip(b" \t\r\n=")
    return value[1:].partition(value[:1])[0] if value else b""


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
    for chunk in _chunks(archive, part, b"</si>"):
        if b"<si>" not in chunk and b"si" in chunk:  # written in an unusual way
            with archive.open(part) as file:
                sizes = list(_parsed_text_sizes(file))
            break
        sizes += map(len, chunk.split(b"<si>")[1:])
    return sizes if max(sizes, default=0) * MAX_CELLS > MAX_TEXT else []


def _parsed_text_sizes(file: IO[bytes]) -> Iterator[int]:
    size = 0
    for _, element in ET.iterparse(file):  # noqa: S314 - as above
        size += len(element.text or "")
        if element.tag.rpartition("}")[2] == "si":
            yield size
            size = 0
            element.clear()


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
