"""From the rows of a file to entries of an import: read by its plan, and decided as far as nobody need be asked for it.

Nothing here waits for a store, so that it is done in a thread while the rows before are committed.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.application.files.row_source import Broken, Row, Table
from catalog.application.files.trailer import CATEGORY
from catalog.application.imports.plan import ImportPlan, Layout, flat
from catalog.domain.categories.category import Category
from catalog.domain.change import Change
from catalog.domain.errors import Fault, InvalidInput
from catalog.domain.items.item import Item, Life
from catalog.domain.validation import Faults
from catalog.domain.values.fields import parse_category, parse_sku
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids

SLICE = 500
"""Rows that are read, decided and committed together: few round trips, and other writers get their turn between."""

_LARGE = 4 * 1024 * 1024
"""Characters of rows that end a slice, for it is in memory as a whole."""

TURN = 5
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


def refusals(line: int, sku: str, faults: Iterable[Fault]) -> list[Refusal]:
    """Say why a row is not taken."""
    return [Refusal(line, sku, flat(fault.path), fault.code, fault.message) for fault in faults]


@dataclass(slots=True)
class Entry:
    """A row on its way: what it says, under which SKU, and what it would be as a new item (or why it cannot be one)."""

    line: int
    sku: str
    fields: Mapping[str, Any]
    life: Life | None
    born: Change[Item] | InvalidInput
    tries: int = 0

    @property
    def category(self) -> str | None:
        """The category that it names, if that is one."""
        if isinstance(self.born, Change):
            return self.born.subject.category
        return parse_category(self.fields.get("category"), Faults(), ())


@dataclass(slots=True)
class Slice:
    """Some rows of a file: how many there were, those that are entries, and why the others are none."""

    rows: int = 0
    entries: list[Entry] = field(default_factory=list)
    categories: list[tuple[int, Change[Category]]] = field(default_factory=list)
    """Each with its line."""
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)


class EntryReader:
    """Reads a table slice by slice. Columns that give nothing are gathered in `ignored`."""

    def __init__(self, table: Table, plan: ImportPlan, clock: Clock, ids: Ids) -> None:
        """Bind the plan to a file's header, where it has one. Raises InvalidQuery when they do not fit."""
        self.ignored: list[str] = []
        self._rows: Iterator[Row | Broken] = table.rows
        self._plan = plan
        self._clock = clock
        self._ids = ids
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._layout: Layout | None = None
        layout, ignored = plan.layout(table.columns)
        if table.columns is not None:
            self._layout = layout
            self.ignored += ignored

    def rows(self) -> list[Row | Broken]:
        """Read the rows of the next slice, which may wait for the file; none at the end."""
        taken: list[Row | Broken] = []
        size = 0
        for row in self._rows:
            taken.append(row)
            size += row.size if isinstance(row, Row) else 0
            if len(taken) == SLICE or size > _LARGE:
                break
        return taken

    async def entries(self, rows: Sequence[Row | Broken]) -> Slice:
        """Read rows by the plan, some at a time: whoever is waited for meanwhile, like a database, is attended to."""
        part = Slice(len(rows))
        for start in range(0, len(rows), TURN):
            for row in rows[start : start + TURN]:
                entry = self._category(row) or self._entry(row)
                if isinstance(entry, Change):
                    part.rows -= 1
                    if self._plan.create_categories:
                        part.categories.append((row.line, entry))
                elif isinstance(entry, Entry):
                    part.entries.append(entry)
                else:
                    part.refused += 1
                    part.refusals += entry
            await asyncio.sleep(0)
        return part

    def _category(self, row: Row | Broken) -> Change[Category] | list[Refusal] | None:
        """Read a row of an export that tells of a category; None: it tells of something else."""
        if isinstance(row, Broken):
            return None
        said = row.values.get(CATEGORY)
        if row.values.get("id") == CATEGORY:
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
            return Category.create(said, category_id=self._ids.item_id(), spare_position=0, now=self._clock.now())
        except InvalidInput as error:
            return refusals(row.line, str(said.get("slug") or ""), error.faults)

    def _entry(self, row: Row | Broken) -> Entry | list[Refusal]:
        """Read a row by the plan, or say why it cannot be read."""
        if isinstance(row, Broken):
            return refusals(row.line, "", [Fault((), "malformed", row.message)])
        faults = Faults()
        fields = (self._layout or self._layout_of(row)).fields(row.values, faults)
        said = fields.get("sku")
        life = self._plan.life(row.values, faults)
        born = None if said is None or faults else self._born(fields, life)
        if isinstance(born, Change):
            return Entry(row.line, born.subject.sku, fields, life, born)
        sku = parse_sku(said, faults, ("sku",))
        if sku is None or born is None:
            otherwise = self._born({**fields, "sku": "X"}, None)
            if isinstance(otherwise, InvalidInput):
                faults.extend(otherwise)
            return refusals(row.line, str(said or ""), faults.found)
        return Entry(row.line, sku, fields, life, born)

    def _born(self, fields: Mapping[str, Any], life: Life | None) -> Change[Item] | InvalidInput:
        """Decide a new item, or why it cannot be."""
        try:
            return Item.create(fields, item_id=self._ids.item_id(), spare_sku="", now=self._clock.now(), life=life)
        except InvalidInput as error:
            return error

    def _layout_of(self, row: Row) -> Layout:
        """Say how a row is read; where there is no header, each row names its own columns, most of them the same."""
        names = tuple(row.values)
        layout = self._layouts.get(names)
        if layout is None:
            layout, ignored = self._plan.layout(tuple({*names, *self._plan.columns.values()}))
            known = self.ignored
            known += [name for name in ignored if name not in known][: max(0, _IGNORED_NAMES - len(known))]
            if sum(map(len, names)) <= _KEPT_NAMES:
                if len(self._layouts) >= _MOST_LAYOUTS:
                    self._layouts.clear()
                self._layouts[names] = layout
        return layout
