"""The SQL dialect of SQLite."""

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
from catalog.adapters.sql.driver import Statement
from catalog.adapters.sql.schema.tables import in_microseconds, items, log_head
from catalog.adapters.sqlite import errors
from catalog.adapters.sqlite.aiosqlite_internals import interrupt, run_in_thread
from catalog.adapters.sqlite.errors import primary_code
from catalog.adapters.sqlite.wal_checkpoints import WritingConnection
from catalog.domain.errors import Unavailable
from catalog.domain.search.search import NO_TERMS, SearchQuery
from catalog.domain.search.spelling import Correction

_FTS_TABLE = literal_column("item_words", Text())


def _matching_rowids(name: str) -> Select[Any]:
    """Select the items that match the FTS5 query in the parameter `name`."""
    index = table("item_words", column("rowid", Integer()))
    return select(index.c.rowid).where(_FTS_TABLE.bool_op("MATCH")(bindparam(name, type_=Text())))


class SqliteDialect:
    """Full-text search with FTS5; the write lock is taken by BEGIN IMMEDIATE."""

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
    move_head: Update = update(log_head).values(seq=bindparam("head"), chain_end=bindparam("chain_end"))

    def any_of(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Compare with a single JSON parameter, so that the statement is the same for any number of values."""
        values = func.json_each(bindparam(name, type_=Text())).table_valued("value")
        return column.in_(select(values.c.value))

    def list_parameter(self, values: Collection[Any]) -> str:
        """Encode the values as JSON, with ids and times in their stored form."""
        return json.dumps([_stored_value(value) for value in values])

    def matching_seqs(self) -> Select[Any]:
        """Search the index of all terms."""
        return _matching_rowids("text_query")

    def matches(self, *, walked: bool = False) -> ColumnElement[bool]:
        """Select by the index. If `walked`, check the terms of each row instead: the index would run the whole search per row."""
        if not walked:
            return items.c.seq.in_(self.matching_seqs())
        prefixes = func.json_each(bindparam("query_terms", type_=Text())).table_valued("value")
        terms = select(self.term_table.c.rowid).where(
            self.term_table.c.rowid == items.c.seq,
            ~select(prefixes.c.value).where(func.instr(" " + self.term_table.c.text, " " + prefixes.c.value) == 0).exists(),
        )
        return terms.correlate(items).exists()

    def matches_name(self) -> ColumnElement[bool]:
        """Search the index of the names' terms."""
        return items.c.seq.in_(_matching_rowids("name_query"))

    def word_in_use(self, word: ColumnElement[str]) -> ColumnElement[bool]:
        """Search the index for one item. The word is quoted, as in `search_parameters`."""
        index = table("item_words", column("rowid", Integer()))
        match = literal_column("'name : \"'", Text()) + word + literal_column("'\"'", Text())
        return select(index.c.rowid).where(_FTS_TABLE.bool_op("MATCH")(match)).correlate_except(index).exists()

    def search_parameters(self, search: SearchQuery) -> Mapping[str, str]:
        """Return prefix queries. FTS5 takes quoted words literally (they contain letters and digits, never quotes)."""
        terms = search.terms or NO_TERMS
        prefixes = " AND ".join(f'"{term}"*' for term in terms)
        return {"text_query": f"text : ({prefixes})", "name_query": f"name : ({prefixes})", "query_terms": json.dumps(terms)}

    def correction_parameters(self, corrections: Iterable[Correction]) -> Mapping[str, str]:
        """Return a query that matches any of the corrections."""
        queries = []
        for correction in corrections:
            alternatives = " OR ".join(f'"{word}"' for word in correction.alternatives)
            queries.append("(" + " AND ".join([f"({alternatives})", *(f'"{word}"*' for word in correction.prefixes)]) + ")")
        return {"text_query": f"text : ({' OR '.join(queries)})", "name_query": f"name : ({' OR '.join(queries)})"}

    async def fetch_within(
        self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any], seconds: float
    ) -> Sequence[Sequence[Any]] | None:
        """Run a statement, and interrupt it when the time is up."""
        timer = asyncio.get_running_loop().call_later(seconds, interrupt, connection)
        try:
            rows = list(await connection.execute_fetchall(sql, parameters))
        except asyncio.CancelledError:
            # Closing the connection waits for the statement. If it has not started yet, the timer interrupts it later.
            interrupt(connection)
            raise
        except sqlite3.OperationalError as error:
            timer.cancel()
            if primary_code(error) != sqlite3.SQLITE_INTERRUPT:
                raise
            return None
        except BaseException:
            timer.cancel()
            raise
        timer.cancel()
        return rows

    async def estimate(self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any]) -> int | None:  # noqa: ARG002 - no estimates
        """Return None; SQLite keeps no row counts."""
        return None

    async def fetch(self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a statement with one switch between threads; a cursor would need ten."""
        return list(await connection.execute_fetchall(sql, parameters))

    async def stream(
        self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any], size: int
    ) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """Read from an open cursor. Until the statement ends, SQLite shows the state at its start."""
        async with connection.execute(sql, parameters) as cursor:
            while rows := list(await cursor.fetchmany(size)):
                yield rows

    def insert(self, table: Table) -> Insert:
        """Insert a row; executed once per row."""
        return insert(table)

    def insert_missing(self, table: Table) -> Insert:
        """Insert a row unless it exists; executed once per row."""
        return insert(table).prefix_with("OR IGNORE")

    def upsert(self, table: Table) -> Insert:
        """Insert a row or replace the existing one; executed once per row."""
        return insert(table).prefix_with("OR REPLACE")

    def delete(self, table: Table) -> Delete:
        """Delete a row; executed once per row."""
        return delete(table).where(*(key == bindparam(key.name) for key in table.primary_key))

    def in_subquery(self, column: ColumnElement[Any], found: Select[Any]) -> ColumnElement[bool]:
        """Compare with IN."""
        return column.in_(found)

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Prefix the column with a unary plus (SQLite's query planner documentation, section 2.1)."""
        return UnaryExpression(column, operator=operators.custom_op("+"), type_=column.type)

    def update(self, table: Table, key: Column[Any], names: Sequence[str]) -> Update:
        """Update a row; executed once per row."""
        return update(table).where(key == bindparam("key")).values({name: bindparam(name) for name in names})

    def bulk(
        self,
        statement: CompiledStatement,
        names: Sequence[str],
        rows: Sequence[Sequence[Any]],
        into: Table | None = None,  # noqa: ARG002 - SQLite has no COPY
    ) -> Statement:
        """Return one set of parameters per row."""
        return Statement(statement.sql, statement.parameters_for_rows(names, rows))

    async def begin(self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Take the write lock and run the statement, with one switch between threads.

        BEGIN IMMEDIATE waits for the lock; a transaction that asks for it later fails without waiting.
        """
        rows: Sequence[Sequence[Any]] = await run_in_thread(connection, _begin, sql, parameters)
        return rows

    async def finish(self, connection: aiosqlite.Connection, steps: Sequence[Sequence[Statement]]) -> None:
        """Run the statements and commit, with one switch between threads."""
        await run_in_thread(connection, _finish, [statement for step in steps for statement in step])

    async def watch(self, connection: aiosqlite.Connection, on_head: Callable[[int], None]) -> bool:  # noqa: ARG002 - not supported
        """Return False; SQLite sends no notifications and must be polled."""
        return False

    def describe(self, row: Sequence[Any]) -> Mapping[str, str]:
        """Return the version."""
        return {self.name: row[0]}

    def is_disconnect(self, error: Exception) -> bool:  # noqa: ARG002 - a file cannot disconnect
        """Return False."""
        return False

    def is_ambiguous(self, error: Exception) -> bool:
        """Return True only for I/O errors: frames that were written to the write-ahead log may still take effect later."""
        return isinstance(error, sqlite3.Error) and primary_code(error) == sqlite3.SQLITE_IOERR

    def to_unavailable(self, error: Exception) -> Unavailable | None:
        """Distinguish a missing or outdated schema from a file that cannot be used."""
        return errors.to_unavailable(error)


def _stored_value(value: Any) -> Any:  # noqa: ANN401 - any column value
    """Convert a value to its stored form."""
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
