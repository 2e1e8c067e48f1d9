"""A SQL database: its connections, its schema, and how statements run on it. Knows nothing of what is stored."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import CompoundSelect, Delete, Executable, Insert, Row, Select, Update, exc, text
from sqlalchemy.ext.asyncio import AsyncEngine

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.connections.driver_pool import DriverPool, PooledConnection
from catalog.adapters.sql.driver import SqlDriver
from catalog.adapters.sql.schema.migrate import HEAD_REVISION, upgrade
from catalog.domain.errors import SchemaOutdated
from catalog.ports.storage import SchemaState

A = TypeVar("A")
T = TypeVar("T")

MAX_STREAMS = 2
"""Streams that may be read at a time; each holds a connection."""

_CURRENT_REVISION = text("SELECT version_num FROM alembic_version")


@dataclass(frozen=True, slots=True)
class Engines:
    """The connections to the database: a pool for reads, in autocommit mode, and separate connections for everything else.

    One connection writes, one watches the log's head, a few stream, and one is created for each migration.

    `deadline` limits a read in seconds, including the wait for a connection; None if reads must not be interrupted.
    Up to `keep_idle` reading connections stay open between reads and up to `limit` are used at a time. A read waits up to
    `wait` seconds for one.
    """

    reading: AsyncEngine
    writing: AsyncEngine
    watching: AsyncEngine
    streaming: AsyncEngine
    migrating: Callable[[], AsyncEngine]
    deadline: float | None
    keep_idle: int
    limit: int
    wait: float


class SqlDatabase:
    """Runs statements through pools of connections, and translates the driver's errors into the catalog's."""

    def __init__(self, engines: Engines, driver: SqlDriver) -> None:
        """Connect through these engines, on first use."""
        self.engines = engines
        self.driver = driver
        self._reading = DriverPool(
            engines.reading, driver.is_disconnect, keep_idle=engines.keep_idle, limit=engines.limit, timeout=engines.wait
        )
        self._writing = DriverPool(engines.writing, driver.is_disconnect, timeout=engines.wait)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Wait for shielded work, and close the connections."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reading.close()
        await self._writing.close()
        engines = self.engines
        for engine in (engines.watching, engines.streaming, engines.reading, engines.writing):
            await engine.dispose()

    @property
    def connections_in_use(self) -> int:
        """The number of connections that reads and the writer are using."""
        return self._reading.in_use + self._writing.in_use

    def compile(self, statement: Select[Any] | CompoundSelect[Any] | Insert | Update | Delete) -> CompiledStatement:
        """Compile a statement, to run it many times."""
        return CompiledStatement(statement, self.engines.reading.dialect)

    async def fetch(self, statement: CompiledStatement, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Run a compiled statement on the driver's connection and return its rows."""
        parameters = statement.parameters(values)
        with self.translated_errors():
            async with asyncio.timeout(self.engines.deadline):
                rows = await self._reading.run(lambda pooled: self.driver.fetch(pooled.driver, statement.sql, parameters))
        return statement.rows(rows)

    async def fetch_within(
        self, statement: CompiledStatement, values: Mapping[str, Any], seconds: float
    ) -> Sequence[Sequence[Any]] | None:
        """Run a compiled statement for up to `seconds`; return None if it takes longer."""
        parameters = statement.parameters(values)
        with self.translated_errors():
            rows = await self._reading.run(
                lambda pooled: self.driver.fetch_within(pooled.driver, statement.sql, parameters, seconds)
            )
        return None if rows is None else statement.rows(rows)

    async def estimate(self, statement: CompiledStatement, values: Mapping[str, Any]) -> int | None:
        """Estimate how many rows a compiled statement returns, without running it; None if the database cannot."""
        parameters = statement.parameters(values)
        with self.translated_errors():
            return await self._reading.run(lambda pooled: self.driver.estimate(pooled.driver, statement.sql, parameters))

    async def stream(
        self, statement: CompiledStatement, values: Mapping[str, Any], size: int
    ) -> AsyncGenerator[Sequence[Sequence[Any]], None]:
        """Run a compiled statement on a separate connection and yield its rows in batches of `size`, read on demand."""
        parameters = statement.parameters(values)
        with self.translated_errors():
            async with self.engines.streaming.connect() as connection:
                driver_connection = (await connection.get_raw_connection()).driver_connection
                batches = self.driver.stream(driver_connection, statement.sql, parameters, size)
                try:
                    async for batch in batches:
                        yield statement.rows(batch)
                except BaseException:
                    await connection.invalidate()
                    raise

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """Run a SQLAlchemy statement, for reads that are too rare to compile.

        It runs in a separate task: cancelling it halfway would leave the connection in an unknown state.
        """
        return await self.shielded(self._rows(statement))

    async def _rows(self, statement: Executable) -> Sequence[Row[Any]]:
        async def fetch_all(pooled: PooledConnection) -> Sequence[Row[Any]]:
            rows = (await pooled.connection.execute(statement)).all()
            await pooled.connection.rollback()  # SQLAlchemy has begun a transaction implicitly
            return rows

        with self.translated_errors():
            async with asyncio.timeout(self.engines.deadline):
                return await self._reading.run(fetch_all)

    async def write(
        self, begin: Callable[[PooledConnection], Awaitable[A]], finish: Callable[[PooledConnection, A], Awaitable[T]]
    ) -> T:
        """Run a transaction on the writing connection: `begin` begins and reads, `finish` writes and commits.

        `begin` may be called twice, `finish` at most once. The caller must not be cancelled; see `shielded`.
        """
        with self.translated_errors():
            return await self._writing.run_steps(begin, finish)

    async def shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work that is not cancelled with the caller. `close` waits for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return await asyncio.shield(task)

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Translate a driver's exceptions into the catalog's."""
        try:
            yield
        except Exception as error:
            translated = self.driver.to_unavailable(error)
            if translated is None:
                raise
            # The driver's message is for the log and for operators (Unavailable.reason), never for callers.
            raise translated from (error.driver_exception if isinstance(error, exc.DBAPIError) else error)

    async def ping(self) -> None:
        """Read the schema version. Raises SchemaOutdated if it is not the required one."""
        state = await self.schema()
        if not state.current:
            problem = (
                "has no schema yet"
                if state.current_version is None
                else f"has schema version {state.current_version}, not {state.required_version}"
            )
            message = f"The {self.driver.name} database {problem}; run `catalog migrate`."
            raise SchemaOutdated(message)

    async def schema(self) -> SchemaState:
        """Read the last migration that was applied."""
        try:
            rows = await self.rows(_CURRENT_REVISION)
        except SchemaOutdated:
            return SchemaState(None, HEAD_REVISION)
        return SchemaState(rows[0][0] if rows else None, HEAD_REVISION)

    async def migrate(self) -> SchemaState:
        """Apply the missing migrations, one process at a time."""
        state = await self.schema()
        if state.current:
            return state
        if state.current_version is not None and state.current_version > HEAD_REVISION:
            message = (
                f"The database has schema version {state.current_version}, which needs a newer Catalog; "
                f"this version supports up to {HEAD_REVISION}. Upgrade Catalog."
            )
            raise SchemaOutdated(message)
        engine = self.engines.migrating()
        try:
            with self.translated_errors():
                async with engine.begin() as connection:
                    if self.driver.lock_schema is not None:
                        await connection.execute(self.driver.lock_schema)
                    await connection.run_sync(upgrade)
        finally:
            await engine.dispose()
        return await self.schema()

    async def versions(self) -> Mapping[str, str]:
        """Query the database for its version and other details."""
        (row,) = await self.rows(self.driver.version)
        return self.driver.describe(row)
