"""The interface that hides the differences between SQL databases from the code they share.

It extends `SqlDriver`, which runs statements, with the statements and conditions that differ.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, Select, Table
from sqlalchemy.sql.dml import Delete, Insert, Update

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.driver import SqlDriver, Statement
from catalog.domain.search.search import SearchQuery
from catalog.domain.search.spelling import Correction


class SqlDialect(SqlDriver, Protocol):
    """What one database does differently: its SQL, and its driver."""

    term_table: Table
    """The search index: one row for each item, joined to it by the item's `seq`."""

    term_table_key: ColumnElement[int]
    """The column of `term_table` that holds the item's `seq`."""

    insert_terms: Insert
    """Adds items to the search index. Takes rows of `seq`, `name` and `text` (see ItemTerms), made by `bulk`."""

    update_terms: Update
    """Updates items in the search index. Takes the same rows as `insert_terms`."""

    move_head: Update
    """Sets the log's head to the parameters `head` and `chain_end`. If the database can, it notifies those who `watch`."""

    def any_of(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Test whether a column equals any value of the parameter `name`, which `list_parameter` makes."""

    def list_parameter(self, values: Collection[Any]) -> Any:  # noqa: ANN401 - whatever the driver takes
        """Make the parameter that `any_of` compares with."""

    def matching_seqs(self) -> Select[Any]:
        """Select from the index the `seq` of items that match every term. Uses the parameters of `search_parameters`."""

    def matches(self, *, walked: bool = False) -> ColumnElement[bool]:
        """Test whether an item is among `matching_seqs`.

        With `walked`, check the terms of each item instead of searching the index, where the database needs this hint.
        """

    def matches_name(self) -> ColumnElement[bool]:
        """Test whether an item's name matches every term. Uses the parameters of `search_parameters`."""

    def word_in_use(self, word: ColumnElement[str]) -> ColumnElement[bool]:
        """Test whether the name of any item contains a word."""

    def search_parameters(self, search: SearchQuery) -> Mapping[str, str]:
        """Make the parameters of `matches` and `matches_name`."""

    def correction_parameters(self, corrections: Iterable[Correction]) -> Mapping[str, str]:
        """Make the parameters with which `matches` and `matches_name` find the suggestions for a misspelled search."""

    def insert(self, table: Table) -> Insert:
        """Build a statement that inserts whole rows, made by `bulk`."""

    def insert_missing(self, table: Table) -> Insert:
        """Build a statement that inserts rows, made by `bulk`, and skips those that exist."""

    def upsert(self, table: Table) -> Insert:
        """Build a statement that inserts rows, made by `bulk`, and replaces those with the same primary key."""

    def delete(self, table: Table) -> Delete:
        """Build a statement that deletes rows by their primary keys, made by `bulk`."""

    def in_subquery(self, column: ColumnElement[Any], subquery: Select[Any]) -> ColumnElement[bool]:
        """Test whether a column equals any value of a subquery that returns few rows."""

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the column in a form for which the database does not use its index, where the database needs this hint."""

    def update(self, table: Table, key: Column[Any], names: Sequence[str]) -> Update:
        """Build a statement that updates the columns `names` where `key` equals the value named `key` of rows made by `bulk`."""

    def bulk(
        self, statement: CompiledStatement, names: Sequence[str], rows: Sequence[Sequence[Any]], into: Table | None = None
    ) -> Statement:
        """Make a statement write many rows, whose values have these names.

        `into` is the table if the statement is a plain insert of whole rows; these may be copied into it instead.
        """
