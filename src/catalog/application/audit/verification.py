"""Verifies that nobody has altered a chained log (catalog.domain.hash_chain)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from catalog.domain.hash_chain import ChainEnd, Link, follow
from catalog.domain.identity.chain import to_link
from catalog.ports.identity.storage import SecurityLog
from catalog.ports.storage.optional import ChangeChain

BATCH_SIZE = 1_000
"""Entries read at a time."""


@dataclass(frozen=True, slots=True)
class ChainedLog:
    """How to read a chained log.

    `ends` returns where the chain starts and where it ends, as noted apart from the entries. `links` takes the number of an entry
    and a limit, and returns the entries after it, oldest first.
    """

    ends: Callable[[], Awaitable[tuple[ChainEnd, ChainEnd]]]
    links: Callable[[int, int], Awaitable[Sequence[Link]]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome: where the chain starts, how far it is intact, and the number of the first faulty entry, if any.

    `lacks_digest`: that entry has no digest. With `noted` (the end as it is noted apart from the entries) as the expected end,
    entries like it are accepted.
    """

    start: ChainEnd
    end: ChainEnd
    first_fault: int | None = None
    lacks_digest: bool = False
    noted: ChainEnd = field(default=ChainEnd(), compare=False)

    @property
    def checked(self) -> int:
        """The number of intact entries."""
        return self.end.seq - self.start.seq


async def change_log_chain(log: ChangeChain) -> ChainedLog | None:
    """Return the chain of the change log, or None if the store keeps none."""
    if await log.chain_ends() is None:
        return None

    async def ends() -> tuple[ChainEnd, ChainEnd]:
        return await log.chain_ends() or (ChainEnd(), ChainEnd())

    async def links(after: int, limit: int) -> Sequence[Link]:
        return await log.chain_links(after=after, limit=limit)

    return ChainedLog(ends, links)


def security_log_chain(log: SecurityLog) -> ChainedLog:
    """Return the chain of the security log."""

    async def links(after: int, limit: int) -> Sequence[Link]:
        return [to_link(entry) for entry in await log.security_chain(after, limit)]

    return ChainedLog(log.security_heads, links)


async def verify_chain(log: ChainedLog, expected: ChainEnd | None = None) -> Verdict:
    """Follow a chain from its start to its end. Others may write or prune meanwhile.

    `expected` is an end that was noted elsewhere earlier: the chain must still contain it. It is not compared if its entry is not
    part of the chain any more because the log was pruned (it is before `Verdict.start`). Whoever noted it has accepted entries
    without digests before it, which processes of an older version append while a new one is rolled out.
    """
    while True:
        start, end = await log.ends()
        verdict = await _verify(log, start, end, expected)
        if verdict.first_fault is None:
            return verdict
        if (await log.ends())[0].seq == start.seq:
            return replace(verdict, lacks_digest=await _lacks_digest(log, verdict.first_fault), noted=end)
        # The log was pruned meanwhile, so missing entries are no fault.


async def _verify(log: ChainedLog, start: ChainEnd, end: ChainEnd, expected: ChainEnd | None) -> Verdict:
    fault = await _entry_before(log, start)
    if fault is not None:
        return Verdict(start, start, fault)
    if expected is not None and expected.seq > end.seq:
        return Verdict(start, start, end.seq + 1)
    position = start
    accepted = 0 if expected is None else expected.seq
    for noted in (end,) if expected is None or expected.seq < start.seq else (expected, end):
        position, fault = await _follow_to(noted.seq, log, position, accepted)
        if fault is None and position != noted:
            fault = noted.seq
        if fault is not None:
            return Verdict(start, position, fault)
    return Verdict(start, end, await _entry_after(log, end))


async def _follow_to(seq: int, log: ChainedLog, start: ChainEnd, accepted: int) -> tuple[ChainEnd, int | None]:
    """Follow a chain to the entry with this number. Return how far it is intact, and the number of the first faulty entry."""
    position = start
    while position.seq < seq:
        links = await log.links(position.seq, min(BATCH_SIZE, seq - position.seq))
        position, fault = follow(position, links, accepted=accepted)
        if fault is not None or not links:
            return position, fault or position.seq + 1
    return position, None


async def _lacks_digest(log: ChainedLog, seq: int) -> bool:
    """Return whether an entry exists that has no digest."""
    return any(link.seq == seq and link.digest is None for link in await log.links(seq - 1, 1))


async def _entry_before(log: ChainedLog, start: ChainEnd) -> int | None:
    """Return the number of an entry where all were pruned. Before a chain that was never pruned, there may be unchained ones."""
    first = await log.links(0, 1) if start.digest else ()
    return next((link.seq for link in first if link.seq <= start.seq), None)


async def _entry_after(log: ChainedLog, end: ChainEnd) -> int | None:
    """Return the number of an entry that the noted end does not cover, although entries and end are written together."""
    following = await log.links(end.seq, 1)
    return following[0].seq if following and (await log.ends())[1].seq < following[0].seq else None
