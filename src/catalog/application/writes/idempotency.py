"""Requests that are done once, however often they are sent: each leaves its answer as a note, in the commit of what it did.

So there is no moment at which one is there without the other: whoever asks again after a lost answer, or after the process
was killed, is given the first answer, or has the request done for the first time.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.errors import AlreadyProcessed, KeyReused, RequestInProgress
from catalog.ports.clock import Clock
from catalog.ports.storage import Storage

MakeRecord = Callable[[bytes], ExpiringRecord]
"""Makes the note that keeps an answer; it is to be committed with what the answer tells."""

_SEPARATOR = b"\n"


class RequestFingerprint(Protocol):
    """What was asked, by which a request is known to be the same; it may still be on its way."""

    @property
    def digest(self) -> str:
        """A digest of the body, once it is whole."""

    async def receive_all(self) -> None:
        """Take the rest of the body."""


class IdempotentRequests:
    """Knows which requests are under way here, and finds the answers of those that are done."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Keep the answers in this."""
        self._storage = storage
        self._clock = clock
        self._in_progress: set[str] = set()

    async def execute(
        self, key: str, fingerprint: RequestFingerprint, work: Callable[[MakeRecord], Awaitable[bytes]]
    ) -> tuple[bytes, bool]:
        """Have `work` done, unless it was; return its answer, and whether it is an old one.

        Raises InFlight, KeyReused, and what `work` raises, of which nothing is kept.
        """
        if key in self._in_progress:
            raise RequestInProgress
        self._in_progress.add(key)
        try:
            kept = await self._stored_response(key, fingerprint)
            if kept is not None:
                return kept, True
            try:
                return await work(lambda answer: self._record(key, fingerprint, answer)), False
            except AlreadyProcessed:
                kept = await self._stored_response(key, fingerprint)
                if kept is None:
                    raise
                return kept, True
        finally:
            self._in_progress.discard(key)

    def _record(self, key: str, fingerprint: RequestFingerprint, answer: bytes) -> ExpiringRecord:
        return ExpiringRecord(key, fingerprint.digest.encode() + _SEPARATOR + answer, self._clock.now(), only_if_absent=True)

    async def _stored_response(self, key: str, fingerprint: RequestFingerprint) -> bytes | None:
        """Return the answer that was given to a request; None when it was not done, or too long ago. Raises KeyReused."""
        note = (await self._storage.records((key,))).get(key)
        if note is None or not note.is_alive(self._clock.now()):
            return None
        known, _, answer = note.content.partition(_SEPARATOR)
        await fingerprint.receive_all()
        if known.decode() != fingerprint.digest:
            raise KeyReused
        return answer
