"""Clients, applications and requests that the HTTP tests share."""

from typing import Any

import httpx

from catalog.application.caching.cached_reads import CachedReads
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import HttpSettings, StorageSettings

ITEMS = "/api/v1/items"
CATEGORIES = "/api/v1/categories"
CHAIR = {
    "sku": " ch-1 ",
    "name": "Chair",
    "category": "garden-chairs",
    "price": {"amount": 12.50, "currency": "eur"},
    "attributes": {"b": 1, "a": 1.0, "c": "x", "d": True},
}


def client_for(app: RequestMiddleware) -> httpx.AsyncClient:
    """Return a client that calls the application in this process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


def memory_app(**http: object) -> RequestMiddleware:
    """Return an application on a memory store with these HTTP settings."""
    settings = Settings(storage=StorageSettings(url="memory://"), http=HttpSettings.model_validate(http))
    return create_app(Container(settings=settings))


def cache_of(container: Container) -> CachedReads:
    """Return the container's cache, which must exist."""
    cache: CachedReads | None = container.caching()
    assert cache is not None
    return cache


async def create_item(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:  # noqa: ANN401 - request values
    """Create an item and return the response."""
    response = await client.post(ITEMS, json={"name": "Item"} | fields)
    assert response.status_code == 201, response.text
    return response


async def create_categories(client: httpx.AsyncClient, *slugs: str, parent: str | None = None) -> None:
    """Create a category for each slug."""
    for slug in slugs:
        response = await client.post(CATEGORIES, json={"slug": slug, "name": slug, "parent": parent})
        assert response.status_code == 201, response.text
