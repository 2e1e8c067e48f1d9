"""Plans how a list is read, by the number of matches that each indexed condition has. See ADR 14."""

from collections.abc import Sequence
from typing import NamedTuple

from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.item_statements import ItemStatements
from catalog.adapters.sql.reads.statement_shape import (
    ReadPlan,
    StatementShape,
    filter_parameters,
    statement_shape,
    unordered_shape,
)
from catalog.domain.queries.item_query import ItemQuery

MAX_RANKED = 10_000
"""Search results that are ranked; if there are more, they are sorted by name instead."""

MAX_INDEX_FIRST = 2_000
"""Matches that are looked up first and then sorted; if every condition has more, items are read in order and checked."""


class PlannedList(NamedTuple):
    """The query to run (the requested one, or its unranked form) and the shape of its statement."""

    query: ItemQuery
    shape: StatementShape


class ListPlanner:
    """Chooses the order and the read plan of a list."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect, statements: ItemStatements) -> None:
        """Count matches in a database."""
        self._database = database
        self._dialect = dialect
        self._statements = statements

    async def plan(self, query: ItemQuery) -> PlannedList:
        """Count the matches of the indexed conditions, if there are any, and choose the plan."""
        shape = statement_shape(query)
        indexed = shape.indexed_conditions
        if not indexed:
            return PlannedList(query, shape)
        counts = await self.index_counts(query, MAX_RANKED)
        if query.search is not None and query.after is None and counts[0] > MAX_RANKED:
            query = query.unranked()
            shape = statement_shape(query)
        if query.is_ranked:
            return PlannedList(query, shape)
        smallest, leading_index = min(zip(counts, indexed, strict=True))
        if smallest > MAX_INDEX_FIRST:
            return PlannedList(query, shape._replace(plan=ReadPlan.ORDER_SCAN))
        return PlannedList(query, shape._replace(plan=ReadPlan.INDEX_FIRST, leading_index=leading_index))

    async def index_counts(self, query: ItemQuery, limit: int) -> Sequence[int]:
        """Count the matches of each indexed condition, up to one more than `limit`; the search comes first."""
        shape = unordered_shape(query)
        if not shape.indexed_conditions:
            return ()
        values = filter_parameters(query, self._dialect) | {"most": limit + 1}
        counts: Sequence[int] = (await self._database.fetch(self._statements.get("index_counts", shape), values))[0]
        return counts
