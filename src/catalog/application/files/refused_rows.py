"""Files of refused rows: what an import refused, to be mended and imported again.

A table has the columns of the file as they were, and after them two of its own; JSON becomes JSON Lines with these two members
before those of the row. Imports ignore both. Such a file is recognized by them, because the caller who imports it again gives the
options of the first import, which say how that file was encoded.
"""

import codecs
import csv
import io
import json
from collections.abc import Mapping, Sequence

from catalog.application.files.formulas import escape_formula
from catalog.application.files.read_options import ReadOptions
from catalog.domain.text.normalization import visible

REFUSED_LINE = "refused_line"
REFUSED_REASON = "refused_reason"
REFUSED_TEXT = "refused_text"
"""The member for the text of a JSON row that could not be read."""

REFUSED_COLUMNS = (REFUSED_LINE, REFUSED_REASON, REFUSED_TEXT)
"""The columns and members that are not those of the file. Imports ignore them."""

_CSV_MARK = f",{REFUSED_LINE},{REFUSED_REASON}".encode()
_JSON_MARK = f'{{"{REFUSED_LINE}": '


def csv_header(columns: Sequence[str]) -> bytes:
    """Return the header of a file of refused rows, with the names of a table's columns."""
    return _csv_line([*(name for name in columns if name not in REFUSED_COLUMNS), REFUSED_LINE, REFUSED_REASON])


def csv_row(columns: Sequence[str], cells: Sequence[str], line: int, reason: str) -> bytes:
    """Return a refused row. Cells for which there is no column stand after those of the reason, so that nothing is lost."""
    missing = [""] * (len(columns) - len(cells))
    own = [cell for name, cell in zip(columns, (*cells, *missing), strict=False) if name not in REFUSED_COLUMNS]
    return _csv_line([*own, str(line), reason, *cells[len(columns) :]])


def json_row(row: str, line: int, reason: str) -> bytes:
    """Return a refused row of JSON, which is the text of an object without the members of these files."""
    text = f"{_JSON_MARK}{line}, {json.dumps(REFUSED_REASON)}: {json.dumps(reason, ensure_ascii=False)}"
    return f"{visible(text)}{row[1:] if row == '{}' else f', {row[1:]}'}\n".encode()


def own_members(row: Mapping[str, object]) -> dict[str, object]:
    """Return the members of a JSON row that are the caller's."""
    return {name: value for name, value in row.items() if name not in REFUSED_COLUMNS}


def options_for(start: bytes, options: ReadOptions) -> ReadOptions:
    """Return the options of reading a text that begins with these bytes: for a file of refused rows, those it was written with.

    One that was saved in another encoding is read as the caller says.
    """
    start = start.removeprefix(codecs.BOM_UTF8)
    if start.startswith(_JSON_MARK.encode()):
        return ReadOptions("jsonl", partial=options.partial)
    if _CSV_MARK not in start or not _has_marked_header(start):
        return options
    return ReadOptions("csv", "utf-8" if _is_utf8(start) else options.encoding, ",", partial=options.partial)


def _has_marked_header(start: bytes) -> bool:
    header = next(csv.reader(io.StringIO(start.decode("utf-8", "replace"), newline="")))
    return header[-2:] == [REFUSED_LINE, REFUSED_REASON]


def _is_utf8(start: bytes) -> bool:
    """Return whether bytes are the start of a text in UTF-8. The last character may be cut."""
    try:
        start.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def _csv_line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([escape_formula(cell) for cell in cells])
    return visible(text.getvalue()).encode()
