"""The statements behind the reads."""

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

SEARCH_TERM = -1
"""The search, among the conditions."""


class ReadPlan(Enum):
    """How a statement goes through the items. Databases guess wrongly where conditions have to do with each other."""

    UNFILTERED = "as the database thinks best"
    INDEX_FIRST = "what is found first, then put in order: for conditions that few items meet"
    ORDER_SCAN = "in order, looking at each: for conditions that many items meet"


class StatementShape(NamedTuple):
    """What the statement of a list depends on; the rest are parameters.

    `ordering` is that in which the items are walked; `filters` are fields with operators; `marked` tells whether there is a
    place to follow; `lead` is the filter that finds what is put in order (the search: SEARCH), where the plan is LED.
    """

    ordering: Ordering
    filters: tuple[tuple[str, str], ...]
    searched: bool
    by_sku: bool
    has_cursor: bool
    plan: ReadPlan = ReadPlan.UNFILTERED
    leading_index: int = 0

    def is_checked_per_row(self, index: int) -> bool:
        """Whether a condition (the filter of this index, the search by -1) is held against each item that others give."""
        return self.plan is ReadPlan.ORDER_SCAN or (self.plan is ReadPlan.INDEX_FIRST and index != self.leading_index)

    @property
    def indexed_conditions(self) -> list[int]:
        """The conditions that can lead, for they have an index that is not that of an order; the search is the first."""
        indexed = [index for index, condition in enumerate(self.filters) if _is_indexed(condition)]
        return [SEARCH_TERM, *indexed] if self.searched else indexed


def statement_shape(query: ItemQuery) -> StatementShape:
    """Tell which statement answers a question."""
    filters = tuple((ATTRIBUTE if condition.attribute else condition.field, condition.operator) for condition in query.filters)
    by_sku = query.search is not None and query.search.sku is not None
    return StatementShape(query.scan_order, filters, query.search is not None, by_sku, query.after is not None)


def unordered_shape(query: ItemQuery) -> StatementShape:
    """Tell which statement counts what a question finds, wherever its page begins."""
    return statement_shape(query)._replace(ordering=(), has_cursor=False)


def list_parameters(query: ItemQuery, flavour: SqlDialect) -> dict[str, Any]:
    """Make the parameters of that statement."""
    parameters = filter_parameters(query, flavour) | {"limit": query.limit + 1, "offset": query.offset}
    return parameters | {f"after_{index}": value for index, value in enumerate(query.after or ())}


def filter_parameters(query: ItemQuery, flavour: SqlDialect) -> dict[str, Any]:
    """Make the parameters of what is searched and filtered."""
    parameters: dict[str, Any] = {}
    if query.search is not None:
        parameters |= {**flavour.search_parameters(query.search), "sku": query.search.sku}
    for index, condition in enumerate(query.filters):
        values = condition.values
        if condition.attribute:
            parameters[f"filter_{index}_name"] = condition.attribute
            if values:
                parameters |= {f"filter_{index}_from": values[0][0], f"filter_{index}_to": chr(ord(values[0][0]) + 1)}
        if values:
            parameters[f"filter_{index}"] = flavour.list_parameter(values) if condition.operator in MULTI_VALUED else values[0]
    return parameters


