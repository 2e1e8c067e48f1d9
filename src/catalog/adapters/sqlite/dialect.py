"""SQLite's way of doing things."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import aiosqlite
from sqlalchemy import (
    Column,
    ColumnElement,
    Executable,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    column,
    delete,
    exc,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
    update,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.elements import UnaryExpression

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.dialect import Statement
from catalog.adapters.sql.schema.tables import in_microseconds, items, log_head
from catalog.adapters.sqlite.wal_checkpoints import WritingConnection
from catalog.domain.errors import OutOfSpace, SchemaOutdated, StoreUnavailable, Unavailable
from catalog.domain.search.search import NO_TERMS, SearchQuery
from catalog.domain.search.spelling import Correction

_INDEX = literal_column("item_words", Text())

# By primary result code (https://sqlite.org/rescode.html).
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "SQLite cannot work with the database file: another process has locked it. Try again in a moment.",
    sqlite3.SQLITE_LOCKED: "SQLite cannot work with the database file: it is locked. Try again in a moment.",
    sqlite3.SQLITE_CANTOPEN: "SQLite cannot work with the database file: it cannot be opened.",
    sqlite3.SQLITE_NOTADB: "SQLite cannot work with the database file: it is not a SQLite database.",
    sqlite3.SQLITE_READONLY: "SQLite cannot work with the database file: it may be read but not written.",
    sqlite3.SQLITE_PERM: "SQLite cannot work with the database file: access to it is denied.",
    sqlite3.SQLITE_IOERR: "SQLite cannot work with the database file: reading or writing it failed.",
    sqlite3.SQLITE_CORRUPT: "SQLite cannot work with the database file: it is damaged. Restore it from a backup.",
}

_PRIMARY = 0xFF
"""The bits of a result code that hold the primary one."""


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code of an error; -1 for errors of the driver, which have none."""
    code = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else int(code) & _PRIMARY


def _found(name: str) -> Select[Any]:
    """Find items in the index by the query that is the parameter `name`."""
    index = table("item_words", column("rowid", Integer()))
    return select(index.c.rowid).where(_INDEX.bool_op("MATCH")(bindparam(name, type_=Text())))


