"""The sheets of an .ods workbook, seen in its archive: which have rows, and whether they fit in memory."""

import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from catalog.application.files.workbooks.archive import MAX_CELLS, SheetSummary, chunks, too_large

_ERROR = b'calcext:value-type="error"'
_KINDS = (b"table", b"table-row", b"table-cell", b"covered-table-cell")


def check_ods(archive: zipfile.ZipFile) -> list[SheetSummary]:
    """List the sheets of an .ods workbook, and check that all of them fit in memory, because all are loaded.

    Raises: InvalidFile.
    """
    sheets: list[SheetSummary] = []
    area = _Area()
    for chunk in chunks(archive, "content.xml"):
        for closing, kind, attributes, empty in _tags(chunk):
            if kind == b"table" and not closing:
                text = _attribute(attributes, b"table:name").decode(errors="replace")
                sheets.append(SheetSummary(ET.fromstring(f"<a>{text}</a>").text or "", "content.xml"))  # noqa: S314 - a name
                area = _Area()
            elif sheets:
                area.add(kind, attributes, closing=closing, empty=empty)
                sheets[-1].filled = sheets[-1].filled or area.width > 0
                if area.size > MAX_CELLS:
                    raise too_large(f"The sheet {sheets[-1].name} has more than {MAX_CELLS:,} cells")
        if sheets and _ERROR in chunk:
            sheets[-1].has_unplaced_errors = True
    return sheets


def _tags(chunk: bytes) -> Iterator[tuple[bool, bytes, bytes, bool]]:
    """Yield the tags of tables, rows and cells: whether it is a closing one, its name, its attributes, whether it is empty."""
    for piece in chunk.split(b"<"):
        if b"table:" in piece[:15]:
            tag = piece.partition(b">")[0]
            name, *attributes = tag.strip(b"/").split(None, 1)
            kind = name.removeprefix(b"table:")
            if kind in _KINDS:
                yield tag.startswith(b"/"), kind, attributes[0] if attributes else b"", tag.endswith(b"/")


class _Area:
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
