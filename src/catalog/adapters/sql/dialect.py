"""The interface that hides the differences between SQL databases from the code they share."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Column, ColumnElement, Executable, Select, Table
from sqlalchemy.sql.dml import Delete, Insert, Update

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.domain.errors import Unavailable
from catalog.domain.search.search import SearchQuery
from catalog.domain.search.spelling import Correction


class Statement(NamedTuple):
    """SQL, with the parameters of each execution.

    If `copy_into` is set, `parameters` are rows that are copied into this table; `column_names` are the columns of the rows.
    """

    sql: str
    parameters: Sequence[Sequence[Any]]
    copy_into: Table | None = None
    column_names: Sequence[str] = ()


class SqlDialect(Protocol):
    """What one database does differently: its SQL, its use of the driver, and its errors."""

    name: str
    """The database's name, for display."""

    version: Executable
    """Selects one row: the database's version as text, and whatever else `describe` needs."""

    lock_schema: Executable | None
    """Locks out other migrations until the transaction ends; None where beginning the transaction does so."""

    term_table: Table
    """The search index: one row for each item, joined to it by the item's `seq`."""

    term_table_key: ColumnElement[int]
    """The column of `term_table` that holds the item's `seq`."""

    insert_terms: Insert
    """Adds items to the search index. Takes rows of `seq`, `name` and `text` (see ItemTerms), made by `bulk`."""

    update_terms: Update
    """Updates items in the search index. Takes the same rows as `insert_terms`."""

    move_head: Update
    """Sets the log's head to the parameter `head` and, where the database supports it, notifies those who `watch`."""

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

    async def fetch_within(
        self,
        connection: Any,  # noqa: ANN401 - a driver's connection
        sql: str,
        parameters: Sequence[Any],
        seconds: float,
    ) -> Sequence[Sequence[Any]] | None:
        """Run a statement on the driver's connection. If it takes longer than `seconds`, stop it and return None."""

    estimates: bool
    """Whether the database can estimate how many rows a statement returns."""

    async def estimate(self, connection: Any, sql: str, parameters: Sequence[Any]) -> int | None:  # noqa: ANN401 - a driver's connection
        """Return the database's estimate of how many rows a statement returns; None if it has none."""

    async def fetch(self, connection: Any, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - a driver's connection
        """Run a statement on the driver's connection and return its rows."""

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

    def stream(self, connection: Any, sql: str, parameters: Sequence[Any], size: int) -> AsyncIterator[Sequence[Sequence[Any]]]:  # noqa: ANN401 - a driver's connection
        """Run a statement and yield its rows in batches of `size`, read on demand from one snapshot."""

    async def begin(self, connection: Any, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - a driver's connection
        """Begin a transaction that holds the commit lock, then run a statement and return its rows."""

    async def finish(self, connection: Any, steps: Sequence[Sequence[Statement]]) -> None:  # noqa: ANN401 - a driver's connection
        """Run statements in the transaction, step by step, and commit it.

        The statements of one step do not depend on each other.
        """

    change_counter: str
    """SQL that returns a number which changes when another connection commits."""

    poll_seconds: float
    """Seconds between two reads of `change_counter`, where the database sends no notifications."""

    async def watch(self, connection: Any, on_head: Callable[[int], None]) -> bool:  # noqa: ANN401 - a driver's connection
        """Call `on_head` with the log's head whenever it moves, as long as the connection lasts.

        Returns False if the database or the connection does not support this and must be polled.
        """

    def describe(self, row: Sequence[Any]) -> Mapping[str, str]:
        """Return what the store runs on, by name, for display. `row` is what `version` returned."""

    def is_disconnect(self, error: Exception) -> bool:
        """Return whether a driver's exception means that the connection had died before it was used."""

    def is_ambiguous(self, error: Exception) -> bool:
        """Return whether the transaction may have been committed although `finish` raised this exception."""

    def to_unavailable(self, error: Exception) -> Unavailable | None:
        """Translate a driver's exception into an error for callers; None if it is a bug in the program.

        The message never repeats the driver's words: they may name hosts, roles, databases and paths.
        """
