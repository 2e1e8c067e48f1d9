"""What differs between the SQL stores, as far as shared code has to ask for it."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Column, ColumnElement, Executable, Select, Table
from sqlalchemy.sql.dml import Delete, Insert, Update

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.domain.errors import Unavailable
from catalog.domain.search.search import SearchQuery
from catalog.domain.search.spelling import Correction


class Statement(NamedTuple):
    """SQL, and the parameters of each time that it is run; or a table that rows are copied into, and the names of its columns."""

    sql: str
    parameters: Sequence[Sequence[Any]]
    into: Table | None = None
    names: Sequence[str] = ()


class SqlDialect(Protocol):
    """One database's way of doing things."""

    name: str
    """The database's name, for people."""

    version: Executable
    """Returns one row of what `about` tells of: the database's version as text, and what else it needs."""

    lock_schema: Executable | None
    """Keeps others from migrating until the transaction ends, where the transaction's begin does not do so."""

    term_table: Table
    """The search index: a row an item, tied to it by the item's `seq`."""

    term_table_key: ColumnElement[int]
    """The column of `words` that holds the item's `seq`."""

    insert_terms: Insert
    """Index items; takes rows of `seq`, `name` and `text` (catalog.domain.search.search.SearchWords), made by `bulk`."""

    update_terms: Update
    """Index items anew; takes the same."""

    move_head: Update
    """Move the log's head to `head`, and tell those who `watch`, where the database can."""

    def any_of(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Whether a column has one of any number of values: those of the parameter `name`, made by `listed`."""

    def list_parameter(self, values: Collection[Any]) -> Any:  # noqa: ANN401 - whatever the driver takes
        """Make the parameter that `among` compares with."""

    def matching_seqs(self) -> Select[Any]:
        """Find by the index the `seq` of items that have every word of a query: of the parameters that `asked` makes."""

    def matches(self, *, walked: bool = False) -> ColumnElement[bool]:
        """Whether an item is among those; with `walked`, where the database has a choice, by looking at each item's words."""

    def matches_name(self) -> ColumnElement[bool]:
        """Whether an item's name has every word of a query: of the parameters that `asked` makes."""

    def word_in_use(self, word: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether some item's name has a word."""

    def search_parameters(self, search: SearchQuery) -> Mapping[str, str]:
        """Make the parameters of `matches` and `matches_name`."""

    def correction_parameters(self, corrections: Iterable[Correction]) -> Mapping[str, str]:
        """Make the parameters of `matches` and `matches_name` that find what a misspelt search may have meant."""

    async def fetch_within(
        self,
        connection: Any,  # noqa: ANN401 - a driver's
        sql: str,
        parameters: Sequence[Any],
        seconds: float,
    ) -> Sequence[Sequence[Any]] | None:
        """Run a statement on the driver's own connection; None, and it is stopped, when it takes longer."""

    estimates: bool
    """Whether the database knows about how many rows a statement has, so that it need not count."""

    async def estimate(self, connection: Any, sql: str, parameters: Sequence[Any]) -> int | None:  # noqa: ANN401 - a driver's
        """Tell about how many rows a statement has, from what the database knows of its tables; None when it does not know."""

    async def fetch(self, connection: Any, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - a driver's
        """Run a statement on the driver's own connection."""

    def insert(self, table: Table) -> Insert:
        """Insert whole rows, made by `bulk`."""

    def insert_missing(self, table: Table) -> Insert:
        """Insert those of the rows, made by `bulk`, that are not there."""

    def upsert(self, table: Table) -> Insert:
        """Insert rows, made by `bulk`, in the place of those with their primary keys."""

    def delete(self, table: Table) -> Delete:
        """Delete the rows whose primary keys are those of the rows made by `bulk`."""

    def in_subquery(self, column: ColumnElement[Any], found: Select[Any]) -> ColumnElement[bool]:
        """Whether a column has one of the few values that a query finds."""

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a column in a form that is not looked up in its index, where the database must be told so."""

    def update(self, table: Table, key: Column[Any], names: Sequence[str]) -> Update:
        """Update the columns of these names where `key` has the value named `key`; takes rows made by `bulk`."""

    def bulk(
        self, statement: CompiledStatement, names: Sequence[str], rows: Sequence[Sequence[Any]], into: Table | None = None
    ) -> Statement:
        """Have a statement write all rows, whose values have these names.

        `into` is the table where it is a plain insert of whole rows: they may be copied there.
        """

    def stream(self, connection: Any, sql: str, parameters: Sequence[Any], size: int) -> AsyncIterator[Sequence[Sequence[Any]]]:  # noqa: ANN401 - a driver's
        """Run a statement, and hand out its rows, so many at a time, as they are asked for; all are of one state."""

    async def begin(self, connection: Any, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - a driver's
        """Begin a transaction that keeps others from committing until it ends; then run a statement, and return its rows."""

    async def finish(self, connection: Any, steps: Sequence[Sequence[Statement]]) -> None:  # noqa: ANN401 - a driver's
        """Run statements in the transaction that was begun, step by step, and commit it.

        The statements of one step do not depend on each other.
        """

    change_counter: str
    """SQL of a number that changes when another connection commits."""

    poll_seconds: float
    """Seconds between two questions for `news`, where the database does not tell of it by itself."""

    async def watch(self, connection: Any, on_head: Callable[[int], None]) -> bool:  # noqa: ANN401 - a driver's
        """Have `wake` called with the log's head when it moved, as long as the connection lasts.

        Returns False where the database or the connection cannot do that, and is to be polled.
        """

    def describe(self, row: Sequence[Any]) -> Mapping[str, str]:
        """Tell for people, by name, what the store runs on; from the row that `version` returned."""

    def is_disconnect(self, error: Exception) -> bool:
        """Whether a driver's exception says that the connection had died before it was used."""

    def is_ambiguous(self, error: Exception) -> bool:
        """Whether a transaction that `finish` failed to commit with this exception may have been committed all the same."""

    def to_unavailable(self, error: Exception) -> Unavailable | None:
        """Tell what a driver's exception means to callers, in our words only; None when it is a fault of the program.

        The driver's words may name hosts, roles, databases and paths.
        """
