"""Reads workbooks (.xlsx, .ods) with python-calamine. The sheet is in memory as a whole; line numbers are those of the sheet.

Numbers are as they look: 12.0 is the integer 12, and 12.3 is the decimal 12.3. Dates are ISO 8601 texts.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from catalog.application.files.cells import cell_text, cell_value
from catalog.application.files.detection import FileDetection
from catalog.application.files.errors import invalid_file
from catalog.application.files.row_source import MAX_ROW_SIZE, MalformedRow, Row, RowSource, sampled
from catalog.application.files.trailer import TrailerPolicy, verify_row_count
from catalog.application.files.workbooks.archive import DAMAGED, SheetSummary
from catalog.application.files.workbooks.inspection import inspect_workbook
from catalog.domain.errors import InvalidFile

MAX_COLUMNS = 2_000
"""Maximum columns of a sheet."""

_ERRORS = frozenset(("#N/A", "#DIV/0!", "#REF!", "#NAME?", "#VALUE!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"))


def read_workbook(
    file: Any,  # noqa: ANN401 - a seekable binary file
    file_format: str,
    sheet: str | None,
    policy: TrailerPolicy = "verify",
) -> RowSource:
    """Read a sheet, whose first row that is not empty names the columns: the given sheet, or the first one with rows.

    Raises: InvalidQuery if there is no such sheet, InvalidFile if the workbook cannot be read, is too large, or has no rows.
    """
    sheets, position = inspect_workbook(file, file_format, sheet)
    chosen = sheets[position]
    first_column, cells = _load(file, file_format, position)
    header_line, header = next(((line, row) for line, row in enumerate(cells, 1) if not _is_blank(row)), (0, []))
    if not header:
        message = f"The sheet {chosen.name} is empty; it has no header with column names."
        raise invalid_file(message)
    columns = _columns(header)
    errors = {row: column - first_column for row, column in sorted(chosen.errors, reverse=True)}
    rows = verify_row_count(_rows(cells, header_line + 1, columns, errors), policy)
    sample, rows = sampled(rows)
    names = tuple(found.name for found in sheets)
    detected = FileDetection(file_format, sheet=chosen.name, warnings=tuple(_warnings(sheets, position, sheet)), sheets=names)
    return RowSource(columns, rows, file.close, sample=sample, detected=detected, doubts=detected.warnings)


def _warnings(sheets: Sequence[SheetSummary], position: int, given: str | None) -> Iterator[str]:
    others = [sheet.name for number, sheet in enumerate(sheets) if number != position and sheet.filled]
    if others and given is None:
        names = ", ".join(others)[:200]
        yield f"Only the sheet {sheets[position].name} was read. Others with rows: {names}; set sheet to read one."
    if sheets[position].has_unplaced_errors:
        yield "Cells of the sheet have errors such as #N/A; some of them are read as empty."


def _load(file: Any, file_format: str, position: int) -> tuple[int, Iterator[list[Any]]]:  # noqa: ANN401 - a seekable binary file
    """Load a sheet. Return the number of its first column, from 0, and all of its rows.

    Raises: InvalidFile.
    """
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - rarely needed

    try:
        sheet = CalamineWorkbook.from_filelike(file).get_sheet_by_index(position)
        return (sheet.start or (0, 0))[1], sheet.iter_rows()
    except (CalamineError, *DAMAGED) as error:
        raise _damaged(file_format, str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how Rust reports what it does not expect; it is no Exception
            raise
        raise _damaged(file_format, "unexpected content") from error


def _damaged(file_format: str, reason: str) -> InvalidFile:
    return invalid_file(f"The workbook ({file_format}) is damaged and cannot be read: {reason}.")


def _columns(header: Sequence[Any]) -> tuple[str, ...]:
    """Return the names of the columns.

    Raises: InvalidFile if there are too many.
    """
    names = [cell_text(cell).strip() for cell in header]
    while names and not names[-1]:
        del names[-1]
    if len(names) > MAX_COLUMNS:
        message = f"The header has {len(names)} columns; the maximum is {MAX_COLUMNS}."
        raise invalid_file(message)
    return tuple(name or f"column {number}" for number, name in enumerate(names, 1))


def _rows(
    rows: Iterator[list[Any]], first_line: int, columns: tuple[str, ...], errors: dict[int, int]
) -> Iterator[Row | MalformedRow]:
    """Yield the rows that are not empty. `errors` has the column of the first cell with an error, from 1, by line."""
    for line, cells in enumerate(rows, first_line):
        message = _error(cells, columns, errors.get(line))
        if message is None and _is_blank(cells):
            continue
        values = {name: cell_value(cell) for name, cell in zip(columns, cells, strict=False) if cell != ""}
        surplus = next((cell for cell in cells[len(columns) :] if cell != ""), None)
        size = sum(map(len, map(str, cells)))
        if message is None and surplus is not None:
            message = f"The row has more cells than the header: there is no column for {surplus!r:.40}."
        if message is None and size > MAX_ROW_SIZE:
            message = f"The row has more than {MAX_ROW_SIZE} characters."
        if message is not None:
            yield MalformedRow(line, message, cells=tuple(map(cell_text, cells)))
        else:
            yield Row(line, values, size, cells=cells)


def _error(cells: Sequence[Any], columns: Sequence[str], column: int | None) -> str | None:
    """Return what to say of a row with an error in a cell: one in `column`, which was read as empty, or one that is text."""
    if column is None:
        column = next((number for number, cell in enumerate(cells, 1) if type(cell) is str and cell in _ERRORS), None)
    if column is None:
        return None
    name = columns[column - 1] if 0 < column <= len(columns) else str(column)
    return f"The cell in column {name:.40} has an error such as #N/A; correct its formula or clear it."


def _is_blank(cells: Sequence[Any]) -> bool:
    return not any(cell != "" and str(cell).strip() for cell in cells)
