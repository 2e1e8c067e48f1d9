"""Pruning the security log: archive its oldest entries, then delete them."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime

from catalog.application.files.log_archive import BATCH_SIZE, archive, last_before
from catalog.application.identity.caller import Caller
from catalog.domain.identity.principal import COMMAND_LINE
from catalog.domain.identity.security_log import CHANGES_PRUNED, SecurityEntry
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import SecurityLog

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
        return await last_before(self._batches(), moment)

    def archive(self, last_seq: int, encode: Encode) -> AsyncGenerator[bytes, None]:
        """Yield the entries up to `last_seq` in chunks, and a trailer (catalog.application.files.log_archive)."""
        return archive(self._batches(), last_seq, encode)

    async def prune(self, last_seq: int) -> None:
        """Delete the entries up to `last_seq`, and record it. Archive them first."""
        await self._security_log.prune_security_log(last_seq)
        event = Caller(COMMAND_LINE).event(CHANGES_PRUNED, self._clock.now(), "security", {"last_seq": last_seq})
        await self._security_log.record([event])

    async def _batches(self) -> AsyncGenerator[Sequence[SecurityEntry], None]:
        after = 0
        while entries := await self._security_log.security_chain(after, BATCH_SIZE):
            yield entries
            after = entries[-1].seq
