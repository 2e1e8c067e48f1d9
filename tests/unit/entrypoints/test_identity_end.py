"""The end of a process: what identity has still to write is written at the same time."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from catalog.adapters.memory.identity import MemoryIdentityStorage
from catalog.domain.identity.audit import EVERY_EVENT
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.scopes import ALL_SCOPES
from catalog.domain.identity.security_log import SecurityEvent
from catalog.entrypoints.container import Container, identity_running
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from tests.making import NOON


class SlowIdentity(MemoryIdentityStorage):
    """A store in which the last events and the last uses can only be written together."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.both = asyncio.Barrier(2)
        self.touched = False

    async def record(self, events: Sequence[SecurityEvent]) -> None:
        """Wait for the uses."""
        await self.both.wait()
        await super().record(events)

    async def touch(self, used_at: Any) -> None:  # noqa: ANN401 - as the port says
        """Wait for the events."""
        await self.both.wait()
        await super().touch(used_at)
        self.touched = True


async def test_the_tasks_of_identity_end_together() -> None:
    """So a store that hangs holds up the end for the time that one of them has."""
    storage = SlowIdentity()
    container = Container(settings=Settings(storage=StorageSettings(url="memory://")))
    container.identity_storage.override(storage)
    async with identity_running(container):
        for _ in range(20):  # the first runs of the tasks have nothing to do
            await asyncio.sleep(0)
        user = uuid4()
        container.authenticator().used(Principal.of_session(uuid4(), "anna", "admin", ALL_SCOPES, user, NOON))
        container.security_events().add(SecurityEvent(action="sign_in.failed", at=NOON, result="failure"))
    assert storage.touched
    assert [entry.event.action for entry in await storage.security_entries(EVERY_EVENT, before=None, limit=9)] == [
        "sign_in.failed"
    ]
