"""Writes responses as uvicorn does, in a third of the time.

uvicorn matches the name and the value of each header against a pattern, and writes head and body with a system call each. With
the headers of this service, that takes longer than everything else that it does for a response from its cache.
"""

from collections.abc import Sequence
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_NO_BODY: Final = (204, 304)
"""Statuses of responses without a body, whatever the method."""

_LINE_END: Final = b"\r\n"

_TEXT: Final = bytes({*range(256)} - {*range(0x20), 0x7F} | {0x09})
"""The bytes that a header may have: all except control characters other than the tab."""


class ResponseCycle(RequestResponseCycle):
    """A request and its response. The head of the response is written with the first part of its body, unless it is a stream."""

    _head = b""
    """The head, until it is written."""

    @property
    def is_partly_written(self) -> bool:
        """Whether the client may have got the beginning of the response."""
        return self.response_started and not self._head

    async def send(self, message: Any) -> None:  # noqa: ANN401 - ASGI's
        """Write an ASGI message. Raises: RuntimeError if it may not come now, or contradicts the head."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        expected = "http.response.body" if self.response_started else "http.response.start"
        if self.response_complete or message["type"] != expected:
            error = f"Unexpected ASGI message {message['type']!r}."
            raise RuntimeError(error)
        if self.response_started:
            self._write(message.get("body", b""), is_last=not message.get("more_body", False))
        else:
            self._start(message["status"], [*self.default_headers, *message.get("headers", ())])

    def _start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Take the head. The names of headers are in lower case, as ASGI requires."""
        length: int | None = None
        closes = False
        lines = len(headers) + 2  # with the line of the status and the empty one
        parts = [STATUS_LINE[status]]
        for name, value in headers:
            parts += name, b": ", value, _LINE_END
            if name == b"content-length":
                length = int(value)
            elif name == b"connection":
                closes = b"close" in value.lower()
        if not self.keep_alive and not closes:
            parts.append(b"connection: close\r\n")
            lines += 1
        is_stream = length is None and self.scope["method"] != "HEAD" and status not in _NO_BODY
        if is_stream:
            parts.append(b"transfer-encoding: chunked\r\n")
            lines += 1
        parts.append(_LINE_END)
        head = b"".join(parts)
        if head.translate(None, _TEXT) != _LINE_END * lines:  # a line break in a value would begin another header
            error = "A header of the response has a control character."
            raise RuntimeError(error)
        self.response_started = True
        self.waiting_for_100_continue = False
        self.keep_alive = self.keep_alive and not closes
        self.chunked_encoding = is_stream
        self.expected_content_length = length or 0
        if is_stream:  # its first part may come much later
            self.transport.write(head)
        else:
            self._head = head

    def _write(self, body: bytes, *, is_last: bool) -> None:
        """Write a part of the body."""
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            parts = [self._head]
        elif self.chunked_encoding:
            parts = [b"%x\r\n" % len(body), body, _LINE_END] if body else []
            if is_last:
                parts.append(b"0\r\n\r\n")
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0 or (is_last and self.expected_content_length):
                error = "The body of the response is not as long as its Content-Length."
                raise RuntimeError(error)
            parts = [self._head, body]
        self._head = b""
        # Not writelines: with asyncio's own loop, Python 3.12 and later never finish with an empty last part, and several
        # versions do not pause for a client that reads slowly (CVE-2024-12254).
        self.transport.write(b"".join(parts))
        if is_last:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()
