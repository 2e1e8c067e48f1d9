"""What each process does once a minute."""

import asyncio

import pytest

from catalog.application.identity.maintenance import DELETION_INTERVAL
from catalog.domain.errors import OutOfSpace
from tests.identity_use import CLI, FlakyIdentity, Process, eventually


async def test_keys_are_read_and_uses_are_noted(process: Process, storage: FlakyIdentity) -> None:
    """Regularly."""
    user = await process.add_user()
    caller = await process.caller()
    process.clock.move(minutes=1)
    process.authenticator.used(caller.principal)
    await process.signing_keys.rotate(CLI)
    async with process.maintenance.running(interval=0.001):
        await eventually(lambda: was_touched(storage))
        await eventually(lambda: knows_keys(process, 2))
    assert [session.last_used_at for session in await process.sessions.of_user(user.id)] == [process.clock.now()]


async def test_what_has_expired_is_deleted_once_an_hour(process: Process, storage: FlakyIdentity) -> None:
    """The first time in the second minute."""
    await process.maintenance.delete_expired()
    for number in (1, 2):
        process.clock.move(minutes=1)
        for _ in range(3):
            await process.maintenance.delete_expired()
        assert storage.calls.count("delete_expired") == number
        process.clock.time += DELETION_INTERVAL


TASKS = ("signing_keys", "delete_expired", "touch")
"""What is called on the store."""


@pytest.mark.parametrize("hangs", [False, True])
@pytest.mark.parametrize("failing", TASKS)
async def test_a_task_that_fails_or_hangs_does_not_keep_the_others(
    failing: str, process: Process, storage: FlakyIdentity, monkeypatch: pytest.MonkeyPatch, *, hangs: bool
) -> None:
    """Deleting makes room on a full disk, for example, though uses cannot be noted."""

    async def fail(*_arguments: object) -> None:
        storage.calls.append(failing)
        if hangs:
            await asyncio.Event().wait()
        raise OutOfSpace(failing)

    await process.add_user()
    process.authenticator.used((await process.caller()).principal)
    process.clock.move(minutes=1)
    monkeypatch.setattr("catalog.application.identity.periodic.CLOSE_SECONDS", 0.01)
    monkeypatch.setattr(storage, failing, fail)
    storage.calls.clear()
    async with process.maintenance.running(interval=60):
        await eventually(lambda: has_called(storage, *TASKS))


async def has_called(storage: FlakyIdentity, *names: str) -> bool:
    """Return whether all of these methods were called."""
    return set(names) <= set(storage.calls)


async def knows_keys(process: Process, number: int) -> bool:
    """Return whether a process has so many keys."""
    return len(process.signer.keys) == number


async def was_touched(storage: FlakyIdentity) -> bool:
    """Return whether uses were noted."""
    return "touch" in storage.calls


async def test_the_last_uses_are_noted_at_the_end(process: Process, storage: FlakyIdentity) -> None:
    """If the store is away then, they are lost."""
    await process.add_user()
    caller = await process.caller()
    async with process.maintenance.running(interval=0.001):
        process.authenticator.used(caller.principal)
        await eventually(lambda: was_touched(storage))
    async with process.maintenance.running(interval=60):
        await asyncio.sleep(0)
        process.authenticator.used(caller.principal)
    assert storage.calls.count("touch") == 2
    async with process.maintenance.running(interval=60):
        process.authenticator.used(caller.principal)
        storage.away = True
    assert storage.calls.count("touch") >= 3
