"""What each process does once a minute."""

import asyncio

import pytest

from catalog.application.identity.maintenance import DELETION_INTERVAL
from catalog.domain.errors import OutOfSpace
from tests.identity_use import CLI, FlakyIdentity, Process, eventually


async def test_uses_are_noted_and_keys_are_read(process: Process, storage: FlakyIdentity) -> None:
    """In each run."""
    user = await process.add_user()
    caller = await process.caller()
    process.clock.move(minutes=1)
    process.authenticator.used(caller.principal)
    await process.signing_keys.rotate(CLI)
    await process.maintenance.run()
    assert [session.last_used_at for session in await process.sessions.of_user(user.id)] == [process.clock.now()]
    assert len(process.signer.keys) == 2


async def test_what_has_expired_is_deleted_once_an_hour(process: Process, storage: FlakyIdentity) -> None:
    """The first time in the second minute."""
    await process.maintenance.run()
    for number in (1, 2):
        process.clock.move(minutes=1)
        for _ in range(3):
            await process.maintenance.run()
        assert storage.calls.count("delete_expired") == number
        process.clock.time += DELETION_INTERVAL


async def test_a_full_disk_does_not_keep_what_has_expired(
    process: Process, storage: FlakyIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleting makes room, though uses cannot be noted."""

    async def full(used_at: object) -> None:
        raise OutOfSpace(str(used_at))

    monkeypatch.setattr(storage, "touch", full)
    await process.add_user()
    process.authenticator.used((await process.caller()).principal)
    process.clock.move(minutes=1)
    with pytest.raises(OutOfSpace):
        await process.maintenance.run()
    assert storage.calls.count("delete_expired") == 1


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
