"""The interface to a database's driver: it runs statements, begins and commits transactions, and explains errors."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Executable, Table

from catalog.domain.errors import Unavailable


class Statement(NamedTuple):
    """SQL, with the parameters of each execution.

    If `copy_into` is set, `parameters` are rows that are copied into this table; `column_names` are the columns of the rows.
    """

    sql: str
    parameters: Sequence[Sequence[Any]]
    copy_into: Table | None = None
    column_names: Sequence[str] = ()


class SqlDriver(Protocol):
    """What a database's driver does differently: running statements, transactions, notifications and errors."""

    name: str
    """The database's name, for display."""

    version: Executable
    """Selects one row: the database's version as text, and whatever else `describe` needs."""

    lock_schema: Executable | None
    """Locks out other migrations until the transaction ends; None where beginning the transaction does so."""

    async def fetch(self, connection: Any, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - a driver's connection
        """Run a statement on the driver's connection and return its rows."""

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
