"""The rows of a file as they were, for those that are refused: which cell a field came from, and what all cells were."""

from collections.abc import Mapping

from catalog.application.files.cells import cell_text
from catalog.application.files.formulas import unescape_formula
from catalog.application.files.refused_rows import REFUSED_TEXT, own_members
from catalog.application.files.row_source import Cells, MalformedRow
from catalog.application.imports.field_names import ATTRIBUTE
from catalog.application.strict_json import to_json
from catalog.domain.text.normalization import printable

_UNMENDED = "Delete this cell when the row is mended."
"""The surplus cell of a row that could not be read, if its text is not known."""

_OTHER_SOURCES = {"currency": "price", "slug": "sku", "parent": "category", "position": "version"}
"""Fields that may come from the column of another: a currency from the price, and those of a category from those of items."""


class RowColumns:
    """The columns of rows that have the same ones. `names` are those of the header, or None for JSON, whose rows have members."""

    __slots__ = ("_is_escaped", "_mapping", "names")

    def __init__(self, names: tuple[str, ...] | None, mapping: Mapping[str, str], *, is_escaped: bool = False) -> None:
        """Take the column of each field; `is_escaped` if formulas in cells are, as in CSV."""
        self.names = names
        self._mapping = mapping
        self._is_escaped = is_escaped

    def column_of(self, field: str) -> str:
        """Return the column of a field, as the file spells it; an empty string if it came from none."""
        attributes = "attributes" if field.startswith(ATTRIBUTE) else field
        candidates = (field, _OTHER_SOURCES.get(field, attributes))
        column = next((self._mapping[name] for name in candidates if name in self._mapping), "")
        return column if self.names is None or column in self.names else ""

    def cell(self, cells: Cells, column: str) -> str:
        """Return a cell as it was."""
        if isinstance(cells, Mapping):
            return cell_text(cells[column]) if column in cells else ""
        position = self.names.index(column) if self.names is not None and column in self.names else len(cells)
        return cell_text(cells[position]) if position < len(cells) else ""

    def contents(self, cells: Cells) -> tuple[str, ...] | str:
        """Return all cells of a row as texts; for JSON, the text of its object."""
        if isinstance(cells, Mapping):
            return to_json(own_members(cells))
        texts = map(cell_text, cells)
        return tuple(map(unescape_formula, texts) if self._is_escaped else texts)

    def malformed_contents(self, row: MalformedRow) -> tuple[str, ...] | str:
        """Return what is known of a row that could not be read: its cells, or for JSON, an object with its text.

        There is always a cell too many, with the text of the row on one line, so that it is not imported before it is mended.
        """
        if self.names is None:
            return to_json({REFUSED_TEXT: row.text} if row.text else {})
        cells = self.contents(row.cells)
        if len(cells) > len(self.names):
            return cells
        return (*cells, *[""] * (len(self.names) - len(cells)), printable(row.text.strip()) or _UNMENDED)
