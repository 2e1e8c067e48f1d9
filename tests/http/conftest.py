"""The application over each kind of store, asked in this process."""

from collections.abc import AsyncIterator

import httpx
import pytest

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.edge import Edge
from catalog.entrypoints.settings import HttpSettings, Settings, StorageSettings


def asked(app: Edge) -> httpx.AsyncClient:
    """Make a client of an application."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


@pytest.fixture
def http_settings() -> HttpSettings:
    """What a module of tests may set otherwise."""
    return HttpSettings()


@pytest.fixture
async def app(store_url: str, http_settings: HttpSettings) -> AsyncIterator[Edge]:
    """The application on a fresh store."""
    container = Container(settings=Settings(storage=StorageSettings(url=store_url), http=http_settings))
    async with running(container):
        yield create_app(container)


@pytest.fixture
async def client(app: Edge) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with asked(app) as opened:
        yield opened
