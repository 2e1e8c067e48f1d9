"""The application on each kind of store, called in this process."""

from collections.abc import AsyncIterator

import httpx
import pytest

from catalog.application.caching import freshness
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from tests.http.making import cache_of, client_for


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep cached responses fresh however slow the machine is. Tests of expiry use a clock of their own."""
    monkeypatch.setattr(freshness, "MAX_STALENESS", 3600.0)


@pytest.fixture
async def container(store_url: str) -> AsyncIterator[Container]:
    """A container on a fresh store, with its cache running."""
    container = Container(settings=Settings(storage=StorageSettings(url=store_url)))
    async with running(container) as storage, cache_of(container).running(storage):
        yield container


@pytest.fixture
def app(container: Container) -> RequestMiddleware:
    """The application of the container."""
    return create_app(container)


@pytest.fixture
async def client(app: RequestMiddleware) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application."""
    async with client_for(app) as opened:
        yield opened
