"""Postgres' way of doing things."""

import re
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import asyncpg
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Executable,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    delete,
    exc,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, TIMESTAMP, TSQUERY, TSVECTOR
from sqlalchemy.sql.dml import Delete, Insert, Update
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

from catalog.adapters.postgres.sessions import STREAMING, Sessions, local, serving
from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.dialect import Statement
from catalog.adapters.sql.schema.tables import THE_HEAD, UtcTime, items, log_head
from catalog.domain.errors import OutOfSpace, SchemaOutdated, StoreUnavailable, Unavailable
from catalog.domain.search.search import NO_TERMS, SearchQuery
from catalog.domain.search.spelling import Correction

_SCHEMA_LOCK = 0x0CA7A106
"""The number of the advisory lock that migrations are taken under: any, as long as it stays the same."""

_CHANNEL = "catalog_log"
COPY_THRESHOLD = 100
"""Rows that are copied into a table; fewer are inserted with what else there is to do, in one go."""

QUOTES = "' '"

_PARAMETER = re.compile(r"\$(\d+)")

_LOCK = "SELECT seq FROM log_head WHERE one = 1 FOR UPDATE"

# What asyncpg raises when it finds the connection closed; the second, when the server's farewell came in while it was idle.
_CLOSED_CONNECTION = asyncpg.InterfaceError | asyncpg.InternalClientError

_NO_TABLES = "The PostgreSQL database has no schema yet, or another one; run `catalog migrate`."
_NO_SCHEMA = {
    "42P01": _NO_TABLES,
    "42703": _NO_TABLES,
    "3F000": "The schema that the search_path names is not in the PostgreSQL database; create it, then run `catalog migrate`.",
}
_DISK_FULL = "53100"
_TOO_SLOW = "PostgreSQL did not answer in time."
_UNREACHABLE = "PostgreSQL cannot be reached."
_REFUSED = "PostgreSQL refuses the connection; the service's log says why."
_UNAVAILABLE = {
    "08": _UNREACHABLE,
    "25006": "PostgreSQL takes no writes now: it is a standby, or set to read only.",
    "28": _REFUSED,
    "3D": _REFUSED,
    "40": "PostgreSQL could not finish this beside other transactions, and nothing was written; try again in a moment.",
    "42501": "PostgreSQL does not permit this; the service's log says why.",
    "53": "PostgreSQL is out of resources, like connections or memory; try again later.",
    "55": "PostgreSQL could not get a lock in time; try again in a moment.",
    "57": "PostgreSQL is starting or stopping; try again in a moment.",
    "57014": _TOO_SLOW,
    "58": "PostgreSQL failed to read or write its files.",
}
"""What callers are told, by SQLSTATE or its class (PostgreSQL's documentation, appendix A)."""


def _to_tsvector(words: ColumnElement[str]) -> ColumnElement[Any]:
    """Turn words that the domain parted into a tsvector, past every parser and dictionary of Postgres."""
    return func.array_to_tsvector(func.string_to_array(words, " "))


