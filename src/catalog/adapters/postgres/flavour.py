"""Postgres' way of doing things."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Executable,
    MetaData,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    exc,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, TSVECTOR

from catalog.adapters.sql.tables import items, log_head
from catalog.domain.errors import SchemaOutdated, StoreUnavailable, Unavailable
from catalog.domain.search import Search

_SCHEMA_LOCK = 0x0CA7A106
"""The number of the advisory lock that migrations are taken under: any, as long as it stays the same."""

# Class 08: connection, 28: authorization, 3D: no such database, 53: out of resources, 55: lock not available, 57: stopped,
# or out of time (PostgreSQL's documentation, appendix A).
_AWAY = ("08", "28", "3D", "53", "55", "57")


def _lexemes(name: str) -> ColumnElement[Any]:
    """Turn words that the domain parted into a tsvector, past every parser and dictionary of Postgres."""
    return func.array_to_tsvector(func.string_to_array(bindparam(name, type_=Text()), " "))


def _query(name: str) -> ColumnElement[Any]:
    """Read the parameter `name` as a tsquery."""
    return cast(bindparam(name, type_=Text()), TSQUERY())


class PostgresFlavour:
    """tsvector for the words; a lock by SELECT FOR UPDATE on the head's row."""

    name = "PostgreSQL"
    version: Executable = text("SHOW server_version")
    lock_schema: Executable | None = text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
    words = Table("item_words", MetaData(), Column("seq", BigInteger()), Column("name", TSVECTOR()), Column("text", TSVECTOR()))
    words_key: ColumnElement[int] = words.c.seq
    insert_words = insert(words).values(seq=bindparam("seq"), name=_lexemes("name"), text=_lexemes("text"))
    update_words = update(words).where(words.c.seq == bindparam("key")).values(name=_lexemes("name"), text=_lexemes("text"))
    lock_head: Select[int] = select(log_head.c.seq).with_for_update()

    def among(self, wanted: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Compare with one parameter of an array, so that the statement is the same for any number of values."""
        return wanted == any_(bindparam(name, type_=ARRAY(wanted.type)))

    def listed(self, values: Collection[Any]) -> list[Any]:
        """Make the array."""
        return list(values)

    def matches(self) -> ColumnElement[bool]:
        """Ask the index of all words."""
        found = select(self.words.c.seq).where(self.words.c.text.bool_op("@@")(_query("asked_text")))
        return items.c.seq.in_(found)

    def matches_name(self) -> ColumnElement[bool]:
        """Look at the name's words."""
        mine = self.words.c.seq == items.c.seq
        return (
            select(self.words.c.seq).where(mine, self.words.c.name.bool_op("@@")(_query("asked_name"))).correlate(items).exists()
        )

    def asked(self, search: Search) -> Mapping[str, str]:
        """Write the query down; in quotes Postgres takes the words as they are (they are letters and digits, no quotes)."""
        begun = " & ".join(f"'{word}':*" for word in search.words)
        return {"asked_text": begun, "asked_name": begun}

    async def fetch(self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a statement; asyncpg prepares it once a connection."""
        found: Sequence[Sequence[Any]] = await connection.fetch(sql, *parameters)
        return found

    async def execute_many(self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run a statement for all rows, one after the other without waiting for each."""
        await connection.executemany(sql, parameters)

    def unavailable(self, error: Exception) -> Unavailable | None:
        """Tell a missing table from a server that is away, or that does not let us in."""
        cause = error
        if isinstance(error, exc.DBAPIError):
            cause = error.driver_exception
        state = getattr(cause, "sqlstate", None) or ""
        if state in ("42P01", "42703", "3F000"):
            return SchemaOutdated("The PostgreSQL database has no schema yet, or another one; run `catalog migrate`.")
        if isinstance(error, TimeoutError | exc.TimeoutError) or isinstance(cause, TimeoutError):
            return StoreUnavailable("PostgreSQL did not answer in time.")
        if state[:2] in _AWAY:
            return StoreUnavailable(f"PostgreSQL refuses: {cause}.")
        lost = isinstance(error, exc.DBAPIError) and error.connection_invalidated
        if lost or isinstance(cause, OSError | asyncpg.InterfaceError):
            return StoreUnavailable(f"PostgreSQL cannot be reached ({type(cause).__name__}).")
        return None
