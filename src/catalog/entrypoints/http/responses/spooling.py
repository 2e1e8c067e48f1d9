"""Exports that are complete before they are sent.

An item that cannot be written in the format is found only when it is written. To answer with an error that names it, the export
is saved to a temporary file first.
"""

import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import IO

from catalog.application.threads import run_in_thread
from catalog.domain.errors import OutOfSpace, StoreBusy

MAX_SPOOLED = 4
"""Exports of a process that are saved at a time."""

_IN_MEMORY = 1024 * 1024
"""Bytes of an export that are kept in memory; larger ones go to a file."""

_CHUNK_SIZE = 64 * 1024


class Spool:
    """Saves exports, up to `limit` at a time, each until it is sent."""

    def __init__(self, limit: int) -> None:
        """Start with none."""
        self._limit = limit
        self._count = 0

    async def whole(self, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield the chunks again, once all of them were produced.

        Raises: StoreBusy if too many exports are saved, OutOfSpace if the disk is full, and what `chunks` raises; always before
        the first chunk.
        """
        if self._count >= self._limit:
            message = f"This process prepares {self._limit} exports of this kind already; retry when one is done."
            raise StoreBusy(message)
        self._count += 1
        try:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
                await _save(chunks, file)
                file.seek(0)
                while chunk := await run_in_thread(file.read, _CHUNK_SIZE):
                    yield chunk
        finally:
            self._count -= 1


async def _save(chunks: AsyncGenerator[bytes, None], file: IO[bytes]) -> None:
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                await run_in_thread(file.write, chunk)
    except OSError as error:
        message = f"The service cannot store the export on its disk ({error.strerror}); nothing was exported."
        raise OutOfSpace(message) from error
