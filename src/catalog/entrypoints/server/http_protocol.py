"""HTTP/1.1 connections with limits: uvicorn's httptools protocol, plus the limits that uvicorn leaves to a reverse proxy.

A request head has a size limit and a deadline, idle connections make room for new ones, and a client that stops reading its
response is disconnected. One `ConnectionMonitor` per process enforces the deadlines from the server's tick, so no connection
needs its own timer.
"""

import asyncio
import json
from collections import OrderedDict
from typing import Any, Final
from urllib.parse import unquote

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from catalog.entrypoints.server.response_cycle import ResponseCycle
from catalog.entrypoints.settings.sections import HttpSettings

MAX_URL: Final = 16 * 1024
"""Bytes of a request's path and query. Longer ones get 414."""

MAX_HEAD: Final = 32 * 1024
"""Bytes of a request's line and headers together. Larger heads get 431."""

MIN_PROGRESS: Final = 16 * 1024
"""Bytes that a client must read within `HttpSettings.send_timeout_seconds` to keep a connection whose send buffer is full."""

_CHECK_SECONDS: Final = 0.5
"""Seconds between two checks of all deadlines."""

_LINGER_SECONDS: Final = 2.0
"""Seconds that a rejected connection stays open, so that the client can read the response."""

_URL_TOO_LONG: Final = (
    414,
    f"The URL is too long. The limit is {MAX_URL:,} bytes for path and query together; split the request.",
)
_HEAD_TOO_LARGE: Final = (
    431,
    f"The headers are too large. The limit is {MAX_HEAD:,} bytes for request line and headers together.",
)
_MALFORMED: Final = (400, "Malformed HTTP/1.1 request.")
_TOO_MANY_CONNECTIONS: Final = (503, "Too many open connections; retry in a moment.")

_CODES_AND_TITLES: Final = {
    400: ("bad_request", "Bad Request"),
    408: ("request_timeout", "Request Timeout"),
    414: ("uri_too_long", "URI Too Long"),
    431: ("headers_too_large", "Request Header Fields Too Large"),
    503: ("too_many_connections", "Service Unavailable"),
}
"""Code and title of each rejection. (All other errors are in catalog.entrypoints.http.responses.problems.)"""

_log = structlog.get_logger("catalog.connections")


class ConnectionMonitor:
    """Deadlines and counts of all connections of one process."""

    def __init__(self, settings: HttpSettings, max_connections: int) -> None:
        """Enforce these settings, with at most `max_connections` connections."""
        self.max_connections = max_connections
        self.read_timeout_seconds = settings.read_timeout_seconds
        self.send_timeout_seconds = settings.send_timeout_seconds
        self.keep_alive_seconds = settings.keep_alive_seconds
        self.now = 0.0
        """The loop's time at the last tick. It is precise enough for deadlines in seconds, and costs no system call."""
        # Connections that wait for a request head, with its deadline; the longest idle first.
        self.idle: OrderedDict[HttpConnection, float] = OrderedDict()  # finding a dict's first key is slow after many deletions
        # Connections whose send buffer is full: the deadline for progress, and the buffer's size when the deadline was set.
        self.blocked: dict[HttpConnection, tuple[float, int]] = {}
        self._closing: set[HttpConnection] = set()
        self._next_check = 0.0
        self._next_scan = 0.0

    def tick(self, now: float, connections: set[Any]) -> None:
        """Record the time, and periodically end connections whose deadline has passed."""
        self.now = now
        if now < self._next_check:
            return
        self._next_check = now + _CHECK_SECONDS
        for connection in [connection for connection, deadline in self.idle.items() if deadline < now]:
            connection.time_out()
        for connection, (deadline, size) in [*self.blocked.items()]:
            if deadline < now:
                connection.check_progress(size)
        if now >= self._next_scan:
            self._next_scan = now + self.send_timeout_seconds
            self._abort_lingering(connections)

    def make_room(self) -> bool:
        """Abort the connection that has been idle for the longest time. Return whether there was one."""
        oldest = next(iter(self.idle), None)
        if oldest is None:
            return False
        oldest.abort()
        return True

    def _abort_lingering(self, connections: set[Any]) -> None:
        """Abort connections that were closing at the last scan and still are: the client does not read the rest."""
        closing = {
            connection for connection in connections if connection.transport is not None and connection.transport.is_closing()
        }
        for connection in closing & self._closing:
            connection.transport.abort()
        self._closing = closing - self._closing


class MonitoredState(ServerState):
    """uvicorn's server state, with the monitor that its connections report to."""

    monitor: ConnectionMonitor


