"""Runs actions again and again in the background."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from catalog.domain.errors import Unavailable

CLOSE_SECONDS = 5.0
"""Seconds that an action under way and the last one have to finish when the context closes."""

Action = Callable[[], Awaitable[None]]

_log = logging.getLogger("catalog.identity")


@asynccontextmanager
async def repeated(action: Action, interval: float, last: Action | None = None) -> AsyncIterator[None]:
    """Run `action` every `interval` seconds while the context is open, the first time at once.

    If it fails, it is run again after the interval. When the context closes, an action under way may finish, and then `last` is
    run. What takes too long is cancelled.
    """
    stopping = asyncio.Event()
    task = asyncio.create_task(_repeat(action, interval, stopping, last))
    try:
        yield
    finally:
        stopping.set()
        try:
            await asyncio.wait((task,), timeout=CLOSE_SECONDS)
        finally:
            task.cancel()
        await asyncio.wait((task,))


@asynccontextmanager
async def together(*contexts: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
    """Open contexts one after the other, and close them at the same time, so that a store that hangs holds up the end once."""
    stacks = [AsyncExitStack() for _ in contexts]
    try:
        for stack, context in zip(stacks, contexts, strict=True):
            await stack.enter_async_context(context)
        yield
    finally:
        await asyncio.gather(*(stack.aclose() for stack in stacks))


async def _repeat(action: Action, interval: float, stopping: asyncio.Event, last: Action | None) -> None:
    while not stopping.is_set():
        await _attempt(action)
        try:
            async with asyncio.timeout(interval):
                await stopping.wait()
        except TimeoutError:
            continue
    if last is not None:
        await _attempt(last)


async def _attempt(action: Action) -> None:
    try:
        await action()
    except Unavailable as error:
        _log.debug("The identity store is unavailable: %s", error)
    except Exception:  # noqa: BLE001 - one failure must not end the task
        _log.exception("A background task of identity failed; it is tried again.")
