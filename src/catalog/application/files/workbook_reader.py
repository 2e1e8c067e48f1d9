"""Reads workbooks (.xlsx, .ods) with python-calamine. The sheet is in memory as a whole; line numbers are those of the sheet.

Numbers are as they look: 12.0 is the integer 12, and 12.3 is the decimal 12.3. Dates are ISO 8601 texts.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from catalog.application.files.detection import FileDetection
from catalog.application.files.errors import invalid_file
from catalog.application.files.row_source import MalformedRow, Row, RowSource, sampled
from catalog.domain.errors import FieldError, InvalidQuery
from catalog.domain.values.decimal_literal import DecimalLiteral

MAX_COLUMNS = 2_000
"""Maximum columns of a sheet."""

_MAX_EXACT = 2**53
"""Up to this, a workbook's numbers, which are doubles, are exact integers."""


def read_workbook(file: Any, file_format: str, sheet: str | None) -> RowSource:  # noqa: ANN401 - a seekable binary file
    """Read a sheet, whose first row that is not empty names the columns: the given sheet, or the first one with rows.

    Raises: InvalidQuery if there is no such sheet, InvalidFile if the workbook cannot be read or has no rows.
    """
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - rarely needed

    try:
        workbook = CalamineWorkbook.from_filelike(file)
        names = workbook.sheet_names
        name, rows = _rows_of(workbook, names, sheet)
    except (CalamineError, OSError, ValueError, EOFError) as error:
        message = f"The workbook ({file_format}) is damaged and cannot be read: {error}."
        raise invalid_file(message) from error
    header_line, header = next(((line, row) for line, row in enumerate(rows, 1) if not _is_blank(row)), (0, []))
    if not header:
        message = f"The sheet {name} is empty; it has no header with column names."
        raise invalid_file(message)
    columns = _columns(header)
    sample, values = sampled(_rows(rows[header_line:], header_line + 1, columns))
    others = [other for other in names if other != name]
    warnings = () if sheet is not None or not others else (f"Only the sheet {name} was read. Others: {', '.join(others)[:200]}.",)
    return RowSource(
        columns, values, file.close, sample=sample, detected=FileDetection(file_format, sheet=name, warnings=warnings)
    )


def _rows_of(workbook: Any, names: Sequence[str], sheet: str | None) -> tuple[str, list[list[Any]]]:  # noqa: ANN401 - calamine's
    """Return the name and the rows of a sheet.

    Raises: InvalidQuery.
    """
    if sheet is not None:
        number = int(sheet) - 1 if sheet.isdecimal() and sheet not in names else -1
        if sheet not in names and not 0 <= number < len(names):
            message = f"The workbook has no sheet {sheet!r:.60}. Its sheets: {', '.join(names)[:500]}."
            raise InvalidQuery([FieldError(("sheet",), "unknown_sheet", message)])
        names = [sheet if sheet in names else names[number]]
    for name in names:
        rows: list[list[Any]] = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
        if not all(map(_is_blank, rows)):
            return name, rows
    return (names[0], []) if names else ("1", [])


def _columns(header: Sequence[Any]) -> tuple[str, ...]:
    """Return the names of the columns.

    Raises: InvalidFile if there are too many.
    """
    names = [str(_value(cell)).strip() for cell in header]
    while names and not names[-1]:
        del names[-1]
    if len(names) > MAX_COLUMNS:
        message = f"The header has {len(names)} columns; the maximum is {MAX_COLUMNS}."
        raise invalid_file(message)
    return tuple(name or f"column {number}" for number, name in enumerate(names, 1))


def _rows(rows: Sequence[Sequence[Any]], first_line: int, columns: tuple[str, ...]) -> Iterator[Row | MalformedRow]:
    for line, cells in enumerate(rows, first_line):
        if _is_blank(cells):
            continue
        surplus = [cell for cell in cells[len(columns) :] if cell != ""]
        if surplus:
            message = f"The row has more cells than the header: there is no column for {surplus[0]!r:.40}."
            yield MalformedRow(line, message, cells=tuple(map(str, cells)))
            continue
        values = {name: _value(cell) for name, cell in zip(columns, cells, strict=False) if cell != ""}
        yield Row(line, values, sum(len(str(cell)) for cell in cells))


def _is_blank(cells: Sequence[Any]) -> bool:
    return not any(cell != "" and str(cell).strip() for cell in cells)


def _value(cell: Any) -> Any:  # noqa: ANN401 - the values of cells
    """Return the value of a cell as JSON would have it, with decimals exact."""
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) <= _MAX_EXACT:
            return int(cell)
        return DecimalLiteral(repr(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta) else cell
