"""Slots: how many pieces of work of one kind a process does at the same time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from catalog.domain.errors import ImportsBusy

WAIT_SECONDS = 10.0
"""Seconds that work waits for a slot while its caller waits for the result."""


class Slots:
    """A number of slots. Whoever works holds one."""

    def __init__(self, count: int, busy: str) -> None:
        """Take the number of slots, and the message for those who waited for one too long."""
        self._free = asyncio.Semaphore(count)
        self._busy = busy

    @asynccontextmanager
    async def hold(self, *, patient: bool = False) -> AsyncGenerator[None, None]:
        """Wait for a slot and hold it: up to WAIT_SECONDS, or however long if `patient`. Raises: ImportsBusy."""
        try:
            async with asyncio.timeout(None if patient else WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError as error:
            raise ImportsBusy(self._busy) from error
        try:
            yield
        finally:
            self._free.release()
