"""Pruning the security log: an archive with a trailer, an anchor, and an event that tells of it."""

import hashlib
import json
from datetime import timedelta

import pytest

from catalog.application.audit import pruning as module
from catalog.application.audit.pruning import SecurityPruning
from catalog.application.audit.verification import security_log_chain, verify_chain
from catalog.domain.hash_chain import ChainEnd
from catalog.domain.identity.security_log import SecurityEvent
from catalog.entrypoints.identity_plugins import open_identity
from catalog.entrypoints.representations.audit import encode_security_lines
from catalog.ports.storage import StorageOptions
from tests.making import NOON, FixedClock

MINUTE = timedelta(minutes=1)


async def test_the_oldest_entries_are_archived_and_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive has their digests; the chain goes on from the last one."""
    monkeypatch.setattr(module, "BATCH_SIZE", 2)
    identity = open_identity(StorageOptions("memory://"))
    await identity.record([SecurityEvent(action="user.created", at=NOON + n * MINUTE, count=n + 1) for n in range(5)])
    entries = await identity.security_chain(0, 9)
    pruning = SecurityPruning(identity, FixedClock(NOON))
    assert await pruning.last_before(NOON) == 0
    assert await pruning.last_before(NOON + 99 * MINUTE) == 5
    last = await pruning.last_before(NOON + 3 * MINUTE)
    assert last == 3
    archive = b"".join([chunk async for chunk in pruning.archive(last, encode_security_lines)])
    *lines, trailer = [json.loads(line) for line in archive.splitlines()]
    assert [(line["seq"], line["digest"]) for line in lines] == [(entry.seq, entry.digest.hex()) for entry in entries[:3]]
    assert ("count" in lines[0]["detail"], lines[1]["detail"]["count"]) == (False, 2)
    content = archive[: archive.rindex(b'{"_end"')]
    assert trailer["_end"] == {"rows": 3, "sha256": hashlib.sha256(content).hexdigest()}
    await pruning.prune(last)
    verdict = await verify_chain(security_log_chain(identity))
    assert (verdict.start, verdict.checked, verdict.first_fault) == (ChainEnd(3, entries[2].digest), 3, None)
    recorded = (await identity.security_chain(5, 9))[0].event
    assert (recorded.action, recorded.subject, recorded.detail) == ("changes.pruned", "security", {"last_seq": 3})
    whole = b"".join([chunk async for chunk in pruning.archive(99, encode_security_lines)])
    assert json.loads(whole.splitlines()[-1])["_end"]["rows"] == 3
