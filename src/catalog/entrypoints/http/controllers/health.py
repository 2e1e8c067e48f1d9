"""`/health`: liveness and readiness probes. Also under `/api/v1`, for proxies that only route that prefix."""

import asyncio
from typing import Annotated, Literal

import msgspec
from litestar import Controller, Response, get

from catalog import __version__
from catalog.domain.errors import StoreUnavailable
from catalog.entrypoints.http.openapi.operation import Operation, documented, json_response
from catalog.entrypoints.http.requests.access import PROBE
from catalog.entrypoints.http.requests.bodies import JSON
from catalog.entrypoints.http.shutdown import ShutdownState
from catalog.ports.storage import Storage

_encoder = msgspec.json.Encoder()
_NO_STORE = {"Cache-Control": "no-store"}


class HealthBody(msgspec.Struct):
    """Response body of a healthy service."""

    status: Literal["ok"]
    version: str
    store: Annotated[str, msgspec.Meta(description="The scheme of the storage URL.", examples=["memory", "sqlite", "postgresql"])]


_RESPONSES = (json_response(200, "The service is healthy", HealthBody),)


class HealthController(Controller):
    """Endpoints for orchestrators and load balancers."""

    tags = ("operations",)
    storage: Storage
    stopping: ShutdownState
    deadline: float
    store: str

    @get(
        ["/health/live", "/api/v1/health/live"],
        sync_to_thread=False,
        opt=documented(Operation("get_liveness", "Liveness probe", PROBE, responses=_RESPONSES)),
    )
    def live(self) -> Response[bytes]:
        """Return 200 while the process is running. Nothing else is checked; restart a process that does not respond."""
        return self._healthy()

    @get(
        ["/health", "/api/v1/health"],
        opt=documented(Operation("get_health", "Health check", PROBE, responses=_RESPONSES)),
    )
    async def health(self) -> Response[bytes]:
        """Return 200 if the service can handle requests, like `/health/ready`."""
        return await self._check()

    @get(
        ["/health/ready", "/api/v1/health/ready"],
        opt=documented(Operation("get_readiness", "Readiness probe", PROBE, responses=_RESPONSES)),
    )
    async def ready(self) -> Response[bytes]:
        """Return 200 if the service can handle requests.

        Return 503 if the store does not respond in time, or if the service is shutting down.
        """
        return await self._check()

    async def _check(self) -> Response[bytes]:
        """Raise StoreUnavailable if the service cannot handle requests."""
        if self.stopping.draining:
            message = "The service is shutting down; send new requests to another instance."
            raise StoreUnavailable(message)
        try:
            async with asyncio.timeout(self.deadline):
                await self.storage.ping()
        except TimeoutError as error:
            message = "The store did not respond in time."
            raise StoreUnavailable(message) from error
        return self._healthy()

    def _healthy(self) -> Response[bytes]:
        return Response(_encoder.encode(HealthBody("ok", __version__, self.store)), media_type=JSON, headers=_NO_STORE)