class HttpConnection(HttpToolsProtocol):
    """One HTTP/1.1 connection."""

    server_state: MonitoredState

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        """Create the connection in the running loop."""
        super().__init__(*args, **kwargs)
        self._monitor = self.server_state.monitor
        self._buffered = 0
        self._head_is_large = False
        self._rejected = False
        self._is_keep_alive = False  # idle since a response: the deadline is for the first byte of the next head

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - an asyncio transport
        """Accept the connection. If there are too many, abort an idle one, or else reject this one."""
        super().connection_made(transport)
        monitor = self._monitor
        if len(self.connections) > monitor.max_connections and not monitor.make_room():
            self._reject(_TOO_MANY_CONNECTIONS)
            return
        monitor.idle[self] = monitor.now + monitor.read_timeout_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from the monitor."""
        self._monitor.idle.pop(self, None)
        self._monitor.blocked.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes. What the parser buffers (a head, chunk extensions, trailers) is limited like a head."""
        if self._rejected:
            return
        self._buffered += len(data)
        self._head_is_large = self._buffered > MAX_HEAD
        super().data_received(data)
        if self._buffered > MAX_HEAD and not self._rejected:
            self._reject(_URL_TOO_LONG if self._is_reading_head and len(self.url) > MAX_URL else _HEAD_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Pass the request to the application, which also responds if the head is too large."""
        self._buffered = 0
        self._monitor.idle.pop(self, None)
        if len(self.url) > MAX_URL:
            self.scope["state"]["rejection"] = _URL_TOO_LONG
        elif self._head_is_large and self._head_size() > MAX_HEAD:
            self.scope["state"]["rejection"] = _HEAD_TOO_LARGE
        self._start_cycle()

    def _start_cycle(self) -> None:
        """Complete the scope of the request, and pass it to the application when the ones before it are answered.

        Does the same as uvicorn's `on_headers_complete`, with a cycle of another class, for a server that has no WebSockets.
        """
        scope, parser = self.scope, self.parser
        version = parser.get_http_version()
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope["http_version"] = version
        scope["method"] = parser.get_method().decode("ascii")
        scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        scope["raw_path"] = self.root_path.encode() + url.path
        scope["query_string"] = url.query or b""
        previous: RequestResponseCycle | None = self.cycle
        self.cycle = ResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if previous is None or previous.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_body(self, body: bytes) -> None:
        """Pass a chunk of the body on."""
        self._buffered = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Start the next pipelined request, or register the connection as idle.

        Does the same as uvicorn's method, but without a timer: creating and cancelling one takes 2 % of a small request's time.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            monitor = self._monitor
            monitor.idle[self] = monitor.now + monitor.keep_alive_seconds
            self._is_keep_alive = True

    def pause_writing(self) -> None:
        """Register the connection as blocked: its send buffer is full."""
        super().pause_writing()
        self._monitor.blocked[self] = (
            self._monitor.now + self._monitor.send_timeout_seconds,
            self.transport.get_write_buffer_size(),
        )

    def resume_writing(self) -> None:
        """Register that the client has caught up."""
        self._monitor.blocked.pop(self, None)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Reject a malformed request."""
        self._reject(_MALFORMED)

    def time_out(self) -> None:
        """End a connection whose request head did not arrive in time. If part of it arrived, respond with 408."""
        monitor = self._monitor
        if self._rejected or not self._is_reading_head:
            self.abort()
        elif self._is_keep_alive:
            self._is_keep_alive = False
            monitor.idle[self] = monitor.idle.pop(self) + monitor.read_timeout_seconds
        else:
            self._reject((408, f"The request line and headers did not arrive within {monitor.read_timeout_seconds:g} seconds."))

    def check_progress(self, previous_size: int) -> None:
        """Abort, leaving the response incomplete, if the buffer has shrunk too little since it had `previous_size` bytes."""
        size = self.transport.get_write_buffer_size()
        if previous_size - size < MIN_PROGRESS:
            _log.info("slow_client_disconnected", buffered=size)
            self.abort()
        else:
            self._monitor.blocked[self] = (self._monitor.now + self._monitor.send_timeout_seconds, size)

    def abort(self) -> None:
        """Close the connection at once, without flushing."""
        self._monitor.idle.pop(self, None)
        self._monitor.blocked.pop(self, None)
        self.transport.abort()

    @property
    def _is_reading_head(self) -> bool:
        """Whether a request head has begun and is not complete; uvicorn sets the method when it is."""
        return self.scope is not None and "method" not in self.scope  # type: ignore[redundant-expr]  # None before the first request

    def _head_size(self) -> int:
        """Return the size of the head that was just parsed."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _reject(self, rejection: tuple[int, str]) -> None:
        """Respond without the application, because there is no complete request, and close the connection."""
        status, detail = rejection
        self._rejected = True
        _log.info("connection_rejected", status=status, client=self.client and self.client[0])
        cycle: ResponseCycle | None = self.cycle  # type: ignore[assignment]  # _start_cycle creates it
        if cycle is None or cycle.response_complete or not cycle.is_partly_written:  # otherwise that response would be garbled
            self.transport.write(_encode_response(status, detail))
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # the application sees a disconnected client, and the rest of its response is dropped
            cycle.message_event.set()
        # Closing with unread bytes would reset the connection, and the client would not get the response. So received bytes are
        # dropped for a moment before the connection closes.
        self.transport.write_eof()
        self._monitor.idle[self] = self._monitor.now + _LINGER_SECONDS


def _encode_response(status: int, detail: str) -> bytes:
    """Encode a response with a problem (RFC 9457) that closes the connection."""
    code, title = _CODES_AND_TITLES[status]
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}).encode()
    lines = [
        f"HTTP/1.1 {status} {title}",
        "content-type: application/problem+json",
        f"content-length: {len(body)}",
        "x-content-type-options: nosniff",
        *(["retry-after: 1"] if status == 503 else []),  # noqa: PLR2004 - a status
        "connection: close",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
