"""SQLite's way of doing things."""

import json
import sqlite3
from collections.abc import Collection
from typing import Any
from uuid import UUID

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

    def among(self, wanted: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
        """Compare with one parameter of JSON, so that the statement is the same for any number of values."""
        plain = [value.hex if isinstance(value, UUID) else value for value in values]
        given = func.json_each(bindparam(None, json.dumps(plain), type_=Text())).table_valued("value")
        return wanted.in_(select(given.c.value))

    def matches(self, search: Search) -> ColumnElement[bool]:
        """Ask the index of all words."""
        return self._match("text", search)

    def matches_name(self, search: Search) -> ColumnElement[bool]:
        """Ask the index of the names' words."""
        return self._match("name", search)

    def _match(self, where: str, search: Search) -> ColumnElement[bool]:
        """Ask for words that begin so; in quotes, FTS5 takes them as they are (they are letters and digits, no quotes)."""
        asked = f"{where} : (" + " AND ".join(f'"{word}"*' for word in search.words) + ")"
        index = table("item_words", column("rowid", Integer()))
        return items.c.seq.in_(select(index.c.rowid).where(_INDEX.bool_op("MATCH")(asked)))

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
