"""Users: what every store promises about finding and changing them, and about races between admins."""

from dataclasses import replace

import pytest

from catalog.domain.change import Change
from catalog.domain.errors import StaleVersion
from catalog.domain.identity.changes import IdentityChange, KeyRevocation, SessionEnd
from catalog.domain.identity.errors import LastAdmin, UsernameTaken
from catalog.domain.identity.user import User
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import (
    add_key,
    add_user,
    commit_all,
    event,
    revoked_ids,
    seconds,
    start_session,
    token_hash,
)
from tests.making import NOON, certain, item_id

LATER = NOON + seconds(60)


async def test_a_user_is_found_by_id_and_by_name(identity: IdentityStorage) -> None:
    """Both lookups return the user as it was committed."""
    assert not await identity.has_users()
    user = await add_user(identity, 1, "anna", "editor")
    assert await identity.user(user.id) == await identity.user("anna") == user
    assert await identity.user("ann") is await identity.user(item_id(2)) is None
    assert await identity.has_users()


async def test_a_change_of_a_user_is_stored_whole(identity: IdentityStorage) -> None:
    """Role, password, whether the user is disabled, version and time are stored."""
    user = await add_user(identity, 1)
    after = user
    for change in (
        user.set_role("auditor", now=LATER),
        certain(user.set_role("auditor", now=LATER)).subject.set_disabled(disabled=True, now=LATER),
    ):
        after = certain(change).subject
    after = after.set_password("other", now=LATER).subject
    await identity.commit(IdentityChange(user=Change("user.role_changed", user, after, LATER)))
    assert await identity.user(user.id) == after
    assert (after.role, after.disabled, after.password_hash, after.version) == ("auditor", True, "other", 4)


async def test_a_stale_change_is_refused(identity: IdentityStorage) -> None:
    """A change of another version than the stored one raises StaleVersion, and nothing of it is written."""
    user = await add_user(identity, 1)
    await identity.commit(IdentityChange(user=user.set_password("first", now=LATER)))
    stale = IdentityChange(user=user.set_password("second", now=LATER), events=(event(7),))
    with pytest.raises(StaleVersion):
        await identity.commit(stale)
    assert certain(await identity.user(user.id)).password_hash == "first"
    assert [entry.event.action for entry in await identity.security_chain(0, 9)] == ["user.created"]
    with pytest.raises(StaleVersion):
        await identity.commit(IdentityChange(user=replace(user, id=item_id(9)).delete(now=LATER)))


async def test_a_name_belongs_to_one_user(identity: IdentityStorage) -> None:
    """A taken name raises UsernameTaken. After the user is deleted, another user may take it."""
    user = await add_user(identity, 1, "anna")
    with pytest.raises(UsernameTaken):
        await add_user(identity, 2, "anna")
    with pytest.raises(StaleVersion):
        await add_user(identity, 1, "berta")
    await identity.commit(IdentityChange(user=user.delete(now=LATER)))
    again = await add_user(identity, 2, "anna")
    assert await identity.user("anna") == again
    assert await identity.user(user.id) is None


async def test_deleting_a_user_deletes_sessions_and_keys(identity: IdentityStorage) -> None:
    """Sessions, tokens and keys of a deleted user are not found any more, and each has a revocation."""
    user, other = await add_user(identity, 1), await add_user(identity, 2)
    session = await start_session(identity, user, 11)
    cookie = await start_session(identity, user, 12, secret=b"cookie")
    key = await add_key(identity, user, 13)
    kept = await start_session(identity, other, 14), await add_key(identity, other, 15)
    await identity.commit(IdentityChange(user=user.delete(now=LATER)))
    assert await identity.refresh_token(token_hash(11)) is None
    assert await identity.session_of_browser(b"cookie") is None
    assert await identity.api_key(key.id) is None
    assert await identity.sessions_of(user.id) == []
    assert await revoked_ids(identity) == {session.id, cookie.id, key.id}
    assert await identity.sessions_of(other.id) == [kept[0]]
    assert await identity.api_keys() == [kept[1]]


