"""The statements behind the reads."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, case, false, or_, select, tuple_

from catalog.adapters.sql.flavour import Flavour
from catalog.adapters.sql.rows import CATEGORY_COLUMNS, ITEM_COLUMNS, LOG_COLUMNS
from catalog.adapters.sql.tables import categories, change_log, item_attributes, items
from catalog.domain.filters import AMONG, ATTRIBUTE, COMPARISONS, EXISTS, MISSING, OUTSIDE, SEVERAL, WITHIN
from catalog.domain.ordering import Ordering, Term
from catalog.domain.query import ItemQuery
from catalog.domain.search import Rank

_FILTERED: dict[str, ColumnElement[Any]] = {
    "sku": items.c.sku,
    "category": items.c.category,
    "currency": items.c.currency,
    "price": items.c.price_minor,
    "version": items.c.version,
    "created_at": items.c.created_at,
    "updated_at": items.c.updated_at,
}


class Shape(NamedTuple):
    """What the statement of a list depends on; the rest are parameters.

    `filters` are fields with operators; `absent` tells which values of the place to follow are absent.
    """

    ordering: Ordering
    filters: tuple[tuple[str, str], ...]
    searched: bool
    by_sku: bool
    absent: tuple[bool, ...] | None


def shape_of(query: ItemQuery) -> Shape:
    """Tell which statement answers a question."""
    absent = None if query.after is None else tuple(value is None for value in query.after)
    filters = tuple((ATTRIBUTE if condition.attribute else condition.field, condition.operator) for condition in query.filters)
    return Shape(
        query.ordering, filters, query.search is not None, query.search is not None and query.search.sku is not None, absent
    )


def list_parameters(query: ItemQuery, flavour: Flavour) -> dict[str, Any]:
    """Make the parameters of that statement."""
    parameters: dict[str, Any] = {"limit": query.limit + 1, "offset": query.offset}
    if query.search is not None:
        parameters |= {**flavour.asked(query.search), "sku": query.search.sku}
    for index, condition in enumerate(query.filters):
        values = condition.values
        if condition.attribute:
            parameters[f"filter_{index}_name"] = condition.attribute
            if values:
                parameters |= {f"filter_{index}_from": values[0][0], f"filter_{index}_to": chr(ord(values[0][0]) + 1)}
        if values:
            parameters[f"filter_{index}"] = flavour.listed(values) if condition.operator in SEVERAL else values[0]
    for index, value in enumerate(query.after or ()):
        parameters[f"after_{index}"] = value
    return parameters


def list_statement(shape: Shape, flavour: Flavour) -> Select[Any]:
    """Return a page's items as ITEM_COLUMNS, and their rank where something is searched; one row more than the page has."""
    columns: dict[str, ColumnElement[Any]] = {term.name: items.c[term.name] for term in shape.ordering if term.name != "rank"}
    if shape.searched:
        columns["rank"] = _rank(flavour, by_sku=shape.by_sku)
    statement = select(*ITEM_COLUMNS)
    if shape.searched:
        statement = statement.add_columns(columns["rank"].label("rank")).where(flavour.matches())
    for index, (field, operator) in enumerate(shape.filters):
        statement = statement.where(_holds(field, operator, f"filter_{index}", flavour))
    if shape.absent is not None:
        statement = statement.where(_follows(shape.ordering, shape.absent, columns))
    statement = statement.order_by(*(_order(term, columns[term.name]) for term in shape.ordering))
    return statement.limit(bindparam("limit", type_=Integer())).offset(bindparam("offset", type_=Integer()))


def _holds(field: str, operator: str, name: str, flavour: Flavour) -> ColumnElement[bool]:
    """Say what catalog.domain.filters.Condition.holds says, of the parameter `name`."""
    if field == ATTRIBUTE:
        return _attribute_holds(operator, name, flavour)
    column = _FILTERED[field]
    if operator in (EXISTS, MISSING):
        return column.is_not(None) if operator == EXISTS else column.is_(None)
    if operator == AMONG:
        return flavour.among(column, name)
    if operator == WITHIN:
        return flavour.within(column, _descendants(name, flavour))
    if operator == OUTSIDE:
        # Beside nothing at all even what is absent would be "not in".
        return and_(column.is_not(None), column.not_in(_descendants(name, flavour)))
    return _compared(column, operator, name)


