"""The statements that count items and the values of their fields, or estimate how many there are."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, func, literal_column, select

from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.statement_shape import SEARCH_CONDITION, StatementShape
from catalog.adapters.sql.reads.where import SORT_EXPRESSIONS, attribute_matches, comparison, condition_clause, filtered
from catalog.adapters.sql.schema.tables import item_attributes, items
from catalog.domain.queries.facets import MAX_VALUES
from catalog.domain.queries.filters import ATTRIBUTE


def index_counts_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Count the matches of each indexed condition through its index, up to the parameter `most`; the search comes first."""
    parts: list[Select[Any]] = []
    for index in shape.indexed_conditions:
        field, operator = shape.filters[index] if index != SEARCH_CONDITION else ("", "")
        if index == SEARCH_CONDITION:
            parts.append(dialect.matching_seqs())
        elif field == ATTRIBUTE:
            parts.append(attribute_matches(operator, f"filter_{index}", dialect))
        else:
            parts.append(select(items.c.seq).where(condition_clause(field, operator, f"filter_{index}", dialect)))
    limit = bindparam("most", type_=Integer())
    return select(*(select(func.count()).select_from(part.limit(limit).subquery()).scalar_subquery() for part in parts))


def matching_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Select the `seq` of all matching items."""
    return filtered(select(items.c.seq), shape, dialect)


def count_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Count the matching items."""
    return filtered(select(func.count()).select_from(items), shape, dialect)


def sample_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Count the matches among the newest items, up to the parameter `most`, the items in this sample, and all items."""
    newest = select(items.c.seq).order_by(items.c.seq.desc()).limit(bindparam("most", type_=Integer())).subquery()
    first_seq = select(func.coalesce(func.min(newest.c.seq), 0)).scalar_subquery()
    matches = filtered(select(func.count()).select_from(items), shape, dialect).where(items.c.seq >= first_seq).scalar_subquery()
    sample_size = select(func.count()).select_from(newest).scalar_subquery()
    return select(matches, sample_size, select(func.count()).select_from(items).scalar_subquery())


def facet_statement(field: str, shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Select the values of a field with their counts (catalog.domain.queries.facets). An attribute's values are sort keys."""
    count = func.count()
    unfiltered = not (shape.has_search or shape.filters)
    column: ColumnElement[Any] = items.c[field] if field != ATTRIBUTE else item_attributes.c.key
    if field == ATTRIBUTE:
        name = item_attributes.c.name if unfiltered else dialect.without_index(item_attributes.c.name)
        statement = select(column, count).where(comparison(name, "eq", "facet"))
        if not unfiltered:
            statement = filtered(statement.join(items, items.c.seq == item_attributes.c.seq), shape, dialect)
    elif unfiltered and field == "currency":
        column = SORT_EXPRESSIONS["currency"]  # the expression of the price index
        statement = select(column, count).where(SORT_EXPRESSIONS["unpriced"] == literal_column("0"))
    else:
        statement = filtered(select(column, count).where(column.is_not(None)), shape, dialect)
    return statement.group_by(column).order_by(count.desc(), column).limit(MAX_VALUES + 1)
