"""What the application has if callers must sign in: routes of identity, authentication, access rules, limits, ending streams."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Controller, Response
from litestar.config.cors import CORSConfig
from litestar.routes import BaseRoute

from catalog.domain.errors import CatalogError
from catalog.domain.identity.principal import Principal
from catalog.entrypoints.container import Container, identity_running
from catalog.entrypoints.http.controllers.identity.account import AccountController
from catalog.entrypoints.http.controllers.identity.api_keys import ApiKeysController
from catalog.entrypoints.http.controllers.identity.browser_sessions import BrowserSessionsController
from catalog.entrypoints.http.controllers.identity.tokens import TOKEN, TokensController
from catalog.entrypoints.http.controllers.identity.users import UsersController
from catalog.entrypoints.http.live_streams import LiveStreams
from catalog.entrypoints.http.middleware.authentication import AuthenticationMiddleware
from catalog.entrypoints.http.middleware.public_routes import PublicRoutes
from catalog.entrypoints.http.middleware.rate_limits import RateLimits, SignInLimit
from catalog.entrypoints.http.middleware.request import App
from catalog.entrypoints.http.openapi.security import Security
from catalog.entrypoints.http.requests.caller import AnyRequest
from catalog.entrypoints.http.requests.credentials import SessionCookie
from catalog.entrypoints.http.requests.denials import Denials
from catalog.entrypoints.http.responses.problems import on_catalog_error
from catalog.entrypoints.identity_start import prepare_identity
from catalog.entrypoints.settings.model import Settings

BindServices = Callable[..., type[Controller]]


class Protection:
    """The parts of an application whose callers sign in, made of a container."""

    def __init__(self, container: Container) -> None:
        """Create the parts."""
        settings: Settings = container.settings()
        self._container = container
        self._settings = settings
        self._cookie = SessionCookie(container.session_limits().total, tls=settings.http.tls)
        self._limits = RateLimits(container.rate_limiter(), settings.rate_limit)
        self._denials = Denials(container.security_events(), container.clock())
        self.open_stream = LiveStreams(container.authenticator(), container.revocations(), container.clock()).open
        self.check_continuation = container.continuation().check
        self.security = Security(settings.identity.public_read, TOKEN, self._cookie.name)

    def controllers(self, bind: BindServices) -> Sequence[type[Controller]]:
        """Return the controllers of identity; `bind` gives them their services."""
        container = self._container
        limit = SignInLimit(self._limits)
        sign_in, sessions, users = container.sign_in(), container.user_sessions(), container.users()
        return (
            bind(TokensController, sign_in=sign_in, sign_in_limit=limit, signer=container.token_signer()),
            bind(
                BrowserSessionsController,
                sign_in=sign_in,
                sign_in_limit=limit,
                sessions=sessions,
                first_admin=container.first_admin(),
                cookie=self._cookie,
            ),
            bind(AccountController, users=users, sessions=sessions, cookie=self._cookie),
            bind(UsersController, users=users, strict=self._settings.http.require_if_match),
            bind(ApiKeysController, api_keys=container.api_keys(), users=users, clock=container.clock()),
        )

    def authenticating(self, app: App, routes: Sequence[BaseRoute], cors: CORSConfig | None) -> AuthenticationMiddleware:
        """Wrap `app`, which has these routes."""
        middleware = AuthenticationMiddleware(
            app,
            self._container.authenticator(),
            PublicRoutes(routes),
            self._limits,
            self._denials,
            self._container.clock(),
            public_read=self._settings.identity.public_read,
            cookie=self._cookie,
            cors=cors,
        )
        self._container.revocations().on_revoked(middleware.forget)
        return middleware

    def on_catalog_error(self, request: AnyRequest, error: CatalogError) -> Response[bytes]:
        """Respond to an error that the catalog raised, and record it if it is a refusal."""
        self._denials.record(request.scope, error)
        return on_catalog_error(request, error)

    def record_refusal(self, scope: Any, error: CatalogError) -> None:  # noqa: ANN401 - an ASGI scope
        """Record the refusal of a part of a request."""
        self._denials.record(scope, error)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the background tasks of identity. The store must be migrated.

        A store that no other process sees is prepared here, and other stores before the processes start.
        """
        async with identity_running(self._container):
            if not self._container.storage().durable:
                await prepare_identity(self._container)
            yield


async def may_go_on(_principal: Principal, _scope: str) -> None:
    """Let the caller of work that takes long go on: without sign-in, nobody loses a right."""


def protection_of(container: Container) -> Protection | None:
    """Return the protection of an application, or None if nobody has to sign in."""
    settings: Any = container.settings()
    return Protection(container) if settings.identity.signs_in else None
