"""From the rows of a file to entries of an import: read by its plan, and decided as far as nobody need be asked for it.

Nothing here waits for a store, so that it is done in a thread while the rows before are committed.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.application.files.row_source import MalformedRow, Row, RowSource
from catalog.application.files.trailer import CATEGORY_KEY
from catalog.application.imports.plan import ColumnLayout, ImportPlan, flatten
from catalog.domain.categories.category import Category
from catalog.domain.change import Change
from catalog.domain.errors import FieldError, InvalidInput
from catalog.domain.items.item import Item, Provenance
from catalog.domain.validation import FieldErrors
from catalog.domain.values.fields import category_slug, parse_sku
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids

SLICE_ROWS = 500
"""Rows that are read, decided and committed together: few round trips, and other writers get their turn between."""

_LARGE = 4 * 1024 * 1024
"""Characters of rows that end a slice, for it is in memory as a whole."""

TURN_SECONDS = 5
"""Rows that are read before others get their turn."""

_DIGITS = 10
"""More than the position of a category has."""

_IGNORED_NAMES = 100
_MOST_LAYOUTS = 100
_KEPT_NAMES = 10_000
"""Characters of the names of a row whose layout is kept."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row was not taken: one for each of its faults. `field` is a flat name; empty for the row as a whole."""

    line: int
    sku: str
    field: str
    code: str
    reason: str


def refusals_of(line: int, sku: str, errors: Iterable[FieldError]) -> list[Refusal]:
    """Say why a row is not taken."""
    return [Refusal(line, sku, flatten(fault.path), fault.code, fault.message) for fault in errors]


@dataclass(slots=True)
class ImportRow:
    """A row on its way: what it says, under which SKU, and what it would be as a new item (or why it cannot be one)."""

    line: int
    sku: str
    fields: Mapping[str, Any]
    provenance: Provenance | None
    change: Change[Item] | InvalidInput
    attempts: int = 0

    @property
    def category(self) -> str | None:
        """The category that it names, if that is one."""
        if isinstance(self.change, Change):
            return self.change.subject.category
        return category_slug(self.fields.get("category"))


@dataclass(slots=True)
class Slice:
    """Some rows of a file: how many there were, those that are entries, and why the others are none."""

    rows: int = 0
    rows_to_import: list[ImportRow] = field(default_factory=list)
    categories: list[tuple[int, Change[Category]]] = field(default_factory=list)
    """Each with its line."""
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)


class SliceReader:
    """Reads a table slice by slice. Columns that give nothing are gathered in `ignored`."""

    def __init__(self, table: RowSource, plan: ImportPlan, clock: Clock, ids: Ids) -> None:
        """Bind the plan to a file's header, where it has one. Raises InvalidQuery when they do not fit."""
        self.ignored_columns: list[str] = []
        self._rows: Iterator[Row | MalformedRow] = table.rows
        self._plan = plan
        self._clock = clock
        self._ids = ids
        self._layouts: dict[tuple[str, ...], ColumnLayout] = {}
        self._layout: ColumnLayout | None = None
        layout, ignored = plan.layout(table.columns)
        if table.columns is not None:
            self._layout = layout
            self.ignored_columns += ignored

    def rows(self) -> list[Row | MalformedRow]:
        """Read the rows of the next slice, which may wait for the file; none at the end."""
        taken: list[Row | MalformedRow] = []
        size = 0
        for row in self._rows:
            taken.append(row)
            size += row.size if isinstance(row, Row) else 0
            if len(taken) == SLICE_ROWS or size > _LARGE:
                break
        return taken

    async def decide(self, rows: Sequence[Row | MalformedRow]) -> Slice:
        """Read rows by the plan, some at a time: whoever is waited for meanwhile, like a database, is attended to."""
        part = Slice(len(rows))
        for start in range(0, len(rows), TURN_SECONDS):
            for row in rows[start : start + TURN_SECONDS]:
                entry = self._category(row) or self._entry(row)
                if isinstance(entry, Change):
                    part.rows -= 1
                    if self._plan.create_categories:
                        part.categories.append((row.line, entry))
                elif isinstance(entry, ImportRow):
                    part.rows_to_import.append(entry)
                else:
                    part.refused += 1
                    part.refusals += entry
            await asyncio.sleep(0)
        return part

    def _category(self, row: Row | MalformedRow) -> Change[Category] | list[Refusal] | None:
        """Read a row of an export that tells of a category; None: it tells of something else."""
        if isinstance(row, MalformedRow):
            return None
        said = row.values.get(CATEGORY_KEY)
        if row.values.get("id") == CATEGORY_KEY:
            position = str(row.values.get("version", ""))
            said = {
                "slug": row.values.get("sku"),
                "name": row.values.get("name"),
                "parent": row.values.get("category"),
                "position": int(position)
                if position.isascii() and position.isdecimal() and len(position) < _DIGITS
                else position,
            }
        if not isinstance(said, Mapping):
            return None
        try:
            return Category.create(said, category_id=self._ids.item_id(), default_position=0, now=self._clock.now())
        except InvalidInput as error:
            return refusals_of(row.line, str(said.get("slug") or ""), error.errors)

    def _entry(self, row: Row | MalformedRow) -> ImportRow | list[Refusal]:
        """Read a row by the plan, or say why it cannot be read."""
        if isinstance(row, MalformedRow):
            return refusals_of(row.line, "", [FieldError((), "malformed", row.message)])
        faults = FieldErrors()
        fields = (self._layout or self._layout_of(row)).fields(row.values, faults)
        said = fields.get("sku")
        life = self._plan.provenance(row.values, faults)
        born = None if said is None or faults else self._create(fields, life)
        if isinstance(born, Change):
            return ImportRow(row.line, born.subject.sku, fields, life, born)
        sku = parse_sku(said, faults, ("sku",))
        if sku is None or born is None:
            otherwise = self._create({**fields, "sku": "X"}, None)
            if isinstance(otherwise, InvalidInput):
                faults.extend(otherwise)
            return refusals_of(row.line, str(said or ""), faults.found)
        return ImportRow(row.line, sku, fields, life, born)

    def _create(self, fields: Mapping[str, Any], provenance: Provenance | None) -> Change[Item] | InvalidInput:
        """Decide a new item, or why it cannot be."""
        try:
            return Item.create(fields, item_id=self._ids.item_id(), default_sku="", now=self._clock.now(), provenance=provenance)
        except InvalidInput as error:
            return error

    def _layout_of(self, row: Row) -> ColumnLayout:
        """Say how a row is read; where there is no header, each row names its own columns, most of them the same."""
        names = tuple(row.values)
        layout = self._layouts.get(names)
        if layout is None:
            layout, ignored = self._plan.layout(tuple({*names, *self._plan.columns.values()}))
            known = self.ignored_columns
            known += [name for name in ignored if name not in known][: max(0, _IGNORED_NAMES - len(known))]
            if sum(map(len, names)) <= _KEPT_NAMES:
                if len(self._layouts) >= _MOST_LAYOUTS:
                    self._layouts.clear()
                self._layouts[names] = layout
        return layout
