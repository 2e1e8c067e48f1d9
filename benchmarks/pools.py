"""Connection pools: the pool of this project against asyncpg's own, and aiosqlite against a thread of our own.

Each pair runs the same statement by key, 4,000 times in each of 9 alternating turns, for 1, 5 and 32 callers and 5 connections.
"""

import asyncio
import queue
import sqlite3
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine

from catalog.adapters.sql.connections.driver_pool import DriverPool
from tests.servers import postgres

STATEMENTS = 4_000
TURNS = 9
CALLERS = (1, 5, 32)
CONNECTIONS = 5

ROWS = [(number, "x" * 200) for number in range(1_000)]

Statement = Callable[[], Awaitable[object]]


def main(_arguments: list[str]) -> None:
    """Measure both stores and print a table: rates as multiples of the pool of this project, median and range of the turns."""
    print("| pool | callers | rate | range |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        asyncio.run(_measure_sqlite(Path(folder) / "items.db"))
        asyncio.run(_measure_postgres(server.url()))
    print()


async def _measure_sqlite(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO items VALUES (?, ?)", ROWS)
    sql = "SELECT * FROM items WHERE id = ?"
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", isolation_level="AUTOCOMMIT", pool_size=CONNECTIONS)
    pool = _pool(engine)
    idle = [_SqliteThread(path) for _ in range(CONNECTIONS)]

    async def with_aiosqlite() -> None:
        await pool.run(lambda pooled: pooled.driver.execute_fetchall(sql, [5]))

    async def with_own_thread() -> None:
        async def fetch(_pooled: object) -> None:
            thread = idle.pop()
            try:
                await thread.fetch(sql, [5])
            finally:
                idle.append(thread)

        await pool.run(fetch)

    for callers in CALLERS:
        await _compare("SQLite, a thread of our own instead of aiosqlite's", with_aiosqlite, with_own_thread, callers)
    for thread in idle:
        thread.stop()
    await pool.close()
    await engine.dispose()


async def _measure_postgres(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, text TEXT)")
    await connection.copy_records_to_table("items", records=ROWS)
    await connection.close()
    sql = "SELECT * FROM items WHERE id = $1"
    engine = create_async_engine(
        url.replace("postgresql", "postgresql+asyncpg", 1), isolation_level="AUTOCOMMIT", pool_size=CONNECTIONS
    )
    pool = _pool(engine)

    async def keep(_connection: object) -> None:
        """Reset nothing when a connection is returned."""

    resetting = await asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS)
    keeping = await asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS, reset=keep)

    async def with_driver_pool() -> None:
        await pool.run(lambda pooled: pooled.driver.fetch(sql, 5))

    for callers in CALLERS:
        await _compare("asyncpg's pool", with_driver_pool, lambda: resetting.fetch(sql, 5), callers)
        await _compare("asyncpg's pool, without reset", with_driver_pool, lambda: keeping.fetch(sql, 5), callers)
    await pool.close()
    await engine.dispose()
    await resetting.close()
    await keeping.close()


def _pool(engine: Any) -> DriverPool:  # noqa: ANN401 - an engine of either dialect
    return DriverPool(engine, lambda _error: False, keep_idle=CONNECTIONS, limit=CONNECTIONS, timeout=5)


async def _compare(name: str, base: Statement, other: Statement, callers: int) -> None:
    """Print the rate of `other` as a multiple of the rate of `base`."""
    for statement in (base, other):
        await _seconds(statement, callers)  # opens the connections
    ratios = [await _seconds(base, callers) / await _seconds(other, callers) for _ in range(TURNS)]
    print(f"| {name} | {callers} | {median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |")


async def _seconds(statement: Statement, callers: int) -> float:
    async def call() -> None:
        for _ in range(STATEMENTS // callers):
            await statement()

    started = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    return time.perf_counter() - started


class _SqliteThread:
    """A connection of the standard library in a thread, which takes statements from a queue."""

    def __init__(self, path: Path) -> None:
        self._statements: queue.SimpleQueue[tuple[asyncio.Future[Any], str, Sequence[Any]] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, args=(path,), daemon=True).start()

    def _run(self, path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        while (statement := self._statements.get()) is not None:
            future, sql, parameters = statement
            self._loop.call_soon_threadsafe(future.set_result, connection.execute(sql, parameters).fetchall())
        connection.close()

    async def fetch(self, sql: str, parameters: Sequence[Any]) -> Any:  # noqa: ANN401 - rows
        future = self._loop.create_future()
        self._statements.put((future, sql, parameters))
        return await future

    def stop(self) -> None:
        self._statements.put(None)