def list_statement(shape: StatementShape, flavour: SqlDialect) -> Select[Any]:
    """Return a page's items as ITEM_COLUMNS, and their rank where they are ranked; one row more than the page has."""
    ranked = any(term.name == "rank" for term in shape.ordering)
    columns = {term.name: SORT_EXPRESSIONS[term.name] for term in shape.ordering if term.name != "rank"}
    if ranked:
        columns["rank"] = _rank(flavour, by_sku=shape.by_sku)
    statement = _filtered(select(*ITEM_COLUMNS), shape, flavour)
    if ranked:
        statement = statement.add_columns(columns["rank"].label("rank"))
    order = [_order(term, columns[term.name]) for term in shape.ordering]
    limit, offset = bindparam("limit", type_=Integer()), bindparam("offset", type_=Integer())
    runs = _direction_runs(shape.ordering)
    ways = [_after_position(runs[: index + 1], columns) for index in range(len(runs))] if shape.has_cursor else []
    keys = [columns[term.name].label(f"key_{index}") for index, term in enumerate(shape.ordering)]
    if shape.plan is ReadPlan.INDEX_FIRST:
        # Past an OFFSET nothing is carried in: neither the order nor how few rows are wanted.
        found = statement.add_columns(*keys).where(or_(*ways) if ways else true()).offset(literal_column("0")).subquery()
        return _in_order(found, shape.ordering, ranked=ranked).limit(limit).offset(offset)
    if len(ways) < 2:  # noqa: PLR2004 - one way needs no merging
        return statement.where(*ways).order_by(*order).limit(limit).offset(offset)
    # An order whose direction changes: each way of being behind the mark along its index, then put together.
    # What all of a way's items have in common is left out of its order: SQLite would sort by it.
    starts = [run.terms[0][0] for run in runs]
    merged = [
        statement.add_columns(*keys).where(way).order_by(*order[start:]).limit(limit).subquery()
        for start, way in zip(starts, ways, strict=True)
    ]
    return _in_order(union_all(*map(select, merged)).subquery(), shape.ordering, ranked=ranked).limit(limit)


def _in_order(found: Subquery, ordering: Ordering, *, ranked: bool) -> Select[Any]:
    """Put what was found in order, by its columns `key_0`, `key_1` and so on."""
    shown = [found.c[column.name] for column in ITEM_COLUMNS] + ([found.c.rank] if ranked else [])
    return select(*shown).order_by(*(_order(term, found.c[f"key_{index}"]) for index, term in enumerate(ordering)))


def sizes_statement(shape: StatementShape, flavour: SqlDialect) -> Select[Any]:
    """Count along its index what each condition finds that has one, up to the parameter `most`; the search is the first."""
    parts: list[Select[Any]] = []
    for index in shape.indexed_conditions:
        field, operator = shape.filters[index] if index != SEARCH_TERM else ("", "")
        if index == SEARCH_TERM:
            parts.append(flavour.matching_seqs())
        elif field == ATTRIBUTE:
            parts.append(attribute_matches(operator, f"filter_{index}", flavour))
        else:
            parts.append(select(items.c.seq).where(condition_clause(field, operator, f"filter_{index}", flavour)))
    most = bindparam("most", type_=Integer())
    return select(*(select(func.count()).select_from(part.limit(most).subquery()).scalar_subquery() for part in parts))


def _is_indexed(condition: tuple[str, str]) -> bool:
    """Whether there is an index of what a condition finds."""
    field, operator = condition
    return (field == ATTRIBUTE and operator != MISSING) or (field == "category" and operator == WITHIN)


def matching_statement(shape: StatementShape, flavour: SqlDialect) -> Select[Any]:
    """Return what is found, as numbers of rows."""
    return _filtered(select(items.c.seq), shape, flavour)


def stream_statement(shape: StatementShape, flavour: SqlDialect) -> Select[Any]:
    """Return all that is found, in order, as ITEM_COLUMNS."""
    order = [_order(term, SORT_EXPRESSIONS[term.name]) for term in shape.ordering]
    return _filtered(select(*ITEM_COLUMNS), shape, flavour).order_by(*order)


def count_statement(shape: StatementShape, flavour: SqlDialect) -> Select[Any]:
    """Count what is found."""
    return _filtered(select(func.count()).select_from(items), shape, flavour)


def sample_statement(shape: StatementShape, flavour: SqlDialect) -> Select[Any]:
    """Count what is found among the newest `most` items; and all items among these, and all that there are."""
    newest = select(items.c.seq).order_by(items.c.seq.desc()).limit(bindparam("most", type_=Integer())).subquery()
    begin = select(func.coalesce(func.min(newest.c.seq), 0)).scalar_subquery()
    found = _filtered(select(func.count()).select_from(items), shape, flavour).where(items.c.seq >= begin).scalar_subquery()
    looked_at = select(func.count()).select_from(newest).scalar_subquery()
    return select(found, looked_at, select(func.count()).select_from(items).scalar_subquery())


