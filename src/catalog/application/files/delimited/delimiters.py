"""The delimiter of a CSV file: given by the caller or by its first line (`sep=;`, as Excel writes), or detected from its rows."""

import contextlib
import csv
import io
import re
from collections.abc import Collection

from catalog.domain.errors import FieldError, InvalidQuery

DELIMITERS = ("\t", "|", ";", ",")
"""The delimiters that are detected. If several divide the rows equally well, it is the first: texts and amounts have commas."""

QUOTES = "\"'"
"""Quote characters, which cannot be delimiters."""

_SAMPLE_RECORDS = 50
_SEP_LINE = re.compile(r'"?[sS][eE][pP]=([!-~\t])"?[ \t]*(\r\n?|\n)')


def parse_delimiter(text: str) -> str:
    """Parse a CSV delimiter: one character, or `tab` for a tab character.

    Raises: InvalidQuery.
    """
    delimiter = "\t" if text == "tab" else text
    is_punctuation = len(delimiter) == 1 and "!" <= delimiter <= "~" and not delimiter.isalnum() and delimiter not in QUOTES
    if is_punctuation or delimiter == "\t":
        return delimiter
    message = f"The delimiter must be one character such as , ; | or tab, not a letter, digit, quote or space: {text!r:.20}."
    raise InvalidQuery([FieldError(("delimiter",), "invalid_delimiter", message)])


def sep_line(sample: str) -> tuple[str, int] | None:
    """Return the delimiter that the first line gives, and the length of that line; None if it gives none."""
    match = _SEP_LINE.match(sample)
    return None if match is None or match[1] in QUOTES or match[1].isalnum() else (match[1], match.end())


def detect_delimiter(sample: str, *, is_whole: bool, known_names: Collection[str]) -> str:
    """Return the delimiter with which most records have as many cells as the header; a comma if no delimiter separates any.

    If several do, the one that yields more column names that are known decides, and then the one that yields more columns.
    """
    lines = io.StringIO(sample, newline="").readlines()
    if not is_whole and len(lines) > 1:
        del lines[-1]  # cut off

    def score(delimiter: str) -> tuple[float, int, int]:
        rows = _records(lines, delimiter)
        if not rows or len(rows[0]) == 1:
            return 0, 0, 0
        header, *others = rows
        agreeing = sum(len(row) == len(header) for row in others)
        known = sum("".join(filter(str.isalnum, name)).lower() in known_names for name in header)
        return round(agreeing / len(others), 1) if others else 1, known, len(header)

    candidates = DELIMITERS if len(lines) > 1 else DELIMITERS[::-1]
    scores = {delimiter: score(delimiter) for delimiter in candidates}
    best = max(candidates, key=lambda delimiter: (scores[delimiter][1] > 0, *scores[delimiter]))
    return best if scores[best][2] else ","


def _records(lines: list[str], delimiter: str) -> list[list[str]]:
    """Return the first records that are not blank, as far as they can be read."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        for row in csv.reader(iter(lines), delimiter=delimiter):
            if any(cell.strip() for cell in row):
                rows.append(row)
            if len(rows) > _SAMPLE_RECORDS:
                break
    return rows
