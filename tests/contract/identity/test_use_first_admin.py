"""Setup tokens and the first admin on every store, with several processes."""

import asyncio
from datetime import timedelta

import pytest

from catalog.domain.change import Change
from catalog.domain.identity.changes import IdentityChange, Setup
from catalog.domain.identity.errors import InvalidSetupToken
from catalog.domain.identity.user import NewUser, User
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import add_user
from tests.identity_use import CLIENT, PASSWORD, Process, Shared
from tests.making import NOON, certain, item_id

HOUR = timedelta(hours=1)


def first_user(number: int = 1) -> Change[User]:
    """Return the creation of an admin."""
    return User.create(user_id=item_id(number), username=f"root{number}", role="admin", password_hash="hash", now=NOON)


async def test_a_setup_token_is_stored_until_it_expires(identity: IdentityStorage) -> None:
    """It is found by its hash only, and deleted with what has expired."""
    await identity.add_setup_token(b"\x00first", NOON + HOUR)
    await identity.add_setup_token(b"second", NOON + 2 * HOUR)
    assert await identity.has_setup_token(b"\x00first", NOON)
    assert not await identity.has_setup_token(b"third", NOON)
    assert not await identity.has_setup_token(b"\x00first", NOON + HOUR)
    await identity.delete_expired(NOON + HOUR)
    assert not await identity.has_setup_token(b"\x00first", NOON)
    assert await identity.has_setup_token(b"second", NOON)
    await identity.delete_expired(NOON + HOUR)


async def test_a_setup_needs_its_token(identity: IdentityStorage) -> None:
    """One that is stored and has not expired; otherwise nothing is written."""
    await identity.add_setup_token(b"token", NOON + HOUR)
    for refused in (Setup(NOON, b"other"), Setup(NOON + HOUR, b"token")):
        with pytest.raises(InvalidSetupToken):
            await identity.commit(IdentityChange(user=first_user(), setup=refused))
    assert not await identity.has_users()
    await identity.commit(IdentityChange(user=first_user(), setup=Setup(NOON, b"token")))
    assert await identity.user("root1") == first_user().subject
    assert not await identity.has_setup_token(b"token", NOON)


async def test_a_setup_needs_an_empty_store(identity: IdentityStorage) -> None:
    """With or without a token."""
    await identity.add_setup_token(b"token", NOON + HOUR)
    await add_user(identity, 9)
    for refused in (Setup(NOON, b"token"), Setup(NOON)):
        with pytest.raises(InvalidSetupToken):
            await identity.commit(IdentityChange(user=first_user(), setup=refused))
    assert await identity.user("root1") is None


async def test_of_parallel_setups_one_succeeds(rivals: list[IdentityStorage]) -> None:
    """Each process has printed a token of its own, and another one finds its admin in the settings."""
    shared = Shared()
    processes = [Process(storage, shared) for storage in rivals]
    tokens = [certain(await process.first_admin.new_token()) for process in processes]
    setups = [
        processes[-1 - number].first_admin.set_up(token, NewUser(f"root{number}", "admin", PASSWORD), CLIENT)
        for number, token in enumerate(tokens)
    ]
    settings = processes[0].first_admin.create(NewUser("settings", "admin", PASSWORD))
    found = await asyncio.gather(*setups, settings, return_exceptions=True)
    assert len([each for each in found if isinstance(each, User)]) == 1
    assert {type(each) for each in found} <= {User, InvalidSetupToken, type(None)}
    (user,) = (await processes[1].users.page("", after=None, limit=9)).users
    assert (user.role, user.version) == ("admin", 1)
    assert len(await processes[0].log("user.created")) == 1
