"""Reads categories and their lineages."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select

from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.coalescing import Coalescer
from catalog.adapters.sql.row_mapping import CATEGORY_COLUMNS, to_category
from catalog.adapters.sql.schema.tables import EVERY_CATEGORY, categories, items
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree

_ALL_CATEGORIES = select(*CATEGORY_COLUMNS).where(EVERY_CATEGORY)
_CATEGORY_COUNTS = select(items.c.category, func.count()).where(items.c.category.is_not(None)).group_by(items.c.category)


class CategoryReader:
    """Reads categories. Concurrent reads of lineages become one query."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect) -> None:
        """Compile the query for lineages."""
        self._database = database
        self._dialect = dialect
        self._select_lineages = database.compile(_lineage_statement(dialect))
        self.lineages = Coalescer(self._fetch_lineages)

    async def all(self) -> Sequence[Category]:
        """Read all categories."""
        return [to_category(row) for row in await self._database.rows(_ALL_CATEGORIES)]

    async def counts(self) -> Mapping[str, int]:
        """Count the items directly in each category, through the index of categories."""
        rows: Sequence[Any] = await self._database.rows(_CATEGORY_COUNTS)
        return dict(map(tuple, rows))

    async def close(self) -> None:
        """Wait until the running queries end."""
        await self.lineages.close()

    async def _fetch_lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        rows = await self._database.fetch(self._select_lineages, {"keys": self._dialect.list_parameter(slugs)})
        tree = Tree(map(to_category, rows))
        return {slug: tree.lineage(slug) for slug in slugs if slug in tree.by_slug}


def _lineage_statement(dialect: SqlDialect) -> Select[Any]:
    """Select the categories of the parameter `keys` and all their ancestors, as CATEGORY_COLUMNS."""
    start = select(categories.c.slug, categories.c.parent).where(dialect.any_of(categories.c.slug, "keys"))
    lineage = start.cte("lineage", recursive=True)
    lineage = lineage.union(select(categories.c.slug, categories.c.parent).where(categories.c.slug == lineage.c.parent))
    return select(*CATEGORY_COLUMNS).where(categories.c.slug.in_(select(lineage.c.slug)))
