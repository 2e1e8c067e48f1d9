"""Counts the items of a query, exactly or by an estimate, and the values of their fields."""

from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.item_statements import ItemStatements
from catalog.adapters.sql.reads.list_planner import ListPlanner
from catalog.adapters.sql.reads.statement_shape import ReadPlan, filter_parameters, unordered_shape
from catalog.domain.items.attributes import sort_key
from catalog.domain.queries.facets import Facet
from catalog.domain.queries.filters import ATTRIBUTE
from catalog.domain.queries.item_query import ItemQuery
from catalog.ports.storage import Count

MAX_COUNTED = 10_000
"""Matches that are counted exactly even if an estimate would do, provided that an index bounds their number."""

SAMPLE_SIZE = 20_000
"""The newest items, from which the number of all matches is extrapolated."""


class CountReader:
    """Counts items within a limited time."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect, statements: ItemStatements, planner: ListPlanner) -> None:
        """Count in a database."""
        self._database = database
        self._dialect = dialect
        self._statements = statements
        self._planner = planner

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count | None:
        """Count if time permits; otherwise use the database's estimate, or extrapolate from the newest items."""
        if exact or not self._dialect.estimates or await self._is_cheap(query):
            counted = await self._counted(query, seconds)
            if counted is not None:
                return Count(counted, exact=True)
        estimate = await self._estimated(query, seconds)
        return None if estimate is None else Count(estimate, exact=False)

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:
        """Count by groups, using an index if nothing is filtered."""
        field, attribute = (ATTRIBUTE, name.removeprefix(ATTRIBUTE)) if name.startswith(ATTRIBUTE) else (name, None)
        values = filter_parameters(query, self._dialect) | {"facet": attribute}
        statement = self._statements.get("facet", unordered_shape(query), field)
        rows = await self._database.fetch_within(statement, values, seconds)
        if rows is None:
            return None
        return Facet.from_counts((row[0] if attribute else sort_key(row[0]), row[1]) for row in rows)

    async def _is_cheap(self, query: ItemQuery) -> bool:
        """Return whether an index bounds the number of matches."""
        return min(await self._planner.index_counts(query, MAX_COUNTED), default=MAX_COUNTED + 1) <= MAX_COUNTED

    async def _counted(self, query: ItemQuery, seconds: float) -> int | None:
        statement = self._statements.get("count", unordered_shape(query))
        rows = await self._database.fetch_within(statement, filter_parameters(query, self._dialect), seconds)
        return None if rows is None else rows[0][0]

    async def _estimated(self, query: ItemQuery, seconds: float) -> int | None:
        """Ask the database for its estimate, or extrapolate from the newest items."""
        shape, values = unordered_shape(query), filter_parameters(query, self._dialect)
        estimate = await self._database.estimate(self._statements.get("matching", shape), values)
        if estimate is not None:
            return estimate
        sample = self._statements.get("sample", shape._replace(plan=ReadPlan.ORDER_SCAN))
        rows = await self._database.fetch_within(sample, values | {"most": SAMPLE_SIZE}, seconds)
        if rows is None:
            return None
        matches, sample_size, total = rows[0]
        return int(matches * total // max(sample_size, 1))
