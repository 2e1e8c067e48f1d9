"""Writes the security events of processes in which nobody signs in: of the service, and of a command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
async def recording_at_end(container: Container) -> AsyncIterator[None]:
    """Write what was recorded while the context was open, if anything. Commands that record nothing open no security log."""
    try:
        yield
    finally:
        storage: IdentityStorage | None = container.security_log() if container.activities().used else None
        if storage is not None:
            await storage.open()
            try:
                await container.security_events().write(everything=True)
            finally:
                await storage.close()
