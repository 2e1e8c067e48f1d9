"""Verifies that nobody has altered a chained log (catalog.domain.hash_chain)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from catalog.domain.hash_chain import ChainEnd, Link, follow

BATCH_SIZE = 1_000
"""Entries read at a time."""

ReadLinks = Callable[[int, int], Awaitable[Sequence[Link]]]
"""Takes the number of an entry and a limit; returns the entries after it, oldest first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome: how many entries were checked, the last intact one, and the number of the first faulty one, if any."""

    checked: int
    end: ChainEnd
    first_fault: int | None = None


async def verify_chain(start: ChainEnd, end: ChainEnd, read: ReadLinks, expected: ChainEnd | None = None) -> Verdict:
    """Follow a chain from its start to its end, both as noted apart from the entries.

    `expected` is an end that was noted elsewhere earlier: the chain must still contain it.
    """
    position = start
    while position.seq < end.seq:
        links = await read(position.seq, min(BATCH_SIZE, end.seq - position.seq))
        before = position
        position, fault = follow(position, links)
        if fault is not None or not links:
            return Verdict(position.seq - start.seq, position, fault or position.seq + 1)
        if expected is not None and before.seq < expected.seq <= position.seq:
            passed, _ = follow(before, [link for link in links if link.seq <= expected.seq])
            if passed != expected:
                return Verdict(position.seq - start.seq, position, expected.seq)
    if position != end:
        return Verdict(position.seq - start.seq, position, position.seq)
    if expected is not None and (expected.seq > end.seq or (expected.seq == start.seq and expected != start)):
        return Verdict(position.seq - start.seq, position, min(expected.seq, end.seq + 1))
    return Verdict(position.seq - start.seq, position)
