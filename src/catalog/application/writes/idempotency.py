"""Requests that are done once, however often they are sent: each leaves its answer as a note, in the commit of what it did.

So there is no moment at which one is there without the other: whoever asks again after a lost answer, or after the process
was killed, is given the first answer, or has the request done for the first time.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from catalog.domain.changes.expiring_record import Note
from catalog.domain.errors import DoneBefore, InFlight, KeyReused
from catalog.ports.clock import Clock
from catalog.ports.storage import Storage

Receipt = Callable[[bytes], Note]
"""Makes the note that keeps an answer; it is to be committed with what the answer tells."""

_SEPARATOR = b"\n"


class Asked(Protocol):
    """What was asked, by which a request is known to be the same; it may still be on its way."""

    @property
    def digest(self) -> str:
        """A digest of the body, once it is whole."""

    async def finish(self) -> None:
        """Take the rest of the body."""


class Once:
    """Knows which requests are under way here, and finds the answers of those that are done."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Keep the answers in this."""
        self._storage = storage
        self._clock = clock
        self._under_way: set[str] = set()

    async def do(self, key: str, asked: Asked, work: Callable[[Receipt], Awaitable[bytes]]) -> tuple[bytes, bool]:
        """Have `work` done, unless it was; return its answer, and whether it is an old one.

        Raises InFlight, KeyReused, and what `work` raises, of which nothing is kept.
        """
        if key in self._under_way:
            raise InFlight
        self._under_way.add(key)
        try:
            kept = await self._answer(key, asked)
            if kept is not None:
                return kept, True
            try:
                return await work(lambda answer: self._receipt(key, asked, answer)), False
            except DoneBefore:
                kept = await self._answer(key, asked)
                if kept is None:
                    raise
                return kept, True
        finally:
            self._under_way.discard(key)

    def _receipt(self, key: str, asked: Asked, answer: bytes) -> Note:
        return Note(key, asked.digest.encode() + _SEPARATOR + answer, self._clock.now(), first=True)

    async def _answer(self, key: str, asked: Asked) -> bytes | None:
        """Return the answer that was given to a request; None when it was not done, or too long ago. Raises KeyReused."""
        note = (await self._storage.notes((key,))).get(key)
        if note is None or not note.kept(self._clock.now()):
            return None
        known, _, answer = note.content.partition(_SEPARATOR)
        await asked.finish()
        if known.decode() != asked.digest:
            raise KeyReused
        return answer
