"""The outer layer: what holds for every request, matched by a route or not.

It gives each request its id, refuses foreign Hosts, answers HEAD as GET without a body and OPTIONS with all methods of
a path, puts the security headers on every answer, and writes the one access line.
"""

import random
import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from http import HTTPStatus
from time import perf_counter
from typing import Any

import structlog

from catalog.entrypoints import logs
from catalog.entrypoints.http.problems import PROBLEM_JSON, problem, unforeseen
from catalog.entrypoints.http.stopping import Stopping
from catalog.entrypoints.settings import HttpSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

API = "/api/"

# Ids are to be told apart, not to be kept from guessing; and a bit of the system's own randomness costs a system call.
_random = random.Random().getrandbits  # noqa: S311

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
_MISS = (b"x-cache", b"MISS")
_CACHED = ("GET", "HEAD")
_CLOSE = (b"connection", b"close")

_NO_CONTENT = int(HTTPStatus.NO_CONTENT)
_NOT_ALLOWED = int(HTTPStatus.METHOD_NOT_ALLOWED)

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
        # The headers of every answer, of answers below the API (first True), and of those with a policy of their own.
        plain = (*_HEADERS, _TLS) if http.tls else _HEADERS
        self.headers = {
            (api, own): (*plain, *(() if own else (_CSP,)), *((_VARY,) if api else ()))
            for api in (False, True)
            for own in (False, True)
        }
        self.log = structlog.get_logger("catalog.access")
        self.line = logs.lines("catalog.access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (or pass the lifespan on)."""
        if scope["type"] == "http":
            await _Exchange(self, scope, send).serve(receive)
        else:
            await self.app(scope, receive, send)


class _Exchange:
    """One request and its answer."""

    __slots__ = ("_edge", "_host", "_method", "_path", "_preflight", "_scope", "_send", "_started", "_status", "request_id")

    def __init__(self, edge: Edge, scope: Scope, send: Send) -> None:
        self._started = perf_counter()
        self._edge = edge
        self._scope = scope
        self._send = send
        self._path: str = scope["path"]
        self._method: str = scope["method"]
        self._status = 0
        self._preflight = False
        self._host: bytes | None = None
        self.request_id = ""
        self._read(scope["headers"])

    def _read(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Take from the headers, in one go, what matters here."""
        for name, value in headers:
            if name == b"host":
                self._host = value if self._host is None else b""  # two are as good as none
            elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                self.request_id = value.decode("ascii")
            elif name == b"access-control-request-method":
                self._preflight = True
        if not self.request_id:
            self.request_id = f"{_random(128):032x}"

    async def serve(self, receive: Receive) -> None:
        """Have the application answer, or answer for it."""
        edge = self._edge
        scope = self._scope
        scope.setdefault("state", {})["request_id"] = self.request_id
        if self._method == "HEAD":
            scope = {**scope, "method": "GET"}
            scope["state"]["bodiless"] = True
        elif self._options:
            scope = {**scope, "method": _NO_METHOD}
        token = logs.request_id.set(self.request_id)
        try:
            if edge.hosts and _name(self._host) not in edge.hosts:
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
            took = round((perf_counter() - self._started) * 1000, 2)
            edge.line(method=self._method, path=self._path, status=self._status, ms=took, event="request")
            logs.request_id.reset(token)

    async def send(self, message: Message) -> None:
        """Pass the answer on, with what every answer has."""
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            self._status = message["status"] = int(message["status"])
            if self._status == _NOT_ALLOWED and self._options:
                self._status = message["status"] = _NO_CONTENT
                headers = [(name, value) for name, value in headers if name == b"allow"]
            message["headers"] = self._complete(headers)
        elif self._method == "HEAD" or self._status == _NO_CONTENT:
            message = {**message, "body": b""}
        await self._send(message)

    @property
    def _options(self) -> bool:
        """Whether all methods of a path are asked for."""
        return self._method == "OPTIONS" and not self._preflight

    def _complete(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Add what every answer has. Names are in lower case, as ASGI wants them."""
        names = {name for name, _ in headers}
        if b"allow" in names:
            headers = [(name, _with_head(value) if name == b"allow" else value) for name, value in headers]
        headers += self._edge.headers[self._path.startswith(API), b"content-security-policy" in names]
        if self._method in _CACHED and b"x-cache" not in names:
            headers.append(_MISS)
        headers.append((b"x-request-id", self.request_id.encode()))
        headers.append((b"x-process-time", b"%.6f" % (perf_counter() - self._started)))
        if self._edge.stopping.closing:
            headers.append(_CLOSE)
        return headers

    async def _answer(self, status: int, body: bytes) -> None:
        headers = [(b"content-type", PROBLEM_JSON.encode()), (b"content-length", b"%d" % len(body))]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


@lru_cache(maxsize=256)
def _name(host: bytes | None) -> str:
    """Return the name that a Host header is for, without its port; nothing when there is none, or two."""
    decoded = (host or b"").decode("latin-1").lower()
    name, colon, port = decoded.rpartition(":")
    return name if colon and port.isdecimal() else decoded


def _with_head(allow: bytes) -> bytes:
    """Name HEAD where GET is allowed."""
    methods = {part.strip() for part in allow.split(b",")}
    return b", ".join(sorted(methods | {b"HEAD"} if b"GET" in methods else methods))
