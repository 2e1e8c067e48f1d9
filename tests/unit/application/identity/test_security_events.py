"""Failures and refusals: written in batches, repeats as a number, and nothing lost while the store is away."""

import asyncio

import pytest

from catalog.application.identity.security_events import MAX_KINDS, MAX_KINDS_OF_NETWORK
from catalog.domain.identity.security_log import ACCESS_DENIED, SIGN_IN_FAILED, UNKNOWN_NAME, SecurityEvent
from tests.identity_use import FlakyIdentity, Process, eventually


def denied(process: Process, actor: str = "anna", **fields: object) -> SecurityEvent:
    """Return a refusal that happens now."""
    return SecurityEvent(action=ACCESS_DENIED, at=process.clock.now(), result="denied", actor=actor, **fields)  # type: ignore[arg-type]


async def counts(process: Process) -> list[int]:
    """Return the counts in the log."""
    return [event.count for event in await process.log()]


async def test_an_event_is_written_as_it_is(process: Process) -> None:
    """With everything that it says."""
    event = denied(process, detail={"required": "items:write"}, request_id="request-1", address="192.0.2.1", subject="/items")
    process.events.add(event)
    await process.events.write()
    await process.events.write()
    assert await process.log() == [event]


async def test_repeats_within_a_minute_are_one_entry(process: Process, storage: FlakyIdentity) -> None:
    """The first one is written at once, the others as a number when the minute is over; then it begins anew."""
    for _ in range(3):
        process.events.add(denied(process))
    await process.events.write()
    for _ in range(40):
        process.events.add(denied(process))
        await process.events.write()
        process.clock.move(seconds=1)
    assert await counts(process) == [3]
    process.clock.move(seconds=20)
    await process.events.write()
    assert await counts(process) == [3, 40]
    process.events.add(denied(process))
    await process.events.write()
    assert await counts(process) == [3, 40, 1]
    assert storage.calls.count("record") == 3


async def test_different_events_are_entries_of_their_own(process: Process) -> None:
    """If anything but the time and the request differs."""
    base = denied(process)
    for event in (
        base,
        denied(process, actor="berta"),
        denied(process, address="192.0.2.1"),
        denied(process, subject="/items"),
        denied(process, credential="session:1"),
        denied(process, detail={"required": "items:write"}),
        SecurityEvent(action=SIGN_IN_FAILED, at=base.at, result="denied", actor="anna"),
        SecurityEvent(action=ACCESS_DENIED, at=base.at, result="failure", actor="anna"),
        denied(process, request_id="request-2"),
    ):
        process.events.add(event)
    await process.events.write()
    assert await counts(process) == [2, 1, 1, 1, 1, 1, 1, 1]


async def test_nothing_is_lost_while_the_store_is_away(process: Process, storage: FlakyIdentity) -> None:
    """The events are written when it is back, those that came meanwhile with them."""
    process.events.add(denied(process))
    process.events.add(denied(process, "berta"))
    storage.away = True
    await process.events.write()
    process.events.add(denied(process))
    process.clock.move(minutes=5)
    await process.events.write()
    storage.away = False
    await process.events.write()
    assert sorted((event.actor, event.count) for event in await process.log()) == [("anna", 2), ("berta", 1)]


