"""A request's body as a file: read in a thread while it comes in, never held as a whole."""

import asyncio
import io
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from hashlib import sha256
from typing import IO, Any

from catalog.domain.errors import Malformed, TooLarge, TooSlow

SILENCE = 60.0
"""Seconds without a byte after which a caller is taken for gone."""


class Incoming(io.RawIOBase):
    """Bytes that are still coming in. Whoever reads waits, in a thread of his own, and the caller waits for whoever reads."""

    def __init__(self, receive: Callable[[], Awaitable[Any]], most: int) -> None:
        """Take up to `most` bytes from an ASGI channel, in the running loop."""
        super().__init__()
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._most = most
        self._held = b""
        self._more = True
        self._hash = sha256()
        self._waiting: Future[None] | None = None
        self.count = 0
        """Bytes that were taken."""

    @property
    def digest(self) -> str:
        """Of all that was taken."""
        return self._hash.hexdigest()

    async def finish(self) -> None:
        """Take the rest, and forget it."""
        while self._more:
            await self._take()
            self._held = b""

    async def save(self) -> IO[bytes]:
        """Put all of it into a file that is gone when it is closed."""
        file = await asyncio.to_thread(tempfile.TemporaryFile)
        try:
            while self._more:
                await self._take()
                await asyncio.to_thread(file.write, self._held)
                self._held = b""
            await asyncio.to_thread(file.seek, 0)
        except BaseException:
            file.close()
            raise
        return file

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a writable buffer
        """Pass bytes on, in a thread, as soon as there are some. Raises Malformed, TooLarge, TooSlow."""
        while not self._held and self._more:
            self._waiting = asyncio.run_coroutine_threadsafe(self._take(), self._loop)
            self._waiting.result()
        data, self._held = self._held[: len(buffer)], self._held[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def give_up(self) -> None:
        """Let nobody wait for more."""
        self._more = False
        if self._waiting is not None:
            self._waiting.cancel()

    async def _take(self) -> None:
        """Take what comes next."""
        try:
            async with asyncio.timeout(SILENCE):
                event = await self._receive()
        except TimeoutError as error:
            self._more = False
            raise TooSlow from error
        if event["type"] == "http.disconnect":
            self._more = False
            message = "The body ended too early; what was committed of it stays."
            raise Malformed(message)
        self._held = event.get("body", b"")
        self._more = event.get("more_body", False)
        self.count += len(self._held)
        self._hash.update(self._held)
        if self.count > self._most:
            self._more = False
            raise TooLarge(self._most)
