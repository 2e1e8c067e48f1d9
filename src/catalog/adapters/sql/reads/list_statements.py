"""The statements that list items: one page of them, or all as a stream."""

from collections.abc import Mapping
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
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.statement_shape import ReadPlan, StatementShape
from catalog.adapters.sql.reads.where import SORT_EXPRESSIONS, filtered
from catalog.adapters.sql.row_mapping import ITEM_COLUMNS
from catalog.adapters.sql.schema.tables import items
from catalog.domain.queries.ordering import Ordering, SortKey
from catalog.domain.search.search import Rank


def list_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Select a page of items as ITEM_COLUMNS, with their rank if the order has one, and one row beyond the page."""
    ranked = any(sort_key.name == "rank" for sort_key in shape.ordering)
    columns = {sort_key.name: SORT_EXPRESSIONS[sort_key.name] for sort_key in shape.ordering if sort_key.name != "rank"}
    if ranked:
        columns["rank"] = _rank(dialect, by_sku=shape.by_sku)
    statement = filtered(select(*ITEM_COLUMNS), shape, dialect)
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


def stream_statement(shape: StatementShape, dialect: SqlDialect) -> Select[Any]:
    """Select all matching items, in order, as ITEM_COLUMNS."""
    order = [_order_by(sort_key, SORT_EXPRESSIONS[sort_key.name]) for sort_key in shape.ordering]
    return filtered(select(*ITEM_COLUMNS), shape, dialect).order_by(*order)


def _ordered(matching: Subquery, ordering: Ordering, *, ranked: bool) -> Select[Any]:
    """Select the items of a subquery, sorted by its columns `key_0`, `key_1` and so on."""
    columns = [matching.c[column.name] for column in ITEM_COLUMNS] + ([matching.c.rank] if ranked else [])
    return select(*columns).order_by(
        *(_order_by(sort_key, matching.c[f"key_{index}"]) for index, sort_key in enumerate(ordering))
    )


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
