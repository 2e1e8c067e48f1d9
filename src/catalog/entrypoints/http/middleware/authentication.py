"""Authentication: who sends a request. It runs before anything is answered, the response cache included (ADR 24).

The principal goes into the state of the scope, with the visibility class that is part of cache keys. Whether it may call a route
is checked after routing, by the route's access rule. Requests with a cookie must come from a page of this service, because
browsers send cookies on their own. Finally, requests are counted, by principal or else by address.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final, Self
from uuid import UUID

from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException

from catalog.application.identity.authenticator import Authenticator, Credential
from catalog.application.identity.single_flight import SingleFlight
from catalog.domain.errors import CatalogError
from catalog.domain.identity.errors import CrossSite, ExpiredToken, InvalidToken
from catalog.domain.identity.principal import GUEST, Principal
from catalog.domain.identity.scopes import ITEMS_READ, NO_SCOPES
from catalog.entrypoints.http.middleware.public_routes import PublicRoutes
from catalog.entrypoints.http.middleware.rate_limits import Header, RateLimits, address_key
from catalog.entrypoints.http.requests.access import REQUESTS, AccessRule
from catalog.entrypoints.http.requests.caller import PRINCIPAL, VISIBILITY, address_of
from catalog.entrypoints.http.requests.credentials import (
    RawCredential,
    SessionCookie,
    has_header_credential,
    parse_credential,
    raw_credential,
)
from catalog.entrypoints.http.requests.denials import Denials
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.requests.origins import SAFE_METHODS, is_cross_origin, is_same_origin
from catalog.entrypoints.http.responses.cors import CorsHeaders, is_preflight
from catalog.entrypoints.http.responses.prepared import NO_STORE, PreparedResponse
from catalog.entrypoints.http.responses.problems import PROBLEM_JSON, headers_of, log_unavailable, problem, problem_of, status_of
from catalog.ports.cache import ResponseContent
from catalog.ports.clock import Clock
from catalog.ports.identity.limits import Meter

NOBODY: Final = replace(GUEST, scopes=NO_SCOPES)
"""Whoever has not signed in, where the public may not read."""

MAX_KNOWN = 10_000
"""Headers whose caller is remembered. Beyond it, they are all parsed anew."""

MAX_KNOWN_LENGTH = 2048
"""Bytes of a header whose caller is remembered. The same credential can be sent with any amount of padding or other cookies."""


@dataclass(slots=True, eq=False)
class _Caller:
    """Who sends a request, and what follows from it: the visibility class, and the key of the rate limit.

    `until` is when the credential expires, in seconds since 1970. One that `was_looked_up` in the store is not valid while nobody
    knows what was revoked there. `meter` counts the requests, if that takes no waiting. `noted_use` is the value of
    `Authenticator.noted_uses` when a use was reported last.
    """

    principal: Principal
    visibility: str
    rate_key: str | None
    until: float
    was_looked_up: bool
    has_cookie: bool = False
    meter: Meter | None = None
    noted_use: int = -1

    @classmethod
    def of(cls, principal: Principal, *, has_cookie: bool = False) -> Self:
        """Return what follows from a principal."""
        until = inf if principal.expires_at is None else principal.expires_at.timestamp()
        was_looked_up = principal.as_of is not None
        return cls(principal, _visibility(principal), principal.rate_key, until, was_looked_up, has_cookie)


_FORMS = ("", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
"""The media types that a form of any page can send, without asking first."""

_FORM_DETAIL = "With a session cookie, a body must have a media type that no HTML form can send, such as application/json."


class AuthenticationMiddleware:
    """ASGI middleware that authenticates requests, and responds to those with invalid credentials, or too many of them."""

    def __init__(  # noqa: PLR0913 - each is a collaborator
        self,
        app: Any,  # noqa: ANN401 - an ASGI application
        authenticator: Authenticator,
        routes: PublicRoutes,
        limits: RateLimits,
        denials: Denials,
        clock: Clock,
        *,
        public_read: bool,
        cookie: SessionCookie,
        cors: CORSConfig | None = None,
    ) -> None:
        """Wrap `app`. With `public_read`, guests may read. Pages of the origins in `cors` may call the API."""
        self._app = app
        self._authenticator = authenticator
        self._now = clock.timestamp
        self._routes = routes
        self._without_public = routes.others
        self._limits = limits
        self._denials = denials
        self._guest = _Caller.of(GUEST if public_read else NOBODY)
        self._verifications: SingleFlight[tuple[str, Credential], Principal] = SingleFlight()
        self._known: dict[RawCredential, _Caller] = {}
        self._cookie = cookie
        self._cookie_name = cookie.name.encode()
        self._cors = cors
        self._cors_headers = None if cors is None else CorsHeaders(cors)

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:  # noqa: ANN401 - ASGI's
        """Pass an authenticated request on, or respond to it. Preflights need no credential and are not counted.

        Not a coroutine: there is nothing to wait for if the caller is known, and each coroutine takes time.
        """
        if scope["type"] == "http" and (self._cors is None or not is_preflight(scope)):
            scope["state"][PRINCIPAL] = NOBODY  # until it is known
            try:
                rule = None if scope["path"].startswith(self._without_public) else self._routes.rule(scope)
                caller = self._recognize(scope) if rule is None else _NOBODY
                if isinstance(caller, _Caller):
                    admission = self._admit(caller, scope, rule)
                else:
                    admission = self._admit_unknown(caller, scope)
            except (CatalogError, HTTPException) as error:
                return self._refuse(scope, receive, send, error)
            if admission is not None:
                return self._pass_on(admission, scope, receive, send)
        passed_on: Awaitable[None] = self._app(scope, receive, send)
        return passed_on

    async def _pass_on(self, admission: Awaitable[None], scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Pass a request on when it is admitted."""
        try:
            await admission
        except (CatalogError, HTTPException) as error:
            await self._refuse(scope, receive, send, error)
        else:
            await self._app(scope, receive, send)

    def _admit(self, caller: _Caller, scope: Any, rule: AccessRule | None) -> Awaitable[None] | None:  # noqa: ANN401 - an ASGI scope
        """Note who sends a request, and count it. Return what to wait for, if counting takes waiting.

        Raises: CrossSite, TooManyRequests; an HTTPException with 415.
        """
        state = scope["state"]
        state[PRINCIPAL] = caller.principal
        state[VISIBILITY] = caller.visibility
        if scope["method"] not in SAFE_METHODS:
            self._refuse_other_pages(scope, caller, is_public=rule is not None)
        counting = None
        if caller.meter is not None:
            self._limits.apply(caller.meter.take(), scope)
        else:
            limit = REQUESTS if rule is None else rule.limit
            if limit is not None:
                counting = self._limits.count(limit, caller.rate_key or address_key(address_of(scope)), scope)
        if caller.noted_use != self._authenticator.noted_uses:
            caller.noted_use = self._authenticator.noted_uses
            self._authenticator.used(caller.principal)
        return counting

    async def _admit_unknown(self, raw: RawCredential, scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
        """Verify a credential that is not known yet, then do the same. Raises: CatalogError; an HTTPException with 415."""
        counting = self._admit(await self._caller(raw, scope), scope, None)
        if counting is not None:
            await counting

    def _recognize(self, scope: Any) -> _Caller | RawCredential:  # noqa: ANN401 - an ASGI scope
        """Return who sends a request, or the credential if it is not known yet. Raises: SeveralCredentials."""
        raw = raw_credential(scope)
        if raw is None:
            return self._guest
        caller = self._known.get(raw)
        if caller is None or self._now() >= caller.until or (caller.was_looked_up and not self._authenticator.is_current()):
            return raw
        return caller

    async def _caller(self, raw: RawCredential, scope: Any) -> _Caller:  # noqa: ANN401 - an ASGI scope
        """Return who sends a request with a credential that is not known yet. Raises: CatalogError."""
        credential = parse_credential(raw, self._cookie_name)
        if credential is None:
            return self._guest
        principal = self._authenticator.remembered(credential) or await self._verify(credential, scope)
        caller = _Caller.of(principal, has_cookie=credential.kind == "cookie")
        caller.meter = None if caller.rate_key is None else self._limits.meter(caller.rate_key)
        if len(raw[1]) <= MAX_KNOWN_LENGTH and self._authenticator.is_valid(principal):  # not revoked a moment ago
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[raw] = caller
        return caller

    def forget(self, _ids: frozenset[UUID] | None) -> None:
        """Forget all headers: a credential was revoked, or what its user may do has changed."""
        self._known.clear()

    async def _verify(self, credential: Credential, scope: Any) -> Principal:  # noqa: ANN401 - an ASGI scope
        """Verify a credential that is not remembered, once for all requests that send it from one address at the same time."""
        address = address_key(address_of(scope))
        return await self._verifications.run((address, credential), lambda: self._verify_from(address, credential, scope))

    async def _verify_from(self, address: str, credential: Credential, scope: Any) -> Principal:  # noqa: ANN401 - an ASGI scope
        """Verify a credential. Guesses are counted by address, as are all that need a query or a request.

        An own token needs neither, so nobody behind an address is kept out by the bad tokens of others there.
        """
        key = f"unknown {address}"
        is_looked_up = self._authenticator.looks_up(credential)
        if is_looked_up:
            await self._limits.take(REQUESTS, key, scope)
        try:
            return await self._authenticator.authenticate(credential)
        except (InvalidToken, ExpiredToken):
            if not is_looked_up:
                await self._limits.take(REQUESTS, key, scope)
            raise

    def _refuse_other_pages(self, scope: Any, caller: _Caller, *, is_public: bool) -> None:  # noqa: ANN401 - an ASGI scope
        """Refuse a write that a page of somebody else made a browser send. Raises: CrossSite; an HTTPException with 415."""
        if is_public:
            if is_cross_origin(scope, self._cors):
                raise CrossSite
        elif caller.has_cookie:
            _require_own_page(scope)

    async def _refuse(
        self,
        scope: Any,  # noqa: ANN401 - an ASGI scope
        receive: Any,  # noqa: ANN401 - ASGI's
        send: Any,  # noqa: ANN401 - ASGI's
        error: CatalogError | HTTPException,
    ) -> None:
        """Respond with a problem. A browser forgets a cookie that is not valid any more."""
        headers: tuple[Header, ...] = ()
        if isinstance(error, HTTPException):
            status, body = error.status_code, problem(scope, error.status_code, str(error.detail))
        else:
            self._denials.record(scope, error)
            log_unavailable(error)
            status, body = status_of(error), problem_of(scope, error)
            headers += tuple((name.lower().encode(), value.encode()) for name, value in headers_of(error).items())
            if isinstance(error, InvalidToken | ExpiredToken) and not has_header_credential(scope):
                headers = (*headers, self._cookie.cleared)
        if self._cors_headers is not None:  # else a page that may call the API could not read why it is refused
            headers += self._cors_headers.of(scope)
        content = ResponseContent(
            body, (NO_STORE, (b"content-type", PROBLEM_JSON.encode()), (b"content-length", b"%d" % len(body)), *headers)
        )
        await PreparedResponse(status, content)(scope, receive, send)


def _visibility(principal: Principal) -> str:
    """Return the visibility class: what the caller may read, and whether it is a guest, who sees less of the same."""
    if ITEMS_READ not in principal.scopes:
        return "nothing"
    return "guest items:read" if principal.kind == "guest" else "items:read"


_NOBODY = _Caller.of(NOBODY)


def _require_own_page(scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
    """Refuse a write with a cookie unless a page of this service sent it, in a way that no form can.

    Raises: CrossSite; an HTTPException with 415.
    """
    if not is_same_origin(scope):
        raise CrossSite
    has_body = header(scope, b"transfer-encoding") is not None or (header(scope, b"content-length") or "0") != "0"
    media_type = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    if has_body and media_type in _FORMS:
        raise HTTPException(status_code=415, detail=_FORM_DETAIL)
