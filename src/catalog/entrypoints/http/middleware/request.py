"""The outer layer: what holds for every request, matched by a route or not.

It gives each request its id, refuses foreign Hosts and what pages of other origins would change, answers HEAD as GET without
a body and OPTIONS with all methods of a path, puts the security headers on every answer, and writes the one access line.
Behind a proxy's path it takes the path off requests, and puts it before the addresses in answers.
"""

import random
import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address
from time import perf_counter
from typing import Any

import structlog
from litestar.config.cors import CORSConfig

from catalog.entrypoints import log_config
from catalog.entrypoints.http.middleware.public_prefix import public_prefix
from catalog.entrypoints.http.responses.problems import PROBLEM_JSON, problem, unexpected_error
from catalog.entrypoints.http.shutdown import ShutdownState
from catalog.entrypoints.settings import HttpSettings, is_prefix

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
_VARY = (b"vary", b"Authorization, Cookie, Accept-Encoding")
_MISS = (b"x-cache", b"MISS")
_CACHED = ("GET", "HEAD")
_CLOSE = (b"connection", b"close")

_SAFE = ("GET", "HEAD", "OPTIONS")
_SAME_SITE = (b"same-origin", b"none")
"""What Sec-Fetch-Site says of our own pages, and of what a person typed into a browser."""

_LONGEST_PREFIX = 256
"""Bytes of X-Forwarded-Prefix that are taken."""

_NO_CONTENT = int(HTTPStatus.NO_CONTENT)
_NOT_ALLOWED = int(HTTPStatus.METHOD_NOT_ALLOWED)

# Litestar's own answer to OPTIONS names the methods of one handler; its 405 names all of the path. So OPTIONS (but for
# a CORS preflight) is asked as a method that no path has, and the refusal is turned into the answer.
_NO_METHOD = "OPTIONS *"


