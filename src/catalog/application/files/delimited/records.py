"""The records of a CSV file. Those with stray quotes are repaired or refused.

A quote that does not belong there swaps the inside and the outside of cells up to the next quote, so later lines seem to be part
of a cell. The rules for a record that cannot be read, or that spans several lines and has the wrong number of cells:

1. If its first line, or its first few lines, give a row with the right number of cells when only a quote next to a delimiter ends
   a cell (`"Shelf 19" deep"`), they are that row, unless one of the later lines is a complete row of its own.
2. Otherwise, reading continues at the next line from which on the file is a table again: from there, up to three records in a row
   have the right number of cells, and the first one is quoted as the header is. The lines before are refused. One line that looks
   like a row is not enough, since a cell may contain such lines. If there is no such line, the rest of the file is refused.

A record that is valid is read as it is, even if lines inside its cells look like rows: nothing proves that they are. If all of
them do, there is a warning, since a quote that is missing in one row and an extra one far below look the same.
"""

import csv
from collections.abc import Iterable

from catalog.application.files.delimited.lines import NEWLINES, Lines, RowTooLong
from catalog.application.files.delimited.stray_quotes import split_as_meant, split_leniently
from catalog.application.files.row_source import MAX_ROW_SIZE, MalformedRow

_REPAIRED_LINES = 20
"""Maximum lines of a record that is repaired."""

_CONFIRMING_RECORDS = 3
"""Records with the right number of cells that prove that the file is a table again."""

# Python's default cell limit of 131,072 characters is process-wide. Rows have their own limit here.
csv.field_size_limit(MAX_ROW_SIZE)


class Records:
    """The records of a CSV file."""

    def __init__(self, lines: Lines, delimiter: str) -> None:
        """Read the records that these lines contain."""
        self.lines = lines
        self.delimiter = delimiter
        self._reader = csv.reader(lines, delimiter=delimiter, strict=True)
        self._quoted = False
        self.warnings: list[str] = []
        """Sentences about the records that were read."""

    def header(self) -> list[str]:
        """Return the cells of the first record that is not blank; [] if there is none. Raises: csv.Error, RowTooLong."""
        try:
            for cells in self._reader:
                if any(map(str.strip, cells)):
                    self._quoted = self.lines.record[0].startswith('"')
                    return cells
                self.lines.start_record()
        except csv.Error:
            if not self.lines.is_cut_off:
                raise
            return next(csv.reader(self.lines.record, delimiter=self.delimiter), [])
        return []

    def read(self, line: int, column_count: int) -> "list[str] | MalformedRow | None":
        """Return the cells of the next record, which begins at `line`; None at the end of the file. Raises: DamagedFile.

        A record that is cut off, because only the start of a file is read, is left out.
        """
        try:
            cells: list[str] | None = next(self._reader, None)
        except csv.Error as error:
            return None if self.lines.is_cut_off else self._repair(line, column_count, str(error))
        except RowTooLong as error:
            is_line = not self.lines.record
            return (self._refuse if is_line else self._repair)(line, column_count, str(error))
        if cells is not None and self.lines.is_cut and not self.lines.record[-1].endswith(NEWLINES):
            return None
        if cells is None or len(cells) == column_count:
            if self.lines.count - line > _CONFIRMING_RECORDS:
                self._suspect_rows_inside(line, column_count)
            return cells
        if self.lines.count > line:
            reason = f"it spans lines {line} to {self.lines.count} and has {len(cells)} cells, but the header has {column_count}"
            return self._repair(line, column_count, reason)
        return self._without_padding(cells, column_count)

    def _suspect_rows_inside(self, line: int, column_count: int) -> None:
        """Warn if each line within the record could be a row."""
        inside = self.lines.record[1:-1]
        if not self.warnings and all(row.count(self.delimiter) == column_count - 1 and '"' not in row for row in inside):
            self.warnings.append(
                f"Lines {line} to {self.lines.count} were read as one row, because a cell is quoted from the first to the last "
                "one. The lines between look like rows; if they are, a quote is missing or extra."
            )

    def _without_padding(self, cells: list[str], column_count: int) -> list[str]:
        """Return the cells of a line that has too many: spaces before a quoted cell hide its quotes from the reader."""
        line = self.lines.record[0]
        if len(cells) < column_count or '"' not in line:
            return cells
        padded = split_leniently(line.rstrip("\r\n"), self.delimiter, padded=True)
        return padded if padded is not None and len(padded) == column_count else cells

    def _repair(self, line: int, column_count: int, reason: str) -> "list[str] | MalformedRow":
        """Repair the current record, which began at `line` and cannot be read, or return the lines that are refused."""
        lines = self.lines
        lines.give_back(lines.record)
        lines.record = []
        following = lines.peek(_REPAIRED_LINES)
        for count in range(1, len(following) + 1):
            if count > 1 and self._is_table([following[count - 1]], column_count):
                break
            cells = split_as_meant("".join(following[:count]).rstrip("\r\n"), self.delimiter, column_count)
            if cells is not None:
                lines.skip_lines(count)
                return cells
        return self._refuse(line, column_count, reason)

    def _refuse(self, line: int, column_count: int, reason: str) -> MalformedRow:
        """Refuse the current record, and skip to where the file is a table again."""
        lines = self.lines
        lines.give_back(lines.record)
        first = lines.peek(1)
        lines.skip_line()
        skipped: list[str] = []
        goes_on = lines.skip_until(lambda ahead: self._is_table(ahead, column_count), skipped)
        last = lines.count
        if last == line:
            message = f"Line {line} cannot be read: {reason}."
        elif goes_on:
            message = f"Lines {line} to {last} cannot be read: {reason}. Reading continued after them."
        else:
            message = f"Lines {line} to {last}, the rest of the file, cannot be read: {reason}."
        first_cells = first[0][:MAX_ROW_SIZE].rstrip("\r\n").split(self.delimiter)
        text = "".join((*first, *skipped))[:MAX_ROW_SIZE]
        return MalformedRow(line, message, last, tuple(first_cells), "double the quotes inside cells", text)

    def _is_table(self, lines: Iterable[str], column_count: int) -> bool:
        """Return whether some records from the first of these lines on have the right number of cells.

        The first one must begin with a quote if the header does, and have no odd quote, as the last line of a cell has.
        """
        first = next(iter(lines))
        if first.count(self.delimiter) < column_count - 1 or (self._quoted and not first.startswith('"')) or first.count('"') % 2:
            return False
        reader = csv.reader(iter(lines), delimiter=self.delimiter, strict=True)
        confirmed = 0
        try:
            for cells in reader:
                if not any(map(str.strip, cells)):
                    if confirmed:
                        continue
                    return False
                if len(cells) != column_count:
                    return False
                confirmed += 1
                if confirmed == _CONFIRMING_RECORDS:
                    return True
        except csv.Error:
            return False
        return confirmed > 0
