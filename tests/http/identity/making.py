"""Services whose callers sign in, with a user of each role and their credentials."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from catalog.adapters.argon2.password_hasher import Argon2PasswordHasher
from catalog.application.identity.caller import Caller
from catalog.domain.identity.principal import COMMAND_LINE
from catalog.domain.identity.roles import USER_ROLES, Role
from catalog.domain.identity.user import NewUser
from catalog.entrypoints.container import Container, identity_running, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import (
    CacheSettings,
    HttpSettings,
    IdentitySettings,
    RateLimitSettings,
    StorageSettings,
)
from tests import planted_secrets
from tests.http.making import cache_of

PASSWORD, ANOTHER = planted_secrets.PASSWORD, planted_secrets.ANOTHER_PASSWORD
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
AUTH = "/api/v1/auth"


class MovableClock:
    """The system's clock, put forward by `ahead`."""

    def __init__(self) -> None:
        """Start with the system's time."""
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self.ahead

    def timestamp(self) -> float:
        """Return the time in seconds since 1970."""
        return self.now().timestamp()


def client_of(app: RequestMiddleware, **headers: str) -> httpx.AsyncClient:
    """Return a client without cookies that calls the application in this process, as if from 203.0.113.7."""
    transport = httpx.ASGITransport(app=app, client=("203.0.113.7", 50_000))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


@dataclass(slots=True)
class Service:
    """A running service."""

    container: Container
    app: RequestMiddleware
    clock: MovableClock
    tokens: dict[Role, str] = field(default_factory=dict)

    def client(self, **headers: str) -> httpx.AsyncClient:
        """Return a client that sends these headers."""
        return client_of(self.app, **{name.replace("_", "-"): value for name, value in headers.items()})

    async def add_user(self, username: str, role: Role) -> None:
        """Create a user with the usual password."""
        await self.container.users().create(NewUser(username, role, PASSWORD), Caller(COMMAND_LINE))

    async def sign_in(self, username: str, **fields: object) -> Mapping[str, Any]:
        """Sign in for tokens."""
        async with self.client() as client:
            response = await client.post(f"{AUTH}/token", json={"username": username, "password": PASSWORD} | fields)
        assert response.status_code == 200, response.text
        body: Mapping[str, Any] = response.json()
        return body

    async def bearer(self, username: str, **fields: object) -> dict[str, str]:
        """Sign in and return the header with the access token."""
        return {"Authorization": f"Bearer {(await self.sign_in(username, **fields))['access_token']}"}

    async def cookie(self, username: str) -> dict[str, str]:
        """Sign in with a browser and return its headers."""
        async with self.client(**SAME_ORIGIN) as client:
            response = await client.post(f"{AUTH}/session", json={"username": username, "password": PASSWORD})
            assert response.status_code == 200, response.text
            return {"Cookie": f"catalog_session={client.cookies['catalog_session']}", **SAME_ORIGIN}

    async def api_key(self, username: str, *scopes: str) -> dict[str, str]:
        """Make an API key and return the header with it."""
        async with self.client(**await self.bearer(username)) as client:
            response = await client.post("/api/v1/api-keys", json={"name": "test", "scopes": list(scopes)})
        assert response.status_code == 201, response.text
        return {"X-API-Key": response.json()["key"]}


def settings_of(url: str, **groups: Mapping[str, Any]) -> Settings:
    """Return the settings of a service whose callers sign in, without narrow limits unless they are given."""
    limits = {"requests": 100_000, "sign_in_requests": 100_000}
    return Settings(
        storage=StorageSettings(url=url),
        http=HttpSettings.model_validate(groups.get("http", {})),
        identity=IdentitySettings.model_validate({"mode": "required"} | dict(groups.get("identity", {}))),
        rate_limit=RateLimitSettings.model_validate(limits | dict(groups.get("rate_limit", {}))),
        cache=CacheSettings.model_validate(groups.get("cache", {})),
    )


@asynccontextmanager
async def serving(url: str, roles: Sequence[Role] = USER_ROLES, **groups: Mapping[str, Any]) -> AsyncIterator[Service]:
    """Run a service with a user of each of these roles, who is named like the role."""
    container, clock = Container(settings=settings_of(url, **groups)), MovableClock()
    container.clock.override(clock)
    container.password_hasher.override(Argon2PasswordHasher(memory_kib=64))
    async with running(container) as storage, cache_of(container).running(storage):
        app = create_app(container)
        async with identity_running(container):
            service = Service(container, app, clock)
            for role in roles:
                await service.add_user(role, role)
            yield service


@asynccontextmanager
async def second_process(first: Service) -> AsyncIterator[RequestMiddleware]:
    """Run the application again on the same database, with its own connections and memory. In memory, there is only one."""
    if first.container.settings().storage.url == "memory://":
        yield first.app
        return
    container = Container(settings=first.container.settings())
    container.clock.override(first.clock)
    container.password_hasher.override(Argon2PasswordHasher(memory_kib=64))
    async with running(container) as storage, cache_of(container).running(storage):
        app = create_app(container)
        async with identity_running(container):
            yield app
