"""Parses the rows of a file as far as that needs no store: an item, a category, or why a row is refused."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from catalog.application.files.row_source import Cells, MalformedRow, Row, RowSource
from catalog.application.files.trailer import CATEGORY_KEY
from catalog.application.imports.column_detection import ColumnDetection
from catalog.application.imports.column_layout import ColumnLayout
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import FileRow, RefusedRow, UnparsedRow, malformed, refusals_of
from catalog.application.imports.row_columns import RowColumns
from catalog.domain.categories.category import Category
from catalog.domain.change import Change
from catalog.domain.errors import FieldError, InvalidInput
from catalog.domain.items.item import Item, Provenance
from catalog.domain.text.normalization import is_blank
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import DecimalLiteral
from catalog.domain.values.fields import category_slug, is_slug
from catalog.domain.values.sku import parse_sku
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids

_MAX_POSITION_DIGITS = 10
"""Category positions have fewer digits than this."""

_TEXT_FIELDS = ("sku", "name", "description", "category")
_EXPONENT = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,}")

_ROUNDED = "A spreadsheet turned the SKU into the rounded number {}."
_NOT_ROUNDED = "format the column as text and enter the SKUs again"
"""The message for a SKU in exponent form, and its cure."""

_MAX_IGNORED_COLUMNS = 100
_MAX_CACHED_LAYOUTS = 100
_MAX_CACHED_CHARACTERS = 10_000
"""A layout is cached if the column names of its row have up to this many characters together."""


class ImportRow(NamedTuple):
    """A parsed row. `change` creates it as a new item, or is the error why it cannot be one.

    A named tuple, because there is one for every row: it is made in half the time of a frozen data class.
    """

    line: int
    cells: Cells
    columns: RowColumns
    sku: str
    fields: Mapping[str, Any]
    provenance: Provenance | None
    change: Change[Item] | InvalidInput
    category_cell: str | None = None
    """The name or path of the category, if the file has no slug. It is resolved before the row is decided."""
    category_error: InvalidInput | None = None
    """Why no category was found."""
    has_other_categories: bool = False
    """Whether the cell names further categories, which are in an attribute."""

    @property
    def category(self) -> str | None:
        """The slug of the row's category, if it is valid."""
        if isinstance(self.change, Change):
            return self.change.subject.category
        return category_slug(self.fields.get("category"))


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is refused, and why. For an item, `keys` are its SKU, and its id if that is preserved, as far as they are known.

    `has_unknown_sku`: it is an item whose SKU could not be read.
    """

    rows: Sequence[RefusedRow]
    keys: Sequence[str | UUID] = ()
    has_unknown_sku: bool = False


class RowParser:
    """Parses rows by the plan and by what was detected about the columns. `ignored_columns` are those not used so far."""

    def __init__(self, source: RowSource, plan: ImportPlan, detection: ColumnDetection, clock: Clock, ids: Ids) -> None:
        """Parse the rows of this source."""
        self.ignored_columns: tuple[str, ...] = ()
        self._plan = plan
        self._detection = detection
        self._clock = clock
        self._ids = ids
        self._layouts: dict[tuple[str, ...], tuple[ColumnLayout, RowColumns]] = {}
        self._from_header: tuple[ColumnLayout, RowColumns] | None = None
        self._has_typed_cells = source.detected.is_workbook
        self._columns = RowColumns(source.columns, detection.mapping, is_escaped=source.detected.format == "csv")
        if source.columns is not None:
            self._from_header = plan.layout_of(detection), self._columns
            self.ignored_columns = detection.ignored

    def parse(self, row: Row | MalformedRow) -> ImportRow | Change[Category] | Refused:
        """Parse the row of an item or a category, or return why it is refused."""
        return self._parse_category(row) or self._parse_item(row)

    def read_fields(self, row: Row, errors: FieldErrors) -> dict[str, Any]:
        """Return the fields of an item as its row has them, not yet checked by the rules for items."""
        layout, _ = self._from_header or self._layout_of(row)
        fields = layout.fields(row.values, errors)
        return _with_texts(fields) if self._has_typed_cells else fields

    def file_row(self, row: Row | MalformedRow) -> FileRow:
        """Return a row with the columns of the file."""
        return UnparsedRow(row.line, row.cells, self._columns)

    def _parse_category(self, row: Row | MalformedRow) -> Change[Category] | Refused | None:
        """Parse the row of a category in an export. Return None for any other row."""
        if isinstance(row, MalformedRow):
            return None
        fields = row.values.get(CATEGORY_KEY)
        if row.values.get("id") == CATEGORY_KEY:
            position = str(row.values.get("version", ""))
            fields = {
                "slug": row.values.get("sku"),
                "name": row.values.get("name"),
                "parent": row.values.get("category"),
                "position": int(position)
                if position.isascii() and position.isdecimal() and len(position) < _MAX_POSITION_DIGITS
                else position,
            }
        if not isinstance(fields, Mapping):
            return None
        try:
            return Category.create(fields, category_id=self._ids.new_id(), default_position=0, now=self._clock.now())
        except InvalidInput as error:
            return Refused(refusals_of(self.file_row(row), str(fields.get("slug") or ""), error.errors))

    def _parse_item(self, row: Row | MalformedRow) -> ImportRow | Refused:
        """Parse the row of an item, or return why it is refused."""
        if isinstance(row, MalformedRow):
            return Refused([malformed(row, self._columns)], has_unknown_sku=True)
        errors = FieldErrors()
        layout, columns = self._from_header or self._layout_of(row)
        fields = layout.fields(row.values, errors)
        if self._has_typed_cells:
            fields = _with_texts(fields)
        sku_text = fields.get("sku")
        if isinstance(sku_text, str) and "+" in sku_text and _EXPONENT.fullmatch(sku_text):
            error = FieldError(("sku",), "rounded_sku", _ROUNDED.format(sku_text), _NOT_ROUNDED)
            return Refused(refusals_of(UnparsedRow(row.line, row.cells, columns), sku_text, [error]), has_unknown_sku=True)
        if isinstance(sku_text, str) and sku_text.startswith("'"):
            # Spreadsheets mark a number as text with an apostrophe.
            sku_text = fields["sku"] = sku_text[1:]
        category_cell = _take_category_cell(fields)
        provenance = layout.provenance(row.values, errors)
        change = None if sku_text is None or errors else create_item(fields, provenance, self._clock, self._ids)
        if self._from_header is not None and self._plan.empty == "clear" and not errors:
            fields = layout.with_cleared(fields, row.values)
        if isinstance(change, Change):
            return ImportRow(row.line, row.cells, columns, change.subject.sku, fields, provenance, change, category_cell)
        sku = parse_sku(sku_text, errors, ("sku",))
        if sku is None or change is None:
            attempt = create_item({**fields, "sku": "X"}, None, self._clock, self._ids)
            if isinstance(attempt, InvalidInput):
                errors.extend(attempt)
            refusals = refusals_of(UnparsedRow(row.line, row.cells, columns), str(sku_text or ""), errors.found)
            keys = (sku, None if provenance is None else provenance.id)
            return Refused(refusals, [key for key in keys if key is not None], has_unknown_sku=sku is None)
        return ImportRow(row.line, row.cells, columns, sku, fields, provenance, change, category_cell)

    def _layout_of(self, row: Row) -> tuple[ColumnLayout, RowColumns]:
        """Return the layout of a row that names its own columns. Most rows share a few layouts, which are cached."""
        names = tuple(row.values)
        found = self._layouts.get(names)
        if found is None:
            layout, ignored = self._plan.layout_of_names(names, self._detection)
            found = layout, RowColumns(None, layout.mapping)
            new = [name for name in ignored if name not in self.ignored_columns]
            self.ignored_columns += tuple(new[: max(0, _MAX_IGNORED_COLUMNS - len(self.ignored_columns))])
            if sum(map(len, names)) <= _MAX_CACHED_CHARACTERS:
                if len(self._layouts) >= _MAX_CACHED_LAYOUTS:
                    self._layouts.clear()
                self._layouts[names] = found
        return found


def create_item(fields: Mapping[str, Any], provenance: Provenance | None, clock: Clock, ids: Ids) -> Change[Item] | InvalidInput:
    """Decide the creation of an item, or return the error why it cannot be created."""
    try:
        return Item.create(fields, item_id=ids.new_id(), default_sku="", now=clock.now(), provenance=provenance)
    except InvalidInput as error:
        return error


def _take_category_cell(fields: dict[str, Any]) -> str | None:
    """Remove the category from the fields and return it if it is a name or path. A slug stays, without spaces around it."""
    cell = fields.get("category")
    if not isinstance(cell, str) or is_slug(cell) or is_blank(cell):
        return None
    cell = cell.strip()
    if is_slug(cell):
        fields["category"] = cell
        return None
    del fields["category"]
    return cell


def _with_texts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with those that are texts as such, whatever type their cells have."""
    return {name: _as_text(value) if name in _TEXT_FIELDS else value for name, value in fields.items()}


def _as_text(value: Any) -> Any:  # noqa: ANN401 - a cell of a workbook
    """Return a number in a text field of a workbook as text. Spreadsheets make numbers of texts that look like them."""
    if isinstance(value, DecimalLiteral):
        return value.text
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
