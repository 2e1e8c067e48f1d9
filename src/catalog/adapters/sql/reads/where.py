"""WHERE clauses for the conditions of catalog.domain.queries.filters, written so that each field's index can be used."""

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
"""The SQL of each sort key, exactly as in the indexes. Constants are literals there, so they are literals here."""

_PRICE_COLUMNS = {"currency": "currency", "price": "price_minor"}


def condition_clause(field: str, operator: str, name: str, dialect: SqlDialect, *, per_row: bool = False) -> ColumnElement[bool]:
    """Build the clause for a condition that compares with the parameter `name`. It holds where Condition.predicate does.

    With `per_row`, the clause is evaluated for each row instead of being looked up in its index.
    """
    if field == ATTRIBUTE:
        return _attribute_clause(operator, name, dialect, per_row=per_row)
    if field in _PRICE_COLUMNS:
        return _price_clause(SORT_EXPRESSIONS[_PRICE_COLUMNS[field]], operator, name, dialect)
    column = _COLUMNS[field]
    if operator in (WITHIN, OUTSIDE):
        slugs = _subtree_slugs(name, dialect)
        # If the subquery is empty, NOT IN is true even for NULL, so NULL is excluded explicitly.
        outside = and_(column.is_not(None), column.not_in(slugs))
        return (
            outside if operator == OUTSIDE else dialect.in_subquery(dialect.without_index(column) if per_row else column, slugs)
        )
    if operator in (EXISTS, MISSING):
        return column.is_not(None) if operator == EXISTS else column.is_(None)
    return dialect.any_of(column, name) if operator == IN else comparison(column, operator, name)


def _price_clause(column: ColumnElement[Any], operator: str, name: str, dialect: SqlDialect) -> ColumnElement[bool]:
    """Compare with the expressions of the price index, so that it serves filters as well."""
    presence = SORT_EXPRESSIONS["unpriced"] == literal_column("1" if operator == MISSING else "0")
    if operator in (EXISTS, MISSING):
        return presence
    return and_(presence, dialect.any_of(column, name) if operator == IN else comparison(column, operator, name))


def comparison(column: ColumnElement[Any], operator: str, name: str) -> ColumnElement[bool]:
    """Compare a column with the parameter `name`."""
    compare: Callable[[Any, Any], Any] = COMPARISONS[operator]
    clause: ColumnElement[bool] = compare(column, bindparam(name, type_=column.type))
    return clause


def _attribute_clause(operator: str, name: str, dialect: SqlDialect, *, per_row: bool) -> ColumnElement[bool]:
    """Use the attribute index: from the value to the items or, with `per_row`, from the item to its value."""
    if operator != MISSING and not per_row:
        return items.c.seq.in_(attribute_matches(operator, name, dialect))
    matches = attribute_matches(operator, name, dialect, key=dialect.without_index(item_attributes.c.key))
    item_matches = matches.where(item_attributes.c.seq == items.c.seq).correlate(items).exists()
    return ~item_matches if operator == MISSING else item_matches


def attribute_matches(
    operator: str, name: str, dialect: SqlDialect, key: ColumnElement[str] = item_attributes.c.key
) -> Select[Any]:
    """Select the `seq` of items by an attribute. Values of another type than the one compared with do not match."""
    seqs = select(item_attributes.c.seq).where(comparison(item_attributes.c.name, "eq", f"{name}_name"))
    if operator in (EXISTS, MISSING):
        return seqs
    if operator == IN:
        return seqs.where(dialect.any_of(key, name))
    seqs = seqs.where(comparison(key, operator, name))
    if operator == "eq":
        return seqs
    return seqs.where(comparison(key, "gte", f"{name}_from"), comparison(key, "lt", f"{name}_to"))


def _subtree_slugs(name: str, dialect: SqlDialect) -> Select[Any]:
    """Select the slugs of the parameter `name` and of all their descendants, like catalog.domain.categories.tree.Tree."""
    subtree = select(categories.c.slug).where(dialect.any_of(categories.c.slug, name)).cte(f"below_{name}", recursive=True)
    subtree = subtree.union(select(categories.c.slug).where(categories.c.parent == subtree.c.slug))
    return select(subtree.c.slug)
