"""Writes failures, refusals and activities to the security log, in batches: a flood of them costs few transactions."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from catalog.application.identity.periodic import repeated
from catalog.domain.errors import Unavailable
from catalog.domain.identity.back_off import network_of
from catalog.domain.identity.security_log import UNKNOWN_NAME, SecurityEvent
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import SecurityLog

MAX_KINDS = 1_000
"""Different events that are counted apart."""

MAX_KINDS_OF_NETWORK = 20
"""Different events from one network that are counted apart, so that a flood from there cannot hide others."""

WRITE_INTERVAL = 0.5
"""Seconds between two batches."""

REPEATS = timedelta(minutes=1)
"""How long repeats of an event are counted before their number is written."""

_log = logging.getLogger("catalog.identity")


@dataclass(slots=True, eq=False)
class _Tally:
    """Events that differ only in their time and request: what is not written yet, and since when they are counted."""

    since: datetime
    pending: SecurityEvent | None
    network: str | None
    written: bool = False

    def add(self, event: SecurityEvent) -> None:
        """Count a further event."""
        count = event.count + (0 if self.pending is None else self.pending.count)
        self.pending = replace(event, count=count)

    def restore(self, event: SecurityEvent) -> None:
        """Take back an event that could not be written."""
        self.pending = event if self.pending is None else replace(self.pending, count=self.pending.count + event.count)
        self.written = False

    def is_over(self, now: datetime) -> bool:
        """Return whether the next event is counted anew."""
        return now - self.since >= REPEATS


class SecurityEvents:
    """Takes events without waiting, and writes them in the background.

    An event is written soon. Repeats of it within a minute are one entry at the minute's end, with their number.
    """

    def __init__(self, storage: SecurityLog, clock: Clock) -> None:
        """Write to `storage`."""
        self._storage = storage
        self._clock = clock
        self._tallies: dict[tuple[object, ...], _Tally] = {}
        self._networks: Counter[str] = Counter()

    def now(self) -> datetime:
        """Return the time of an event that happens now."""
        return self._clock.now()

    def add(self, event: SecurityEvent) -> None:
        """Take an event."""
        tally = self._tallies.get(_key(event))
        network = None if event.address is None else network_of(event.address)
        if tally is None and network is not None:
            self._networks[network] += 1
            if self._networks[network] > MAX_KINDS_OF_NETWORK:
                event = _without_details(event, network)
                tally = self._tallies.get(_key(event))
        if tally is None and len(self._tallies) >= MAX_KINDS:
            event = _without_details(event, None)
            tally = self._tallies.get(_key(event))
        if tally is None:
            self._tallies[_key(event)] = _Tally(event.at, event, network)
        else:
            tally.add(event)

    @asynccontextmanager
    async def running(self, interval: float = WRITE_INTERVAL) -> AsyncIterator[None]:
        """Write in the background while the context is open, and the rest when it closes."""
        try:
            async with repeated(self.write, interval, last=partial(self.write, everything=True)):
                yield
        finally:
            self.log_lost()

    def log_lost(self) -> str | None:
        """Log what could not be written, and return it as a sentence, or None. To be called at the end: then it is lost."""
        lost: Counter[str] = Counter()
        for tally in self._tallies.values():
            if tally.pending is not None:
                lost[tally.pending.action] += tally.pending.count
        if not lost:
            return None
        actions = ", ".join(f"{action} ({count})" if count > 1 else action for action, count in sorted(lost.items()))
        message = f"The security log could not be written, and lacks what happened last: {actions}."
        _log.warning("%s", message)
        return message

    async def write(self, *, everything: bool = False) -> None:
        """Write what is new, and the numbers of repeats whose minute is over. If the store is away, keep them.

        They are also kept if the write is cancelled, because nobody knows then whether they are written.
        """
        now = self._clock.now()
        due = [
            (tally, tally.pending)
            for tally in self._tallies.values()
            if tally.pending is not None and (everything or not tally.written or tally.is_over(now))
        ]
        for tally, _ in due:
            tally.pending, tally.written = None, True
        try:
            if due:
                await self._storage.record([event for _, event in due])
        except (Unavailable, asyncio.CancelledError) as error:
            for tally, event in due:
                tally.restore(event)
            if not isinstance(error, Unavailable):
                raise
        self._tallies = {key: tally for key, tally in self._tallies.items() if tally.pending or not tally.is_over(now)}
        self._networks = Counter(tally.network for tally in self._tallies.values() if tally.network is not None)


def _without_details(event: SecurityEvent, network: str | None) -> SecurityEvent:
    """Return what is kept of an event when there are too many: what happened, from which network, and to which user.

    A hash of a name that nobody has is no user.
    """
    subject = None if event.subject is None or event.subject.startswith(UNKNOWN_NAME) else event.subject
    return SecurityEvent(
        action=event.action, at=event.at, result=event.result, count=event.count, address=network, subject=subject
    )


def _key(event: SecurityEvent) -> tuple[object, ...]:
    return event.action, event.result, event.actor, event.credential, event.address, event.subject, tuple(event.detail.items())
