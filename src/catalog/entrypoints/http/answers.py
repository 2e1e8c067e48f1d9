"""Answers whose bytes are ready: status, headers and body go out as they are, past the conversions of a framework's response."""

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


def json_content(body: bytes, *headers: Header) -> Content:
    """Make the content of an answer in JSON."""
    return Content(body, (_PRIVATE, _JSON, (b"content-length", b"%d" % len(body)), *headers))


def no_content(*headers: Header) -> Content:
    """Make the content of an answer without a body."""
    return Content(b"", (_PRIVATE, *headers))
