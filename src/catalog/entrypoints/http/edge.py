"""The outer layer: what holds for every request, matched by a route or not.

It gives each request its id, refuses foreign Hosts, answers HEAD as GET without a body and OPTIONS with all methods of
a path, puts the security headers on every answer, and writes the one access line.
"""

import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

import structlog

from catalog.entrypoints.http.problems import PROBLEM_JSON, problem, unforeseen
from catalog.entrypoints.http.stopping import Stopping
from catalog.entrypoints.settings import HttpSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

API = "/api/"

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(), camera=(), microphone=()"),
)
_CSP = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
_TLS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_VARY = (b"vary", b"Authorization, Cookie")
_CLOSE = (b"connection", b"close")

# Litestar's own answer to OPTIONS names the methods of one handler; its 405 names all of the path. So OPTIONS (but for
# a CORS preflight) is asked as a method that no path has, and the refusal is turned into the answer.
_NO_METHOD = "OPTIONS *"


class Edge:
    """An ASGI application around another."""

    def __init__(self, app: App, http: HttpSettings, stopping: Stopping) -> None:
        """Wrap `app`."""
        self.app = app
        self.stopping = stopping
        self.hosts = frozenset(http.hosts)
        self.headers = (*_HEADERS, _TLS) if http.tls else _HEADERS
        # Bound once: a logger that is looked up at each line costs several times as much.
        self.log = structlog.get_logger("catalog.access").bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (or pass the lifespan on)."""
        if scope["type"] == "http":
            await _Exchange(self, scope, send).serve(receive)
        else:
            await self.app(scope, receive, send)


class _Exchange:
    """One request and its answer."""

    __slots__ = ("_edge", "_head", "_options", "_path", "_scope", "_send", "_started", "_status", "request_id")

    def __init__(self, edge: Edge, scope: Scope, send: Send) -> None:
        self._started = time.perf_counter()
        self._edge = edge
        self._scope = scope
        self._send = send
        self._path: str = scope["path"]
        self._head = scope["method"] == "HEAD"
        self._options = scope["method"] == "OPTIONS" and not _preflight(scope)
        self._status = 0
        self.request_id = _request_id(scope)

    async def serve(self, receive: Receive) -> None:
        """Have the application answer, or answer for it."""
        edge = self._edge
        scope = self._scope
        scope.setdefault("state", {})["request_id"] = self.request_id
        if self._head or self._options:
            scope = {**scope, "method": "GET" if self._head else _NO_METHOD}
        structlog.contextvars.bind_contextvars(request_id=self.request_id)
        try:
            if edge.hosts and _host(scope) not in edge.hosts:
                named = "The service does not answer to this Host; CATALOG_HTTP__ALLOWED_HOSTS names those it does."
                await self._answer(421, problem(scope, 421, named))
            else:
                await edge.app(scope, receive, self.send)
        except Exception:
            edge.log.exception("unforeseen")
            if self._status:
                raise
            await self._answer(500, unforeseen(scope))
        finally:
            took = round((time.perf_counter() - self._started) * 1000, 2)
            edge.log.info("request", method=self._scope["method"], path=self._path, status=self._status, ms=took)
            structlog.contextvars.unbind_contextvars("request_id")

    async def send(self, message: Message) -> None:
        """Pass the answer on, with what every answer has."""
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            self._status = int(message["status"])
            if self._options and self._status == HTTPStatus.METHOD_NOT_ALLOWED:
                self._status = message["status"] = int(HTTPStatus.NO_CONTENT)
                headers = [(name, value) for name, value in headers if name.lower() == b"allow"]
            message["headers"] = self._complete(headers)
        elif self._head or self._status == HTTPStatus.NO_CONTENT:
            message = {**message, "body": b""}
        await self._send(message)

    def _complete(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in headers}
        if b"allow" in names:
            headers = [(name, _with_head(value) if name.lower() == b"allow" else value) for name, value in headers]
        headers += self._edge.headers
        headers.append((b"x-request-id", self.request_id.encode()))
        headers.append((b"x-process-time", b"%.6f" % (time.perf_counter() - self._started)))
        if b"content-security-policy" not in names:
            headers.append(_CSP)
        if self._path.startswith(API):
            headers.append(_VARY)
        if self._edge.stopping.closing:
            headers.append(_CLOSE)
        return headers

    async def _answer(self, status: int, body: bytes) -> None:
        headers = [(b"content-type", PROBLEM_JSON.encode()), (b"content-length", b"%d" % len(body))]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _request_id(scope: Scope) -> str:
    """Take the caller's id where it is a plain one, else make one."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return secrets.token_hex(16)


def _preflight(scope: Scope) -> bool:
    """Whether a browser asks if a page of another origin may call (Fetch standard, CORS-preflight request)."""
    return any(name == b"access-control-request-method" for name, _ in scope["headers"])


def _host(scope: Scope) -> str:
    """Return the name that the request is for, without its port; nothing when it names none, or two."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    named = [value for name, value in headers if name == b"host"]
    if len(named) != 1:
        return ""
    host = named[0].decode("latin-1").lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _with_head(allow: bytes) -> bytes:
    """Name HEAD where GET is allowed."""
    methods = {part.strip() for part in allow.split(b",")}
    return b", ".join(sorted(methods | {b"HEAD"} if b"GET" in methods else methods))
