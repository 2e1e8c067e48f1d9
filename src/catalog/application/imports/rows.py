"""The first stage of an import: reads and parses the rows of a file, and decides them as far as that needs no store.

Rows are read from the file in a thread while the previous slice is committed.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from catalog.application.files.row_source import MalformedRow, Row, RowSource
from catalog.application.files.trailer import CATEGORY_KEY
from catalog.application.imports.column_layout import ColumnLayout
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import FileRow, RefusedRow, malformed, refusals_of
from catalog.application.imports.report import ImportDetection, ImportReport
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

SLICE_ROWS = 500
"""Rows that are read, decided and committed together. Saves round trips, and lets other writers commit between slices."""

_SLICE_CHARACTERS = 4 * 1024 * 1024
"""A slice ends when its rows exceed this many characters, because it is in memory as a whole."""

TURN_ROWS = 5
"""Rows that are processed before the event loop runs other tasks."""

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


@dataclass(frozen=True, slots=True)
class ImportRow(FileRow):
    """A parsed row. `change` creates it as a new item, or is the error why it cannot be one."""

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
class Slice:
    """A parsed slice: the rows to import, the categories with their rows, and the rows that were refused.

    `report` counts the rows and the refused ones, and has the columns that are ignored so far. `refused_keys` are the SKUs of
    refused rows, and their ids if those are preserved; `unread_lines` are the lines of rows whose SKU could not be read.
    """

    rows_to_import: Sequence[ImportRow] = ()
    categories: Sequence[tuple[FileRow, Change[Category]]] = ()
    refusals: Sequence[RefusedRow] = ()
    report: ImportReport = ImportReport()  # noqa: RUF009 - immutable
    refused_keys: Sequence[str | UUID] = ()
    unread_lines: Sequence[int] = ()

    @property
    def size(self) -> int:
        """The number of rows that are in memory, those of categories included."""
        return len(self.rows_to_import) + len(self.categories) + len(self.refusals)

    @classmethod
    def joined(cls, slices: Sequence["Slice"]) -> "Slice":
        """Return all slices as one."""
        return cls(
            [row for part in slices for row in part.rows_to_import],
            [category for part in slices for category in part.categories],
            [refusal for part in slices for refusal in part.refusals],
            sum((part.report for part in slices), ImportReport()),
            [key for part in slices for key in part.refused_keys],
            [line for part in slices for line in part.unread_lines],
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is refused, and why. For an item, `keys` are its SKU, and its id if that is preserved, as far as they are known.

    `has_unknown_sku`: it is an item whose SKU could not be read.
    """

    rows: Sequence[RefusedRow]
    keys: Sequence[str | UUID] = ()
    has_unknown_sku: bool = False


