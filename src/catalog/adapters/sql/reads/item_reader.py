"""Reads items: by key, page by page, and as a stream."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select

from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.coalescing import Coalescer
from catalog.adapters.sql.reads.item_statements import ItemStatements
from catalog.adapters.sql.reads.list_planner import ListPlanner
from catalog.adapters.sql.reads.statement_shape import filter_parameters, list_parameters, statement_shape
from catalog.adapters.sql.row_mapping import ITEM_COLUMNS, to_item
from catalog.adapters.sql.schema.tables import items
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery, Page

STREAM_BATCH = 1_000
"""Rows that a stream fetches at a time."""


class ItemReader:
    """Reads items. Concurrent lookups become one query, and concurrent reads of the same page are shared."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect, statements: ItemStatements, planner: ListPlanner) -> None:
        """Compile the lookups by key."""
        self._database = database
        self._dialect = dialect
        self._statements = statements
        self._planner = planner
        self._select_by_id = database.compile(select(*ITEM_COLUMNS).where(dialect.any_of(items.c.id, "keys")))
        self._select_by_sku = database.compile(select(*ITEM_COLUMNS).where(dialect.any_of(items.c.sku, "keys")))
        self._pages: dict[ItemQuery, Coalescer[ItemQuery, Page]] = {}
        self.by_id = Coalescer(self._fetch_by_id)
        self.by_sku = Coalescer(self._fetch_by_sku)

    async def page(self, query: ItemQuery) -> Page:
        """Read a page, shared with concurrent calls for the same one."""
        page = self._pages.get(query)
        if page is None:
            page = self._pages[query] = Coalescer(self._fetch_page, on_idle=lambda: self._pages.pop(query, None))
        return (await page.get((query,)))[query]

    async def stream(self, query: ItemQuery) -> AsyncGenerator[Sequence[Item], None]:
        """Stream on a separate connection; rows are read as fast as the caller consumes them."""
        query = query.unranked()
        statement = self._statements.get("stream", statement_shape(replace(query, after=None, backwards=False)))
        async with aclosing(self._database.stream(statement, filter_parameters(query, self._dialect), STREAM_BATCH)) as batches:
            async for batch in batches:
                yield [to_item(row) for row in batch]

    async def close(self) -> None:
        """Wait until the running queries end."""
        coalescers: list[Coalescer[Any, Any]] = [self.by_id, self.by_sku, *self._pages.values()]
        for coalescer in coalescers:
            await coalescer.close()

    async def _fetch_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        rows = await self._database.fetch(self._select_by_id, {"keys": self._dialect.list_parameter(ids)})
        return {item.id: item for item in map(to_item, rows)}

    async def _fetch_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        rows = await self._database.fetch(self._select_by_sku, {"keys": self._dialect.list_parameter(skus)})
        return {item.sku: item for item in map(to_item, rows)}

    async def _fetch_page(self, queries: Collection[ItemQuery]) -> Mapping[ItemQuery, Page]:
        (query,) = queries
        planned, shape = await self._planner.plan(query)
        rows = await self._database.fetch(self._statements.get("list", shape), list_parameters(planned, self._dialect))
        if not planned.is_ranked:
            return {query: planned.page([(to_item(row), None) for row in rows])}
        return {query: planned.page([(to_item(row[:-1]), row[-1]) for row in rows])}
