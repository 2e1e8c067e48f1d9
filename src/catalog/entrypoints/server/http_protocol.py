"""HTTP/1.1 connections with limits: uvicorn's httptools protocol, plus what uvicorn leaves to a reverse proxy.

A request head has a size limit and a deadline, idle connections make room for new ones, and a client that stops reading its
response is disconnected. One `Watch` per process enforces the deadlines from the server's own tick, so that no connection
needs a timer.
"""

import json
from collections import OrderedDict
from typing import Any, Final

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from catalog.entrypoints.settings import HttpSettings

MAX_URL: Final = 16 * 1024
"""Bytes of a request's path and query; beyond, 414."""

MAX_HEAD: Final = 32 * 1024
"""Bytes of a request's line and headers together; beyond, 431."""

MIN_PROGRESS: Final = 16 * 1024
"""Bytes that a client has to read within `HttpSettings.send_seconds` to keep a connection whose send buffer is full."""

_SWEEP: Final = 0.5
"""Seconds between two checks of all deadlines."""

_LINGER: Final = 2.0
"""Seconds in which a client that was refused may read the reason."""

_TOO_LONG: Final = (414, f"The path and the query together are longer than {MAX_URL:,} bytes; ask for less in one request.")
_TOO_LARGE: Final = (431, f"The request line and the headers together are larger than {MAX_HEAD:,} bytes; send fewer of them.")
_MALFORMED: Final = (400, "This is not a well-formed HTTP/1.1 request.")
_CROWDED: Final = (503, "The service has as many connections as it takes; try again in a moment.")

_NAMES: Final = {
    400: ("bad_request", "Bad Request"),
    408: ("request_timeout", "Request Timeout"),
    414: ("uri_too_long", "URI Too Long"),
    431: ("headers_too_large", "Request Header Fields Too Large"),
    503: ("too_many_connections", "Service Unavailable"),
}
"""Code and title of each refusal. The outer layer has the same for all others (catalog.entrypoints.http.responses.problems)."""

_log = structlog.get_logger("catalog.connections")


class ConnectionMonitor:
    """Deadlines and counts of all connections of one process."""

    def __init__(self, http: HttpSettings, max_connections: int) -> None:
        """Enforce these settings, with at most so many connections."""
        self.max_connections = max_connections
        self.read_seconds = http.read_seconds
        self.send_seconds = http.send_seconds
        self.keep_alive = http.keep_alive_seconds
        self.now = 0.0
        """The loop's time at the last tick; precise enough for deadlines in seconds, and free."""
        # Connections that wait for a request head, with the deadline for it; the longest idle first.
        self.idle: OrderedDict[HttpConnection, float] = OrderedDict()  # a dict's first key is slow to find after many deletions
        # Connections whose send buffer is full: the deadline for progress, and the buffer's size when it was set.
        self.blocked: dict[HttpConnection, tuple[float, int]] = {}
        self._closing: set[HttpConnection] = set()
        self._next_sweep = 0.0
        self._next_scan = 0.0

    def tick(self, now: float, connections: set[Any]) -> None:
        """Note the time, and every now and then end what is overdue."""
        self.now = now
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP
        for connection in [one for one, deadline in self.idle.items() if deadline < now]:
            connection.time_out()
        for connection, (deadline, size) in [*self.blocked.items()]:
            if deadline < now:
                connection.check_progress(size)
        if now >= self._next_scan:
            self._next_scan = now + self.send_seconds
            self._abort_lingering(connections)

    def make_room(self) -> bool:
        """End the connection that has been idle for the longest; return whether there was one."""
        oldest = next(iter(self.idle), None)
        if oldest is None:
            return False
        oldest.abort()
        return True

    def _abort_lingering(self, connections: set[Any]) -> None:
        """Abort what was being closed at the last scan and still is: the client does not read the rest."""
        closing = {one for one in connections if one.transport is not None and one.transport.is_closing()}
        for connection in closing & self._closing:
            connection.transport.abort()
        self._closing = closing - self._closing


class MonitoredState(ServerState):
    """uvicorn's state of a server, with the watch that its connections report to."""

    monitor: ConnectionMonitor