def _unnested(columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Take rows as parameters, an array for each column (named like it): one statement writes any number of them."""
    arrays = [bindparam(name, type_=ARRAY(its)) for name, its in columns.items()]
    return func.unnest(*arrays).table_valued(*(column(name, its) for name, its in columns.items())).render_derived(name="given")


def _plain(its: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return a column's type as Postgres has it, without what only tables need."""
    if isinstance(its, UtcTime):
        return TIMESTAMP(timezone=True)
    return Text() if isinstance(its, Text) else BYTEA() if isinstance(its, LargeBinary) else its


@lru_cache(maxsize=64)
def _combined(statements: Sequence[tuple[str, int]]) -> str:
    """Make one statement of several, each with so many parameters: all but the last become its WITH."""
    numbered = []
    before = 0
    for sql, count in statements:
        numbered.append(_PARAMETER.sub(partial(_renumbered, before), sql))
        before += count
    *others, last = numbered
    listed = ", ".join(f"step_{index} AS ({sql})" for index, sql in enumerate(others))
    return f"WITH {listed} {last}" if others else last


def _is_closed(cause: Exception) -> bool:
    """Whether the driver found the connection closed; a value that it cannot encode is an InterfaceError too."""
    unencodable = isinstance(cause, ValueError) and not isinstance(cause, asyncpg.ClientConfigurationError)
    return isinstance(cause, _CLOSED_CONNECTION) and not unencodable


def _quoted(words: str) -> str:
    """Put each of some words in quotes; they are letters and digits."""
    return f"'{words.replace(' ', QUOTES)}'" if words else ""


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    """Hand data out (asyncpg makes a class for each file, in a circle that keeps the file until the collector comes)."""
    yield data


def _renumbered(by: int, match: re.Match[str]) -> str:
    """Number a parameter anew."""
    return f"${int(match[1]) + by}"


_words = _unnested({"seq": BigInteger(), "name": Text(), "text": Text()})


def _query(name: str) -> ColumnElement[Any]:
    """Read the parameter `name` as a tsquery."""
    return cast(bindparam(name, type_=Text()), TSQUERY())


class PostgresDialect:
    """tsvector for the words; a lock by SELECT FOR UPDATE on the head's row."""

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
        ["seq", "name", "text"], select(_words.c.seq, _to_tsvector(_words.c.name), _to_tsvector(_words.c.text))
    )
    update_terms = (
        update(term_table)
        .where(term_table.c.seq == _words.c.seq)
        .values({term_table.c.name: _to_tsvector(_words.c.name), term_table.c.text: _to_tsvector(_words.c.text)})
    )
    move_head: Update = (
        update(log_head)
        .where(THE_HEAD)
        .values(seq=bindparam("head", type_=BigInteger()))
        .returning(func.pg_notify(_CHANNEL, cast(bindparam("head", type_=BigInteger()), Text())))
    )

    def __init__(self, sessions: Sessions, deadline: float) -> None:
        """Work on connections that `sessions` sets up; statements may take `deadline` seconds."""
        self._sessions = sessions
        # One message, and yet each statement has a snapshot of its own.
        self._begin = f"BEGIN; {_LOCK}"
        self._begin_local = f"BEGIN; {local(serving(deadline))}; {_LOCK}"

    def any_of(self, wanted: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        """Compare with one parameter of an array, so that the statement is the same for any number of values."""
        return wanted == any_(bindparam(name, type_=ARRAY(wanted.type)))

    def list_parameter(self, values: Collection[Any]) -> list[Any]:
        """Make the array."""
        return list(values)

    def matching_seqs(self) -> Select[Any]:
        """Ask the index of all words."""
        return select(self.term_table.c.seq).where(self.term_table.c.text.bool_op("@@")(_query("asked_text")))

    def matches(self, *, walked: bool = False) -> ColumnElement[bool]:  # noqa: ARG002 - Postgres turns it round where it is better
        """Ask for a join with what is found."""
        return items.c.seq.in_(self.matching_seqs())

    def matches_name(self) -> ColumnElement[bool]:
        """Look at the name's words of each item: EXISTS was turned into a look at those of all items, by a sequential scan."""
        mine = self.term_table.c.seq == items.c.seq
        return select(self.term_table.c.name.bool_op("@@")(_query("asked_name"))).where(mine).correlate(items).scalar_subquery()

    def word_in_use(self, word: ColumnElement[str]) -> ColumnElement[bool]:
        """Find by the index the items that have the word anywhere, and look at their names.

        They are counted: where the first was enough, Postgres might look for it through the whole table.
        """
        query = cast(func.concat("'", word, "'"), TSQUERY())
        has = (column.bool_op("@@")(query) for column in (self.term_table.c.text, self.term_table.c.name))
        return select(func.count()).select_from(self.term_table).where(*has).scalar_subquery() > 0

    def search_parameters(self, search: SearchQuery) -> Mapping[str, str]:
        """Write the query down; in quotes Postgres takes the words as they are (they are letters and digits, no quotes)."""
        begun = " & ".join(f"'{word}':*" for word in search.terms or NO_TERMS)
        return {"asked_text": begun, "asked_name": begun}

    def correction_parameters(self, corrections: Iterable[Correction]) -> Mapping[str, str]:
        """Ask for each way of putting it right."""
        ways = []
        for correction in corrections:
            meant = " | ".join(f"'{word}'" for word in correction.alternatives)
            ways.append("(" + " & ".join([f"({meant})", *(f"'{word}':*" for word in correction.prefixes)]) + ")")
        return dict.fromkeys(("asked_text", "asked_name"), " | ".join(ways))

    async def fetch_within(
        self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any], seconds: float
    ) -> Sequence[Sequence[Any]] | None:
        """Have the server stop the statement when the time is over."""
        try:
            found: Sequence[Sequence[Any]] = await connection.fetch(sql, *parameters, timeout=seconds)
        except TimeoutError:
            return None
        return found

    async def estimate(self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any]) -> int | None:
        """Ask the planner."""
        (row,) = await connection.fetch(f"EXPLAIN (FORMAT JSON) {sql}", *parameters)
        return int(row[0][0]["Plan"]["Plan Rows"])

    async def fetch(self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run a statement; asyncpg prepares it once a connection."""
        found: Sequence[Sequence[Any]] = await connection.fetch(sql, *parameters)
        return found

    async def stream(
        self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any], size: int
    ) -> AsyncIterator[Sequence[Sequence[Any]]]:
        """Read with a cursor at the server."""
        async with connection.transaction(readonly=True):
            if self._sessions.transactional:
                # The driver's cursor is a named statement, and names of other clients are in use on the same server connection.
                await connection.execute(local(serving(STREAMING)))
                await connection.execute(f"DECLARE rows NO SCROLL CURSOR FOR {sql}", *parameters)
                while found := await connection.fetch(f"FETCH {size} FROM rows"):
                    yield found
                return
            cursor = await connection.cursor(sql, *parameters)
            while rows := await cursor.fetch(size):
                yield rows

    def insert(self, table: Table) -> Insert:
        """Insert what is given as arrays."""
        given = _unnested({its.name: _plain(its.type) for its in table.c})
        return insert(table).from_select(list(table.c), select(*given.c))

    def insert_missing(self, table: Table) -> Insert:
        """Insert what is given as arrays and is not there."""
        given = _unnested({its.name: _plain(its.type) for its in table.c})
        return postgresql.insert(table).from_select(list(table.c), select(*given.c)).on_conflict_do_nothing()

    def upsert(self, table: Table) -> Insert:
        """Insert what is given as arrays, or update what is there."""
        given = _unnested({its.name: _plain(its.type) for its in table.c})
        inserted = postgresql.insert(table).from_select(list(table.c), select(*given.c))
        others = {its.name: inserted.excluded[its.name] for its in table.c if not its.primary_key}
        return inserted.on_conflict_do_update(index_elements=list(table.primary_key), set_=others)

    def delete(self, table: Table) -> Delete:
        """Delete what is given as arrays."""
        keys = list(table.primary_key)
        given = _unnested({its.name: _plain(its.type) for its in keys})
        return delete(table).where(*(its == given.c[its.name] for its in keys))

    def without_index(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Leave it as it is: Postgres knows its numbers, and chooses well."""
        return column

    def in_subquery(self, column: ColumnElement[Any], found: Select[Any]) -> ColumnElement[bool]:
        """Have the values found first, and then looked up; a join with them was planned as if they were many."""
        return column == any_(func.array(found.scalar_subquery()))

    def update(self, table: Table, key: Column[Any], names: Sequence[str]) -> Update:
        """Update from what is given as arrays."""
        given = _unnested({"key": key.type} | {name: _plain(table.c[name].type) for name in names})
        return update(table).where(key == given.c.key).values({name: given.c[name] for name in names})

    def bulk(
        self, statement: CompiledStatement, names: Sequence[str], rows: Sequence[Sequence[Any]], into: Table | None = None
    ) -> Statement:
        """Make an array of each column; many rows are copied, which takes less of both sides."""
        if into is not None and len(rows) >= COPY_THRESHOLD:
            return Statement(statement.sql, rows, into, names)
        columns = map(list, zip(*rows, strict=True))
        return Statement(statement.sql, [statement.parameters(dict(zip(names, columns, strict=True)))])

    async def begin(self, connection: asyncpg.Connection, sql: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Lock the head's row, then look: with a snapshot that is taken after the lock."""
        await connection.execute(self._begin_local if self._sessions.transactional else self._begin)
        found: Sequence[Sequence[Any]] = await connection.fetch(sql, *parameters)
        return found

    async def finish(self, connection: asyncpg.Connection, steps: Sequence[Sequence[Statement]]) -> None:
        """Write each step in one go, and commit."""
        for step in steps:
            joined: list[tuple[str, int]] = []
            parameters: list[Any] = []
            for sql, rows, into, names in step:
                if into is None:
                    joined.append((sql, len(rows[0])))
                    parameters += rows[0]
                else:
                    await self._copy(connection, into, names, rows)
            await connection.execute(_combined(tuple(joined)), *parameters)
        await connection.execute("COMMIT")

    async def _copy(
        self, connection: asyncpg.Connection, into: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Copy rows into a table; words in the text form of a tsvector, which quotes keep from being parsed."""
        if into is not self.term_table:
            await connection.copy_records_to_table(into.name, records=rows, columns=columns)
            return
        lines = "".join(f"{seq}\t{_quoted(name)}\t{_quoted(text)}\n" for seq, name, text in rows)
        await connection.copy_to_table(into.name, source=_pieces(lines.encode()), columns=columns)

    async def watch(self, connection: asyncpg.Connection, on_head: Callable[[int], None]) -> bool:
        """Listen to what `move_head` notifies of, where the connection stays with one of the server's."""
        if self._sessions.transactional:
            return False

        def told(_connection: object, _pid: int, _channel: str, payload: str) -> None:
            on_head(int(payload))

        await connection.add_listener(_CHANNEL, told)
        return True

    def describe(self, row: Sequence[Any]) -> Mapping[str, str]:
        """Tell the version, whether this session compiles statements, and what is taken for a pooler."""
        return {self.name: row[0], "JIT": "on" if row[1] else "off", "pooler": self._sessions.shown}

    def is_disconnect(self, error: Exception) -> bool:
        """Whether the server hung up (08: connection, 57P0: stopped), or the driver found the connection closed."""
        cause = error.driver_exception if isinstance(error, exc.DBAPIError) else error
        state = getattr(cause, "sqlstate", None) or ""
        return state.startswith(("08", "57P0")) or isinstance(cause, ConnectionError) or _is_closed(cause)

    def is_ambiguous(self, error: Exception) -> bool:
        """When the connection was lost or the time ran out: the server may have committed without being heard."""
        return isinstance(error, TimeoutError) or self.is_disconnect(error)

    def to_unavailable(self, error: Exception) -> Unavailable | None:
        """Tell a missing table from a server that is away, or that does not let us in."""
        cause = error
        if isinstance(error, exc.DBAPIError):
            cause = error.driver_exception
        state = getattr(cause, "sqlstate", None) or ""
        if state in _NO_SCHEMA:
            return SchemaOutdated(_NO_SCHEMA[state])
        if isinstance(error, TimeoutError | exc.TimeoutError) or isinstance(cause, TimeoutError):
            return StoreUnavailable(_TOO_SLOW)
        if state == _DISK_FULL:
            return OutOfSpace("The disk of the PostgreSQL server is full; nothing was written.")
        says = _UNAVAILABLE.get(state) or _UNAVAILABLE.get(state[:2])
        if says is not None:
            return StoreUnavailable(says)
        lost = isinstance(error, exc.DBAPIError) and error.connection_invalidated
        if lost or isinstance(cause, OSError) or _is_closed(cause):
            return StoreUnavailable(_UNREACHABLE)
        return None
