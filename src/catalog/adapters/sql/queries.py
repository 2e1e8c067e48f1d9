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
    union,
    union_all,
)

from catalog.adapters.sql.flavour import Flavour
from catalog.adapters.sql.rows import CATEGORY_COLUMNS, ITEM_COLUMNS, LOG_COLUMNS
from catalog.adapters.sql.tables import categories, change_log, item_attributes, items, name_words
from catalog.domain.facets import MOST_VALUES
from catalog.domain.filters import AMONG, ATTRIBUTE, COMPARISONS, EXISTS, MISSING, OUTSIDE, SEVERAL, WITHIN
from catalog.domain.ordering import Ordering, Term
from catalog.domain.query import ItemQuery
from catalog.domain.search import Rank
from catalog.domain.spelling import MOST_SUGGESTIONS, MOST_WORDS, Stem

_FILTERED: dict[str, ColumnElement[Any]] = {
    "sku": items.c.sku,
    "category": items.c.category,
    "version": items.c.version,
    "created_at": items.c.created_at,
    "updated_at": items.c.updated_at,
}


_PRICED = {"currency": "currency", "price": "price_minor"}

_LAST = "\U0010ffff"
"""Comes after every sign that a word can have."""

_SORTED: dict[str, ColumnElement[Any]] = {
    # As the indexes have them: what is absent is written out there, and so it is here, not given as a parameter.
    "unpriced": literal_column("CASE WHEN items.currency IS NULL THEN 1 ELSE 0 END", Integer()),
    "currency": func.coalesce(items.c.currency, literal_column("''", items.c.currency.type)),
    "price_minor": func.coalesce(items.c.price_minor, literal_column("0", items.c.price_minor.type)),
    "name_key": items.c.name_key,
    "created_at": items.c.created_at,
    "updated_at": items.c.updated_at,
    "sku": items.c.sku,
    "id": items.c.id,
}


SEARCH = -1
"""The search, among the conditions."""


class Plan(Enum):
    """How a statement goes through the items. Databases guess wrongly where conditions have to do with each other."""

    OPEN = "as the database thinks best"
    LED = "what is found first, then put in order: for conditions that few items meet"
    WALKED = "in order, looking at each: for conditions that many items meet"


class Shape(NamedTuple):
    """What the statement of a list depends on; the rest are parameters.

    `ordering` is that in which the items are walked; `filters` are fields with operators; `marked` tells whether there is a
    place to follow; `lead` is the filter that finds what is put in order (the search: SEARCH), where the plan is LED.
    """

    ordering: Ordering
    filters: tuple[tuple[str, str], ...]
    searched: bool
    by_sku: bool
    marked: bool
    plan: Plan = Plan.OPEN
    lead: int = 0

    def walks(self, index: int) -> bool:
        """Whether a condition (the filter of this index, the search by -1) is held against each item that others give."""
        return self.plan is Plan.WALKED or (self.plan is Plan.LED and index != self.lead)

    @property
    def leads(self) -> list[int]:
        """The conditions that can lead, for they have an index that is not that of an order; the search is the first."""
        indexed = [index for index, condition in enumerate(self.filters) if _is_indexed(condition)]
        return [SEARCH, *indexed] if self.searched else indexed


def shape_of(query: ItemQuery) -> Shape:
    """Tell which statement answers a question."""
    filters = tuple((ATTRIBUTE if condition.attribute else condition.field, condition.operator) for condition in query.filters)
    by_sku = query.search is not None and query.search.sku is not None
    return Shape(query.walked, filters, query.search is not None, by_sku, query.after is not None)


def unordered(query: ItemQuery) -> Shape:
    """Tell which statement counts what a question finds, wherever its page begins."""
    return shape_of(query)._replace(ordering=(), marked=False)


def list_parameters(query: ItemQuery, flavour: Flavour) -> dict[str, Any]:
    """Make the parameters of that statement."""
    parameters = found_parameters(query, flavour) | {"limit": query.limit + 1, "offset": query.offset}
    return parameters | {f"after_{index}": value for index, value in enumerate(query.after or ())}


def found_parameters(query: ItemQuery, flavour: Flavour) -> dict[str, Any]:
    """Make the parameters of what is searched and filtered."""
    parameters: dict[str, Any] = {}
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
    return parameters


def list_statement(shape: Shape, flavour: Flavour) -> Select[Any]:
    """Return a page's items as ITEM_COLUMNS, and their rank where they are ranked; one row more than the page has."""
    ranked = any(term.name == "rank" for term in shape.ordering)
    columns = {term.name: _SORTED[term.name] for term in shape.ordering if term.name != "rank"}
    if ranked:
        columns["rank"] = _rank(flavour, by_sku=shape.by_sku)
    statement = _found(select(*ITEM_COLUMNS), shape, flavour)
    if ranked:
        statement = statement.add_columns(columns["rank"].label("rank"))
    order = [_order(term, columns[term.name]) for term in shape.ordering]
    limit, offset = bindparam("limit", type_=Integer()), bindparam("offset", type_=Integer())
    runs = _runs(shape.ordering)
    ways = [_beyond(runs[: index + 1], columns) for index in range(len(runs))] if shape.marked else []
    keys = [columns[term.name].label(f"key_{index}") for index, term in enumerate(shape.ordering)]
    if shape.plan is Plan.LED:
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


