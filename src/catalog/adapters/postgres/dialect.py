"""The SQL dialect of PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
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
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, TSVECTOR
from sqlalchemy.sql.dml import Delete, Insert, Update

from catalog.adapters.postgres import errors
from catalog.adapters.postgres.bulk_statements import array_type, combine, unnested
from catalog.adapters.postgres.sessions import STREAM_SECONDS, Sessions, serving_settings, set_local
from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.driver import Statement
from catalog.adapters.sql.schema.tables import THE_HEAD, items, log_head
from catalog.domain.errors import Unavailable
from catalog.domain.search.search import NO_TERMS, SearchQuery
from catalog.domain.search.spelling import Correction

_SCHEMA_LOCK = 0x0CA7A106
"""The key of the advisory lock that migrations hold. Any number will do, as long as it never changes."""

_CHANNEL = "catalog_log"
COPY_THRESHOLD = 100
"""The number of rows from which COPY is used. Fewer rows are inserted in the same statement as the other writes of a step."""

_QUOTED_SPACE = "' '"

LOCK_LOG = "SELECT seq FROM log_head WHERE one = 1 FOR UPDATE"
"""Locks the row that every commit of the catalog locks first."""


def _to_tsvector(terms: ColumnElement[str]) -> ColumnElement[Any]:
    """Convert terms separated by spaces to a tsvector. The domain made the terms, so no Postgres parser or dictionary is used."""
    return func.array_to_tsvector(func.string_to_array(terms, " "))


def _quoted(terms: str) -> str:
    """Quote each of the terms, which contain letters and digits only."""
    return f"'{terms.replace(' ', _QUOTED_SPACE)}'" if terms else ""


async def _single_chunk(data: bytes) -> AsyncIterator[bytes]:
    """Yield the data as one chunk. A file object would stay in memory until garbage collection: asyncpg puts it in a cycle."""
    yield data


_term_rows = unnested({"seq": BigInteger(), "name": Text(), "text": Text()})


def _query(name: str) -> ColumnElement[Any]:
    """Return the parameter `name`, cast to tsquery."""
    return cast(bindparam(name, type_=Text()), TSQUERY())


class PostgresDialect:
    """Full-text search with tsvector; the write lock is a SELECT FOR UPDATE on the row of a head."""

    name = "PostgreSQL"
    estimates = True
    change_counter = "SELECT seq FROM log_head WHERE one = 1"
    poll_seconds = 0.2
    version: Executable = text("SELECT current_setting('server_version'), pg_jit_available()")
    lock_schema: Executable | None = text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
    term_table = Table(
        "item_words", MetaData(), Column("seq", BigInteger()), Column("name", TSVECTOR()), Column("text", TSVECTOR())
    )
    term_table_key: ColumnElement[int] = term_table.c.seq
    insert_terms = insert(term_table).from_select(
        ["seq", "name", "text"], select(_term_rows.c.seq, _to_tsvector(_term_rows.c.name), _to_tsvector(_term_rows.c.text))
    )
    update_terms = (
        update(term_table)
        .where(term_table.c.seq == _term_rows.c.seq)
        .values({term_table.c.name: _to_tsvector(_term_rows.c.name), term_table.c.text: _to_tsvector(_term_rows.c.text)})
    )
    move_head: Update = (
        update(log_head)
        .where(THE_HEAD)
        .values(seq=bindparam("head", type_=BigInteger()), chain_end=bindparam("chain_end", type_=Text()))
        .returning(func.pg_notify(_CHANNEL, cast(bindparam("head", type_=BigInteger()), Text())))
    )

    def __init__(self, sessions: Sessions, deadline: float, lock: str = LOCK_LOG) -> None:
        """Use connections set up by `sessions`. Statements may take `deadline` seconds. Transactions begin with `lock`."""
        self._sessions = sessions
        # Both statements go in one message, but each has its own snapshot.
        self._begin = f"BEGIN; {lock}"
        self._begin_local = f"BEGIN; {set_local(serving_settings(deadline))}; {lock}"

    def any_of(self, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Compare with a single array parameter, so that the statement is the same for any number of values."""
        return column == any_(bindparam(name, type_=ARRAY(column.type)))

    def list_parameter(self, values: Collection[Any]) -> list[Any]:
        """Return the values as a list."""
        return list(values)

    def matching_seqs(self) -> Select[Any]:
        """Search the index of all terms."""
        return select(self.term_table.c.seq).where(self.term_table.c.text.bool_op("@@")(_query("text_query")))

    def matches(self, *, walked: bool = False) -> ColumnElement[bool]:  # noqa: ARG002 - the Postgres planner chooses
        """Select by the index; Postgres plans it as a semi-join."""
        return items.c.seq.in_(self.matching_seqs())

    def matches_name(self) -> ColumnElement[bool]:
        """Check the name's terms of each item. Postgres planned EXISTS as a sequential scan of all items."""
        same_item = self.term_table.c.seq == items.c.seq
        return (
            select(self.term_table.c.name.bool_op("@@")(_query("name_query"))).where(same_item).correlate(items).scalar_subquery()
        )

    def word_in_use(self, word: ColumnElement[str]) -> ColumnElement[bool]:
        """Find the items that contain the word anywhere by the index, then check their names.

        The matches are counted: with EXISTS, Postgres may scan the whole table for the first one.
        """
        query = cast(func.concat("'", word, "'"), TSQUERY())
        contains = (column.bool_op("@@")(query) for column in (self.term_table.c.text, self.term_table.c.name))
        return select(func.count()).select_from(self.term_table).where(*contains).scalar_subquery() > 0

    def search_parameters(self, search: SearchQuery) -> Mapping[str, str]:
        """Return prefix queries. Postgres takes quoted terms literally (they contain letters and digits, never quotes)."""
        prefixes = " & ".join(f"'{term}':*" for term in search.terms or NO_TERMS)
        return {"text_query": prefixes, "name_query": prefixes}

    def correction_parameters(self, corrections: Iterable[Correction]) -> Mapping[str, str]:
        """Return a query that matches any of the corrections."""
        queries = []
        for correction in corrections:
            alternatives = " | ".join(f"'{word}'" for word in correction.alternatives)
            queries.append("(" + " & ".join([f"({alternatives})", *(f"'{word}':*" for word in correction.prefixes)]) + ")")
        return dict.fromkeys(("text_query", "name_query"), " | ".join(queries))

    async def fetch_within(
        self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any], seconds: float
    ) -> Sequence[Sequence[Any]] | None:
        """Run a statement with a timeout; asyncpg has the server cancel it."""
        try:
            rows: Sequence[Sequence[Any]] = await connection.fetch(sql, *parameters, timeout=seconds)
        except TimeoutError:
            return None
        return rows

    async def estimate(self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any]) -> int | None:
        """Return the planner's estimate."""
        (row,) = await connection.fetch(f"EXPLAIN (FORMAT JSON) {sql}", *parameters)
        return int(row[0][0]["Plan"]["Plan Rows"])

    async def fetch(self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a statement; asyncpg prepares it once per connection."""
        rows: Sequence[Sequence[Any]] = await connection.fetch(sql, *parameters)
        return rows

    async def stream(
        self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any], size: int
    ) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """Read from a server-side cursor."""
        async with connection.transaction(readonly=True):
            if self._sessions.transaction_mode:
                # asyncpg's cursor needs a named statement; other clients may use the same name on the same server connection.
                await connection.execute(set_local(serving_settings(STREAM_SECONDS)))
                await connection.execute(f"DECLARE rows NO SCROLL CURSOR FOR {sql}", *parameters)
                while fetched := await connection.fetch(f"FETCH {size} FROM rows"):
                    yield fetched
                return
            cursor = await connection.cursor(sql, *parameters)
            while rows := await cursor.fetch(size):
                yield rows

    def insert(self, table: Table) -> Insert:
        """Insert rows passed as arrays."""
        input_rows = unnested({column.name: array_type(column.type) for column in table.c})
        return insert(table).from_select(list(table.c), select(*input_rows.c))

    def insert_missing(self, table: Table) -> Insert:
        """Insert rows passed as arrays unless they exist."""
        input_rows = unnested({column.name: array_type(column.type) for column in table.c})
        return postgresql.insert(table).from_select(list(table.c), select(*input_rows.c)).on_conflict_do_nothing()

    def upsert(self, table: Table) -> Insert:
        """Insert rows passed as arrays, or update the existing ones."""
        input_rows = unnested({column.name: array_type(column.type) for column in table.c})
        statement = postgresql.insert(table).from_select(list(table.c), select(*input_rows.c))
        replaced = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
        return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=replaced)

    def delete(self, table: Table) -> Delete:
        """Delete the rows whose primary keys are passed as arrays."""
        keys = list(table.primary_key)
        input_rows = unnested({key.name: array_type(key.type) for key in keys})
        return delete(table).where(*(key == input_rows.c[key.name] for key in keys))

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return the column unchanged; Postgres has statistics and plans well."""
        return column

    def in_subquery(self, column: ColumnElement[Any], found: Select[Any]) -> ColumnElement[bool]:
        """Compare with an array, so that the subquery runs first. Postgres planned a join as if there were many values."""
        return column == any_(func.array(found.scalar_subquery()))

    def update(self, table: Table, key: Column[Any], names: Sequence[str]) -> Update:
        """Update rows with keys and values passed as arrays."""
        input_rows = unnested({"key": key.type} | {name: array_type(table.c[name].type) for name in names})
        return update(table).where(key == input_rows.c.key).values({name: input_rows.c[name] for name in names})

    def bulk(
        self, statement: CompiledStatement, names: Sequence[str], rows: Sequence[Sequence[Any]], into: Table | None = None
    ) -> Statement:
        """Return one array per column, or rows for COPY if there are many: it costs client and server less."""
        if into is not None and len(rows) >= COPY_THRESHOLD:
            return Statement(statement.sql, rows, into, names)
        columns = map(list, zip(*rows, strict=True))
        return Statement(statement.sql, [statement.parameters(dict(zip(names, columns, strict=True)))])

    async def begin(self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Lock the row of the head, then run the statement, with a snapshot taken after the lock."""
        await connection.execute(self._begin_local if self._sessions.transaction_mode else self._begin)
        rows: Sequence[Sequence[Any]] = await connection.fetch(sql, *parameters)
        return rows

    async def finish(self, connection: asyncpg.Connection, steps: Sequence[Sequence[Statement]]) -> None:
        """Run each step as one statement, with COPY for many rows, and commit."""
        for step in steps:
            combined: list[tuple[str, int]] = []
            parameters: list[Any] = []
            for sql, rows, into, names in step:
                if into is None:
                    combined.append((sql, len(rows[0])))
                    parameters += rows[0]
                else:
                    await self._copy(connection, into, names, rows)
            await connection.execute(combine(tuple(combined)), *parameters)
        await connection.execute("COMMIT")

    async def _copy(
        self, connection: asyncpg.Connection, into: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Copy rows into a table. Terms are written as the text form of a tsvector, quoted so that they are taken literally."""
        if into is not self.term_table:
            await connection.copy_records_to_table(into.name, records=rows, columns=columns)
            return
        lines = "".join(f"{seq}\t{_quoted(name)}\t{_quoted(text)}\n" for seq, name, text in rows)
        await connection.copy_to_table(into.name, source=_single_chunk(lines.encode()), columns=columns)

    async def watch(self, connection: asyncpg.Connection, on_head: Callable[[int], None]) -> bool:
        """Listen for the notifications of `move_head`, unless a pooler in transaction mode is in between."""
        if self._sessions.transaction_mode:
            return False

        def on_notification(_connection: object, _pid: int, _channel: str, payload: str) -> None:
            on_head(int(payload))

        await connection.add_listener(_CHANNEL, on_notification)
        return True

    def describe(self, row: Sequence[Any]) -> Mapping[str, str]:
        """Return the server version, whether JIT compilation is on, and the pooler mode."""
        return {self.name: row[0], "JIT": "on" if row[1] else "off", "pooler": self._sessions.description}

    def is_disconnect(self, error: Exception) -> bool:
        """Return whether the server disconnected or asyncpg found the connection closed."""
        return errors.is_disconnect(error)

    def is_ambiguous(self, error: Exception) -> bool:
        """Return True if the connection was lost or the statement timed out: the server may have committed anyway."""
        return isinstance(error, TimeoutError) or errors.is_disconnect(error)

    def to_unavailable(self, error: Exception) -> Unavailable | None:
        """Distinguish a missing or outdated schema from a server that is unreachable or denies access."""
        return errors.to_unavailable(error)
