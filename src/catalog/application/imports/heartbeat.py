"""Heartbeats: they show other processes that an import is alive although it commits nothing."""

import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import replace

from catalog.application.imports.progress import ImportState
from catalog.application.writes.commit import commit
from catalog.domain.change import Origin
from catalog.domain.errors import Unavailable
from catalog.ports.clock import Clock
from catalog.ports.storage import Storage

HEARTBEAT_SECONDS = 2.0
"""Seconds between two heartbeats of a running import."""


async def send_heartbeats(
    storage: Storage, clock: Clock, states: MutableMapping[str, ImportState], import_id: str, origin: Origin
) -> None:
    """Store the state of an import, with the current time, whenever it is older than HEARTBEAT_SECONDS."""
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        state, now = states[import_id], clock.now()
        if (now - state.at).total_seconds() >= HEARTBEAT_SECONDS:
            states[import_id] = replace(state, at=now)
            # If the store is unavailable for a moment, it gets the next heartbeat.
            with suppress(Unavailable):
                await commit(storage, (), origin, (states[import_id].record,))
