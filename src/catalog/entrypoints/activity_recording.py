"""Writes the security events of processes in which nobody signs in: of the service, and of a command."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from catalog.application.identity.security_events import SecurityEvents
from catalog.domain.errors import Unavailable
from catalog.entrypoints.container import Container
from catalog.entrypoints.identity_start import prepare_identity
from catalog.ports.identity.storage import IdentityStorage


@asynccontextmanager
async def recording(container: Container) -> AsyncIterator[None]:
    """Write events in the background while the context is open. Does nothing if the storage keeps no security log.

    Weak settings are recorded here if no other process sees the store, and else before the processes start.
    """
    storage: IdentityStorage | None = container.security_log()
    if storage is None:
        yield
        return
    await storage.open()
    try:
        async with container.security_events().running():
            if not container.storage().durable:
                await prepare_identity(container)
            yield
    finally:
        await storage.close()


@asynccontextmanager
async def recording_at_end(container: Container, warn: Callable[[str], None]) -> AsyncIterator[None]:
    """Write what was recorded while the context was open, if anything. Commands that record nothing open no security log.

    If the store has gone away, that is logged, and `warn` is called with a sentence: the work is done, whatever the log lacks.
    """
    try:
        yield
    finally:
        storage: IdentityStorage | None = container.security_log() if container.activities().used else None
        if storage is not None:
            events: SecurityEvents = container.security_events()
            with suppress(Unavailable):
                await storage.open()
                try:
                    await events.write(everything=True)
                finally:
                    await storage.close()
            lost = events.log_lost()
            if lost is not None:
                warn(lost)
