"""Answers whose bytes are ready: status, headers and body go out as they are, past the conversions of a framework's response."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Self

import msgspec
import structlog

from catalog.entrypoints.http.responses.compression import GZIP, MIN_SIZE, accepts_gzip, compressed, gzip_pieces
from catalog.ports.cache import ResponseContent

Header = tuple[bytes, bytes]

_log = structlog.get_logger("catalog.http")

_JSON = (b"content-type", b"application/json")
NO_STORE = (b"cache-control", b"no-store")
# Answers are the caller's own, and asked for again each time: with the ETag that costs little.
_PRIVATE = (b"cache-control", b"private, no-cache")


class AsgiResponse(ABC):
    """An ASGI application that a handler returns: the framework calls it."""

    __slots__ = ()

    @abstractmethod
    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send the answer."""


class PreparedResponse(AsgiResponse):
    """An ASGI application that sends one answer."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, content: ResponseContent, *headers: Header) -> None:
        """Send this, with more headers."""
        self._status = status
        self._body = content.body
        self._headers = [*content.headers, *headers]

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send it, compressed if that is worthwhile and asked for."""
        headers, body = self._headers, self._body
        if len(body) >= MIN_SIZE and accepts_gzip(scope) and not _tagged_strongly(headers):
            body = await compressed(body)
            headers = [one for one in headers if one[0] != b"content-length"]
            headers += [GZIP, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def pack(self) -> bytes:
        """Write it down, to be given again (`unpacked`)."""
        return msgspec.msgpack.encode((self._status, self._headers, self._body))

    @classmethod
    def unpack(cls, packed: bytes, *headers: Header) -> Self:
        """Bring back what was `packed`, with more headers."""
        status, its, body = _packed.decode(packed)
        return cls(status, ResponseContent(body, tuple(its)), *headers)


_packed = msgspec.msgpack.Decoder(tuple[int, list[Header], bytes])


class StreamingResponse(AsgiResponse):
    """An ASGI application that sends an answer piece by piece, as fast as it is taken, and stops when nobody takes it."""

    __slots__ = ("_first", "_headers", "_pieces")

    def __init__(self, first: bytes, pieces: AsyncGenerator[bytes, None], *headers: Header) -> None:
        """Send the first piece, then the others."""
        self._first = first
        self._pieces = pieces
        self._headers = [_PRIVATE, *headers]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send it. What fails on the way cuts the answer off, so that nobody takes it for whole.

        So does a client that does not take a piece within `HttpSettings.send_seconds`: a stream holds a snapshot of the store,
        and one of few slots. (The transport buffers 64 KiB, so that is about 2 KiB a second.) HEAD gets the headers, and no
        piece is made.
        """
        if "bodiless" in scope["state"]:
            await self._pieces.aclose()
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            await send({"type": "http.response.body", "body": b""})
            return
        headers, pieces = self._headers, _begun(self._first, self._pieces)
        if accepts_gzip(scope):
            headers, pieces = [*headers, GZIP], gzip_pieces(pieces)
        patience: float = scope["app"].state.send_seconds
        gone = asyncio.create_task(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for piece in pieces:
                if gone.done() or not await _taken(send, piece, patience):
                    return
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            await pieces.aclose()
            await self._pieces.aclose()


async def _begun(first: bytes, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Put back the piece that was taken to see whether there are any."""
    yield first
    async for piece in pieces:
        yield piece


async def _taken(send: Any, piece: bytes, patience: float) -> bool:  # noqa: ANN401 - ASGI's
    """Send a piece; return whether the transport had room for it in time."""
    try:
        async with asyncio.timeout(patience):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except TimeoutError:
        _log.info("slow_reader_cut", seconds=patience)
        return False
    return True


class EventStream(AsgiResponse):
    """An ASGI application that sends pieces as they come, without an end of its own, to whoever takes them."""

    __slots__ = ("_headers", "_pieces", "_sending")

    def __init__(self, *headers: Header) -> None:
        """Send with these headers; `pieces` is to be set before it is called."""
        self._headers = [NO_STORE, *headers]
        self._pieces: AsyncGenerator[bytes, None] | None = None
        self._sending: asyncio.Task[None] | None = None

    def stream(self, pieces: AsyncGenerator[bytes, None]) -> None:
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


def _tagged_strongly(headers: list[Header]) -> bool:
    """Whether an ETag stands for these very bytes: compressed, they would need another one."""
    return any(name == b"etag" and not value.startswith(b"W/") for name, value in headers)


async def _gone(receive: Any) -> None:  # noqa: ANN401 - ASGI's
    """Return when the caller hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def json_content(body: bytes, *headers: Header) -> ResponseContent:
    """Make the content of an answer in JSON."""
    return ResponseContent(body, (_PRIVATE, _JSON, (b"content-length", b"%d" % len(body)), *headers))


def no_content(*headers: Header) -> ResponseContent:
    """Make the content of an answer without a body."""
    return ResponseContent(b"", (_PRIVATE, *headers))
