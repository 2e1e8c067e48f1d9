"""Verifying a chain against the ends that are noted apart from it, and against one that was noted elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from catalog.application.audit import verification
from catalog.application.audit.verification import (
    ChainedLog,
    Verdict,
    change_log_chain,
    security_log_chain,
    verify_chain,
)
from catalog.domain.hash_chain import ChainEnd, Link
from catalog.domain.identity.security_log import SecurityEvent
from catalog.entrypoints.identity_plugins import open_identity
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.making import NOON, create_items
from tests.minimal_store import MinimalStorage
from tests.unit.domain.test_hash_chain import chain_of


@dataclass
class Log:
    """A log of links that a test alters."""

    entries: list[Link]
    start: ChainEnd = field(default_factory=ChainEnd)
    end: ChainEnd = field(default_factory=ChainEnd)
    reads: int = 0

    async def ends(self) -> tuple[ChainEnd, ChainEnd]:
        """Return the noted ends."""
        return self.start, self.end

    async def links(self, after: int, limit: int) -> Sequence[Link]:
        """Return entries."""
        self.reads += 1
        return sorted((link for link in self.entries if link.seq > after), key=lambda link: link.seq)[:limit]

    async def verify(self, expected: ChainEnd | None = None) -> Verdict:
        """Verify this log."""
        return await verify_chain(ChainedLog(self.ends, self.links), expected)


def end_of(link: Link) -> ChainEnd:
    """Return the end of a chain whose last entry this is."""
    return ChainEnd(link.seq, link.digest or b"")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """A log of seven entries, which is read in parts of three."""
    monkeypatch.setattr(verification, "BATCH_SIZE", 3)
    links = chain_of(7)
    return Log(links, end=end_of(links[-1]))


async def test_an_intact_log_has_no_fault(log: Log) -> None:
    """The verdict has the ends; an empty log is intact as well."""
    assert await log.verify() == Verdict(ChainEnd(), log.end, None)
    assert (await log.verify()).checked == 7
    assert await Log([]).verify() == Verdict(ChainEnd(), ChainEnd())


@pytest.mark.parametrize("number", range(1, 8))
async def test_an_altered_or_removed_entry_is_found(log: Log, number: int) -> None:
    """At any place, the end and the limits of parts included."""
    intact = log.entries
    for entries in (
        [replace(link, content=b"x") if link.seq == number else link for link in intact],
        [link for link in intact if link.seq != number],
        [link for link in intact if link.seq < number],
    ):
        log.entries = entries
        verdict = await log.verify()
        assert (verdict.first_fault, verdict.checked) == (number, number - 1)


async def test_an_altered_end_is_found(log: Log) -> None:
    """Both its digest and its number are compared with the entries."""
    right = log.end
    log.end = ChainEnd(7, bytes(32))
    assert (await log.verify()).first_fault == 7
    log.end = ChainEnd(6, right.digest)
    assert (await log.verify()).first_fault == 6
    log.end = ChainEnd(8, right.digest)
    assert (await log.verify()).first_fault == 8
    log.end = end_of(log.entries[5])
    assert (await log.verify()).first_fault == 7


async def test_an_expected_end_must_be_part_of_the_chain(log: Log) -> None:
    """A log that was cut, with its end set back, or written anew is found only this way."""
    for link in log.entries:
        assert (await log.verify(end_of(link))).first_fault is None
        assert (await log.verify(ChainEnd(link.seq, bytes(32)))).first_fault == link.seq
    noted = log.end
    assert (await log.verify(ChainEnd())).first_fault is None
    log.entries, log.end = log.entries[:5], end_of(log.entries[4])
    assert (await log.verify()).first_fault is None
    assert (await log.verify(noted)).first_fault == 6


async def test_a_pruned_log_starts_with_its_anchor(log: Log) -> None:
    """What is expected before the start cannot be compared. At the start, it is."""
    noted = end_of(log.entries[1])
    log.start, log.entries = end_of(log.entries[2]), log.entries[3:]
    assert await log.verify(noted) == Verdict(log.start, log.end)
    assert (await log.verify(log.start)).first_fault is None
    assert (await log.verify(ChainEnd(3, bytes(32)))).first_fault == 3
    log.start = ChainEnd(3, bytes(32))
    assert (await log.verify()).first_fault == 4


async def test_an_entry_before_a_pruned_start_is_found(log: Log) -> None:
    """Whatever its digest is: everything there was deleted."""
    forged = replace(log.entries[1], digest=None)
    log.start, log.entries = end_of(log.entries[2]), [forged, *log.entries[3:]]
    assert (await log.verify()).first_fault == 2


async def test_entries_before_the_chain_was_begun_are_not_verified() -> None:
    """An older log has entries without digests; the chain starts after them, without a digest."""
    start = ChainEnd(2)
    links = chain_of(2, start)
    log = Log([Link(1, b"", None), Link(2, b"", None), *links], start, end_of(links[-1]))
    assert await log.verify() == Verdict(start, log.end)


async def test_entries_may_be_appended_meanwhile(log: Log) -> None:
    """An entry after the end is no fault if the end moves with it."""
    later = chain_of(1, log.end)

    async def links(after: int, limit: int) -> Sequence[Link]:
        if after == 7:
            log.entries, log.end = [*log.entries, *later], end_of(later[0])
        return await log.links(after, limit)

    verdict = await verify_chain(ChainedLog(log.ends, links))
    assert (verdict.first_fault, verdict.checked) == (None, 7)


async def test_a_log_may_be_pruned_meanwhile(log: Log) -> None:
    """The entries that are missing then are no fault: the log is verified anew."""

    async def links(after: int, limit: int) -> Sequence[Link]:
        if after == 3 and len(log.entries) == 7:
            log.start, log.entries = end_of(log.entries[4]), log.entries[5:]
        return await log.links(after, limit)

    assert await verify_chain(ChainedLog(log.ends, links)) == Verdict(log.start, log.end)
    assert log.start.seq == 5


async def test_the_logs_of_the_stores_are_verified() -> None:
    """The security log and the change log are read through their ports. A store may have no chain."""
    identity = open_identity(StorageOptions("memory://"))
    await identity.record([SecurityEvent(action="session.created", at=NOON)] * 3)
    verdict = await verify_chain(security_log_chain(identity))
    assert (verdict.checked, verdict.first_fault) == (3, None)
    storage = open_store(StorageOptions("memory://"))
    await create_items(storage, 1, 2)
    chain = await change_log_chain(storage)
    assert chain is not None
    assert (await verify_chain(chain)).checked == 2
    assert await change_log_chain(MinimalStorage()) is None
    assert list(await MinimalStorage().chain_links(after=0, limit=1)) == []
