"""API keys, signing keys, and when credentials were last used."""

import asyncio

import pytest

from catalog.domain.errors import StaleVersion
from catalog.domain.identity.api_key import MAX_API_KEYS
from catalog.domain.identity.changes import IdentityChange, KeyRevocation
from catalog.domain.identity.errors import ApiKeyNotFound, TooManyApiKeys
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import (
    add_key,
    add_user,
    commit_all,
    event,
    key_of,
    revoked_ids,
    seconds,
    start_session,
    token_hash,
)
from tests.making import NOON, certain, item_id

LATER = NOON + seconds(60)


def signing_key(number: int) -> StoredSigningKey:
    """Return a signing key."""
    return StoredSigningKey(f"key-{number}", f"private {number}", NOON + seconds(number))


async def test_a_key_is_found_with_its_user(identity: IdentityStorage) -> None:
    """The id of a key finds it, with its user. Lists begin with the newest."""
    user, other = await add_user(identity, 1), await add_user(identity, 2)
    keys = [await add_key(identity, user, number, at=NOON + seconds(number)) for number in (11, 12)]
    foreign = await add_key(identity, other, 13, at=NOON)
    assert await identity.api_key(keys[0].id) == (keys[0], user)
    assert await identity.api_key(item_id(99)) is None
    assert await identity.api_keys(user.id) == [keys[1], keys[0]]
    assert await identity.api_keys() == [keys[1], keys[0], foreign]


async def test_a_key_needs_an_enabled_user(identity: IdentityStorage) -> None:
    """A key for a disabled or deleted user raises StaleVersion."""
    user = await add_user(identity, 1)
    disabled = certain(user.set_disabled(disabled=True, now=LATER))
    await identity.commit(IdentityChange(user=disabled))
    with pytest.raises(StaleVersion):
        await add_key(identity, user, 11)
    await identity.commit(IdentityChange(user=disabled.subject.delete(now=LATER)))
    with pytest.raises(StaleVersion):
        await add_key(identity, user, 11)


async def test_keys_are_revoked(identity: IdentityStorage) -> None:
    """One key or all keys of a user are deleted, and each has a revocation."""
    user, other = await add_user(identity, 1), await add_user(identity, 2)
    keys = [await add_key(identity, user, number) for number in (11, 12, 13)]
    kept = await add_key(identity, other, 14)
    events = (event(at=LATER),)
    await identity.commit(IdentityChange(revocation=KeyRevocation(key_id=keys[0].id), events=events))
    assert await identity.api_key(keys[0].id) is None
    first = await identity.revocations(0, LATER)
    await identity.commit(IdentityChange(revocation=KeyRevocation(user_id=user.id), events=events))
    assert await identity.api_keys() == [kept]
    assert first.ids == {keys[0].id}
    assert await revoked_ids(identity, first.seq) == {keys[1].id, keys[2].id}
    for revocation in (KeyRevocation(keys[0].id), KeyRevocation(kept.id, user.id)):
        with pytest.raises(ApiKeyNotFound):
            await identity.commit(IdentityChange(revocation=revocation, events=events))
    assert await identity.api_keys() == [kept]


async def test_keys_that_are_forgotten_stay(identity: IdentityStorage) -> None:
    """Keys of a user who was disabled are to be looked up again: they have revocations, but are not deleted."""
    user = await add_user(identity, 1)
    key = await add_key(identity, user, 11)
    change = certain(user.set_disabled(disabled=True, now=LATER))
    await identity.commit(IdentityChange(user=change, forget_keys_of=user.id))
    assert await revoked_ids(identity) == {key.id}
    assert await identity.api_key(key.id) == (key, change.subject)


async def test_a_user_has_up_to_50_keys(rivals: list[IdentityStorage]) -> None:
    """Of 60 keys that are made at the same time, 50 are, and the rest raise TooManyApiKeys. Other users have their own."""
    user, other = await add_user(rivals[0], 1), await add_user(rivals[0], 2)
    errors = await commit_all(rivals, [IdentityChange(new_key=key_of(user, number)) for number in range(100, 160)])
    assert errors.count(None) == MAX_API_KEYS
    assert {type(error) for error in errors if error is not None} == {TooManyApiKeys}
    assert len(await rivals[-1].api_keys(user.id)) == MAX_API_KEYS
    await add_key(rivals[0], other, 200)


async def test_signing_keys_are_listed_newest_first(identity: IdentityStorage) -> None:
    """Keys are added with events, and deleted by id."""
    for number in (1, 2, 3):
        await identity.add_signing_key(signing_key(number), [event(number)])
    assert await identity.signing_keys() == [signing_key(3), signing_key(2), signing_key(1)]
    await identity.delete_signing_keys(["key-1", "key-3", "unknown"])
    assert await identity.signing_keys() == [signing_key(2)]
    assert [entry.event for entry in await identity.security_chain(0, 9)] == [event(1), event(2), event(3)]


async def test_several_processes_make_one_first_signing_key(rivals: list[IdentityStorage]) -> None:
    """With `only_first`, one of many parallel keys is stored, with its events."""
    await asyncio.gather(
        *(
            rivals[number % len(rivals)].add_signing_key(signing_key(number), [event(number)], only_first=True)
            for number in range(10)
        )
    )
    (key,) = await rivals[-1].signing_keys()
    (entry,) = await rivals[-1].security_chain(0, 9)
    assert key == signing_key(int(str(entry.event.detail["number"])))


async def test_the_last_use_never_moves_back(identity: IdentityStorage) -> None:
    """Sessions and keys remember their latest use. Ids that do not exist are ignored."""
    user = await add_user(identity, 1)
    session, key = await start_session(identity, user, 11), await add_key(identity, user, 12)
    await identity.touch({session.id: LATER, key.id: LATER, item_id(99): LATER})
    await identity.touch({session.id: NOON, key.id: NOON})
    assert certain(await identity.refresh_token(token_hash(11))).session.last_used_at == LATER
    assert certain(await identity.api_key(key.id))[0].last_used_at == LATER
    await identity.touch({})
    await identity.touch({item_id(number): LATER + seconds(1) for number in range(1_000)})
    assert certain(await identity.api_key(key.id))[0].last_used_at == LATER + seconds(1)
