"""The parts of aiosqlite's private API that this package uses, all in one place.

aiosqlite runs each connection in a thread, and its public API offers only single operations. pyproject.toml bounds its version,
and tests/architecture/test_private_apis.py checks that these parts are still there.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from threading import Thread
from typing import Any

import aiosqlite


async def connect(path: str, factory: type[sqlite3.Connection]) -> aiosqlite.Connection:
    """Open the file in a daemon thread, as SQLAlchemy does: the process must be able to exit without waiting for it.

    On failure, wait for the thread to end, or it may call an event loop that is already closed.
    """
    connecting = aiosqlite.connect(path, factory=factory)
    thread: Thread = connecting._thread  # noqa: SLF001 - see above
    thread.daemon = True
    try:
        return await connecting
    except BaseException:
        await asyncio.to_thread(thread.join)
        raise


async def run_in_thread(connection: aiosqlite.Connection, work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - the result of `work`
    """Run a function in the connection's thread. Its first argument is the connection of the standard library.

    Running several steps one by one would switch threads twice per step, which costs more than most steps.
    """
    driver: Any = connection
    return await driver._execute(work, driver._conn, *arguments)  # noqa: SLF001 - aiosqlite has no public method for this


def interrupt(connection: aiosqlite.Connection) -> None:
    """Interrupt the running statement of a connection. SQLite allows this from any thread."""
    driver: Any = connection
    # The public method is a coroutine, which a timer cannot call.
    if driver._connection is not None:  # noqa: SLF001
        driver._connection.interrupt()  # noqa: SLF001
