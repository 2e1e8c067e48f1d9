"""Work that takes too long for the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def run_in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Call a function in a thread. A cancelled caller waits for it, because it still uses what the caller would release."""
    task = asyncio.create_task(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(task)
    finally:
        await asyncio.wait((task,))
        _ = task.cancelled() or task.exception()  # asyncio warns about exceptions that were never retrieved
