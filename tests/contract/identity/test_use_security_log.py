"""Floods of failures on every store: few transactions, and a log without gaps."""

import asyncio

import pytest

from catalog.application.identity.client import Client
from catalog.domain.hash_chain import ChainEnd, follow
from catalog.domain.identity.chain import to_link
from catalog.domain.identity.errors import InvalidCredentials, TooManyAttempts
from catalog.ports.identity.storage import IdentityStorage
from tests.identity_use import CLIENT, PASSWORD, Process, Shared

FLOOD = 5_000


async def test_a_flood_of_failures_is_one_batch(rivals: list[IdentityStorage], monkeypatch: pytest.MonkeyPatch) -> None:
    """5,000 failed sign-ins with different names, and others of one name, are written with their number. Then users sign in."""
    process = Process(rivals[0], Shared())
    await process.start()
    await process.add_user()
    calls: list[int] = []
    original = process.storage.record

    async def record(events: list[object]) -> None:
        calls.append(len(events))
        await original(events)  # type: ignore[arg-type]

    monkeypatch.setattr(process.storage, "record", record)
    for number in range(FLOOD):
        client = Client(f"198.51.{number % 200}.7")
        with pytest.raises((InvalidCredentials, TooManyAttempts)):
            await process.sign_in.for_tokens(f"user{number % 2_000}", PASSWORD, client)
    await process.events.write()
    assert len(calls) == 1
    failures = await process.storage.security_chain(1, FLOOD)
    assert sum(entry.event.count for entry in failures) == FLOOD
    assert follow(ChainEnd(), map(to_link, await process.storage.security_chain(0, FLOOD)))[1] is None
    await process.sign_in.for_tokens("anna", PASSWORD, CLIENT)


async def test_several_processes_write_at_the_same_time(rivals: list[IdentityStorage]) -> None:
    """Their entries are numbered without gaps, and the chain is intact."""
    shared = Shared()
    processes = [Process(storage, shared) for storage in rivals]
    await processes[0].start()
    await processes[0].add_user()
    for number, process in enumerate(processes):
        for name in range(40):
            client = Client(f"203.0.{name}.1")  # of one network, only a few are entries of their own
            with pytest.raises(InvalidCredentials):
                await process.sign_in.for_tokens(f"user{number}-{name}", PASSWORD, client)
    await asyncio.gather(*(process.events.write() for process in processes))
    entries = await rivals[-1].security_chain(0, 1_000)
    assert [entry.seq for entry in entries] == list(range(1, 2 + 40 * len(processes)))
    assert follow(ChainEnd(), map(to_link, entries))[1] is None
