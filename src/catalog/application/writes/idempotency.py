"""Idempotency: requests that may be repeated safely. The response is stored in the same transaction as the changes.

So the changes and the stored response exist together or not at all. A caller who retries after losing a response, or after
the process was killed, gets the stored response, or the request is executed for the first time.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.errors import AlreadyProcessed, KeyReused, RequestInProgress
from catalog.ports.clock import Clock
from catalog.ports.storage import Storage

MakeRecord = Callable[[bytes], ExpiringRecord]
"""Builds the expiring record that stores a response, to be committed together with the changes it reports."""

_SEPARATOR = b"\n"


class RequestFingerprint(Protocol):
    """Identifies a request by its content. Its body may not be complete yet."""

    @property
    def digest(self) -> str:
        """A digest of the body. Available once the body has been received completely."""

    async def receive_all(self) -> None:
        """Receive the rest of the body."""


class IdempotentRequests:
    """Executes each request once and returns its stored response when it is repeated."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Store responses in `storage`."""
        self._storage = storage
        self._clock = clock
        self._in_progress: set[str] = set()

    async def execute(
        self, key: str, fingerprint: RequestFingerprint, work: Callable[[MakeRecord], Awaitable[bytes]]
    ) -> tuple[bytes, bool]:
        """Run `work`, unless a response is stored for `key`. Return the response, and whether it is a stored one.

        `work` must commit the record that it gets for its response. Nothing is stored if it raises.

        Raises RequestInProgress, KeyReused, and errors of `work`.
        """
        if key in self._in_progress:
            raise RequestInProgress
        self._in_progress.add(key)
        try:
            stored = await self._stored_response(key, fingerprint)
            if stored is not None:
                return stored, True
            try:
                return await work(lambda response: self._record(key, fingerprint, response)), False
            except AlreadyProcessed:
                stored = await self._stored_response(key, fingerprint)
                if stored is None:
                    raise
                return stored, True
        finally:
            self._in_progress.discard(key)

    def _record(self, key: str, fingerprint: RequestFingerprint, response: bytes) -> ExpiringRecord:
        return ExpiringRecord(key, fingerprint.digest.encode() + _SEPARATOR + response, self._clock.now(), only_if_absent=True)

    async def _stored_response(self, key: str, fingerprint: RequestFingerprint) -> bytes | None:
        """Return the stored response of a request, or None if there is none or it expired. Raises KeyReused."""
        record = (await self._storage.records((key,))).get(key)
        if record is None or not record.is_alive(self._clock.now()):
            return None
        digest, _, response = record.content.partition(_SEPARATOR)
        await fingerprint.receive_all()
        if digest.decode() != fingerprint.digest:
            raise KeyReused
        return response
