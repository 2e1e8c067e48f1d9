"""What stands behind WHERE: the conditions of catalog.domain.queries.filters, as each field's index answers them."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, func, literal_column, select

from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.schema.tables import categories, item_attributes, items
from catalog.domain.queries.filters import ATTRIBUTE, COMPARISONS, EXISTS, IN, MISSING, OUTSIDE, WITHIN

_COLUMNS: dict[str, ColumnElement[Any]] = {
    "sku": items.c.sku,
    "category": items.c.category,
    "version": items.c.version,
    "created_at": items.c.created_at,
    "updated_at": items.c.updated_at,
}

SORT_EXPRESSIONS: dict[str, ColumnElement[Any]] = {
    "unpriced": literal_column("CASE WHEN items.currency IS NULL THEN 1 ELSE 0 END", Integer()),
    "currency": func.coalesce(items.c.currency, literal_column("''", items.c.currency.type)),
    "price_minor": func.coalesce(items.c.price_minor, literal_column("0", items.c.price_minor.type)),
    "name_key": items.c.name_key,
    "created_at": items.c.created_at,
    "updated_at": items.c.updated_at,
    "sku": items.c.sku,
    "id": items.c.id,
}
"""What the terms of an ordering are, as the indexes have them: constants are written out there, and so they are here."""

_PRICED = {"currency": "currency", "price": "price_minor"}


def condition_clause(field: str, operator: str, name: str, flavour: SqlDialect, *, walked: bool = False) -> ColumnElement[bool]:
    """Say what catalog.domain.queries.filters.Condition.holds says, of the parameter `name`."""
    if field == ATTRIBUTE:
        return _attribute_clause(operator, name, flavour, walked=walked)
    if field in _PRICED:
        return _price_clause(SORT_EXPRESSIONS[_PRICED[field]], operator, name, flavour)
    column = _COLUMNS[field]
    if operator in (WITHIN, OUTSIDE):
        below = _descendants(name, flavour)
        # Beside nothing at all even what is absent would be "not in".
        outside = and_(column.is_not(None), column.not_in(below))
        return outside if operator == OUTSIDE else flavour.in_subquery(flavour.without_index(column) if walked else column, below)
    if operator in (EXISTS, MISSING):
        return column.is_not(None) if operator == EXISTS else column.is_(None)
    return flavour.any_of(column, name) if operator == IN else comparison(column, operator, name)


def _price_clause(column: ColumnElement[Any], operator: str, name: str, flavour: SqlDialect) -> ColumnElement[bool]:
    """Compare what the index of prices holds, so that it serves filters as well."""
    priced = SORT_EXPRESSIONS["unpriced"] == literal_column("1" if operator == MISSING else "0")
    if operator in (EXISTS, MISSING):
        return priced
    return and_(priced, flavour.any_of(column, name) if operator == IN else comparison(column, operator, name))


def comparison(column: ColumnElement[Any], operator: str, name: str) -> ColumnElement[bool]:
    """Compare a column with the parameter `name`."""
    compare: Callable[[Any, Any], Any] = COMPARISONS[operator]
    made: ColumnElement[bool] = compare(column, bindparam(name, type_=column.type))
    return made


def _attribute_clause(operator: str, name: str, flavour: SqlDialect, *, walked: bool) -> ColumnElement[bool]:
    """Look into the index of attributes: from the value to the items, or (`walked`) from the item to its value."""
    if operator != MISSING and not walked:
        return items.c.seq.in_(attribute_matches(operator, name, flavour))
    found = attribute_matches(operator, name, flavour, key=flavour.without_index(item_attributes.c.key))
    its = found.where(item_attributes.c.seq == items.c.seq).correlate(items).exists()
    return ~its if operator == MISSING else its


def attribute_matches(
    operator: str, name: str, flavour: SqlDialect, key: ColumnElement[str] = item_attributes.c.key
) -> Select[Any]:
    """Find the items by an attribute; values of another type than the one that is asked for are passed over."""
    found = select(item_attributes.c.seq).where(comparison(item_attributes.c.name, "eq", f"{name}_name"))
    if operator in (EXISTS, MISSING):
        return found
    if operator == IN:
        return found.where(flavour.any_of(key, name))
    found = found.where(comparison(key, operator, name))
    if operator == "eq":
        return found
    return found.where(comparison(key, "gte", f"{name}_from"), comparison(key, "lt", f"{name}_to"))


def _descendants(name: str, flavour: SqlDialect) -> Select[Any]:
    """Find the slugs of the parameter `name` and all below them, as catalog.domain.categories.tree.Tree.within does."""
    found = select(categories.c.slug).where(flavour.any_of(categories.c.slug, name)).cte(f"below_{name}", recursive=True)
    found = found.union(select(categories.c.slug).where(categories.c.parent == found.c.slug))
    return select(found.c.slug)