def facet_statement(field: str, shape: StatementShape, flavour: SqlDialect) -> Select[Any]:
    """Return the values of a field with their counts (catalog.domain.queries.facets); for an attribute, its sort keys."""
    count = func.count()
    every = not (shape.searched or shape.filters)
    column: ColumnElement[Any] = items.c[field] if field != ATTRIBUTE else item_attributes.c.key
    if field == ATTRIBUTE:
        name = item_attributes.c.name if every else flavour.without_index(item_attributes.c.name)
        statement = select(column, count).where(comparison(name, "eq", "facet"))
        if not every:
            statement = _filtered(statement.join(items, items.c.seq == item_attributes.c.seq), shape, flavour)
    elif every and field == "currency":
        column = SORT_EXPRESSIONS["currency"]  # as the index of prices has it
        statement = select(column, count).where(SORT_EXPRESSIONS["unpriced"] == literal_column("0"))
    else:
        statement = _filtered(select(column, count).where(column.is_not(None)), shape, flavour)
    return statement.group_by(column).order_by(count.desc(), column).limit(MAX_VALUES + 1)


def _filtered(statement: Select[Any], shape: StatementShape, flavour: SqlDialect) -> Select[Any]:
    """Select among the items that are searched and filtered for."""
    if shape.searched:
        statement = statement.where(flavour.matches(walked=shape.is_checked_per_row(SEARCH_TERM)))
    for index, (field, operator) in enumerate(shape.filters):
        statement = statement.where(
            condition_clause(field, operator, f"filter_{index}", flavour, walked=shape.is_checked_per_row(index))
        )
    return statement


def lineage_statement(flavour: SqlDialect) -> Select[Any]:
    """Return the categories of the parameter `keys` and all above them, as CATEGORY_COLUMNS."""
    found = select(categories.c.slug, categories.c.parent).where(flavour.any_of(categories.c.slug, "keys"))
    above = found.cte("above", recursive=True)
    above = above.union(select(categories.c.slug, categories.c.parent).where(categories.c.slug == above.c.parent))
    return select(*CATEGORY_COLUMNS).where(categories.c.slug.in_(select(above.c.slug)))


def _rank(flavour: SqlDialect, *, by_sku: bool) -> ColumnElement[int]:
    """Say what catalog.domain.search.search.Search.rank says of an item that matches."""
    return case(
        (items.c.sku == bindparam("sku", type_=items.c.sku.type) if by_sku else false(), int(Rank.SKU)),
        (flavour.matches_name(), int(Rank.NAME)),
        else_=int(Rank.ELSEWHERE),
    )


def _order(term: SortKey, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Order by a term."""
    return column.desc() if term.descending else column.asc()


_EXPRESSIONS = ("unpriced", "currency", "price_minor")


class _DirectionRun(NamedTuple):
    """Terms beside each other that go in one direction, with their places in the ordering."""

    descending: bool
    terms: list[tuple[int, SortKey]]


def _direction_runs(ordering: Ordering) -> list[_DirectionRun]:
    """Part an ordering where its direction changes, and at expressions: SQLite finds no rows of these in an index."""
    runs: list[_DirectionRun] = []
    plain = True
    for index, term in enumerate(ordering):
        was_plain, plain = plain, term.name not in _EXPRESSIONS
        if not runs or runs[-1].descending != term.descending or not (plain and was_plain):
            runs.append(_DirectionRun(term.descending, []))
        runs[-1].terms.append((index, term))
    return runs


def _after_position(runs: list[_DirectionRun], columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """Say that an item is where the mark is in all runs but the last, and behind it in that one.

    The mark's values are the parameters `after_0`, `after_1`, … A comparison of rows is answered along an index at any depth.
    """

    def marks(run: _DirectionRun) -> list[ColumnElement[Any]]:
        return [bindparam(f"after_{index}", type_=columns[term.name].type) for index, term in run.terms]

    *before, last = runs
    alike = [columns[term.name] == mark for run in before for (_, term), mark in zip(run.terms, marks(run), strict=True)]
    row, mark = tuple_(*(columns[term.name] for _, term in last.terms)), tuple_(*marks(last))
    return and_(*alike, row < mark if last.descending else row > mark)


STATEMENTS: dict[str, Callable[[StatementShape, SqlDialect], Select[Any]]] = {
    "list": list_statement,
    "found": matching_statement,
    "stream": stream_statement,
    "count": count_statement,
    "sizes": sizes_statement,
    "sample": sample_statement,
}
"""What can be asked of the items that a question finds."""