async def test_events_that_come_during_a_failing_write_are_counted(
    process: Process, storage: FlakyIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are added to those that could not be written."""
    original = storage.record

    async def record(events: list[SecurityEvent]) -> None:
        process.events.add(denied(process))
        await original(events)

    process.events.add(denied(process))
    storage.away = True
    monkeypatch.setattr(storage, "record", record)
    await process.events.write()
    storage.away = False
    monkeypatch.setattr(storage, "record", original)
    await process.events.write()
    assert await counts(process) == [2]


async def test_the_number_of_different_events_is_bounded(process: Process) -> None:
    """Of further ones, only what happened is kept, and how often. After a minute there is room again."""
    for number in range(MAX_KINDS + 50):
        process.events.add(denied(process, f"user{number}"))  # without addresses
    process.events.add(denied(process, "user1"))
    await process.events.write()
    log = await process.storage.security_chain(0, MAX_KINDS * 2)
    assert len(log) == MAX_KINDS + 1
    assert [(entry.event.actor, entry.event.count) for entry in log if entry.event.count > 1] == [("user1", 2), (None, 50)]
    process.clock.move(minutes=1)
    await process.events.write()
    process.events.add(denied(process, "new"))
    await process.events.write()
    assert (await process.storage.security_chain(MAX_KINDS + 1, 9))[-1].event.actor == "new"


async def test_a_flood_from_one_network_hides_no_others(process: Process) -> None:
    """Of its further events, the users that they are about are kept. Unknown names are not."""
    for number in range(MAX_KINDS_OF_NETWORK):
        process.events.add(denied(process, address=f"192.0.2.{number}"))
    for number in range(100, 200):
        process.events.add(denied(process, address=f"192.0.2.{number}", subject=f"{UNKNOWN_NAME}{number}"))
        process.events.add(denied(process, address=f"192.0.2.{number}", subject="anna"))
    process.events.add(denied(process, address="198.51.100.1", subject="anna"))
    await process.events.write()
    log = await process.log()
    assert [(event.address, event.subject, event.actor, event.count) for event in log[MAX_KINDS_OF_NETWORK:]] == [
        ("192.0.2.0/24", None, None, 100),
        ("192.0.2.0/24", "anna", None, 100),
        ("198.51.100.1", "anna", "anna", 1),
    ]
    process.clock.move(minutes=1)
    await process.events.write()
    process.events.add(denied(process, address="192.0.2.1", subject="berta"))
    await process.events.write()
    assert (await process.log())[-1].address == "192.0.2.1"


async def test_a_flood_from_everywhere_keeps_the_users(process: Process) -> None:
    """When there are too many different events, at least the users that they are about are kept."""
    for number in range(MAX_KINDS + 10):
        process.events.add(denied(process, address=f"10.{number // 250}.{number % 250}.1", subject="anna"))
    await process.events.write()
    log = await process.storage.security_chain(0, MAX_KINDS * 2)
    assert (log[-1].event.address, log[-1].event.subject, log[-1].event.count) == (None, "anna", 10)


async def test_a_flood_costs_few_transactions(process: Process, storage: FlakyIdentity) -> None:
    """5,000 failures are one batch, whether they are alike or not."""
    for number in range(5_000):
        process.events.add(denied(process, f"user{number % 2_500}"))
    await process.events.write()
    assert storage.calls.count("record") == 1
    log = await process.storage.security_chain(0, 5_000)
    assert sum(entry.event.count for entry in log) == 5_000


async def test_the_rest_is_written_at_the_end(process: Process) -> None:
    """Repeats too, whose minute is not over."""
    async with process.events.running(interval=0.001):
        process.events.add(denied(process))
        await eventually(process.log)
        process.events.add(denied(process))
        process.events.add(denied(process))
    assert await counts(process) == [1, 2]


async def test_the_rest_is_written_though_the_process_fails(process: Process) -> None:
    """The context may be left with an error."""

    async def fail() -> None:
        async with process.events.running(interval=60):
            process.events.add(denied(process))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await counts(process) == [1]


async def test_what_is_lost_at_the_end_is_logged(
    process: Process, storage: FlakyIdentity, caplog: pytest.LogCaptureFixture
) -> None:
    """With its number, and without what it says."""
    async with process.events.running(interval=60):
        process.events.add(denied(process, subject="/items"))
    assert not caplog.records
    async with process.events.running(interval=60):
        storage.away = True
        for subject in ("/items", "/users", "/users"):
            process.events.add(denied(process, subject=subject))
        process.events.add(SecurityEvent(action=SIGN_IN_FAILED, at=process.clock.now(), result="failure"))
    assert [(record.levelname, record.message) for record in caplog.records] == [
        (
            "WARNING",
            "The security log could not be written, and lacks what happened last: access.denied (3), sign_in.failed.",
        )
    ]


async def test_what_a_store_that_hangs_loses_is_logged_as_well(
    process: Process, storage: FlakyIdentity, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last write is cancelled then."""
    monkeypatch.setattr("catalog.application.identity.periodic.CLOSE_SECONDS", 0.01)

    async def hang(_events: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(storage, "record", hang)
    async with process.events.running(interval=60):
        process.events.add(denied(process))
    assert [record.message[-16:] for record in caplog.records] == [": access.denied."]
