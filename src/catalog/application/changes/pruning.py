"""Pruning the log: its beginning is written to an archive, and then forgotten."""

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from hashlib import sha256

from catalog.application.files.trailer import TRAILER_KEY
from catalog.domain.changes.log import LogEntry
from catalog.ports.storage import Storage

BATCH_SIZE = 1_000
"""Entries that are read at a time."""

Encode = Callable[[Sequence[LogEntry]], bytes]
"""Writes entries as JSON Lines."""


class Pruning:
    """Archives and forgets."""

    def __init__(self, storage: Storage) -> None:
        """Work on this log."""
        self._storage = storage

    async def last_before(self, moment: datetime) -> int:
        """Return the number of the last entry before the first one that is not older than `before`; 0: there is none."""
        last = 0
        async for entries in self._batches():
            for entry in entries:
                if entry.at >= moment:
                    return last
                last = entry.seq
        return last

    async def archive(self, last_seq: int, encode: Encode) -> AsyncGenerator[bytes, None]:
        """Write the entries up to a number, piece by piece; the last line tells their number and the SHA-256 of all before it."""
        digest = sha256()
        count = 0
        async for stretch in self._batches():
            entries = [entry for entry in stretch if entry.seq <= last_seq]
            if not entries:
                break
            piece = encode(entries)
            digest.update(piece)
            count += len(entries)
            yield piece
        yield json.dumps({TRAILER_KEY: {"rows": count, "sha256": digest.hexdigest()}}).encode() + b"\n"

    async def prune(self, last_seq: int) -> None:
        """Prune the entries up to a number: those that an archive has."""
        await self._storage.prune(last_seq)

    async def _batches(self) -> AsyncGenerator[tuple[LogEntry, ...], None]:
        after: int | None = 0
        while after is not None:
            page = await self._storage.changes(after=after, limit=BATCH_SIZE)
            if page.entries:
                yield page.entries
            after = page.next_after
