"""The outermost middleware. It handles every request, whether or not a route matches.

It assigns the request id, rejects unknown Host headers and cross-origin writes, answers HEAD like GET without a body and
OPTIONS with all methods of the path, adds the security headers to every response, and writes one access log line per request.
Behind a proxy with a path prefix, it strips the prefix from request paths and adds it to the URLs in response headers.
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

from catalog.domain.identity.principal import LOCAL
from catalog.entrypoints import log_config
from catalog.entrypoints.http.middleware.rate_limits import RATE_HEADERS
from catalog.entrypoints.http.requests.caller import ADDRESS, PRINCIPAL
from catalog.entrypoints.http.requests.client_address import client_address
from catalog.entrypoints.http.requests.header_parameters import REQUEST_ID
from catalog.entrypoints.http.requests.origins import HTTPS, SAFE_METHODS, is_cross_origin
from catalog.entrypoints.http.requests.path_parameters import encode_slashes
from catalog.entrypoints.http.responses.cors import CorsHeaders
from catalog.entrypoints.http.responses.problems import PROBLEM_JSON, problem, unexpected_error
from catalog.entrypoints.http.responses.public_prefix import public_prefix
from catalog.entrypoints.http.shutdown import ShutdownState
from catalog.entrypoints.settings.sections import HttpSettings
from catalog.entrypoints.settings.values import is_prefix

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

API = "/api/"

# Request ids must be unique, not unguessable, and the operating system's random numbers cost a system call each.
_random_bits = random.Random().getrandbits  # noqa: S311

_REQUEST_ID_HEADER = REQUEST_ID.lookup_name
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(), camera=(), microphone=()"),
)
_CSP = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_VARY = (b"vary", b"Authorization, Cookie, Accept-Encoding")
_VARY_WITH_KEY = (b"vary", b"Authorization, Cookie, X-API-Key, Accept-Encoding")
_MISS = (b"x-cache", b"MISS")
_CACHEABLE_METHODS = ("GET", "HEAD")
_CLOSE = (b"connection", b"close")

_MAX_PREFIX = 256
"""Maximum length of X-Forwarded-Prefix, in bytes."""

_NO_CONTENT = int(HTTPStatus.NO_CONTENT)
_NOT_ALLOWED = int(HTTPStatus.METHOD_NOT_ALLOWED)

# Litestar's response to OPTIONS lists the methods of a single handler, but its 405 lists all methods of the path. So OPTIONS
# (except a CORS preflight) is passed on as a method that no path has, and the 405 is turned into the response.
_UNKNOWN_METHOD = "OPTIONS *"


class RequestMiddleware:
    """ASGI middleware around the whole application."""

    def __init__(
        self, app: App, settings: HttpSettings, stopping: ShutdownState, cors: CORSConfig | None, *, signs_in: bool = False
    ) -> None:
        """Wrap `app`. If callers sign in, `app` itself rejects requests of other sites, according to the credential."""
        self.app = app
        self.stopping = stopping
        self.settings = settings
        self.hosts = frozenset(settings.hosts)
        self.cors = cors
        self.cors_headers = None if cors is None else CorsHeaders(cors)
        self.signs_in = signs_in
        self.may_have_prefix = bool(settings.root_path or settings.trusted_proxies)
        # The headers to add, by whether the path is under the API, and whether the response has its own content security policy.
        vary = _VARY_WITH_KEY if signs_in else _VARY
        common = (*_SECURITY_HEADERS, _HSTS) if settings.tls else _SECURITY_HEADERS
        self.headers = {
            (is_api, has_csp): (*common, *(() if has_csp else (_CSP,)), *((vary,) if is_api else ()))
            for is_api in (False, True)
            for has_csp in (False, True)
        }
        self.log = structlog.get_logger("catalog.access")
        self.log_request = log_config.line_logger("catalog.access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; pass lifespan events on unchanged."""
        if scope["type"] == "http":
            await _RequestHandler(self, scope, send).serve(receive)
        else:
            await self.app(scope, receive, send)

    def trusts(self, address: str) -> bool:
        """Return whether the address belongs to a trusted proxy."""
        return _is_in_networks(address, self.settings.trusted_proxies)

    def client_address(self, scope: Scope) -> str | None:
        """Return the address of the client; None if there is none, as for a Unix socket."""
        client = scope.get("client")
        return client_address(client[0], scope["headers"], self.settings.trusted_proxies) if client else None