async def test_ends_and_revocations_may_come_with_a_deletion(identity: IdentityStorage) -> None:
    """Each session and key has one revocation, however often the change says that it ends."""
    user = await add_user(identity, 1)
    session, key = await start_session(identity, user, 11), await add_key(identity, user, 12)
    ends = (SessionEnd(LATER, user_id=user.id), SessionEnd(LATER, session_id=session.id))
    await identity.commit(
        IdentityChange(user=user.delete(now=LATER), ends=ends, revocation=KeyRevocation(user_id=user.id), forget_keys_of=user.id)
    )
    found = await identity.revocations(0, NOON)
    assert found.seq == 2
    assert found.ids == {session.id, key.id}


async def test_users_are_listed_by_name_in_pages(identity: IdentityStorage) -> None:
    """Pages follow each other by name, and a search finds a part of the name, literally."""
    names = ["b_b", "a.1", "a%1", "a-1", "ab", "b1", "c"]
    for number, name in enumerate(names):
        await add_user(identity, number, name)

    async def listed(search: str, after: str | None = None, limit: int = 99) -> list[str]:
        return [user.username for user in await identity.users(search, after=after, limit=limit)]

    assert await listed("") == sorted(names)
    assert await listed("", limit=3) == sorted(names)[:3]
    assert await listed("", sorted(names)[2]) == sorted(names)[3:]
    assert await listed("1") == ["a%1", "a-1", "a.1", "b1"]
    assert await listed("1", "a-1", 1) == ["a.1"]
    assert await listed("%") == ["a%1"]
    assert await listed("_") == ["b_b"]
    assert await listed("B") == await listed("'") == []


async def test_the_last_admin_stays(identity: IdentityStorage) -> None:
    """The last enabled admin cannot be deleted, disabled or demoted; a disabled one does not count."""
    admin, other = await add_user(identity, 1, role="admin"), await add_user(identity, 2, role="admin")
    disabled = certain(other.set_disabled(disabled=True, now=LATER))
    await identity.commit(IdentityChange(user=disabled))
    removals = (admin.delete(now=LATER), admin.set_role("user", now=LATER), admin.set_disabled(disabled=True, now=LATER))
    for change in removals:
        with pytest.raises(LastAdmin):
            await identity.commit(IdentityChange(user=certain(change)))
    await identity.commit(IdentityChange(user=certain(disabled.subject.set_disabled(disabled=False, now=LATER))))
    await identity.commit(IdentityChange(user=admin.delete(now=LATER)))


async def test_two_admins_cannot_demote_each_other(rivals: list[IdentityStorage]) -> None:
    """Of two admins who demote each other at the same time, one fails with LastAdmin. In each of several rounds."""
    remaining = await add_user(rivals[0], 1, role="admin")
    for number in range(2, 12):
        other = await add_user(rivals[0], number, role="admin")
        demotions = [IdentityChange(user=certain(user.set_role("user", now=LATER))) for user in (remaining, other)]
        errors = await commit_all(rivals, demotions)
        assert sorted(type(error).__name__ for error in errors) == ["LastAdmin", "NoneType"]
        remaining = other if errors[0] is None else remaining


async def test_a_name_is_given_once_under_parallel_creation(rivals: list[IdentityStorage]) -> None:
    """Of 50 parallel creations of one name, one succeeds and all others raise UsernameTaken."""
    changes = [
        IdentityChange(user=User.create(user_id=item_id(number), username="anna", role="user", password_hash="h", now=NOON))
        for number in range(1, 51)
    ]
    errors = await commit_all(rivals, changes)
    assert errors.count(None) == 1
    assert {type(error) for error in errors if error is not None} == {UsernameTaken}
    winner = changes[errors.index(None)].user
    assert winner is not None
    assert await rivals[-1].user("anna") == winner.subject


async def test_parallel_changes_of_a_user_lose_no_update(rivals: list[IdentityStorage]) -> None:
    """Of 20 parallel changes of one version, one succeeds."""
    user = await add_user(rivals[0], 1)
    changes = [IdentityChange(user=user.set_password(f"hash {number}", now=LATER)) for number in range(20)]
    errors = await commit_all(rivals, changes)
    assert errors.count(None) == 1
    assert {type(error) for error in errors if error is not None} == {StaleVersion}
    assert certain(await rivals[1].user(user.id)).password_hash == f"hash {errors.index(None)}"