class RequestMiddleware:
    """An ASGI application around another."""

    def __init__(self, app: App, http: HttpSettings, stopping: ShutdownState) -> None:
        """Wrap `app`."""
        self.app = app
        self.stopping = stopping
        self.http = http
        self.hosts = frozenset(http.hosts)
        self.cors = CORSConfig(allow_origins=list(http.cors_origins)) if http.cors_origins else None
        self.prefixed = bool(http.root_path or http.trusted_proxies)
        # The headers of every answer, of answers below the API (first True), and of those with a policy of their own.
        plain = (*_HEADERS, _TLS) if http.tls else _HEADERS
        self.headers = {
            (api, own): (*plain, *(() if own else (_CSP,)), *((_VARY,) if api else ()))
            for api in (False, True)
            for own in (False, True)
        }
        self.log = structlog.get_logger("catalog.access")
        self.line = log_config.line_logger("catalog.access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (or pass the lifespan on)."""
        if scope["type"] == "http":
            await _RequestHandler(self, scope, send).serve(receive)
        else:
            await self.app(scope, receive, send)

    def trusts(self, address: str) -> bool:
        """Whether what a proxy at this address says of itself counts."""
        return _within(address, self.http.trusted_proxies)


class _RequestHandler:
    """One request and its answer."""

    __slots__ = (
        "_edge",
        "_host",
        "_method",
        "_path",
        "_prefix",
        "_preflight",
        "_scope",
        "_send",
        "_started",
        "_status",
        "request_id",
    )

    def __init__(self, edge: RequestMiddleware, scope: Scope, send: Send) -> None:
        self._started = perf_counter()
        self._edge = edge
        self._scope = scope
        self._send = send
        self._path: str = scope["path"]
        self._method: str = scope["method"]
        self._status = 0
        self._preflight = False
        self._prefix = b""
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
                self._preflight = self._edge.cors is not None  # where there is no CORS, nobody answers preflights
        if not self.request_id:
            self.request_id = f"{_random(128):032x}"

    async def serve(self, receive: Receive) -> None:
        """Have the application answer, or answer for it."""
        edge = self._edge
        scope = self._scope
        scope.setdefault("state", {})["request_id"] = self.request_id
        if edge.prefixed:
            scope = self._scope = self._below_prefix(scope)
        if self._method == "HEAD":
            scope = {**scope, "method": "GET"}
            scope["state"]["bodiless"] = True
        elif self._options:
            scope = {**scope, "method": _NO_METHOD}
        token = log_config.request_id.set(self.request_id)
        try:
            refusal = self._refusal(scope)
            if refusal is None:
                await edge.app(scope, receive, self.send)
            else:
                await self._respond(refusal[0], problem(scope, *refusal))
        except Exception:
            edge.log.exception("unforeseen")
            if self._status:
                raise
            await self._respond(500, unexpected_error(scope))
        finally:
            took = round((perf_counter() - self._started) * 1000, 2)
            edge.line(method=self._method, path=self._path, status=self._status, ms=took, event="request")
            log_config.request_id.reset(token)
            if edge.prefixed:
                public_prefix.set("")

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return status and reason if the request is not for the application."""
        if "refusal" in scope["state"]:  # catalog.entrypoints.server.http_protocol found the head too large
            status, detail = scope["state"]["refusal"]
            return status, detail
        if self._edge.hosts and _name(self._host) not in self._edge.hosts:
            return 421, "The service does not answer to this Host; CATALOG_HTTP__ALLOWED_HOSTS names those it does."
        if self._method not in _SAFE and self._cross_origin():
            return 403, (
                "Web pages of other origins may not change anything here; CATALOG_HTTP__CORS_ORIGINS names those that may."
            )
        return None

    def _cross_origin(self) -> bool:
        """Whether a browser sends this for a page of another origin, one that CORS does not allow.

        Clients that are no browsers send neither header, and are let through: they are not led by strangers' pages.
        """
        origins = []
        sites = []
        for name, value in self._scope["headers"]:
            if name == b"origin":
                origins.append(value)
            elif name == b"sec-fetch-site":
                sites.append(value)
        if not origins and not sites:
            return False
        cors = self._edge.cors
        if cors is not None and len(origins) == 1 and cors.is_origin_allowed(origins[0].decode("latin-1")):
            return False
        if sites:
            return any(site not in _SAME_SITE for site in sites)
        host = (self._host or b"").lower()
        return any(origin.lower().partition(b"://")[2] != host for origin in origins)

    def _below_prefix(self, scope: Scope) -> Scope:
        """Take the proxy's path off the request's, if the proxy has left it there, and remember it for addresses in answers."""
        prefix = self._edge.http.root_path or self._forwarded_prefix(scope)
        self._prefix = prefix.encode()
        public_prefix.set(prefix)
        path = self._path
        if not prefix or not (path == prefix or path.startswith(f"{prefix}/")):
            return scope
        self._path = path[len(prefix) :] or "/"
        raw = scope.get("raw_path") or path.encode()
        if raw.startswith(self._prefix):  # else it is written with escapes, and nobody reads it
            raw = raw[len(prefix) :] or b"/"
        return {**scope, "path": self._path, "raw_path": raw}

    def _forwarded_prefix(self, scope: Scope) -> str:
        """Return what X-Forwarded-Prefix says, if it comes from a proxy that is trusted."""
        values = [value for name, value in scope["headers"] if name == b"x-forwarded-prefix"]
        client = scope.get("client")
        if len(values) != 1 or len(values[0]) > _LONGEST_PREFIX or not client or not self._edge.trusts(client[0]):
            return ""
        prefix = values[0].decode("latin-1").rstrip("/")
        return prefix if is_prefix(prefix) else ""

    async def send(self, message: Message) -> None:
        """Pass the answer on, with what every answer has."""
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            self._status = message["status"] = int(message["status"])
            if self._status == _NOT_ALLOWED and self._options:
                self._status = message["status"] = _NO_CONTENT
                headers = [(name, value) for name, value in headers if name == b"allow"]
            message["headers"] = self._complete_headers(headers)
        elif self._method == "HEAD" or self._status == _NO_CONTENT:
            message = {**message, "body": b""}
        await self._send(message)

    @property
    def _options(self) -> bool:
        """Whether all methods of a path are asked for."""
        return self._method == "OPTIONS" and not self._preflight

    def _complete_headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Add what every answer has. Names are in lower case, as ASGI wants them."""
        names = {name for name, _ in headers}
        if self._prefix:
            headers = [_published(self._prefix, one) for one in headers]
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

    async def _respond(self, status: int, body: bytes) -> None:
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


def _published(prefix: bytes, header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Put a proxy's path before the addresses in a header."""
    name, value = header
    if name == b"location" and value.startswith(b"/"):
        return name, prefix + value
    if name == b"link":
        return name, value.replace(b"</", b"<" + prefix + b"/")
    return header


@lru_cache(maxsize=256)
def _within(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Whether an address is in one of the networks; what is no address (a Unix socket's) is in none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
