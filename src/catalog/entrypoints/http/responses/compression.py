"""Gzip compression of responses, for clients that request it with Accept-Encoding."""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from functools import lru_cache
from typing import Any, Final

from catalog.entrypoints.http.requests.headers import header

GZIP: Final = (b"content-encoding", b"gzip")

MIN_SIZE: Final = 1024
"""Smallest body that is compressed, in bytes."""

_LEVEL: Final = 5
_GZIP_WBITS: Final = 31
_MIN_THREAD_SIZE: Final = 64 * 1024
"""Smallest body that is compressed in a thread, in bytes. On the event loop it would block other requests for over 1 ms."""


def accepts_gzip(scope: Any) -> bool:  # noqa: ANN401 - an ASGI scope
    """Return whether the client accepts gzip (RFC 9110, section 12.5.3). It must name gzip; `*` is not enough."""
    value = header(scope, b"accept-encoding")
    return value is not None and _includes_gzip(value)


@lru_cache(maxsize=256)
def _includes_gzip(value: str) -> bool:
    for part in value.lower().split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        if coding in ("gzip", "x-gzip"):
            return not any(_is_zero_weight(parameter) for parameter in parameters)
    return False


def _is_zero_weight(parameter: str) -> bool:
    """Return whether a parameter is a weight of zero: q=0, q=0.000."""
    name, _, weight = parameter.partition("=")
    return name.strip() == "q" and weight.strip(" 0.") == ""


async def compress(body: bytes) -> bytes:
    """Compress a whole body. Small bodies are memoized, so a response that is served repeatedly is compressed once."""
    return _compress_cached(body) if len(body) < _MIN_THREAD_SIZE else await asyncio.to_thread(_compress, body)


async def gzip_chunks(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Compress a stream chunk by chunk, as one gzip member. If the stream fails, the end-of-stream marker is missing."""
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP_WBITS)
    try:
        async for chunk in chunks:
            if len(chunk) < _MIN_THREAD_SIZE:
                output = compressor.compress(chunk)
            else:
                output = await asyncio.to_thread(compressor.compress, chunk)
            if output:
                yield output
        yield compressor.flush()
    finally:
        await chunks.aclose()


def _compress(body: bytes) -> bytes:
    return zlib.compress(body, _LEVEL, wbits=_GZIP_WBITS)


_compress_cached = lru_cache(maxsize=128)(_compress)
