"""Each API key that is revoked with others has an event: of the keys that the store holds at that moment."""

import asyncio

from catalog.domain.identity.changes import IdentityChange, KeyRevocation
from catalog.domain.identity.security_log import KEY_REVOKED, SecurityEvent
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import add_key, add_user, commit_all, event, key_of, seconds
from tests.making import NOON

LATER = NOON + seconds(60)


async def revoked_keys(identity: IdentityStorage) -> list[SecurityEvent]:
    """Return the events of revoked keys."""
    return [entry.event for entry in await identity.security_chain(0, 999) if entry.event.action == KEY_REVOKED]


async def test_all_keys_of_a_user_are_recorded(identity: IdentityStorage) -> None:
    """After the event of the change, and like it, except for the action and the key."""
    user, other = await add_user(identity, 1), await add_user(identity, 2)
    keys = [await add_key(identity, user, number) for number in (11, 12)]
    await add_key(identity, other, 13)
    cause = event(action="password.changed", at=LATER, actor="root", subject="user1", address="192.0.2.9", result="success")
    change = IdentityChange(user=user.set_password("new", now=LATER), revocation=KeyRevocation(user_id=user.id), events=(cause,))
    await identity.commit(change)
    found = await revoked_keys(identity)
    assert [each.detail for each in found] == [{"key": str(key.id)} for key in keys]
    same = {(each.at, each.actor, each.subject, each.address, each.result) for each in found}
    assert same == {(LATER, "root", "user1", "192.0.2.9", "success")}
    actions = [entry.event.action for entry in await identity.security_chain(0, 999)]
    assert actions[-3:] == ["password.changed", KEY_REVOKED, KEY_REVOKED]


async def test_keys_of_a_deleted_user_are_recorded(identity: IdentityStorage) -> None:
    """Though the change does not name them."""
    user = await add_user(identity, 1)
    key = await add_key(identity, user, 11)
    await identity.commit(IdentityChange(user=user.delete(now=LATER), events=(event(action="user.deleted", at=LATER),)))
    assert [each.detail for each in await revoked_keys(identity)] == [{"key": str(key.id)}]


async def test_no_key_is_revoked_without_an_event(rivals: list[IdentityStorage]) -> None:
    """Also one that is made at the same time."""
    user = await add_user(rivals[0], 1)
    keys = [IdentityChange(new_key=key_of(user, number)) for number in range(100, 120)]
    revocation = IdentityChange(revocation=KeyRevocation(user_id=user.id), events=(event(at=LATER),))
    errors = await commit_all(rivals, [*keys[:10], revocation, *keys[10:]])
    assert set(errors) == {None}
    left, recorded = await asyncio.gather(rivals[0].api_keys(user.id), revoked_keys(rivals[-1]))
    assert {str(key.id) for key in left}.isdisjoint({str(each.detail["key"]) for each in recorded})
    assert len(left) + len(recorded) == len(keys)