def _compared(column: ColumnElement[Any], operator: str, name: str) -> ColumnElement[bool]:
    compare: Callable[[Any, Any], Any] = COMPARISONS[operator]
    compared: ColumnElement[bool] = compare(column, bindparam(name, type_=column.type))
    return compared


def _attribute_holds(operator: str, name: str, flavour: Flavour) -> ColumnElement[bool]:
    """Look into the index of attributes; values of another type than the one that is asked for are passed over."""
    has = item_attributes.c
    found = select(has.seq).where(_compared(has.name, "eq", f"{name}_name"))
    if operator == MISSING:
        return ~found.where(has.seq == items.c.seq).correlate(items).exists()
    if operator == AMONG:
        found = found.where(flavour.among(has.key, name))
    elif operator != EXISTS:
        found = found.where(_compared(has.key, operator, name))
        if operator != "eq":
            found = found.where(_compared(has.key, "gte", f"{name}_from"), _compared(has.key, "lt", f"{name}_to"))
    return items.c.seq.in_(found)


def _descendants(name: str, flavour: Flavour) -> Select[Any]:
    """Find the slugs of the parameter `name` and all below them, as catalog.domain.tree.Tree.within does."""
    found = select(categories.c.slug).where(flavour.among(categories.c.slug, name)).cte(f"below_{name}", recursive=True)
    found = found.union(select(categories.c.slug).where(categories.c.parent == found.c.slug))
    return select(found.c.slug)


def lineage_statement(flavour: Flavour) -> Select[Any]:
    """Return the categories of the parameter `keys` and all above them, as CATEGORY_COLUMNS."""
    found = select(categories.c.slug, categories.c.parent).where(flavour.among(categories.c.slug, "keys"))
    above = found.cte("above", recursive=True)
    above = above.union(select(categories.c.slug, categories.c.parent).where(categories.c.slug == above.c.parent))
    return select(*CATEGORY_COLUMNS).where(categories.c.slug.in_(select(above.c.slug)))


def log_statement(after: int, limit: int) -> Select[Any]:
    """Return a stretch of the log as LOG_COLUMNS."""
    return select(*LOG_COLUMNS).where(change_log.c.seq > after).order_by(change_log.c.seq).limit(limit)


def _rank(flavour: Flavour, *, by_sku: bool) -> ColumnElement[int]:
    """Say what catalog.domain.search.Search.rank says of an item that matches."""
    return case(
        (items.c.sku == bindparam("sku", type_=items.c.sku.type) if by_sku else false(), int(Rank.SKU)),
        (flavour.matches_name(), int(Rank.NAME)),
        else_=int(Rank.ELSEWHERE),
    )


def _order(term: Term, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Order by a term; what is absent comes last."""
    direction = column.desc() if term.descending else column.asc()
    return direction.nulls_last() if term.nullable else direction


def _follows(ordering: Ordering, absent: tuple[bool, ...], columns: dict[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """Say what catalog.domain.ordering.comes_after says of the place that the parameters `after_0`, `after_1`, … give.

    One direction and nothing absent is a comparison of rows, which an index answers at any depth; the rest is spelled out.
    """
    terms = [(term, columns[term.name], _mark(index, columns[term.name], absent)) for index, term in enumerate(ordering)]
    if len({term.descending for term in ordering}) == 1 and not any(term.nullable for term in ordering):
        row = tuple_(*(column for _, column, _ in terms))
        marks = tuple_(*(mark for _, _, mark in terms if mark is not None))
        return row < marks if ordering[0].descending else row > marks
    steps = []
    for index, (term, column, mark) in enumerate(terms):
        alike = [its.is_(None) if was is None else its == was for _, its, was in terms[:index]]
        steps.append(and_(*alike, _beyond(term, column, mark)))
    return or_(*steps)


def _mark(index: int, column: ColumnElement[Any], absent: tuple[bool, ...]) -> ColumnElement[Any] | None:
    """Return the parameter for one value of the place, None for one that is absent."""
    return None if absent[index] else bindparam(f"after_{index}", type_=column.type)


def _beyond(term: Term, column: ColumnElement[Any], mark: ColumnElement[Any] | None) -> ColumnElement[bool]:
    if mark is None:
        return false()
    beyond = column < mark if term.descending else column > mark
    return or_(beyond, column.is_(None)) if term.nullable else beyond
