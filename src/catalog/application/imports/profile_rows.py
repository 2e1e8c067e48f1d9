"""Changes the rows of another system's export by its profile, so that each row has all values of an item."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from catalog.application.files.row_source import Cells, MalformedRow, Row
from catalog.application.imports.attribute_names import fit_name
from catalog.application.imports.plain_text import plain_text
from catalog.application.imports.profiles import RowRules

MADE_ATTRIBUTES = "attributes made by the profile"
"""The column in which the attributes are that the rules make."""

MAX_IMAGES = 10
"""Images of a product that become attributes: image_1, image_2, …"""

_MAX_GROUP_ROWS = 1_000
_MAX_GROUP_SIZE = 4 * 1024 * 1024
"""Rows of a product, and their characters, that are in memory together. Of a larger one, parts have the images of their own."""


def arrange_rows(
    rows: Iterable[Row | MalformedRow], rules: RowRules, sku: str, columns: Sequence[str] = ()
) -> Iterator[Row | MalformedRow]:
    """Apply the rules to all rows. `sku` is the column of the SKU, `columns` are those of the header, if there is one."""
    group: list[Row] = []
    key: str | None = None
    head: Row | None = None
    size = 0
    for row in rows:
        if isinstance(row, MalformedRow):
            yield from _arrange_group(group, head, rules, sku, columns)
            group, key, size = [], None, 0
            yield row
            continue
        if any(column in row.values for column in rules.skip):
            continue
        row_key = _key(row, rules)
        if row_key is None or row_key != key:
            yield from _arrange_group(group, head, rules, sku, columns)
            group, key, head, size = [], row_key, row, 0
        elif len(group) >= _MAX_GROUP_ROWS or size > _MAX_GROUP_SIZE:
            yield from _arrange_group(group, head, rules, sku, columns)
            group, size = [], 0
        group.append(row)
        size += row.size
    yield from _arrange_group(group, head, rules, sku, columns)


def _key(row: Row, rules: RowRules) -> str | None:
    """Return what the rows of a product share, or None for a row that is alone."""
    return next((str(row.values[column]).removeprefix("id:") for column in rules.group if column in row.values), None)


def _arrange_group(rows: list[Row], head: Row | None, rules: RowRules, sku: str, columns: Sequence[str]) -> Iterator[Row]:
    """Return the rows of a product that are items, with everything that they share.

    If none is an item, the first is returned, so that it is refused and not lost.
    """
    if not rows or head is None:
        return
    images = dict.fromkeys(image for row in rows for column in rules.images for image in _images(row.values.get(column)))
    names = (*rules.fill, *(name for name, _ in rules.pairs))
    shared = {column: head.values[column] for column in names if column in head.values}
    image_attributes = {f"image_{number}": image for number, image in enumerate(list(images)[:MAX_IMAGES], 1)}
    items = [row for row in rows if sku in row.values or any(column in row.values for column in rules.needs)]
    for row in items or rows[:1]:
        values = {**shared, **row.values}
        attributes = {**_pairs(values, rules), **_unpacked(values, rules), **image_attributes}
        if attributes:
            values[MADE_ATTRIBUTES] = attributes
        _convert(values, rules)
        cells = row.cells if row is head and len(rows) == 1 else _complete(row.cells, head.cells, names, columns)
        if images and len(rows) > 1:
            column = next((name for name in rules.images if name in columns), rules.images[0])
            cells = _with_cell(cells, column, ", ".join(images), columns)
        yield replace(row, values=values, cells=cells)


def _complete(cells: Cells, head: Cells, names: Sequence[str], columns: Sequence[str]) -> Cells:
    """Return the cells of a row with those that it takes from the first row of its product, in case that it is refused alone."""
    for name in names:
        shared = _cell(head, name, columns)
        if shared and not _cell(cells, name, columns):
            cells = _with_cell(cells, name, shared, columns)
    return cells


def _cell(cells: Cells, name: str, columns: Sequence[str]) -> Any:  # noqa: ANN401 - the value of a cell
    if isinstance(cells, Mapping):
        return cells.get(name)
    position = columns.index(name) if name in columns else len(cells)
    return cells[position] if position < len(cells) else ""


def _with_cell(cells: Cells, name: str, value: Any, columns: Sequence[str]) -> Cells:  # noqa: ANN401 - the value of a cell
    if isinstance(cells, Mapping):
        return {**cells, name: value}
    if name not in columns:
        return cells
    position = columns.index(name)
    padded = [*cells, *[""] * (position + 1 - len(cells))]
    padded[position] = value
    return padded


def _images(cell: object) -> list[str]:
    """Return the addresses in a cell."""
    return [image for part in cell.split(",") if (image := part.strip())] if isinstance(cell, str) else []


def _pairs(values: Mapping[str, Any], rules: RowRules) -> dict[str, Any]:
    """Return attributes whose names are in one column, and whose values are in another."""
    return {
        _name(str(values[name])): values[value]
        for name, value in rules.pairs
        if name in values and value in values and values[value] not in rules.ignored_values
    }


def _unpacked(values: Mapping[str, Any], rules: RowRules) -> dict[str, str]:
    """Return attributes that one cell has together: size=L,colour=red. A comma in a value is part of it."""
    attributes: dict[str, str] = {}
    name = ""
    for part in ",".join(str(values[column]) for column in rules.packed if column in values).split(","):
        before, separator, after = part.partition("=")
        if separator:
            name = _name(before.strip())
            attributes[name] = after
        elif name:
            attributes[name] += f",{part}"
    return {name: value for name, value in attributes.items() if value}


def _name(column: str) -> str:
    """Return the name of an attribute. One that cannot be made fit stays, so that it is refused and not lost."""
    return fit_name(column) or column


def _convert(values: dict[str, Any], rules: RowRules) -> None:
    """Convert HTML, lists of names, and numbers to text."""
    for column in rules.html:
        if isinstance(values.get(column), str):
            values[column] = plain_text(values[column])
    for column in rules.paths:
        if isinstance(values.get(column), list):
            values[column] = " > ".join(
                str(part.get("name", "")) if isinstance(part, dict) else str(part) for part in values[column]
            )
    for column in rules.texts:
        if isinstance(values.get(column), int):
            values[column] = str(values[column])
