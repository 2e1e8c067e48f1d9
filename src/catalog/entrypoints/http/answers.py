"""Answers whose bytes are ready: status, headers and body go out as they are, past the conversions of a framework's response."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from catalog.ports.cache import Content

Header = tuple[bytes, bytes]

_JSON = (b"content-type", b"application/json")
# Answers are the caller's own, and asked for again each time: with the ETag that costs little.
_PRIVATE = (b"cache-control", b"private, no-cache")


class Answer:
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


class Streamed:
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
