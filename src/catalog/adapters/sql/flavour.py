"""What differs between the SQL stores, as far as shared code has to ask for it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Executable, Select, Table
from sqlalchemy.sql.dml import Insert, Update

from catalog.domain.errors import Unavailable
from catalog.domain.search import Search


class Flavour(Protocol):
    """One database's way of doing things."""

    name: str
    """The database's name, for people."""

    version: Executable
    """Tells the database's version, as text."""

    lock_schema: Executable | None
    """Keeps others from migrating until the transaction ends, where the transaction's begin does not do so."""

    words: Table
    """The search index: a row an item, tied to it by the item's `seq`."""

    words_key: ColumnElement[int]
    """The column of `words` that holds the item's `seq`."""

    insert_words: Insert
    """Index an item; takes `seq`, `name` and `text` (catalog.domain.search.SearchWords)."""

    update_words: Update
    """Index an item anew; takes `key`, `name` and `text`."""

    lock_head: Select[int]
    """Read the log's head and, until the transaction ends, keep others from committing."""

    def among(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Whether a column has one of any number of values: those of the parameter `name`, made by `listed`."""

    def listed(self, values: Collection[Any]) -> Any:  # noqa: ANN401 - whatever the driver takes
        """Make the parameter that `among` compares with."""

    def matches(self) -> ColumnElement[bool]:
        """Whether an item has every word of a query: of the parameters that `asked` makes."""

    def matches_name(self) -> ColumnElement[bool]:
        """Whether an item's name has every word of a query: of the parameters that `asked` makes."""

    def asked(self, search: Search) -> Mapping[str, str]:
        """Make the parameters of `matches` and `matches_name`."""

    async def fetch(self, connection: Any, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - a driver's
        """Run a statement on the driver's own connection."""

    async def execute_many(self, connection: Any, sql: str, parameters: Sequence[Sequence[Any]]) -> None:  # noqa: ANN401 - a driver's
        """Run a statement once for each row of parameters, on the driver's own connection, in the transaction it is in."""

    def unavailable(self, error: Exception) -> Unavailable | None:
        """Tell what a driver's exception means to callers, without secrets; None when it is a fault of the program."""
