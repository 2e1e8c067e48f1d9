"""The shape of a statement about the items of a query, and its parameters. Queries of one shape share one statement."""

from enum import Enum
from typing import Any, NamedTuple

from catalog.adapters.sql.dialect import SqlDialect
from catalog.domain.queries.filters import ATTRIBUTE, MISSING, MULTI_VALUED, WITHIN
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.ordering import Ordering

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


def _has_index(condition: tuple[str, str]) -> bool:
    """Return whether the matches of a condition can be looked up in an index."""
    field, operator = condition
    return (field == ATTRIBUTE and operator != MISSING) or (field == "category" and operator == WITHIN)
