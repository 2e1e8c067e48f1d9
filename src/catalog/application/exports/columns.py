"""The columns of tables: those of the catalog's own exports, which an import restores completely."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from catalog.domain.categories.tree import Tree
from catalog.domain.items.item import Item

Cell = str | int | float | None
"""The value of a cell. Amounts are texts of decimal digits; booleans are integers in Python."""

COLUMNS = (
    "id",
    "sku",
    "name",
    "description",
    "category",
    "price",
    "currency",
    "attributes",
    "version",
    "created_at",
    "updated_at",
)
"""The catalog's own columns."""


class Columns(Protocol):
    """Which columns a table has, and the cells of an item in them. Made for one export."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns."""

    @property
    def texts(self) -> Collection[int]:
        """The positions of columns whose cells must stay texts in a spreadsheet, even if they look like numbers."""

    @property
    def amounts(self) -> Collection[int]:
        """The positions of columns with amounts, in which the decimal mark may be a comma."""

    @property
    def needs_tree(self) -> bool:
        """Whether `start` needs the categories of the items."""

    @property
    def omitted(self) -> Collection[str]:
        """The fields that items had, so far, and that have no column."""

    def start(self, tree: Tree) -> None:
        """Take the category tree."""

    def cells(self, item: Item) -> Sequence[Cell]:
        """Return the cells of an item, one per column.

        Raises: InvalidQuery if the item cannot be expressed in these columns.
        """


class ItemColumns:
    """All fields of items. Attributes are one column of JSON, because their names are known only at the end."""

    names: Sequence[str] = COLUMNS
    texts: Collection[int] = (COLUMNS.index("sku"),)
    amounts: Collection[int] = (COLUMNS.index("price"),)
    needs_tree = False
    omitted: Collection[str] = ()

    def start(self, tree: Tree) -> None:
        """Do nothing: items have the slug of their category."""

    def cells(self, item: Item) -> Sequence[Cell]:
        """Return the cells of an item, in the order of COLUMNS."""
        attributes = item.attributes
        price = item.price
        return (
            str(item.id),
            item.sku,
            item.name,
            item.description,
            item.category,
            None if price is None else price.amount,
            None if price is None else price.currency,
            attributes_json(dict(attributes.items())) if attributes else None,
            item.version,
            format_time(item.created_at),
            format_time(item.updated_at),
        )


def attributes_json(attributes: dict[str, str | int | float | bool]) -> str:
    """Return attributes as JSON."""
    return json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))


def format_time(moment: datetime) -> str:
    """Return a time in UTC by RFC 3339."""
    return moment.isoformat().replace("+00:00", "Z")
