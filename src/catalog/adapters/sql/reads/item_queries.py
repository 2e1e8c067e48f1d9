"""The statements that list, count, facet and stream items, and those that read category lineages."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.where import SORT_EXPRESSIONS, attribute_matches, comparison, condition_clause
from catalog.adapters.sql.row_mapping import CATEGORY_COLUMNS, ITEM_COLUMNS
from catalog.adapters.sql.schema.tables import categories, item_attributes, items
from catalog.domain.queries.facets import MAX_VALUES
from catalog.domain.queries.filters import ATTRIBUTE, MISSING, MULTI_VALUED, WITHIN
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.ordering import Ordering, SortKey
from catalog.domain.search.search import Rank

SEARCH_CONDITION = -1
"""The number of the search where conditions are numbered; filters are numbered from 0."""


class ReadPlan(Enum):
    """How a statement reads items. Left alone, databases choose badly if the conditions are correlated."""

    AUTOMATIC = "let the database choose"
    INDEX_FIRST = "find the matches through an index, then sort them: for conditions that few items meet"
    ORDER_SCAN = "read items in order and check each: for conditions that many items meet"


class StatementShape(NamedTuple):
    """Everything that a list statement depends on apart from its parameters.

    `ordering` is the scan order; `filters` are pairs of field and operator; `by_sku` means that the search text is also a valid
    SKU; `has_cursor` means that the page starts after a cursor position. With the plan INDEX_FIRST, `leading_index` is the
    number of the filter that is looked up first, or SEARCH_CONDITION.
    """

    ordering: Ordering
    filters: tuple[tuple[str, str], ...]
    has_search: bool
    by_sku: bool
    has_cursor: bool
    plan: ReadPlan = ReadPlan.AUTOMATIC
    leading_index: int = 0

    def is_checked_per_row(self, index: int) -> bool:
        """Return whether a condition (a filter's number, or SEARCH_CONDITION) is checked for each row instead of looked up."""
        return self.plan is ReadPlan.ORDER_SCAN or (self.plan is ReadPlan.INDEX_FIRST and index != self.leading_index)

    @property
    def indexed_conditions(self) -> list[int]:
        """The conditions that can be looked up first because they have an index of their own; the search comes first."""
        indexed = [index for index, condition in enumerate(self.filters) if _has_index(condition)]
        return [SEARCH_CONDITION, *indexed] if self.has_search else indexed


def statement_shape(query: ItemQuery) -> StatementShape:
    """Return the shape of the statement that lists the items of a query."""
    filters = tuple((ATTRIBUTE if condition.attribute else condition.field, condition.operator) for condition in query.filters)
    by_sku = query.search is not None and query.search.sku is not None
    return StatementShape(query.scan_order, filters, query.search is not None, by_sku, query.after is not None)


def unordered_shape(query: ItemQuery) -> StatementShape:
    """Return the shape of the statement that counts all items of a query, regardless of page and order."""
    return statement_shape(query)._replace(ordering=(), has_cursor=False)


def list_parameters(query: ItemQuery, dialect: SqlDialect) -> dict[str, Any]:
    """Make the parameters of `list_statement`."""
    parameters = filter_parameters(query, dialect) | {"limit": query.limit + 1, "offset": query.offset}
    return parameters | {f"after_{index}": value for index, value in enumerate(query.after or ())}


def filter_parameters(query: ItemQuery, dialect: SqlDialect) -> dict[str, Any]:
    """Make the parameters of the search and the filters."""
    parameters: dict[str, Any] = {}
    if query.search is not None:
        parameters |= {**dialect.search_parameters(query.search), "sku": query.search.sku}
    for index, condition in enumerate(query.filters):
        values = condition.values
        if condition.attribute:
            parameters[f"filter_{index}_name"] = condition.attribute
            if values:
                parameters |= {f"filter_{index}_from": values[0][0], f"filter_{index}_to": chr(ord(values[0][0]) + 1)}
        if values:
            parameters[f"filter_{index}"] = dialect.list_parameter(values) if condition.operator in MULTI_VALUED else values[0]
    return parameters


def list_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Select a page of items as ITEM_COLUMNS, with their rank if the order has one, and one row beyond the page."""
    ranked = any(sort_key.name == "rank" for sort_key in shape.ordering)
    columns = {sort_key.name: SORT_EXPRESSIONS[sort_key.name] for sort_key in shape.ordering if sort_key.name != "rank"}
    if ranked:
        columns["rank"] = _rank(dialect, by_sku=shape.by_sku)
    statement = _filtered(select(*ITEM_COLUMNS), shape, dialect)
    if ranked:
        statement = statement.add_columns(columns["rank"].label("rank"))
    order = [_order_by(sort_key, columns[sort_key.name]) for sort_key in shape.ordering]
    limit, offset = bindparam("limit", type_=Integer()), bindparam("offset", type_=Integer())
    runs = _direction_runs(shape.ordering)
    branches = [_after_position(runs[: index + 1], columns) for index in range(len(runs))] if shape.has_cursor else []
    keys = [columns[sort_key.name].label(f"key_{index}") for index, sort_key in enumerate(shape.ordering)]
    if shape.plan is ReadPlan.INDEX_FIRST:
        # OFFSET 0 is an optimization barrier: the order and the limit are not pushed into the subquery.
        matching = (
            statement.add_columns(*keys).where(or_(*branches) if branches else true()).offset(literal_column("0")).subquery()
        )
        return _ordered(matching, shape.ordering, ranked=ranked).limit(limit).offset(offset)
    if len(branches) < 2:  # noqa: PLR2004 - a single branch needs no merging
        return statement.where(*branches).order_by(*order).limit(limit).offset(offset)
    # The order changes direction: read each branch of the cursor condition along its index, then merge them. The sort keys
    # that are equal in all rows of a branch are left out of its ORDER BY: SQLite would sort by them.
    starts = [run.sort_keys[0][0] for run in runs]
    merged = [
        statement.add_columns(*keys).where(branch).order_by(*order[start:]).limit(limit).subquery()
        for start, branch in zip(starts, branches, strict=True)
    ]
    return _ordered(union_all(*map(select, merged)).subquery(), shape.ordering, ranked=ranked).limit(limit)


def _ordered(matching: Subquery, ordering: Ordering, *, ranked: bool) -> Select[Any]:
    """Select the items of a subquery, sorted by its columns `key_0`, `key_1` and so on."""
    columns = [matching.c[column.name] for column in ITEM_COLUMNS] + ([matching.c.rank] if ranked else [])
    return select(*columns).order_by(
        *(_order_by(sort_key, matching.c[f"key_{index}"]) for index, sort_key in enumerate(ordering))
    )


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


def _has_index(condition: tuple[str, str]) -> bool:
    """Return whether the matches of a condition can be looked up in an index."""
    field, operator = condition
    return (field == ATTRIBUTE and operator != MISSING) or (field == "category" and operator == WITHIN)


def matching_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Select the `seq` of all matching items."""
    return _filtered(select(items.c.seq), shape, dialect)


def stream_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Select all matching items, in order, as ITEM_COLUMNS."""
    order = [_order_by(sort_key, SORT_EXPRESSIONS[sort_key.name]) for sort_key in shape.ordering]
    return _filtered(select(*ITEM_COLUMNS), shape, dialect).order_by(*order)


def count_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Count the matching items."""
    return _filtered(select(func.count()).select_from(items), shape, dialect)


def sample_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Count the matches among the newest items, up to the parameter `most`, the items in this sample, and all items."""
    newest = select(items.c.seq).order_by(items.c.seq.desc()).limit(bindparam("most", type_=Integer())).subquery()
    first_seq = select(func.coalesce(func.min(newest.c.seq), 0)).scalar_subquery()
    matches = _filtered(select(func.count()).select_from(items), shape, dialect).where(items.c.seq >= first_seq).scalar_subquery()
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
            statement = _filtered(statement.join(items, items.c.seq == item_attributes.c.seq), shape, dialect)
    elif unfiltered and field == "currency":
        column = SORT_EXPRESSIONS["currency"]  # the expression of the price index
        statement = select(column, count).where(SORT_EXPRESSIONS["unpriced"] == literal_column("0"))
    else:
        statement = _filtered(select(column, count).where(column.is_not(None)), shape, dialect)
    return statement.group_by(column).order_by(count.desc(), column).limit(MAX_VALUES + 1)


def _filtered(statement: Select[Any], shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Add the conditions of the search and the filters."""
    if shape.has_search:
        statement = statement.where(dialect.matches(walked=shape.is_checked_per_row(SEARCH_CONDITION)))
    for index, (field, operator) in enumerate(shape.filters):
        statement = statement.where(
            condition_clause(field, operator, f"filter_{index}", dialect, per_row=shape.is_checked_per_row(index))
        )
    return statement


def lineage_statement(dialect: SqlDialect) -> Select[Any]:
    """Select the categories of the parameter `keys` and all their ancestors, as CATEGORY_COLUMNS."""
    start = select(categories.c.slug, categories.c.parent).where(dialect.any_of(categories.c.slug, "keys"))
    lineage = start.cte("lineage", recursive=True)
    lineage = lineage.union(select(categories.c.slug, categories.c.parent).where(categories.c.slug == lineage.c.parent))
    return select(*CATEGORY_COLUMNS).where(categories.c.slug.in_(select(lineage.c.slug)))


def _rank(dialect: SqlDialect, *, by_sku: bool) -> ColumnElement[int]:
    """Compute the rank of a matching item, as catalog.domain.search.search.SearchQuery.rank does."""
    return case(
        (items.c.sku == bindparam("sku", type_=items.c.sku.type) if by_sku else false(), int(Rank.SKU)),
        (dialect.matches_name(), int(Rank.NAME)),
        else_=int(Rank.ELSEWHERE),
    )


def _order_by(sort_key: SortKey, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Order by a column in the direction of its sort key."""
    return column.desc() if sort_key.descending else column.asc()


_EXPRESSION_KEYS = ("unpriced", "currency", "price_minor")


class _DirectionRun(NamedTuple):
    """Consecutive sort keys with the same direction, each with its position in the ordering."""

    descending: bool
    sort_keys: list[tuple[int, SortKey]]


def _direction_runs(ordering: Ordering) -> list[_DirectionRun]:
    """Split an ordering where its direction changes, and around expressions, for which SQLite cannot use row comparisons."""
    runs: list[_DirectionRun] = []
    is_column = True
    for index, sort_key in enumerate(ordering):
        was_column, is_column = is_column, sort_key.name not in _EXPRESSION_KEYS
        if not runs or runs[-1].descending != sort_key.descending or not (is_column and was_column):
            runs.append(_DirectionRun(sort_key.descending, []))
        runs[-1].sort_keys.append((index, sort_key))
    return runs


def _after_position(runs: list[_DirectionRun], columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """Test that an item equals the cursor position in all runs but the last and comes after it in that one.

    The position's values are the parameters `after_0`, `after_1`, … A row comparison uses an index however many values it has.
    """

    def position(run: _DirectionRun) -> list[ColumnElement[Any]]:
        return [bindparam(f"after_{index}", type_=columns[sort_key.name].type) for index, sort_key in run.sort_keys]

    *before, last = runs
    equal = [
        columns[sort_key.name] == value
        for run in before
        for (_, sort_key), value in zip(run.sort_keys, position(run), strict=True)
    ]
    row, after = tuple_(*(columns[sort_key.name] for _, sort_key in last.sort_keys)), tuple_(*position(last))
    return and_(*equal, row < after if last.descending else row > after)


STATEMENTS: dict[str, Callable[[StatementShape, SqlDialect], Select[Any]]] = {
    "list": list_statement,
    "matching": matching_statement,
    "stream": stream_statement,
    "count": count_statement,
    "index_counts": index_counts_statement,
    "sample": sample_statement,
}
"""The statements about the items of a query, by kind; facets are separate, since they also depend on a field."""
