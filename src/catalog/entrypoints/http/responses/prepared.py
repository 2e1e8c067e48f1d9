"""Responses whose bytes are ready to send. They bypass the framework's response classes and their conversions."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Self

import msgspec
import structlog

from catalog.entrypoints.http.responses.compression import GZIP, MIN_SIZE, accepts_gzip, compress, gzip_chunks
from catalog.ports.cache import ResponseContent

Header = tuple[bytes, bytes]

_log = structlog.get_logger("catalog.http")

_JSON = (b"content-type", b"application/json")
FILE_MEDIA_TYPES = {
    "csv": b"text/csv; charset=utf-8",
    "tsv": b"text/tab-separated-values; charset=utf-8",
    "jsonl": b"application/jsonl",
    "json": b"application/json",
    "xlsx": b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""The Content-Type of a file by its format."""

NO_STORE = (b"cache-control", b"no-store")
# Responses belong to the caller, and clients revalidate them each time: with an ETag that is cheap.
_PRIVATE = (b"cache-control", b"private, no-cache")


class AsgiResponse(ABC):
    """An ASGI application that a handler returns and the framework calls."""

    __slots__ = ()

    @abstractmethod
    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send the response."""


class PreparedResponse(AsgiResponse):
    """A response that is sent in one piece."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, content: ResponseContent, *headers: Header) -> None:
        """Send `content` with additional `headers`."""
        self._status = status
        self._body = content.body
        self._headers = [*content.headers, *headers]

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send the response, compressed if it is large enough and the client accepts gzip."""
        headers, body = self._headers, self._body
        if len(body) >= MIN_SIZE and accepts_gzip(scope) and not _has_strong_etag(headers):
            body = await compress(body)
            headers = [header for header in headers if header[0] != b"content-length"]
            headers += [GZIP, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def pack(self) -> bytes:
        """Serialize the response, to be stored and sent again (see `unpack`)."""
        return msgspec.msgpack.encode((self._status, self._headers, self._body))

    @classmethod
    def unpack(cls, packed: bytes, *headers: Header) -> Self:
        """Deserialize the result of `pack`, with additional headers."""
        status, packed_headers, body = _packed_decoder.decode(packed)
        return cls(status, ResponseContent(body, tuple(packed_headers)), *headers)


_packed_decoder = msgspec.msgpack.Decoder(tuple[int, list[Header], bytes])


class StreamingResponse(AsgiResponse):
    """A response that is sent in chunks, as fast as the client reads. It stops if the client disconnects or is too slow."""

    __slots__ = ("_chunks", "_compressible", "_first_chunk", "_headers")

    def __init__(
        self, first_chunk: bytes, chunks: AsyncGenerator[bytes, None], *headers: Header, compressible: bool = True
    ) -> None:
        """Send `first_chunk`, then the others. Content that is compressed already is not `compressible`."""
        self._first_chunk = first_chunk
        self._chunks = chunks
        self._headers = [_PRIVATE, *headers]
        self._compressible = compressible

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send the response. If producing a chunk fails, the response is cut off, so that clients notice that it is incomplete.

        It is also cut off if the client takes longer than `HttpSettings.send_timeout_seconds` over a chunk: a stream holds a
        snapshot of the store and one of a few slots. (The transport buffers 64 KiB, so that is about 2 KiB per second.)
        HEAD gets the headers only, and no chunk is produced.
        """
        if "bodiless" in scope["state"]:
            await self._chunks.aclose()
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            await send({"type": "http.response.body", "body": b""})
            return
        headers, chunks = self._headers, _prepend(self._first_chunk, self._chunks)
        if self._compressible and accepts_gzip(scope):
            headers, chunks = [*headers, GZIP], gzip_chunks(chunks)
        timeout: float = scope["app"].state.send_timeout_seconds
        disconnect = asyncio.create_task(_wait_for_disconnect(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for chunk in chunks:
                if disconnect.done() or not await _send_chunk(send, chunk, timeout):
                    return
            await send({"type": "http.response.body", "body": b""})
        finally:
            disconnect.cancel()
            await chunks.aclose()
            await self._chunks.aclose()


async def _prepend(first_chunk: bytes, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Put back the first chunk, which was read to detect errors before the response starts."""
    yield first_chunk
    async for chunk in chunks:
        yield chunk


async def _send_chunk(send: Any, chunk: bytes, seconds: float) -> bool:  # noqa: ANN401 - ASGI's
    """Send a chunk. Return whether the transport accepted it in time."""
    try:
        async with asyncio.timeout(seconds):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except TimeoutError:
        _log.info("slow_client_disconnected", seconds=seconds)
        return False
    return True


class EventStream(AsgiResponse):
    """A response that sends chunks as they are produced, until they end or the client disconnects."""

    __slots__ = ("__weakref__", "_chunks", "_headers", "_seconds", "_send_task")

    def __init__(self, *headers: Header, seconds: float | None = None) -> None:
        """Send these headers. Call `stream` before the response is sent. It ends after this many seconds, if given."""
        self._headers = [NO_STORE, *headers]
        self._seconds = seconds
        self._chunks: AsyncGenerator[bytes, None] | None = None
        self._send_task: asyncio.Task[None] | None = None

    def stream(self, chunks: AsyncGenerator[bytes, None]) -> None:
        """Set the chunks to send."""
        self._chunks = chunks

    def cut(self) -> None:
        """End the response at once, even while waiting for a client that does not read."""
        _log.info("slow_client_disconnected")
        self.stop()

    def stop(self) -> None:
        """End the response at once. If it has not begun yet, it will be empty."""
        self._seconds = 0
        if self._send_task is not None:
            self._send_task.cancel()

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send until the chunks end, the client disconnects, the time is over, or `cut` or `stop` is called.

        A client that is cut off sees the response end, and can reconnect and resume.
        """
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        self._send_task = asyncio.create_task(self._send_chunks(send))
        disconnect = asyncio.create_task(_wait_for_disconnect(receive))
        try:
            await asyncio.wait((self._send_task, disconnect), timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            disconnect.cancel()
            self._send_task.cancel()
            await asyncio.wait((self._send_task,))
        if not self._send_task.cancelled() and self._send_task.exception() is not None:
            _log.warning("stream_failed", reason=str(self._send_task.exception()))

    async def _send_chunks(self, send: Any) -> None:  # noqa: ANN401 - ASGI's
        if self._chunks is None:
            return
        async with aclosing(self._chunks) as chunks:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _has_strong_etag(headers: list[Header]) -> bool:
    """Return whether there is a strong ETag. It identifies the exact bytes, so the compressed body would need a different one."""
    return any(name == b"etag" and not value.startswith(b"W/") for name, value in headers)


async def _wait_for_disconnect(receive: Any) -> None:  # noqa: ANN401 - ASGI's
    """Return when the client disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass


def file_headers(format_name: str, charset: str | None) -> tuple[Header, Header]:
    """Return the headers of a file to download, in this format and with this encoding if it is text."""
    media_type = FILE_MEDIA_TYPES[format_name]
    if charset is not None:
        media_type = media_type.replace(b"utf-8", charset.encode())
    return (b"content-type", media_type), (b"content-disposition", f'attachment; filename="items.{format_name}"'.encode())


def json_content(body: bytes, *headers: Header) -> ResponseContent:
    """Return the content of a JSON response."""
    return ResponseContent(body, (_PRIVATE, _JSON, (b"content-length", b"%d" % len(body)), *headers))


def secret_content(body: bytes, *headers: Header) -> ResponseContent:
    """Return the content of a JSON response that nobody may store."""
    return ResponseContent(body, (NO_STORE, _JSON, (b"content-length", b"%d" % len(body)), *headers))


def no_content(*headers: Header) -> ResponseContent:
    """Return the content of a response without a body."""
    return ResponseContent(b"", (_PRIVATE, *headers))