class _RequestHandler:
    """One request and its response."""

    __slots__ = (
        "_host",
        "_is_preflight",
        "_method",
        "_middleware",
        "_path",
        "_prefix",
        "_scope",
        "_send",
        "_started",
        "_status",
        "request_id",
    )

    def __init__(self, middleware: RequestMiddleware, scope: Scope, send: Send) -> None:
        self._started = perf_counter()
        self._middleware = middleware
        self._scope = scope
        self._send = send
        raw_path: bytes = scope.get("raw_path") or b""
        if b"%" in raw_path:
            scope["path"] = encode_slashes(raw_path)
        self._path: str = scope["path"]
        self._method: str = scope["method"]
        self._status = 0
        self._is_preflight = False
        self._prefix = b""
        self._host: bytes | None = None
        self.request_id = ""
        self._read_headers(scope["headers"])

    def _read_headers(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Read the headers that this middleware needs, in a single pass."""
        for name, value in headers:
            if name == b"host":
                self._host = value if self._host is None else b""  # several Host headers count as none
            elif name == _REQUEST_ID_HEADER and _REQUEST_ID.fullmatch(value):
                self.request_id = value.decode("ascii")
            elif name == b"access-control-request-method":
                self._is_preflight = self._middleware.cors is not None  # without CORS, nothing answers preflights
        if not self.request_id:
            self.request_id = f"{_random_bits(128):032x}"

    async def serve(self, receive: Receive) -> None:
        """Pass the request to the application, or respond with a rejection."""
        middleware = self._middleware
        scope = self._scope
        scope.setdefault("state", {})["request_id"] = self.request_id
        if middleware.settings.tls:
            scope["state"][HTTPS] = True
        if not middleware.signs_in:
            scope["state"][PRINCIPAL] = LOCAL
        if middleware.may_have_prefix:
            scope["state"][ADDRESS] = middleware.client_address(scope)
            scope = self._scope = self._strip_prefix(scope)
        if self._method == "HEAD":
            scope = {**scope, "method": "GET"}
            scope["state"]["bodiless"] = True
        elif self._is_options:
            scope = {**scope, "method": _UNKNOWN_METHOD}
        token = log_config.request_id.set(self.request_id)
        try:
            rejection = self._rejection(scope)
            if rejection is None:
                await middleware.app(scope, receive, self.send)
            else:
                await self._respond(rejection[0], problem(scope, *rejection))
        except Exception:
            middleware.log.exception("unexpected_error")
            if self._status:
                raise
            await self._respond(500, unexpected_error(scope))
        finally:
            elapsed = round((perf_counter() - self._started) * 1000, 2)
            middleware.log_request(method=self._method, path=self._path, status=self._status, ms=elapsed, event="request")
            log_config.request_id.reset(token)
            if middleware.may_have_prefix:
                public_prefix.set("")

    def _rejection(self, scope: Scope) -> tuple[int, str] | None:
        """Return the status and detail to respond with if the request must not reach the application."""
        if "rejection" in scope["state"]:  # set by catalog.entrypoints.server.http_protocol: the request head is too large
            status, detail = scope["state"]["rejection"]
            return status, detail
        if self._middleware.hosts and _host_name(self._host) not in self._middleware.hosts:
            return 421, "Unknown Host. The setting CATALOG_HTTP__ALLOWED_HOSTS lists the hosts that this service accepts."
        if not self._middleware.signs_in and self._method not in SAFE_METHODS and is_cross_origin(scope, self._middleware.cors):
            return 403, (
                "Cross-origin requests may not modify data. The setting CATALOG_HTTP__CORS_ORIGINS lists the allowed origins."
            )
        return None

    def _strip_prefix(self, scope: Scope) -> Scope:
        """Strip the proxy's prefix from the path, if the proxy left it there, and keep it for the URLs in the response."""
        prefix = self._middleware.settings.root_path or self._forwarded_prefix(scope)
        self._prefix = prefix.encode()
        public_prefix.set(prefix)
        path = self._path
        if not prefix or not (path == prefix or path.startswith(f"{prefix}/")):
            return scope
        self._path = path[len(prefix) :] or "/"
        raw = scope.get("raw_path") or path.encode()
        if raw.startswith(self._prefix):  # otherwise the prefix is percent-encoded; nothing reads raw_path then
            raw = raw[len(prefix) :] or b"/"
        return {**scope, "path": self._path, "raw_path": raw}

    def _forwarded_prefix(self, scope: Scope) -> str:
        """Return the value of X-Forwarded-Prefix if a trusted proxy sent it, otherwise an empty string."""
        values = [value for name, value in scope["headers"] if name == b"x-forwarded-prefix"]
        client = scope.get("client")
        if len(values) != 1 or len(values[0]) > _MAX_PREFIX or not client or not self._middleware.trusts(client[0]):
            return ""
        prefix = values[0].decode("latin-1").rstrip("/")
        return prefix if is_prefix(prefix) else ""

    async def send(self, message: Message) -> None:
        """Send an ASGI message, after adding the headers that every response has."""
        if message["type"] == "http.response.start":
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            self._status = message["status"] = int(message["status"])
            if self._status == _NOT_ALLOWED and self._is_options:
                self._status = message["status"] = _NO_CONTENT
                headers = [(name, value) for name, value in headers if name == b"allow"]
            message["headers"] = self._complete_headers(headers)
        elif self._method == "HEAD" or self._status == _NO_CONTENT:
            message = {**message, "body": b""}
        await self._send(message)

    @property
    def _is_options(self) -> bool:
        """Whether this is an OPTIONS request and not a CORS preflight."""
        return self._method == "OPTIONS" and not self._is_preflight

    def _complete_headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Add the headers that every response has. Names are lower-case, as ASGI requires."""
        names = {name for name, _ in headers}
        if self._prefix:
            headers = [_add_prefix(self._prefix, header) for header in headers]
        if b"allow" in names:
            headers = [(name, _add_head(value) if name == b"allow" else value) for name, value in headers]
        headers += self._middleware.headers[self._path.startswith(API), b"content-security-policy" in names]
        headers += self._scope["state"].get(RATE_HEADERS, ())
        if self._method in _CACHEABLE_METHODS and b"x-cache" not in names:
            headers.append(_MISS)
        headers.append((b"x-request-id", self.request_id.encode()))
        headers.append((b"x-process-time", b"%.6f" % (perf_counter() - self._started)))
        if self._middleware.stopping.closing:
            headers.append(_CLOSE)
        return headers

    async def _respond(self, status: int, body: bytes) -> None:
        headers = [(b"content-type", PROBLEM_JSON.encode()), (b"content-length", b"%d" % len(body))]
        if self._middleware.cors_headers is not None:  # else a page that may call the API could not read why it failed
            headers += self._middleware.cors_headers.of(self._scope)
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


@lru_cache(maxsize=256)
def _host_name(host: bytes | None) -> str:
    """Return the host name of a Host header, without the port; an empty string if the header is missing or repeated."""
    decoded = (host or b"").decode("latin-1").lower()
    name, colon, port = decoded.rpartition(":")
    return name if colon and port.isdecimal() else decoded


def _add_head(allow: bytes) -> bytes:
    """Add HEAD to an Allow header that has GET."""
    methods = {part.strip() for part in allow.split(b",")}
    return b", ".join(sorted(methods | {b"HEAD"} if b"GET" in methods else methods))


def _add_prefix(prefix: bytes, header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """Add the proxy's prefix to the URLs in a Location or Link header."""
    name, value = header
    if name == b"location" and value.startswith(b"/"):
        return name, prefix + value
    if name == b"link":
        return name, value.replace(b"</", b"<" + prefix + b"/")
    return header


@lru_cache(maxsize=256)
def _is_in_networks(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Return whether an IP address is in one of the networks. Anything else, such as a Unix socket's name, is in none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
