"""The statements behind the reads."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, or_, select, tuple_

from catalog.adapters.sql.flavour import Flavour
from catalog.adapters.sql.rows import ITEM_COLUMNS, LOG_COLUMNS
from catalog.adapters.sql.tables import change_log, items
from catalog.domain.ordering import Ordering, Place, Term
from catalog.domain.query import ItemQuery
from catalog.domain.search import Rank, Search


def list_statement(query: ItemQuery, flavour: Flavour) -> Select[Any]:
    """Return a page's items as ITEM_COLUMNS, then the values of the ordering's terms; one row more than the page has."""
    columns: dict[str, ColumnElement[Any]] = {term.name: items.c[term.name] for term in query.ordering if term.name != "rank"}
    if query.search is not None:
        columns["rank"] = _rank(query.search, flavour)
    statement = select(*ITEM_COLUMNS, *(columns[term.name].label(f"by_{term.name}") for term in query.ordering))
    if query.search is not None:
        statement = statement.where(flavour.matches(query.search))
    if query.after is not None:
        statement = statement.where(_follows(query.ordering, query.after, columns))
    statement = statement.order_by(*(_order(term, columns[term.name]) for term in query.ordering))
    return statement.limit(query.limit + 1).offset(query.offset or None)


def log_statement(after: int, limit: int) -> Select[Any]:
    """Return a stretch of the log as LOG_COLUMNS."""
    return select(*LOG_COLUMNS).where(change_log.c.seq > after).order_by(change_log.c.seq).limit(limit)


def _rank(search: Search, flavour: Flavour) -> ColumnElement[int]:
    """Say what catalog.domain.search.Search.rank says of an item that matches."""
    return case(
        (items.c.sku == search.sku if search.sku else false(), int(Rank.SKU)),
        (flavour.matches_name(search), int(Rank.NAME)),
        else_=int(Rank.ELSEWHERE),
    )


def _order(term: Term, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Order by a term; what is absent comes last."""
    direction = column.desc() if term.descending else column.asc()
    return direction.nulls_last() if term.nullable else direction


def _follows(ordering: Ordering, mark: Place, columns: dict[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """Say what catalog.domain.ordering.comes_after says.

    One direction and nothing absent is a comparison of rows, which an index answers at any depth; the rest is spelled out.
    """
    terms = [(term, columns[term.name], value) for term, value in zip(ordering, mark, strict=True)]
    if len({term.descending for term in ordering}) == 1 and not any(term.nullable for term in ordering):
        row = tuple_(*(column for _, column, _ in terms))
        values = tuple_(*mark, types=[column.type for _, column, _ in terms])
        return row < values if ordering[0].descending else row > values
    steps = []
    for index, (term, column, value) in enumerate(terms):
        alike = [_same(its, was) for _, its, was in terms[:index]]
        steps.append(and_(*alike, _beyond(term, column, value)))
    return or_(*steps)


def _same(column: ColumnElement[Any], value: object) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def _beyond(term: Term, column: ColumnElement[Any], value: object) -> ColumnElement[bool]:
    if value is None:
        return false()
    beyond = column < value if term.descending else column > value
    return or_(beyond, column.is_(None)) if term.nullable else beyond