def sizes_statement(shape: Shape, flavour: Flavour) -> Select[Any]:
    """Count along its index what each condition finds that has one, up to the parameter `most`; the search is the first."""
    parts: list[Select[Any]] = []
    for index in shape.leads:
        field, operator = shape.filters[index] if index != SEARCH else ("", "")
        if index == SEARCH:
            parts.append(flavour.found())
        elif field == ATTRIBUTE:
            parts.append(_attributes_found(operator, f"filter_{index}", flavour))
        else:
            parts.append(select(items.c.seq).where(_holds(field, operator, f"filter_{index}", flavour)))
    most = bindparam("most", type_=Integer())
    return select(*(select(func.count()).select_from(part.limit(most).subquery()).scalar_subquery() for part in parts))


def _is_indexed(condition: tuple[str, str]) -> bool:
    """Whether there is an index of what a condition finds."""
    field, operator = condition
    return (field == ATTRIBUTE and operator != MISSING) or (field == "category" and operator == WITHIN)


def found_statement(shape: Shape, flavour: Flavour) -> Select[Any]:
    """Return what is found, as numbers of rows."""
    return _found(select(items.c.seq), shape, flavour)


def stream_statement(shape: Shape, flavour: Flavour) -> Select[Any]:
    """Return all that is found, in order, as ITEM_COLUMNS."""
    order = [_order(term, _SORTED[term.name]) for term in shape.ordering]
    return _found(select(*ITEM_COLUMNS), shape, flavour).order_by(*order)


def count_statement(shape: Shape, flavour: Flavour) -> Select[Any]:
    """Count what is found."""
    return _found(select(func.count()).select_from(items), shape, flavour)


def sample_statement(shape: Shape, flavour: Flavour) -> Select[Any]:
    """Count what is found among the newest `most` items; and all items among these, and all that there are."""
    newest = select(items.c.seq).order_by(items.c.seq.desc()).limit(bindparam("most", type_=Integer())).subquery()
    begin = select(func.coalesce(func.min(newest.c.seq), 0)).scalar_subquery()
    found = _found(select(func.count()).select_from(items), shape, flavour).where(items.c.seq >= begin).scalar_subquery()
    looked_at = select(func.count()).select_from(newest).scalar_subquery()
    return select(found, looked_at, select(func.count()).select_from(items).scalar_subquery())


def facet_statement(field: str, shape: Shape, flavour: Flavour) -> Select[Any]:
    """Return the values of a field with their counts, as catalog.domain.facets.Facet has them; of an attribute, its keys."""
    count = func.count()
    every = not (shape.searched or shape.filters)
    column: ColumnElement[Any] = items.c[field] if field != ATTRIBUTE else item_attributes.c.key
    if field == ATTRIBUTE:
        name = item_attributes.c.name if every else flavour.unindexed(item_attributes.c.name)
        statement = select(column, count).where(_compared(name, "eq", "facet"))
        if not every:
            statement = _found(statement.join(items, items.c.seq == item_attributes.c.seq), shape, flavour)
    elif every and field == "currency":
        column = _SORTED["currency"]  # as the index of prices has it
        statement = select(column, count).where(_SORTED["unpriced"] == literal_column("0"))
    else:
        statement = _found(select(column, count).where(column.is_not(None)), shape, flavour)
    return statement.group_by(column).order_by(count.desc(), column).limit(MOST_VALUES + 1)


def words_statement() -> Select[Any]:
    """Return words that share an end with a misspelt one (catalog.domain.spelling.may_be); for `stem_parameters`."""
    size = func.length(name_words.c.word)
    most = bindparam("most", type_=Integer())
    ends = [
        select(name_words.c.word)
        .where(
            _compared(column, "gte", f"{end}_from"),
            _compared(column, "lt", f"{end}_to"),
            size.between(bindparam("shortest", type_=Integer()), bindparam("longest", type_=Integer())),
        )
        .limit(most)
        .subquery()
        for end, column in (("head", name_words.c.word), ("tail", name_words.c.reversed))
    ]
    found = union(*(select(end.c.word) for end in ends)).subquery()
    return select(found.c.word)


def stem_parameters(its: Stem) -> dict[str, Any]:
    """Make the parameters of `words_statement`."""
    tail = its.tail[::-1]
    ends = {"head_from": its.head, "head_to": its.head + _LAST, "tail_from": tail, "tail_to": tail + _LAST}
    return ends | {"shortest": its.shortest, "longest": its.longest, "most": MOST_WORDS}


def suggested_statement(flavour: Flavour) -> Select[Any]:
    """Return the items whose names match a query that `Flavour.meant` made, as ITEM_COLUMNS."""
    statement = select(*ITEM_COLUMNS).where(flavour.matches(), flavour.matches_name())
    return statement.order_by(items.c.name_key, items.c.id).limit(MOST_SUGGESTIONS)


