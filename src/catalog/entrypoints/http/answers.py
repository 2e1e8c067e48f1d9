"""Answers whose bytes are ready: status, headers and body go out as they are, past the conversions of a framework's response."""

from typing import Any

Header = tuple[bytes, bytes]

_JSON = (b"content-type", b"application/json")
# Answers are the caller's own, and asked for again each time: with the ETag that costs little.
_PRIVATE = (b"cache-control", b"private, no-cache")


class Answer:
    """An ASGI application that sends one answer: JSON, or no body at all (then without a type)."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, body: bytes, *headers: Header) -> None:
        """Send this."""
        self._status = status
        self._body = body
        self._headers = [_PRIVATE, *headers]
        if body:
            self._headers += (_JSON, (b"content-length", b"%d" % len(body)))

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Send it."""
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})
