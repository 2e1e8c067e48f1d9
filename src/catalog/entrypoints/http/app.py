"""The HTTP application, from a container or from the environment."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.exceptions import HTTPException

from catalog.domain.errors import CatalogError
from catalog.entrypoints import logs
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.documentation import assets, docs, openapi, redoc
from catalog.entrypoints.http.edge import Edge
from catalog.entrypoints.http.health import live, ready
from catalog.entrypoints.http.items import ItemsController
from catalog.entrypoints.http.openapi import openapi_document
from catalog.entrypoints.http.problems import on_catalog_error, on_http_exception, on_unforeseen
from catalog.entrypoints.http.stopping import Stopping
from catalog.entrypoints.settings import HttpSettings, Settings


def create_app(container: Container) -> Edge:
    """Make the application that serves what the container holds."""
    settings: Settings = container.settings()
    stopping = Stopping(settings.http.drain)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        async with running(container):
            yield

    app = Litestar(
        route_handlers=[ItemsController, live, ready, docs, redoc, openapi, assets()],
        dependencies={
            "items": _provided(container.items),
            "storage": _provided(container.storage),
            "stopping": _provided(lambda: stopping),
            "ready_deadline": _provided(lambda: settings.storage.deadline_seconds),
        },
        exception_handlers={
            CatalogError: on_catalog_error,
            HTTPException: on_http_exception,
            Exception: on_unforeseen,
        },
        cors_config=_cors(settings.http),
        request_max_body_size=settings.http.max_body_bytes,
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
    )
    openapi_document(app.routes)  # a route that documents nothing is found at start, not by a reader
    return Edge(app, settings.http, stopping)


def from_environment() -> Edge:
    """Make the application for a server's process: settings, logs, container."""
    settings = Settings.load()
    logs.configure(settings.log)
    return create_app(Container(settings=settings))


def _provided(provider: Callable[[], Any]) -> Provide:
    """Bridge from the container to Litestar. What the container gives is the same for every request, and asked for once."""

    def provide() -> Any:  # noqa: ANN401 - whatever the provider gives
        return provider()

    return Provide(provide, use_cache=True, sync_to_thread=False)


def _cors(http: HttpSettings) -> CORSConfig | None:
    """Let web pages of the origins named call the API; without any, there is no CORS at all."""
    if not http.cors_origins:
        return None
    return CORSConfig(
        allow_origins=list(http.cors_origins),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Content-Type", "If-Match", "If-None-Match", "X-Request-ID", "Authorization"],
        expose_headers=["ETag", "Link", "Location", "Retry-After", "X-Request-ID", "X-Process-Time"],
    )
