"""Looks into the archive of a workbook before it is loaded: its sheets, whether they fit in memory, and cells with errors.

The library that reads workbooks loads a sheet as a dense table and reports cells with errors as empty.
"""

import zipfile
from typing import IO

from catalog.application.files.errors import invalid_file
from catalog.application.files.workbooks.archive import DAMAGED, SheetSummary, read_index
from catalog.application.files.workbooks.ods import check_ods
from catalog.application.files.workbooks.xlsx import check_xlsx_sheet, find_xlsx_sheets
from catalog.domain.errors import FieldError, InvalidQuery


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
    if manifest in archive.namelist() and b"encryption-data" in read_index(archive, manifest):
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
