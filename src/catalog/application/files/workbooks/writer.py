"""Writes a workbook (.xlsx) with one sheet, row by row, in constant memory: rows go to a temporary file."""

import re
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import IO, Any

MAX_ROWS = 1_048_576
"""Rows of a sheet, with the header."""

MAX_TEXT = 32_767
"""Characters of a cell."""

MAX_SIZE = 1024**3
"""Characters of all cells together. Until it is finished, a workbook takes about three times as many bytes of a disk."""

_MAX_DIGITS = 15
"""Digits of a number that spreadsheets keep."""

_OPTIONS = {"constant_memory": True, "use_zip64": True}

_ESCAPE = re.compile(r"_x([0-9a-fA-F]{4})_")
"""How workbooks write control characters. A text that looks so is escaped itself: _x0041_ is _x005F_x0041_."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")


class CannotWrite(Exception):
    """A value, or a whole table, that a workbook cannot hold. The message completes "The row …"."""


class WorkbookWriter:
    """Writes rows to the sheet of a workbook. `close` must be called in any case."""

    def __init__(self, sheet: str, names: Sequence[str], texts: Collection[int] = ()) -> None:
        """Write a header with these names. The columns at the positions in `texts` are formatted as text."""
        import xlsxwriter  # noqa: PLC0415 - rarely needed

        self._folder = tempfile.TemporaryDirectory(prefix="catalog-export-")
        self._path = Path(self._folder.name, "workbook.xlsx")
        self._file: IO[bytes] | None = None
        self._book: Any = xlsxwriter.Workbook(str(self._path), {**_OPTIONS, "tmpdir": self._folder.name})
        self._sheet = self._book.add_worksheet(sheet)
        self._sheet.freeze_panes(1, 0)
        self._text_format = self._book.add_format({"num_format": "@"})
        self._amount_formats = {
            decimals: self._book.add_format({"num_format": f"0.{'0' * decimals}".rstrip(".")}) for decimals in range(5)
        }
        self._texts = frozenset(texts)
        for position in self._texts:
            self._sheet.set_column(position, position, None, self._text_format)
        self._count = self._size = 0
        self.add(names)

    def add(self, cells: Sequence[Any], amounts: Collection[int] = ()) -> None:
        """Write a row. Texts of decimal digits at the positions in `amounts` become numbers with as many decimals.

        Raises: CannotWrite.
        """
        if self._count == MAX_ROWS:
            message = f"exceeds the {MAX_ROWS:,} rows of a sheet"
            raise CannotWrite(message)
        for position, cell in enumerate(cells):
            if cell is None:
                continue
            if position in amounts and _is_amount(cell):
                decimals = len(cell.partition(".")[2])
                self._sheet.write_number(self._count, position, float(cell), self._amount_formats[decimals])
            elif isinstance(cell, bool):
                self._sheet.write_boolean(self._count, position, cell)
            elif isinstance(cell, int | float) and _is_exact(cell):
                self._sheet.write_number(self._count, position, cell)
            else:
                self._add_text(position, str(cell))
        self._count += 1

    def finish(self) -> IO[bytes]:
        """Write the end of the workbook, and return the file, which belongs to the writer, at its start. Raises: OSError."""
        from xlsxwriter.exceptions import FileCreateError  # noqa: PLC0415 - as above

        try:
            self._book.close()
        except FileCreateError as error:
            raise error.args[0] from error
        self._file = self._path.open("rb")
        return self._file

    def close(self) -> None:
        """Delete all files."""
        self._sheet.row_data_fh.close()
        if self._file is not None:
            self._file.close()
        self._folder.cleanup()

    def _add_text(self, position: int, text: str) -> None:
        """Write a text. Control characters are written as Excel does, such as _x0007_."""
        if len(text) > MAX_TEXT:
            message = f"has a text of {len(text):,} characters; a cell holds {MAX_TEXT:,}"
            raise CannotWrite(message)
        self._size += len(text)
        if self._size > MAX_SIZE:
            message = f"exceeds the {MAX_SIZE:,} characters that a workbook may have"
            raise CannotWrite(message)
        if not text.isascii() and ("\ufffe" in text or "\uffff" in text):
            message = "has the character U+FFFE or U+FFFF, which workbooks do not have"
            raise CannotWrite(message)
        if "_x" in text and not _is_restored(text):
            message = "has a text like _x0041_ that a workbook would change"
            raise CannotWrite(message)
        self._sheet.write_string(self._count, position, text, self._text_format if position in self._texts else None)


def _is_amount(cell: Any) -> bool:  # noqa: ANN401 - the value of a cell
    """Return whether a text is an amount with up to 15 digits."""
    digits = cell.replace(".", "", 1)
    return digits.isascii() and digits.isdecimal() and len(digits.lstrip("0")) <= _MAX_DIGITS


def _is_exact(number: float) -> bool:
    """Return whether a number has up to 15 digits. Spreadsheets, and imports, change the others."""
    return float(format(number, f".{_MAX_DIGITS}g")) == number


def _is_restored(text: str) -> bool:
    """Return whether a text is read as it was after xlsxwriter escaped it, which it does not do for overlapping escapes."""
    escaped = _CONTROL.sub(lambda match: f"_x{ord(match[0]):04X}_", _ESCAPE.sub(r"_x005F\g<0>", text))
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), escaped) == text