def _found(statement: Select[Any], shape: Shape, flavour: Flavour) -> Select[Any]:
    """Select among the items that are searched and filtered for."""
    if shape.searched:
        statement = statement.where(flavour.matches(walked=shape.walks(SEARCH)))
    for index, (field, operator) in enumerate(shape.filters):
        statement = statement.where(_holds(field, operator, f"filter_{index}", flavour, walked=shape.walks(index)))
    return statement


def _holds(field: str, operator: str, name: str, flavour: Flavour, *, walked: bool = False) -> ColumnElement[bool]:
    """Say what catalog.domain.filters.Condition.holds says, of the parameter `name`."""
    if field == ATTRIBUTE:
        return _attribute_holds(operator, name, flavour, walked=walked)
    if field in _PRICED:
        return _price_holds(_SORTED[_PRICED[field]], operator, name, flavour)
    column = _FILTERED[field]
    if operator in (WITHIN, OUTSIDE):
        below = _descendants(name, flavour)
        # Beside nothing at all even what is absent would be "not in".
        outside = and_(column.is_not(None), column.not_in(below))
        return outside if operator == OUTSIDE else flavour.within(flavour.unindexed(column) if walked else column, below)
    if operator in (EXISTS, MISSING):
        return column.is_not(None) if operator == EXISTS else column.is_(None)
    return flavour.among(column, name) if operator == AMONG else _compared(column, operator, name)


def _price_holds(column: ColumnElement[Any], operator: str, name: str, flavour: Flavour) -> ColumnElement[bool]:
    """Compare what the index of prices holds, so that it serves filters as well."""
    priced = _SORTED["unpriced"] == literal_column("1" if operator == MISSING else "0")
    if operator in (EXISTS, MISSING):
        return priced
    return and_(priced, flavour.among(column, name) if operator == AMONG else _compared(column, operator, name))


def _compared(column: ColumnElement[Any], operator: str, name: str) -> ColumnElement[bool]:
    compare: Callable[[Any, Any], Any] = COMPARISONS[operator]
    compared: ColumnElement[bool] = compare(column, bindparam(name, type_=column.type))
    return compared


def _attribute_holds(operator: str, name: str, flavour: Flavour, *, walked: bool) -> ColumnElement[bool]:
    """Look into the index of attributes: from the value to the items, or (`walked`) from the item to its value."""
    if operator != MISSING and not walked:
        return items.c.seq.in_(_attributes_found(operator, name, flavour))
    found = _attributes_found(operator, name, flavour, key=flavour.unindexed(item_attributes.c.key))
    its = found.where(item_attributes.c.seq == items.c.seq).correlate(items).exists()
    return ~its if operator == MISSING else its


def _attributes_found(operator: str, name: str, flavour: Flavour, key: ColumnElement[str] = item_attributes.c.key) -> Select[Any]:
    """Find the items by an attribute; values of another type than the one that is asked for are passed over."""
    found = select(item_attributes.c.seq).where(_compared(item_attributes.c.name, "eq", f"{name}_name"))
    if operator in (EXISTS, MISSING):
        return found
    if operator == AMONG:
        return found.where(flavour.among(key, name))
    found = found.where(_compared(key, operator, name))
    if operator == "eq":
        return found
    return found.where(_compared(key, "gte", f"{name}_from"), _compared(key, "lt", f"{name}_to"))


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
    """Order by a term."""
    return column.desc() if term.descending else column.asc()


_EXPRESSIONS = ("unpriced", "currency", "price_minor")


class _Run(NamedTuple):
    """Terms beside each other that go in one direction, with their places in the ordering."""

    descending: bool
    terms: list[tuple[int, Term]]


def _runs(ordering: Ordering) -> list[_Run]:
    """Part an ordering where its direction changes, and at expressions: SQLite finds no rows of these in an index."""
    runs: list[_Run] = []
    plain = True
    for index, term in enumerate(ordering):
        was_plain, plain = plain, term.name not in _EXPRESSIONS
        if not runs or runs[-1].descending != term.descending or not (plain and was_plain):
            runs.append(_Run(term.descending, []))
        runs[-1].terms.append((index, term))
    return runs


def _beyond(runs: list[_Run], columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """Say that an item is where the mark is in all runs but the last, and behind it in that one.

    The mark's values are the parameters `after_0`, `after_1`, … A comparison of rows is answered along an index at any depth.
    """

    def marks(run: _Run) -> list[ColumnElement[Any]]:
        return [bindparam(f"after_{index}", type_=columns[term.name].type) for index, term in run.terms]

    *before, last = runs
    alike = [columns[term.name] == mark for run in before for (_, term), mark in zip(run.terms, marks(run), strict=True)]
    row, mark = tuple_(*(columns[term.name] for _, term in last.terms)), tuple_(*marks(last))
    return and_(*alike, row < mark if last.descending else row > mark)


STATEMENTS: dict[str, Callable[[Shape, Flavour], Select[Any]]] = {
    "list": list_statement,
    "found": found_statement,
    "stream": stream_statement,
    "count": count_statement,
    "sizes": sizes_statement,
    "sample": sample_statement,
}
"""What can be asked of the items that a question finds."""
