"""The compiled statements about the items of a query: one for each combination of sort order and filters that was used."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.count_statements import (
    count_statement,
    facet_statement,
    index_counts_statement,
    matching_statement,
    sample_statement,
)
from catalog.adapters.sql.reads.list_statements import list_statement, stream_statement
from catalog.adapters.sql.reads.statement_shape import StatementShape

_STATEMENTS: dict[str, Callable[[StatementShape, SqlDialect], Select[Any]]] = {
    "list": list_statement,
    "matching": matching_statement,
    "stream": stream_statement,
    "count": count_statement,
    "index_counts": index_counts_statement,
    "sample": sample_statement,
}
"""The statements about the items of a query, by kind; facets are separate, since they also depend on a field."""

_MAX_STATEMENTS = 500
"""Compiled statements that are cached."""


class ItemStatements:
    """Compiles each statement on first use and keeps it."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect) -> None:
        """Start empty."""
        self._database = database
        self._dialect = dialect
        self._compiled: dict[tuple[str, StatementShape, str], CompiledStatement] = {}

    def get(self, kind: str, shape: StatementShape, field: str = "") -> CompiledStatement:
        """Return the compiled statement of a kind (see `_STATEMENTS`, or "facet" with a field) for a shape."""
        statement = self._compiled.get((kind, shape, field))
        if statement is None:
            if len(self._compiled) >= _MAX_STATEMENTS:
                self._compiled.clear()
            built = _STATEMENTS[kind](shape, self._dialect) if not field else facet_statement(field, shape, self._dialect)
            statement = self._compiled[kind, shape, field] = self._database.compile(built)
        return statement