class SqliteDialect:
    """FTS5 for the words; a lock by BEGIN IMMEDIATE."""

    name = "SQLite"
    estimates = False
    change_counter = "PRAGMA data_version"
    poll_seconds = 0.05
    version: Executable = text("SELECT sqlite_version()")
    lock_schema: Executable | None = None
    term_table = Table("item_words", MetaData(), Column("rowid", Integer()), Column("name", Text()), Column("text", Text()))
    term_table_key: ColumnElement[int] = term_table.c.rowid
    insert_terms = insert(term_table).values(rowid=bindparam("seq"), name=bindparam("name"), text=bindparam("text"))
    update_terms = (
        update(term_table).where(term_table.c.rowid == bindparam("seq")).values(name=bindparam("name"), text=bindparam("text"))
    )
    move_head: Update = update(log_head).values(seq=bindparam("head"))

    def any_of(self, wanted: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Compare with one parameter of JSON, so that the statement is the same for any number of values."""
        given = func.json_each(bindparam(name, type_=Text())).table_valued("value")
        return wanted.in_(select(given.c.value))

    def list_parameter(self, values: Collection[Any]) -> str:
        """Write the values as JSON, ids and times as they stand in the file."""
        return json.dumps([_plain(value) for value in values])

    def matching_seqs(self) -> Select[Any]:
        """Ask the index of all words."""
        return _found("asked_text")

    def matches(self, *, walked: bool = False) -> ColumnElement[bool]:
        """Ask for all that is found; or read the words of each item, for the index would be asked as a whole each time."""
        if not walked:
            return items.c.seq.in_(self.matching_seqs())
        asked = func.json_each(bindparam("asked_words", type_=Text())).table_valued("value")
        its = select(self.term_table.c.rowid).where(
            self.term_table.c.rowid == items.c.seq,
            ~select(asked.c.value).where(func.instr(" " + self.term_table.c.text, " " + asked.c.value) == 0).exists(),
        )
        return its.correlate(items).exists()

    def matches_name(self) -> ColumnElement[bool]:
        """Ask the index of the names' words."""
        return items.c.seq.in_(_found("asked_name"))

    def word_in_use(self, word: ColumnElement[str]) -> ColumnElement[bool]:
        """Ask the index for the first item; in quotes, as in `asked`."""
        index = table("item_words", column("rowid", Integer()))
        named = literal_column("'name : \"'", Text()) + word + literal_column("'\"'", Text())
        return select(index.c.rowid).where(_INDEX.bool_op("MATCH")(named)).correlate_except(index).exists()

    def search_parameters(self, search: SearchQuery) -> Mapping[str, str]:
        """Ask for words that begin so; in quotes, FTS5 takes them as they are (they are letters and digits, no quotes)."""
        asked = search.terms or NO_TERMS
        begun = " AND ".join(f'"{word}"*' for word in asked)
        return {"asked_text": f"text : ({begun})", "asked_name": f"name : ({begun})", "asked_words": json.dumps(asked)}

    def correction_parameters(self, corrections: Iterable[Correction]) -> Mapping[str, str]:
        """Ask for each way of putting it right."""
        ways = []
        for correction in corrections:
            meant = " OR ".join(f'"{word}"' for word in correction.alternatives)
            ways.append("(" + " AND ".join([f"({meant})", *(f'"{word}"*' for word in correction.prefixes)]) + ")")
        return {"asked_text": f"text : ({' OR '.join(ways)})", "asked_name": f"name : ({' OR '.join(ways)})"}

    async def fetch_within(
        self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any], seconds: float
    ) -> Sequence[Sequence[Any]] | None:
        """Interrupt the statement in its thread when the time is over."""
        timer = asyncio.get_running_loop().call_later(seconds, _interrupt, connection)
        try:
            found = list(await connection.execute_fetchall(sql, parameters))
        except asyncio.CancelledError:
            # Whoever closes the connection waits behind the statement. If it has not begun yet, the timer stops it later.
            _interrupt(connection)
            raise
        except sqlite3.OperationalError as error:
            timer.cancel()
            if _code(error) != sqlite3.SQLITE_INTERRUPT:
                raise
            return None
        except BaseException:
            timer.cancel()
            raise
        timer.cancel()
        return found

    async def estimate(self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any]) -> int | None:  # noqa: ARG002 - it knows nothing
        """SQLite keeps no numbers of its rows."""
        return None

    async def fetch(self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a statement with one change of threads, where a cursor would take ten."""
        return list(await connection.execute_fetchall(sql, parameters))

    async def stream(
        self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any], size: int
    ) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """Read on while the statement is open: until its end, SQLite shows what was there when it began."""
        async with connection.execute(sql, parameters) as cursor:
            while rows := list(await cursor.fetchmany(size)):
                yield rows

    def insert(self, table: Table) -> Insert:
        """Insert a row; it is run for each."""
        return insert(table)

    def insert_missing(self, table: Table) -> Insert:
        """Insert a row unless it is there; it is run for each."""
        return insert(table).prefix_with("OR IGNORE")

    def upsert(self, table: Table) -> Insert:
        """Insert a row, or put it in the place of the one that is there; it is run for each."""
        return insert(table).prefix_with("OR REPLACE")

    def delete(self, table: Table) -> Delete:
        """Delete a row; it is run for each."""
        return delete(table).where(*(its == bindparam(its.name) for its in table.primary_key))

    def in_subquery(self, column: ColumnElement[Any], found: Select[Any]) -> ColumnElement[bool]:
        """Compare with what is found."""
        return column.in_(found)

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Put a plus before it (SQLite's documentation of its query planner, section 2.1)."""
        return UnaryExpression(column, operator=operators.custom_op("+"), type_=column.type)

    def update(self, table: Table, key: Column[Any], names: Sequence[str]) -> Update:
        """Update a row; it is run for each."""
        return update(table).where(key == bindparam("key")).values({name: bindparam(name) for name in names})

    def bulk(
        self,
        statement: CompiledStatement,
        names: Sequence[str],
        rows: Sequence[Sequence[Any]],
        into: Table | None = None,  # noqa: ARG002 - SQLite knows no copying
    ) -> Statement:
        """Make the parameters of each row."""
        return Statement(statement.sql, statement.parameters_for_rows(names, rows))

    async def begin(self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Take the write lock at once, for a late one fails at once, unwaited; all with one change of threads."""
        found: Sequence[Sequence[Any]] = await _in_thread(connection, _begin, sql, parameters)
        return found

    async def finish(self, connection: aiosqlite.Connection, steps: Sequence[Sequence[Statement]]) -> None:
        """Write and commit with one change of threads."""
        await _in_thread(connection, _finish, [statement for step in steps for statement in step])

    async def watch(self, connection: aiosqlite.Connection, on_head: Callable[[int], None]) -> bool:  # noqa: ARG002 - see below
        """SQLite tells nobody; it is asked for news."""
        return False

    def describe(self, row: Sequence[Any]) -> Mapping[str, str]:
        """Tell the version."""
        return {self.name: row[0]}

    def is_disconnect(self, error: Exception) -> bool:  # noqa: ARG002 - a file does not hang up
        """Never."""
        return False

    def is_ambiguous(self, error: Exception) -> bool:
        """After an I/O error only: what was written to the log of the file may still be found there later."""
        return isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_IOERR

    def to_unavailable(self, error: Exception) -> Unavailable | None:
        """Tell a missing table from a file that cannot be worked with."""
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        if isinstance(cause, sqlite3.OperationalError) and str(cause).startswith(("no such table", "no such column")):
            return SchemaOutdated("The SQLite file has no schema yet, or another one; run `catalog migrate`.")
        if isinstance(error, TimeoutError | exc.TimeoutError):
            return StoreUnavailable("SQLite did not answer in time.")
        if isinstance(cause, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
            return None
        if isinstance(cause, sqlite3.DatabaseError) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return OutOfSpace("The disk that the SQLite file is on is full; nothing was written.")
        if isinstance(cause, sqlite3.DatabaseError):
            return StoreUnavailable(_UNAVAILABLE.get(_code(cause), "SQLite cannot work with the database file."))
        return None


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    """Turn a value into what stands in the file."""
    if isinstance(value, datetime):
        return in_microseconds(value)
    return value.hex if isinstance(value, UUID) else value


def _begin(connection: WritingConnection, sql: str, parameters: Sequence[Any]) -> list[Sequence[Any]]:
    connection.begin()
    return connection.execute(sql, parameters).fetchall()


def _finish(connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
    for sql, parameters, *_ in statements:
        connection.executemany(sql, parameters)
    connection.execute("COMMIT")


def _interrupt(connection: aiosqlite.Connection) -> None:
    """Stop what runs on a connection; SQLite lets any thread do that."""
    driver: Any = connection
    # The public way is a coroutine, and a timer calls none.
    if driver._connection is not None:  # noqa: SLF001
        driver._connection.interrupt()  # noqa: SLF001


async def _in_thread(connection: aiosqlite.Connection, work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what `work` returns
    """Do several things with the connection, in its thread, at once.

    There is no public way to that; each step by itself would change threads twice, which costs more than most of them.
    """
    driver: Any = connection
    return await driver._execute(work, driver._conn, *arguments)  # noqa: SLF001 - see above