class SliceReader:
    """Reads a row source slice by slice. `ignored_columns` are the names of unused columns so far.

    `detection` is what was decided about the columns.
    """

    def __init__(self, source: RowSource, plan: ImportPlan, clock: Clock, ids: Ids) -> None:
        """Apply the plan to the header of the file, if it has one. The detection says whether it fits."""
        self.ignored_columns: tuple[str, ...] = ()
        self._source = source
        self._plan = plan
        self._clock = clock
        self._ids = ids
        self._layouts: dict[tuple[str, ...], tuple[ColumnLayout, RowColumns]] = {}
        self._from_header: tuple[ColumnLayout, RowColumns] | None = None
        self._has_typed_cells = source.detected.is_workbook
        self.detection = plan.detect(source.columns, source.sample)
        self._rows = plan.arrange(source.rows, self.detection, source.columns)
        self._columns = RowColumns(source.columns, self.detection.mapping, is_escaped=source.detected.format == "csv")
        if source.columns is not None:
            self._from_header = plan.layout_of(self.detection), self._columns
            self.ignored_columns = self.detection.ignored

    @property
    def noticed(self) -> ImportReport:
        """What was noticed in the file before its rows are read."""
        file, columns = self._source.detected, self.detection
        return ImportReport(
            ignored=self.ignored_columns,
            detected="; ".join(filter(None, (file.describe(), columns.describe()))),
            detection=ImportDetection.of(file, columns),
            warnings=(*file.warnings, *columns.warnings),
        )

    async def slices(self, before_slice: Callable[[], Awaitable[None]]) -> AsyncGenerator[Slice, None]:
        """Yield the slices of the file. The rows of the next one are read in a thread meanwhile.

        `before_slice` is called before each and may raise an exception to stop. Then, or if the generator is closed, the thread
        finishes its slice, and nothing reads the file after that.
        """
        reading = asyncio.create_task(asyncio.to_thread(self.read_rows))
        try:
            while rows := await reading:
                await before_slice()
                reading = asyncio.create_task(asyncio.to_thread(self.read_rows))
                yield await self.parse(rows)
        except BaseException:
            self._source.stop()
            raise
        finally:
            await asyncio.wait((reading,))
            _ = reading.cancelled() or reading.exception()  # asyncio warns about exceptions that were never retrieved

    @property
    def rows(self) -> Iterator[Row | MalformedRow]:
        """The rows of the file that are not read yet, changed as the profile says."""
        return self._rows

    def read_rows(self) -> list[Row | MalformedRow]:
        """Read the rows of the next slice. Blocks while the file arrives; returns an empty list at the end."""
        rows: list[Row | MalformedRow] = []
        size = 0
        for row in self._rows:
            rows.append(row)
            size += row.size if isinstance(row, Row) else 0
            if len(rows) == SLICE_ROWS or size > _SLICE_CHARACTERS:
                break
        return rows

    async def parse(self, rows: Sequence[Row | MalformedRow]) -> Slice:
        """Parse rows by the plan. Gives way to other tasks every TURN_ROWS rows."""
        to_import: list[ImportRow] = []
        categories: list[tuple[FileRow, Change[Category]]] = []
        refusals: list[RefusedRow] = []
        refused_keys: list[str | UUID] = []
        unread_lines: list[int] = []
        category_count = refused = 0
        for start in range(0, len(rows), TURN_ROWS):
            for row in rows[start : start + TURN_ROWS]:
                parsed = self.parse_row(row)
                if isinstance(parsed, ImportRow):
                    to_import.append(parsed)
                elif isinstance(parsed, Change):
                    category_count += 1
                    categories.append((self._file_row(row), parsed))
                else:
                    refused += 1
                    refusals += parsed.rows
                    refused_keys += parsed.keys
                    unread_lines += [row.line] if parsed.has_unknown_sku else []
            await asyncio.sleep(0)
        repairs = Counter(row.repair for row in rows if isinstance(row, Row) and row.repair)
        report = ImportReport(
            rows=len(rows) - category_count,
            refused=refused,
            filled=repairs["filled"],
            cut=repairs["cut"],
            ignored=self.ignored_columns,
        )
        return Slice(to_import, categories if self._plan.create_categories else (), refusals, report, refused_keys, unread_lines)

    def parse_row(self, row: Row | MalformedRow) -> ImportRow | Change[Category] | Refused:
        """Parse the row of an item or a category, or return why it is refused."""
        return self._parse_category(row) or self._parse_item(row)

    def read_fields(self, row: Row, errors: FieldErrors) -> dict[str, Any]:
        """Return the fields of an item as its row has them, not yet checked by the rules for items."""
        layout, _ = self._from_header or self._layout_of(row)
        return self._fields(layout, row, errors)

    def _fields(self, layout: ColumnLayout, row: Row, errors: FieldErrors) -> dict[str, Any]:
        fields = layout.fields(row.values, errors)
        if self._has_typed_cells:
            return {name: _as_text(value) if name in _TEXT_FIELDS else value for name, value in fields.items()}
        return fields

    def _file_row(self, row: Row | MalformedRow) -> FileRow:
        return FileRow(row.line, row.cells, self._columns)

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
            return Category.create(fields, category_id=self._ids.item_id(), default_position=0, now=self._clock.now())
        except InvalidInput as error:
            return Refused(refusals_of(self._file_row(row), str(fields.get("slug") or ""), error.errors))

    def _parse_item(self, row: Row | MalformedRow) -> ImportRow | Refused:
        """Parse the row of an item, or return why it is refused."""
        if isinstance(row, MalformedRow):
            return Refused([malformed(row, self._columns)], has_unknown_sku=True)
        errors = FieldErrors()
        layout, columns = self._from_header or self._layout_of(row)
        fields = self._fields(layout, row, errors)
        sku_text = fields.get("sku")
        if isinstance(sku_text, str) and _EXPONENT.fullmatch(sku_text):
            error = FieldError(("sku",), "rounded_sku", _ROUNDED.format(sku_text), _NOT_ROUNDED)
            return Refused(refusals_of(FileRow(row.line, row.cells, columns), sku_text, [error]), has_unknown_sku=True)
        if isinstance(sku_text, str) and sku_text.startswith("'"):
            # Spreadsheets mark a number as text with an apostrophe.
            sku_text = fields["sku"] = sku_text[1:]
        category_cell = _take_category_cell(fields)
        provenance = layout.provenance(row.values, errors)
        change = None if sku_text is None or errors else self._create(fields, provenance)
        if self._from_header is not None and self._plan.empty == "clear" and not errors:
            fields = layout.with_cleared(fields, row.values)
        if isinstance(change, Change):
            return ImportRow(row.line, row.cells, columns, change.subject.sku, fields, provenance, change, category_cell)
        sku = parse_sku(sku_text, errors, ("sku",))
        if sku is None or change is None:
            attempt = self._create({**fields, "sku": "X"}, None)
            if isinstance(attempt, InvalidInput):
                errors.extend(attempt)
            refusals = refusals_of(FileRow(row.line, row.cells, columns), str(sku_text or ""), errors.found)
            keys = (sku, None if provenance is None else provenance.id)
            return Refused(refusals, [key for key in keys if key is not None], has_unknown_sku=sku is None)
        return ImportRow(row.line, row.cells, columns, sku, fields, provenance, change, category_cell)

    def _create(self, fields: Mapping[str, Any], provenance: Provenance | None) -> Change[Item] | InvalidInput:
        """Decide the creation of an item, or return the error why it cannot be created."""
        try:
            return Item.create(fields, item_id=self._ids.item_id(), default_sku="", now=self._clock.now(), provenance=provenance)
        except InvalidInput as error:
            return error

    def _layout_of(self, row: Row) -> tuple[ColumnLayout, RowColumns]:
        """Return the layout of a row that names its own columns. Most rows share a few layouts, which are cached."""
        names = tuple(row.values)
        found = self._layouts.get(names)
        if found is None:
            layout, ignored = self._plan.layout_of_names(names, self.detection)
            found = layout, RowColumns(None, layout.mapping)
            new = [name for name in ignored if name not in self.ignored_columns]
            self.ignored_columns += tuple(new[: max(0, _MAX_IGNORED_COLUMNS - len(self.ignored_columns))])
            if sum(map(len, names)) <= _MAX_CACHED_CHARACTERS:
                if len(self._layouts) >= _MAX_CACHED_LAYOUTS:
                    self._layouts.clear()
                self._layouts[names] = found
        return found


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


def _as_text(value: Any) -> Any:  # noqa: ANN401 - a cell of a workbook
    """Return a number in a text field of a workbook as text. Spreadsheets make numbers of texts that look like them."""
    if isinstance(value, DecimalLiteral):
        return value.text
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
