"""Archives of a log's oldest entries: JSON Lines, with a trailer that shows that nothing is missing."""

import json
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Protocol, TypeVar

from catalog.application.files.trailer import TRAILER_KEY

BATCH_SIZE = 1_000
"""Entries read at a time."""


class Numbered(Protocol):
    """An entry of a log: its number and its time."""

    @property
    def seq(self) -> int:
        """The number."""

    @property
    def at(self) -> datetime:
        """The time."""


E = TypeVar("E", bound=Numbered)


async def last_before(batches: AsyncIterable[Sequence[Numbered]], moment: datetime) -> int:
    """Return the number just before the first entry that is not older than `moment`, or 0 if there is none."""
    last = 0
    async for entries in batches:
        for entry in entries:
            if entry.at >= moment:
                return last
            last = entry.seq
    return last


async def archive(
    batches: AsyncIterable[Sequence[E]], last_seq: int, encode: Callable[[Sequence[E]], bytes]
) -> AsyncGenerator[bytes, None]:
    """Yield the entries up to `last_seq` in chunks. The last line has their count and the SHA-256 of everything before it."""
    digest = sha256()
    count = 0
    async for batch in batches:
        entries = [entry for entry in batch if entry.seq <= last_seq]
        if not entries:
            break
        chunk = encode(entries)
        digest.update(chunk)
        count += len(entries)
        yield chunk
    yield json.dumps({TRAILER_KEY: {"rows": count, "sha256": digest.hexdigest()}}).encode() + b"\n"
