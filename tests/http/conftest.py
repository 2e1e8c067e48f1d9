"""The application over each kind of store, asked in this process."""

from collections.abc import AsyncIterator

import httpx
import pytest

from catalog.application.caching import freshness
from catalog.application.caching.cached_reads import CachedReads
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.settings import Settings, StorageSettings


def asked(app: RequestMiddleware) -> httpx.AsyncClient:
    """Make a client of an application."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


def caching_of(container: Container) -> CachedReads:
    """Return the cache of a container that has one."""
    caching: CachedReads | None = container.caching()
    assert caching is not None
    return caching


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cached holds however slow the machine is; what runs out, and when, is tested with a clock of its own."""
    monkeypatch.setattr(freshness, "MAX_STALENESS", 3600.0)


@pytest.fixture
async def container(store_url: str) -> AsyncIterator[Container]:
    """A container on a fresh store, with the cache at work."""
    made = Container(settings=Settings(storage=StorageSettings(url=store_url)))
    async with running(made) as storage, caching_of(made).running(storage):
        yield made


@pytest.fixture
def app(container: Container) -> RequestMiddleware:
    """The application that it serves."""
    return create_app(container)


@pytest.fixture
async def client(app: RequestMiddleware) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with asked(app) as opened:
        yield opened
