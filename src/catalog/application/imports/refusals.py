"""Refused rows: where they are, what they were, and why each was refused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalog.application.files.refused_rows import csv_row, json_row
from catalog.application.files.row_source import Cells, MalformedRow
from catalog.application.imports.field_names import flatten
from catalog.application.imports.row_columns import RowColumns
from catalog.domain.errors import FieldError

MAX_VALUE = 40
"""Maximum characters of a cell in a refusal."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason why a row was refused; one for each error. `field` is a flat name, or empty for the row as a whole.

    `column` is the column that the field came from, as the file spells it, and `value` its cell as it was, cut to MAX_VALUE
    characters. `cure` is an option in the form `name=value`, or an action; all three may be empty. `last_line` is set if the row
    spans several lines.
    """

    line: int
    sku: str
    field: str
    code: str
    reason: str
    column: str = ""
    value: str = ""
    cure: str = ""
    last_line: int | None = None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A refused row with the reasons. `columns` are those of the file, and `cells` all cells of the row.

    For JSON, `columns` is None, and `cells` the text of the object.
    """

    refusals: tuple[Refusal, ...]
    columns: tuple[str, ...] | None
    cells: tuple[str, ...] | str

    @property
    def line(self) -> int:
        """The line on which the row starts."""
        return self.refusals[0].line

    @property
    def reason(self) -> str:
        """All reasons in one text, each with its column or field and its cure."""
        return " ".join(map(_sentence, self.refusals))

    def encode(self) -> bytes:
        """Return the row as a line of a file that can be mended and imported again."""
        if isinstance(self.cells, str):
            return json_row(self.cells, self.line, self.reason)
        return csv_row(self.columns or (), self.cells, self.line, self.reason)


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row of a file that may be refused: where it is, its cells as they were, and its columns."""

    line: int
    cells: Cells
    columns: RowColumns


def malformed(row: MalformedRow, columns: RowColumns) -> RefusedRow:
    """Return a row that could not be read as a refused one."""
    last_line = row.last_line if row.last_line != row.line else None
    refusal = Refusal(row.line, "", "", "malformed", row.message, cure=row.cure, last_line=last_line)
    return RefusedRow((refusal,), columns.names, columns.malformed_contents(row))


def refusals_of(row: FileRow, sku: str, errors: Iterable[FieldError]) -> list[RefusedRow]:
    """Return the row, refused for these errors."""
    columns, cells = row.columns, row.cells
    refusals = []
    for error in errors:
        field = flatten(error.path)
        column = columns.column_of(field)
        value = _cut(columns.cell(cells, column)) if column else ""
        refusals.append(Refusal(row.line, sku, field, error.code, error.message, column, value, error.cure))
    return [RefusedRow(tuple(refusals), columns.names, columns.contents(cells))]


def flat(rows: Iterable[RefusedRow]) -> list[Refusal]:
    """Return the refusals of all rows."""
    return [refusal for row in rows for refusal in row.refusals]


def by_line(rows: Sequence[RefusedRow]) -> list[RefusedRow]:
    """Return the rows in the order of the file."""
    return sorted(rows, key=lambda row: row.line)


def _cut(value: str) -> str:
    return value if len(value) <= MAX_VALUE else f"{value[: MAX_VALUE - 1]}…"


def _sentence(refusal: Refusal) -> str:
    source = refusal.column or refusal.field
    cure = f" Cure: {refusal.cure}." if refusal.cure and refusal.cure not in refusal.reason else ""
    return f"{source}: {refusal.reason}{cure}" if source else f"{refusal.reason}{cure}"
