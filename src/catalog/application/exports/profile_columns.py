"""The columns of another system, by its profile: the same data by which its exports are imported, the other way.

Not written: images, options of variants, and other attributes without a column of their own.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from catalog.application.exports.category_cells import CategoryCells
from catalog.application.exports.columns import Cell, attributes_json
from catalog.application.imports.field_names import ATTRIBUTE
from catalog.application.imports.plain_text import to_html
from catalog.application.imports.profiles import Profile, RowRules
from catalog.domain.categories.tree import Tree
from catalog.domain.errors import FieldError, InvalidQuery
from catalog.domain.items.item import Item

_UNWRITTEN: Mapping[str, Callable[[Item], object]] = {
    "name": lambda item: item.name,
    "description": lambda item: item.description,
    "category": lambda item: item.category,
    "price": lambda item: item.price,
}
"""The fields that items may have and a profile may lack a column for, except attributes."""


class ProfileColumns:
    """The columns of a profile that are fields, and the cells of items in them. Made for one export."""

    def __init__(self, profile: Profile) -> None:
        """Write the columns of this profile.

        Raises: InvalidQuery if it has no column for the SKU.
        """
        self._profile = profile
        fields: dict[str, str] = {}
        for field, column in profile.columns.items():
            if column not in fields.values() and field not in profile.constants:
                fields[field] = column
        if "sku" not in fields:
            message = f"The profile {profile.name} has no column for the SKU."
            raise _invalid(message)
        self.names: Sequence[str] = tuple(fields.values())
        self._fields = fields
        self._positions = {column: position for position, column in enumerate(self.names)}
        self.texts: Collection[int] = {self._positions[fields["sku"]]}
        self.amounts: Collection[int] = {self._positions[fields["price"]]} if "price" in fields else set()
        self.needs_tree = "category" in fields and profile.category_separator is not None
        self.omitted: set[str] = set()
        self._attributes = {field.removeprefix(ATTRIBUTE): field for field in fields if field.startswith(ATTRIBUTE)}
        self._html = [self._positions[column] for column in profile.rules.html if column in self._positions]
        self._variants = _Variants(profile.rules, self._positions, fields["sku"])
        self._categories: CategoryCells | None = None
        self._currency = profile.constants.get("currency")

    def start(self, tree: Tree) -> None:
        """Take the category tree, for the paths of categories."""
        if self.needs_tree and self._profile.category_separator is not None:
            self._categories = CategoryCells(tree, self._profile.category_separator)

    def cells(self, item: Item) -> Sequence[Cell]:
        """Return the cells of an item.

        Raises: InvalidQuery if its price has another currency than the file, and the profile has no place for currencies.
        """
        attributes = dict(item.attributes.items())
        cells = [self._cell(field, item, attributes) for field in self._fields]
        for position in self._html:
            cell = cells[position]
            if isinstance(cell, str):
                cells[position] = to_html(cell)
        self._variants.separate(cells)
        self._note_omitted(item, attributes)
        return cells

    def _cell(self, field: str, item: Item, attributes: Mapping[str, str | float]) -> Cell:
        if field.startswith(ATTRIBUTE):
            return attributes.get(field.removeprefix(ATTRIBUTE))
        if field == "category":
            return item.category if item.category is None or self._categories is None else self._categories.cell(item.category)
        if field == "price":
            return self._price(item)
        if field == "currency":
            return None if item.price is None else item.price.currency
        if field == "attributes":
            rest = {name: value for name, value in attributes.items() if name not in self._attributes}
            return attributes_json(rest) if rest else None
        value: str | None = getattr(item, field)
        return value

    def _price(self, item: Item) -> str | None:
        price = item.price
        if price is None:
            return None
        if self._profile.currency_in_price:
            return f"{price.amount} {price.currency}"
        if "currency" not in self._fields:
            if self._currency is None:
                self._currency = price.currency
                self.omitted.add("currency")
            if price.currency != self._currency:
                message = (
                    f"The profile {self._profile.name} has no place for currencies, so that all prices must be in one, which "
                    f"is {self._currency}; the item {item.sku} has {price.currency}. Select items by currency={self._currency}."
                )
                raise _invalid(message)
        return price.amount

    def _note_omitted(self, item: Item, attributes: Mapping[str, object]) -> None:
        for field, value in _UNWRITTEN.items():
            if field not in self._fields and value(item) is not None:
                self.omitted.add(field)
        if "attributes" not in self._fields:
            self.omitted.update(f"{ATTRIBUTE}{name}" for name in attributes if name not in self._attributes)


class _Variants:
    """Rows of one product: an import fills their empty cells from the first of them.

    An item that must stay empty where the first has a value is made a product of its own.
    """

    def __init__(self, rules: RowRules, positions: Mapping[str, int], sku: str) -> None:
        """Know which columns make rows one product, except the one with the SKU."""
        self._group = [positions[column] for column in rules.group if column in positions]
        self._own = positions[sku]
        self._fill = [positions[column] for column in rules.fill if column in positions]
        self._key: str | None = None
        self._filled: list[int] = []

    def separate(self, cells: list[Cell]) -> None:
        """Clear the cells that would make a row part of the product before it, if it would be changed by that."""
        if not self._group:
            return
        key = self._key_of(cells)
        if key is not None and key == self._key:
            if all(cells[position] not in (None, "") for position in self._filled):
                return
            for position in self._group:
                if position != self._own:
                    cells[position] = None
            key = self._key_of(cells)
        self._key = key
        self._filled = [position for position in self._fill if cells[position] not in (None, "")]

    def _key_of(self, cells: Sequence[Cell]) -> str | None:
        """Return what the rows of a product share, as an import sees it."""
        return next(
            (str(cells[position]).removeprefix("id:") for position in self._group if cells[position] not in (None, "")), None
        )


def _invalid(message: str) -> InvalidQuery:
    return InvalidQuery([FieldError(("profile",), "not_encodable", message)])
