"""Compression of responses with gzip, where a client asks for it with Accept-Encoding."""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from functools import lru_cache
from typing import Any, Final

from catalog.entrypoints.http.requests.headers import header

GZIP: Final = (b"content-encoding", b"gzip")

MIN_SIZE: Final = 1024
"""Bytes from which on a body is worth compressing."""

_LEVEL: Final = 5
_GZIP_FORMAT: Final = 31
_IN_THREAD: Final = 64 * 1024
"""Bytes from which on the compressing is left to a thread: it would hold up other requests for more than a millisecond."""


def accepts_gzip(scope: Any) -> bool:  # noqa: ANN401 - an ASGI scope
    """Return whether the client takes gzip (RFC 9110, section 12.5.3). It has to name it: `*` is not enough."""
    value = header(scope, b"accept-encoding")
    return value is not None and _names_gzip(value)


@lru_cache(maxsize=256)
def _names_gzip(value: str) -> bool:
    for part in value.lower().split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        if coding in ("gzip", "x-gzip"):
            return not any(_is_zero(one) for one in parameters)
    return False


def _is_zero(parameter: str) -> bool:
    """Whether a parameter is a weight of nothing: q=0, q=0.000."""
    name, _, weight = parameter.partition("=")
    return name.strip() == "q" and weight.strip(" 0.") == ""


async def compressed(body: bytes) -> bytes:
    """Compress a whole body. Those that come again from the cache are compressed once."""
    return _compress_again(body) if len(body) < _IN_THREAD else await asyncio.to_thread(_compress, body)


async def gzip_pieces(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Compress a stream, piece by piece, as one gzip member. A stream that breaks off has no end mark."""
    compressor = zlib.compressobj(_LEVEL, wbits=_GZIP_FORMAT)
    try:
        async for piece in pieces:
            if len(piece) < _IN_THREAD:
                made = compressor.compress(piece)
            else:
                made = await asyncio.to_thread(compressor.compress, piece)
            if made:
                yield made
        yield compressor.flush()
    finally:
        await pieces.aclose()


def _compress(body: bytes) -> bytes:
    return zlib.compress(body, _LEVEL, wbits=_GZIP_FORMAT)


_compress_again = lru_cache(maxsize=128)(_compress)
