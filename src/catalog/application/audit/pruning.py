"""Pruning the security log: archive its oldest entries, then delete them."""

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from hashlib import sha256

from catalog.application.files.trailer import TRAILER_KEY
from catalog.domain.identity.security_log import CHANGES_PRUNED, SecurityEntry, SecurityEvent
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import SecurityLog

BATCH_SIZE = 1_000
"""Entries read at a time."""

Encode = Callable[[Sequence[SecurityEntry]], bytes]
"""Encodes entries as JSON Lines."""


class SecurityPruning:
    """Archives and prunes the oldest entries of the security log."""

    def __init__(self, security_log: SecurityLog, clock: Clock) -> None:
        """Prune this log."""
        self._security_log = security_log
        self._clock = clock

    async def last_before(self, moment: datetime) -> int:
        """Return the number just before the first entry that is not older than `moment`, or 0 if there is none."""
        last = 0
        async for entries in self._batches():
            for entry in entries:
                if entry.event.at >= moment:
                    return last
                last = entry.seq
        return last

    async def archive(self, last_seq: int, encode: Encode) -> AsyncGenerator[bytes, None]:
        """Yield the entries up to `last_seq` in chunks. The last line has their count and the SHA-256 of everything before it."""
        digest = sha256()
        count = 0
        async for batch in self._batches():
            entries = [entry for entry in batch if entry.seq <= last_seq]
            if not entries:
                break
            chunk = encode(entries)
            digest.update(chunk)
            count += len(entries)
            yield chunk
        yield json.dumps({TRAILER_KEY: {"rows": count, "sha256": digest.hexdigest()}}).encode() + b"\n"

    async def prune(self, last_seq: int) -> None:
        """Delete the entries up to `last_seq`, and record it. Archive them first."""
        await self._security_log.prune_security_log(last_seq)
        event = SecurityEvent(
            action=CHANGES_PRUNED,
            at=self._clock.now(),
            actor="cli",
            credential="cli",
            subject="security",
            detail={"last_seq": last_seq},
        )
        await self._security_log.record([event])

    async def _batches(self) -> AsyncGenerator[Sequence[SecurityEntry], None]:
        after = 0
        while entries := await self._security_log.security_chain(after, BATCH_SIZE):
            yield entries
            after = entries[-1].seq
