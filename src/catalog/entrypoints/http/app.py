"""Create the HTTP application from a container or from the environment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import msgspec
from litestar import Controller, Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from catalog.application.caching.cached_reads import CachedReads
from catalog.application.changes.feed import Feed
from catalog.application.changes.history import History
from catalog.application.imports.jobs import ImportJobs
from catalog.application.items.items import Items
from catalog.domain.errors import CatalogError
from catalog.entrypoints import log_config
from catalog.entrypoints.activity_recording import recording
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.controllers.audit import AuditController
from catalog.entrypoints.http.controllers.batch import BatchController
from catalog.entrypoints.http.controllers.categories import CategoriesController
from catalog.entrypoints.http.controllers.changes import ChangesController
from catalog.entrypoints.http.controllers.documentation import assets, docs, error_types, index, openapi, redoc
from catalog.entrypoints.http.controllers.health import HealthController
from catalog.entrypoints.http.controllers.identity.account import CallerController
from catalog.entrypoints.http.controllers.import_inspections import ImportInspectionsController
from catalog.entrypoints.http.controllers.imports import ImportsController
from catalog.entrypoints.http.controllers.item_history import HistoryController
from catalog.entrypoints.http.controllers.items import ItemsController
from catalog.entrypoints.http.idempotency import Idempotency
from catalog.entrypoints.http.live_streams import endless_stream
from catalog.entrypoints.http.middleware.cache_keys import CachedRoutes
from catalog.entrypoints.http.middleware.request import App, RequestMiddleware
from catalog.entrypoints.http.middleware.response_cache import ResponseCache, ResponseCacheMiddleware
from catalog.entrypoints.http.openapi.document import openapi_document
from catalog.entrypoints.http.openapi.endpoints import endpoints
from catalog.entrypoints.http.page.controller import PageController
from catalog.entrypoints.http.page.files import page_files
from catalog.entrypoints.http.protection import may_go_on, protection_of
from catalog.entrypoints.http.requests.access import check_access
from catalog.entrypoints.http.requests.bodies import BodyLimits
from catalog.entrypoints.http.requests.declared_parameters import bind_parameters
from catalog.entrypoints.http.requests.import_uploads import ImportUploads
from catalog.entrypoints.http.requests.uploads import UploadSpace
from catalog.entrypoints.http.responses.problems import on_catalog_error, on_http_exception, on_unexpected_error
from catalog.entrypoints.http.responses.spooling import MAX_SPOOLED, Spool
from catalog.entrypoints.http.shutdown import ShutdownState
from catalog.entrypoints.settings.loading import load_settings
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.problems import InvalidSettings
from catalog.entrypoints.settings.safety import refused
from catalog.entrypoints.settings.sections import HttpSettings


def create_app(container: Container) -> RequestMiddleware:
    """Create the application with the services of a container."""
    settings: Settings = container.settings()
    shutdown = ShutdownState(settings.http.drain)
    caching: CachedReads | None = container.caching()
    reads = ResponseCache(caching, container.storage())

    items: Items = container.items()
    history: History = container.history()
    feed: Feed = container.feed()
    jobs: ImportJobs = container.import_jobs()
    idempotency = Idempotency(container.once())
    limits = settings.imports
    uploads = ImportUploads(limits.max_bytes, limits.max_atomic_rows, UploadSpace(limits.max_disk_bytes))
    strict = settings.http.require_if_match
    cors = _cors(settings.http)
    protection = protection_of(container)
    shutdown.on_close(feed.close)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        async with (
            running(container) as storage,
            protection.running() if protection else recording(container),
            caching.running(storage) if caching else nullcontext(),
        ):
            try:
                yield
            finally:
                await jobs.close()  # while the security log still takes what becomes of them

    app = Litestar(
        route_handlers=[
            _bind_services(
                ItemsController, items=items, reads=reads, idempotency=idempotency, spool=Spool(MAX_SPOOLED), strict=strict
            ),
            _bind_services(
                BatchController,
                batches=container.batches(),
                idempotency=idempotency,
                most=settings.http.max_batch_bytes,
                on_denied=staticmethod(protection.record_refusal if protection else _ignore),
            ),
            _bind_services(
                ImportsController,
                jobs=jobs,
                idempotency=idempotency,
                uploads=uploads,
                check_continuation=staticmethod(protection.check_continuation if protection else may_go_on),
            ),
            _bind_services(ImportInspectionsController, jobs=jobs, inspections=container.inspections(), uploads=uploads),
            _bind_services(HistoryController, history=history, items=items, idempotency=idempotency, strict=strict),
            _bind_services(
                ChangesController,
                history=history,
                feed=feed,
                open_stream=staticmethod(protection.open_stream if protection else endless_stream),
            ),
            _bind_services(
                CategoriesController,
                categories=container.categories(),
                items=items,
                reads=reads,
                idempotency=idempotency,
                strict=strict,
            ),
            _bind_services(
                HealthController,
                storage=container.storage(),
                stopping=shutdown,
                deadline=settings.storage.timeout_seconds,
                store=settings.storage.scheme,
            ),
            _bind_services(AuditController, audit=container.audit()),
            CallerController,
            *(protection.controllers(_bind_services) if protection else ()),
            _bind_services(PageController, files=page_files()),
            index,
            docs,
            redoc,
            error_types,
            openapi,
            assets(),
        ],
        exception_handlers={
            CatalogError: protection.on_catalog_error if protection else on_catalog_error,
            HTTPException: on_http_exception,
            Exception: on_unexpected_error,
        },
        cors_config=cors,
        before_request=check_access if protection else None,
        state=State(
            {
                "send_timeout_seconds": settings.http.send_timeout_seconds,
                "receiving": BodyLimits(settings.http.read_timeout_seconds),
            }
        ),
        request_max_body_size=settings.http.max_body_bytes,
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
    )
    documented = endpoints(app.routes)  # fails at startup if a route is not documented
    for endpoint in documented:
        bind_parameters(endpoint.handler, endpoint.parameters)
    app.state.openapi = msgspec.json.encode(openapi_document(documented, protection.security if protection else None))
    inner: App = app
    if caching:
        inner = ResponseCacheMiddleware(inner, caching, CachedRoutes(app.routes), cors=bool(settings.http.cors_origins))
    if protection:  # outside the cache: what it rejects must not be answered from there (ADR 24)
        inner = protection.authenticating(inner, app.routes, cors)
    return RequestMiddleware(inner, settings.http, shutdown, cors, signs_in=protection is not None)


def from_environment() -> RequestMiddleware:
    """Create the application of a server process: load the settings, configure logging, create the container.

    Raises: InvalidSettings, also for unsafe ones.
    """
    settings = load_settings()
    problems = [*refused(settings)]
    if problems:
        raise InvalidSettings(problems)
    log_config.configure(settings.log)
    return create_app(Container(settings=settings))


def _ignore(_scope: Any, _error: CatalogError) -> None:  # noqa: ANN401 - an ASGI scope
    """Record nothing: where nobody signs in, nobody is refused."""


def _bind_services(controller: type[Controller], **services: object) -> type[Controller]:
    """Return the controller class with services from the container as class attributes.

    They are the same for every request; looking them up for each request took 3 % of the time of a read.
    """
    return type(controller.__name__, (controller,), services)


def _cors(http: HttpSettings) -> CORSConfig | None:
    """Return the CORS configuration for the allowed origins, or None if there are none."""
    if not http.cors_origins:
        return None
    return CORSConfig(
        allow_origins=list(http.cors_origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            "Content-Type",
            "If-Match",
            "If-None-Match",
            "Idempotency-Key",
            "Last-Event-ID",
            "Prefer",
            "X-Request-ID",
            "Authorization",
            "X-API-Key",
        ],
        expose_headers=[
            "ETag",
            "Link",
            "Location",
            "Retry-After",
            "Idempotency-Replayed",
            "Preference-Applied",
            "X-Request-ID",
            "X-Process-Time",
            "X-Cache",
            "WWW-Authenticate",
            "RateLimit",
            "RateLimit-Policy",
        ],
    )
