"""The application over each kind of store, asked in this process."""

from collections.abc import AsyncIterator

import httpx
import pytest

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.edge import Edge
from catalog.entrypoints.settings import Settings, StorageSettings


def asked(app: Edge) -> httpx.AsyncClient:
    """Make a client of an application."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


@pytest.fixture
async def container(store_url: str) -> AsyncIterator[Container]:
    """A container on a fresh store."""
    made = Container(settings=Settings(storage=StorageSettings(url=store_url)))
    async with running(made):
        yield made


@pytest.fixture
def app(container: Container) -> Edge:
    """The application that it serves."""
    return create_app(container)


@pytest.fixture
async def client(app: Edge) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with asked(app) as opened:
        yield opened
