"""Answers whose bytes are ready: status, headers and body go out as they are, past the conversions of a framework's response."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Self

import msgspec
import structlog

from catalog.ports.cache import Content

Header = tuple[bytes, bytes]

_log = structlog.get_logger("catalog.http")

_JSON = (b"content-type", b"application/json")
# Answers are the caller's own, and asked for again each time: with the ETag that costs little.
_PRIVATE = (b"cache-control", b"private, no-cache")


class Sent(ABC):
    """An ASGI application that a handler returns: the framework calls it."""

    __slots__ = ()

    @abstractmethod
    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send the answer."""


class Answer(Sent):
    """An ASGI application that sends one answer."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, content: Content, *headers: Header) -> None:
        """Send this, with more headers."""
        self._status = status
        self._body = content.body
        self._headers = [*content.headers, *headers]

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send it."""
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})

    def packed(self) -> bytes:
        """Write it down, to be given again (`unpacked`)."""
        return msgspec.msgpack.encode((self._status, self._headers, self._body))

    @classmethod
    def unpacked(cls, packed: bytes, *headers: Header) -> Self:
        """Bring back what was `packed`, with more headers."""
        status, its, body = _packed.decode(packed)
        return cls(status, Content(body, tuple(its)), *headers)


_packed = msgspec.msgpack.Decoder(tuple[int, list[Header], bytes])


class Streamed(Sent):
    """An ASGI application that sends an answer piece by piece, as fast as it is taken, and stops when nobody takes it."""

    __slots__ = ("_first", "_headers", "_pieces")

    def __init__(self, first: bytes, pieces: AsyncGenerator[bytes, None], *headers: Header) -> None:
        """Send the first piece, then the others."""
        self._first = first
        self._pieces = pieces
        self._headers = [_PRIVATE, *headers]

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send it. What fails on the way cuts the answer off, so that nobody takes it for whole."""
        gone = asyncio.create_task(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            await send({"type": "http.response.body", "body": self._first, "more_body": True})
            async for piece in self._pieces:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            await self._pieces.aclose()


class Live(Sent):
    """An ASGI application that sends pieces as they come, without an end of its own, to whoever takes them."""

    __slots__ = ("_headers", "_pieces", "_sending")

    def __init__(self, *headers: Header) -> None:
        """Send with these headers; `pieces` is to be set before it is called."""
        self._headers = [(b"cache-control", b"no-store"), *headers]
        self._pieces: AsyncGenerator[bytes, None] | None = None
        self._sending: asyncio.Task[None] | None = None

    def send_from(self, pieces: AsyncGenerator[bytes, None]) -> None:
        """Send these."""
        self._pieces = pieces

    def cut(self) -> None:
        """Send no more, even where sending waits for somebody who takes nothing."""
        _log.info("slow_reader_cut")
        if self._sending is not None:
            self._sending.cancel()

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send until the pieces end, or the caller hangs up. Who was cut off finds the answer ended, and asks again."""
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        self._sending = asyncio.create_task(self._send(send))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((self._sending, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            self._sending.cancel()
            await asyncio.wait((self._sending,))
        if not self._sending.cancelled() and self._sending.exception() is not None:
            _log.warning("stream_broken", reason=str(self._sending.exception()))

    async def _send(self, send: Any) -> None:  # noqa: ANN401 - ASGI's
        if self._pieces is None:
            return
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Any) -> None:  # noqa: ANN401 - ASGI's
    """Return when the caller hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def json_content(body: bytes, *headers: Header) -> Content:
    """Make the content of an answer in JSON."""
    return Content(body, (_PRIVATE, _JSON, (b"content-length", b"%d" % len(body)), *headers))


def no_content(*headers: Header) -> Content:
    """Make the content of an answer without a body."""
    return Content(b"", (_PRIVATE, *headers))
