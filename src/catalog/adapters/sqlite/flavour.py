"""SQLite's way of doing things."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
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
    exc,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
    update,
)

from catalog.adapters.sql.tables import items, log_head
from catalog.domain.errors import SchemaOutdated, StoreUnavailable, Unavailable
from catalog.domain.search import Search

_INDEX = literal_column("item_words", Text())


def _found(name: str) -> ColumnElement[bool]:
    """Whether the index finds an item by the query that is the parameter `name`."""
    index = table("item_words", column("rowid", Integer()))
    return items.c.seq.in_(select(index.c.rowid).where(_INDEX.bool_op("MATCH")(bindparam(name, type_=Text()))))


class SqliteFlavour:
    """FTS5 for the words; a lock by BEGIN IMMEDIATE, which the writing engine sends."""

    name = "SQLite"
    version: Executable = text("SELECT sqlite_version()")
    lock_schema: Executable | None = None
    words = Table("item_words", MetaData(), Column("rowid", Integer()), Column("name", Text()), Column("text", Text()))
    words_key: ColumnElement[int] = words.c.rowid
    insert_words = insert(words).values(rowid=bindparam("seq"), name=bindparam("name"), text=bindparam("text"))
    update_words = update(words).where(words.c.rowid == bindparam("key")).values(name=bindparam("name"), text=bindparam("text"))
    lock_head: Select[int] = select(log_head.c.seq)

    def among(self, wanted: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Compare with one parameter of JSON, so that the statement is the same for any number of values."""
        given = func.json_each(bindparam(name, type_=Text())).table_valued("value")
        return wanted.in_(select(given.c.value))

    def listed(self, values: Collection[Any]) -> str:
        """Write the values as JSON, ids as they stand in the file."""
        return json.dumps([value.hex if isinstance(value, UUID) else value for value in values])

    def matches(self) -> ColumnElement[bool]:
        """Ask the index of all words."""
        return _found("asked_text")

    def matches_name(self) -> ColumnElement[bool]:
        """Ask the index of the names' words."""
        return _found("asked_name")

    def asked(self, search: Search) -> Mapping[str, str]:
        """Ask for words that begin so; in quotes, FTS5 takes them as they are (they are letters and digits, no quotes)."""
        begun = " AND ".join(f'"{word}"*' for word in search.words)
        return {"asked_text": f"text : ({begun})", "asked_name": f"name : ({begun})"}

    async def fetch(self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a statement with one change of threads, where a cursor would take ten."""
        return list(await connection.execute_fetchall(sql, parameters))

    async def execute_many(self, connection: aiosqlite.Connection, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run a statement for all rows with one change of threads."""
        await connection.executemany(sql, parameters)

    def unavailable(self, error: Exception) -> Unavailable | None:
        """Tell a missing table from a file that cannot be worked with."""
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        if isinstance(cause, sqlite3.OperationalError) and "no such table" in str(cause):
            return SchemaOutdated("The SQLite file has no schema yet; run `catalog migrate`.")
        if isinstance(error, TimeoutError | exc.TimeoutError):
            return StoreUnavailable("SQLite did not answer in time.")
        if isinstance(cause, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
            return None
        if isinstance(cause, sqlite3.DatabaseError):
            return StoreUnavailable(f"SQLite cannot work with the file: {cause}.")
        return None
