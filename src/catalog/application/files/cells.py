"""The values of cells: as JSON would have them, and as text."""

from datetime import date, datetime, time, timedelta
from typing import Any

from catalog.application.strict_json import to_json
from catalog.domain.values.decimal_literal import DecimalLiteral

_MAX_EXACT = 10**15
"""Spreadsheets show 15 digits of a number. Larger ones have lost digits, so they stay in the form with an exponent."""


def cell_value(cell: Any) -> Any:  # noqa: ANN401 - the values of cells
    """Return the value of a workbook's cell as JSON would have it, with decimals as spreadsheets show them."""
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < _MAX_EXACT:
            return int(cell)
        return DecimalLiteral(format(cell, ".15g"))  # 0.1 + 0.2 is 0.3
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(int(cell.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return cell


def cell_text(cell: Any) -> str:  # noqa: ANN401 - the values of cells
    """Return a cell of any format as text: numbers as they were written, an empty string for null, and other values as JSON."""
    if cell is None:
        return ""
    value = cell if isinstance(cell, str) else cell_value(cell)
    return value if isinstance(value, str) else to_json(value)