class HttpConnection(HttpToolsProtocol):
    """One connection."""

    server_state: MonitoredState

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        """Make it, in the running loop."""
        super().__init__(*args, **kwargs)
        self._monitor = self.server_state.monitor
        self._gathered = 0
        self._head_is_large = False
        self._refused = False
        self._is_kept = False  # idle since a response: its deadline is for the first byte, not for the whole head

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - an asyncio transport
        """Take it, and make room for it if there are too many."""
        super().connection_made(transport)
        watch = self._monitor
        if len(self.connections) > watch.max_connections and not watch.make_room():
            self._refuse(_CROWDED)
            return
        watch.idle[self] = watch.now + watch.read_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._monitor.idle.pop(self, None)
        self._monitor.blocked.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrives. What the parser only gathers (a head, chunk extensions, trailers) has the size limit of a head."""
        if self._refused:
            return
        self._gathered += len(data)
        self._head_is_large = self._gathered > MAX_HEAD
        super().data_received(data)
        if self._gathered > MAX_HEAD:
            self._refuse(_TOO_LONG if self._in_head and len(self.url) > MAX_URL else _TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Hand the request to the application; one whose head is too large gets its refusal from there."""
        self._gathered = 0
        self._monitor.idle.pop(self, None)
        if len(self.url) > MAX_URL:
            self.scope["state"]["refusal"] = _TOO_LONG
        elif self._head_is_large and self._size() > MAX_HEAD:
            self.scope["state"]["refusal"] = _TOO_LARGE
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self._gathered = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Start the pipelined request that waits, or let the watch wait for the next one.

        It does what uvicorn's method does but for a timer: creating and cancelling one takes 2 % of a small request's time.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            watch = self._monitor
            watch.idle[self] = watch.now + watch.keep_alive
            self._is_kept = True

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than it is answered."""
        super().pause_writing()
        self._monitor.blocked[self] = (self._monitor.now + self._monitor.send_seconds, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Note that it has caught up."""
        self._monitor.blocked.pop(self, None)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Refuse what is not HTTP."""
        self._refuse(_MALFORMED)

    def time_out(self) -> None:
        """End a connection whose request head did not come in time; one that has begun is told why."""
        watch = self._monitor
        if self._refused or not self._in_head:
            self.abort()
        elif self._is_kept:
            self._is_kept = False
            watch.idle[self] = watch.idle.pop(self) + watch.read_seconds
        else:
            self._refuse((408, f"The request line and the headers did not arrive within {watch.read_seconds:g} seconds."))

    def check_progress(self, before: int) -> None:
        """Abort if the client has read too little since the send buffer had `before` bytes; the response is incomplete then."""
        size = self.transport.get_write_buffer_size()
        if before - size < MIN_PROGRESS:
            _log.info("slow_reader_cut", buffered=size)
            self.abort()
        else:
            self._monitor.blocked[self] = (self._monitor.now + self._monitor.send_seconds, size)

    def abort(self) -> None:
        """End it at once, without flushing."""
        self._monitor.idle.pop(self, None)
        self._monitor.blocked.pop(self, None)
        self.transport.abort()

    @property
    def _in_head(self) -> bool:
        """Whether the head of a request has begun and not ended: uvicorn sets the method when it has."""
        return self.scope is not None and "method" not in self.scope  # type: ignore[redundant-expr]  # None before the first one

    def _size(self) -> int:
        """Return the size of the head that was just parsed."""
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse(self, refusal: tuple[int, str]) -> None:
        """Answer without the application, which has no whole request to look at, and close."""
        status, detail = refusal
        self._refused = True
        _log.info("connection_refused", status=status, client=self.client and self.client[0])
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_started:
            cycle.disconnected = True  # the application finds that the client is gone, and what it answers is dropped
            cycle.message_event.set()
        if cycle is None or cycle.response_complete or cycle.disconnected:  # else the response under way would be garbled
            self.transport.write(_response(status, detail))
        # To close with bytes unread would reset the connection, and the client would not see why. So what still comes is dropped
        # for a moment.
        self.transport.write_eof()
        self._monitor.idle[self] = self._monitor.now + _LINGER


def _response(status: int, detail: str) -> bytes:
    """Write a whole response that closes the connection, with a problem (RFC 9457)."""
    code, title = _NAMES[status]
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
