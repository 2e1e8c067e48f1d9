"""Splits CSV records whose quotes are not doubled, as the writer meant them."""

import re


def split_leniently(record: str, delimiter: str, *, padded: bool = False) -> list[str] | None:
    """Split a record into cells. In a quoted cell, only a quote before a delimiter or at the end ends it.

    With `padded`, there may be spaces between the quotes of a cell and the delimiters. Return None if a quoted cell does not end.
    """
    spaces = " *" if padded else ""
    opening = re.compile(f'{spaces}"')
    closing = re.compile(f'"{spaces}(?={re.escape(delimiter)}|\\Z)')
    cells = []
    position = 0
    while True:
        opened = opening.match(record, position)
        if opened:
            closed = _closing_quote(record, opened.end(), closing)
            if closed is None:
                return None
            cells.append(record[opened.end() : closed.start()].replace('""', '"'))
            position = closed.end()
        else:
            end = record.find(delimiter, position)
            end = len(record) if end < 0 else end
            cells.append(record[position:end])
            position = end
        if position >= len(record):
            return cells
        position += 1  # the delimiter


def _closing_quote(record: str, start: int, closing: re.Pattern[str]) -> re.Match[str] | None:
    """Return the quote that ends a cell."""
    position = record.find('"', start)
    while position >= 0:
        closed = closing.match(record, position)
        if closed:
            return closed
        position = record.find('"', position + (2 if record.startswith('""', position) else 1))
    return None


def split_as_meant(record: str, delimiter: str, column_count: int) -> list[str] | None:
    """Split a record with stray quotes into the right number of cells. Return None if there is no such reading.

    Some programs escape a quote with a backslash, and some put spaces around quotes.
    """
    readings = (
        split_leniently(record.replace('\\"', '""'), delimiter),
        split_leniently(record, delimiter),
        split_leniently(record, delimiter, padded=True),
    )
    return next((cells for cells in readings if cells is not None and len(cells) == column_count), None)
