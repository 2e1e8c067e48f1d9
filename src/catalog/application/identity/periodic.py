"""Runs an action again and again in the background."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from catalog.domain.errors import Unavailable

CLOSE_SECONDS = 5.0
"""Seconds that an action under way has to finish when the context closes."""

_log = logging.getLogger("catalog.identity")


@asynccontextmanager
async def repeated(action: Callable[[], Awaitable[None]], interval: float) -> AsyncIterator[None]:
    """Run `action` every `interval` seconds while the context is open, the first time at once.

    If it fails, it is run again after the interval. When the context closes, an action under way may finish.
    """
    stopping = asyncio.Event()
    task = asyncio.create_task(_repeat(action, interval, stopping))
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait((task,), timeout=CLOSE_SECONDS)
        task.cancel()
        await asyncio.wait((task,))


async def _repeat(action: Callable[[], Awaitable[None]], interval: float, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            await action()
        except Unavailable as error:
            _log.debug("The identity store is unavailable: %s", error)
        except Exception:  # noqa: BLE001 - one failure must not end the task
            _log.exception("A background task of identity failed; it is tried again.")
        try:
            async with asyncio.timeout(interval):
                await stopping.wait()
        except TimeoutError:
            continue
