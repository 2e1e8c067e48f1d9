"""The first admin: from the settings or with a one-time token, and never a second time."""

import asyncio
from datetime import timedelta

import pytest

from catalog.application.identity.first_admin import SETUP_LIFE
from catalog.application.identity.random_secrets import hash_secret
from catalog.domain.identity.errors import InvalidToken, WeakPassword
from catalog.domain.identity.user import NewUser
from tests.identity_use import CLIENT, PASSWORD, FlakyIdentity, Process
from tests.making import certain

ROOT = NewUser("root", "user", PASSWORD)


async def test_the_settings_name_the_first_admin(process: Process) -> None:
    """The user is an admin whatever role is given, and later starts change nothing."""
    user = certain(await process.first_admin.create(ROOT))
    assert (user.username, user.role) == ("root", "admin")
    assert await process.first_admin.create(NewUser("other", "admin", PASSWORD)) is None
    assert [user.username for user in (await process.users.page("", after=None, limit=9)).users] == ["root"]
    (event,) = await process.log()
    assert (event.action, event.actor, event.subject) == ("user.created", None, "root")
    assert event.detail == {"role": "admin", "by": "settings"}
    assert await process.first_admin.new_token() is None


async def test_a_weak_password_in_the_settings_is_refused(process: Process) -> None:
    """The store stays empty."""
    with pytest.raises(WeakPassword):
        await process.first_admin.create(NewUser("root", "admin", "short"))
    assert not await process.storage.has_users()


async def test_several_processes_create_one_admin(process: Process, other: Process) -> None:
    """Also if they start at the same time with different settings."""
    created = await asyncio.gather(
        process.first_admin.create(ROOT),
        other.first_admin.create(ROOT),
        other.first_admin.create(NewUser("r2", "admin", PASSWORD)),
    )
    assert len([user for user in created if user is not None]) == 1
    assert len((await process.users.page("", after=None, limit=9)).users) == 1


async def test_a_token_creates_the_first_admin(process: Process, other: Process, storage: FlakyIdentity) -> None:
    """In whichever process it is presented. The store has only its hash."""
    token = certain(await process.first_admin.new_token())
    assert await storage.has_setup_token(hash_secret(token), process.clock.now())
    user = await other.first_admin.set_up(token, ROOT, CLIENT)
    assert (user.username, user.role) == ("root", "admin")
    (event,) = await process.log()
    assert (event.actor, event.subject, event.address) == (None, "root", "192.0.2.1")
    assert event.detail == {"role": "admin", "by": "setup token"}
    assert not await storage.has_setup_token(hash_secret(token), process.clock.now())


async def test_a_token_is_used_once(process: Process, other: Process) -> None:
    """Each process may have printed one: when one is used, all are void."""
    tokens = [certain(await process.first_admin.new_token()), certain(await other.first_admin.new_token())]
    await process.first_admin.set_up(tokens[0], ROOT, CLIENT)
    for token in tokens:
        with pytest.raises(InvalidToken):
            await process.first_admin.set_up(token, NewUser("second", "admin", PASSWORD), CLIENT)
    assert await process.first_admin.new_token() is None


async def test_a_token_is_good_for_an_hour(process: Process) -> None:
    """Then it is refused, and deleted when the store is cleaned."""
    token = certain(await process.first_admin.new_token())
    process.clock.time += SETUP_LIFE - timedelta(seconds=1)
    kept = certain(await process.first_admin.new_token())
    process.clock.move(seconds=1)
    with pytest.raises(InvalidToken):
        await process.first_admin.set_up(token, ROOT, CLIENT)
    await process.storage.delete_expired(process.clock.now())
    assert not await process.storage.has_setup_token(hash_secret(token), process.clock.now() - SETUP_LIFE)
    await process.first_admin.set_up(kept, ROOT, CLIENT)


async def test_a_token_that_expires_meanwhile_is_refused(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is checked again when the user is stored, after the password was hashed."""
    token = certain(await process.first_admin.new_token())
    original = process.shared.hasher.hash

    async def slow_hash(password: str) -> str:
        process.clock.time += SETUP_LIFE
        return await original(password)

    monkeypatch.setattr(process.shared.hasher, "hash", slow_hash)
    with pytest.raises(InvalidToken):
        await process.first_admin.set_up(token, ROOT, CLIENT)
    assert not await process.storage.has_users()


@pytest.mark.parametrize("token", ["", "unknown", "\ud800", "x" * 100_000])
async def test_a_wrong_token_costs_no_hash(process: Process, token: str) -> None:
    """It is refused before the password is looked at."""
    await process.first_admin.new_token()
    with pytest.raises(InvalidToken):
        await process.first_admin.set_up(token, NewUser("root", "admin", "short"), CLIENT)


async def test_a_weak_password_does_not_use_up_the_token(process: Process) -> None:
    """The next try may succeed."""
    token = certain(await process.first_admin.new_token())
    with pytest.raises(WeakPassword):
        await process.first_admin.set_up(token, NewUser("root", "admin", "short"), CLIENT)
    await process.first_admin.set_up(token, ROOT, CLIENT)


async def test_a_user_of_the_command_line_makes_tokens_void(process: Process) -> None:
    """The store is not empty any more."""
    token = certain(await process.first_admin.new_token())
    await process.add_user("root", "admin")
    with pytest.raises(InvalidToken):
        await process.first_admin.set_up(token, NewUser("other", "admin", PASSWORD), CLIENT)
