"""What the health check says about a service."""

import httpx
import pytest

from catalog import __version__
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from tests.http.making import client_for

SCHEMES = {"memory": "memory", "sqlite": "sqlite", "postgres": "postgresql"}


@pytest.mark.parametrize("path", ["/health", "/api/v1/health", "/health/live", "/health/ready"])
async def test_the_health_names_version_and_store(client: httpx.AsyncClient, store: str, path: str) -> None:
    """Of the store, only the kind: not where it is."""
    response = await client.get(path)
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert response.json() == {"status": "ok", "version": __version__, "store": SCHEMES[store]}


async def test_an_address_of_a_store_is_not_told() -> None:
    """However it is written: an alias of the scheme is the same store."""
    url = "postgres://somebody:hidden@db.example:5433/shop"
    app = create_app(Container(settings=Settings(storage=StorageSettings(url=url))))
    async with client_for(app) as client:
        response = await client.get("/health/live")
    assert response.json() == {"status": "ok", "version": __version__, "store": "postgresql"}
