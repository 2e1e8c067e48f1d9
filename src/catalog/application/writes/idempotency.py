"""Idempotency: requests that may be repeated safely. The response is stored in the same transaction as the changes.

So the changes and the stored response exist together or not at all. A caller who retries after losing a response, or after
the process was killed, gets the stored response, or the request is executed for the first time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from catalog.application.writes.write import Decision, Write
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.errors import AlreadyProcessed, KeyReused, RequestInProgress
from catalog.ports.clock import Clock
from catalog.ports.storage import Storage

T = TypeVar("T")

_SEPARATOR = b"\n"


class RequestFingerprint(Protocol):
    """Identifies a request by its content. Its body may not be complete yet."""

    @property
    def digest(self) -> str:
        """A digest of the body. Available once the body has been received completely."""

    async def receive_all(self) -> None:
        """Receive the rest of the body."""


@dataclass(slots=True)
class Claim:
    """The exclusive right of one request to its key, within this process. It is held in a `with` block."""

    storage: Storage
    clock: Clock
    in_progress: set[str]
    key: str
    fingerprint: RequestFingerprint

    def __enter__(self) -> Self:
        """Take the key. Raises RequestInProgress if another request has it."""
        if self.key in self.in_progress:
            raise RequestInProgress
        self.in_progress.add(self.key)
        return self

    def __exit__(self, *_: object) -> None:
        """Release the key."""
        self.in_progress.discard(self.key)

    async def stored_response(self) -> bytes | None:
        """Return the stored response, or None if there is none or it expired. Raises KeyReused."""
        record = (await self.storage.records((self.key,))).get(self.key)
        if record is None or not record.is_alive(self.clock.now()):
            return None
        digest, _, response = record.content.partition(_SEPARATOR)
        await self.fingerprint.receive_all()
        if digest.decode() != self.fingerprint.digest:
            raise KeyReused
        return response

    async def execute(self, write: Write[T], encode: Callable[[T], bytes]) -> tuple[bytes, bool]:
        """Execute a write and store its response. If another process did so first, return the response that it stored.

        Return the response, and whether it is a stored one. Nothing is stored if the write fails.

        Raises KeyReused, and errors of the write.
        """
        try:
            return await self._storing_response(write, encode), False
        except AlreadyProcessed:
            response = await self.stored_response()
            if response is None:
                raise
            return response, True

    def _storing_response(self, write: Write[T], encode: Callable[[T], bytes]) -> Write[bytes]:
        """Return a write that stores the response in the same commit. Its result is the response."""

        async def decide() -> Decision[bytes]:
            decision = await write.decide()
            response = encode(decision.result)
            records = decision.records if decision.is_refusal else (*decision.records, self._record(response))
            return Decision(decision.changes, response, records, commit_scope=decision.commit_scope)

        return Write(write.storage, write.origin, decide, write.subject, write.retry_on)

    def _record(self, response: bytes) -> ExpiringRecord:
        content = self.fingerprint.digest.encode() + _SEPARATOR + response
        return ExpiringRecord(self.key, content, self.clock.now(), only_if_absent=True)


class IdempotentRequests:
    """Executes each request once and returns its stored response when it is repeated."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Store responses in `storage`."""
        self._storage = storage
        self._clock = clock
        self._in_progress: set[str] = set()

    def claim(self, key: str, fingerprint: RequestFingerprint) -> Claim:
        """Return the claim of one request to its key."""
        return Claim(self._storage, self._clock, self._in_progress, key, fingerprint)
