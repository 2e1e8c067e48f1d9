"""/health: whether the process lives, and whether it can serve. Below /api/v1 too, for those who route only that."""

import asyncio

import msgspec
from litestar import Controller, Response, get

from catalog import __version__
from catalog.domain.errors import StoreUnavailable
from catalog.entrypoints.http.openapi.document import Operation, documented
from catalog.entrypoints.http.requests.bodies import JSON
from catalog.entrypoints.http.shutdown import ShutdownState
from catalog.ports.storage import Storage

_encoder = msgspec.json.Encoder()
_FRESH = {"Cache-Control": "no-store"}


class HealthBody(msgspec.Struct):
    """The service is well."""

    status: str
    version: str


_WELL = _encoder.encode(HealthBody("ok", __version__))


class HealthController(Controller):
    """For whoever starts the process again, and for whoever sends it requests."""

    tags = ("operations",)
    storage: Storage
    stopping: ShutdownState
    deadline: float

    @get(
        ["/health/live", "/api/v1/health/live"],
        sync_to_thread=False,
        opt=documented(Operation("Tell whether the process lives", responses=("200-health",))),
    )
    def live(self) -> Response[bytes]:
        """Asks nothing of anybody: a process that does not answer this is to be started again."""
        return Response(_WELL, media_type=JSON, headers=_FRESH)

    @get(
        ["/health", "/health/ready", "/api/v1/health", "/api/v1/health/ready"],
        opt=documented(Operation("Tell whether the service can serve", responses=("200-health",))),
    )
    async def ready(self) -> Response[bytes]:
        """Asks the store, with a deadline; 503 when it does not answer, or when the service is about to stop."""
        if self.stopping.draining:
            message = "The service is about to stop; send what is new elsewhere."
            raise StoreUnavailable(message)
        try:
            async with asyncio.timeout(self.deadline):
                await self.storage.ping()
        except TimeoutError as error:
            message = "The store did not answer in time."
            raise StoreUnavailable(message) from error
        return Response(_WELL, media_type=JSON, headers=_FRESH)
