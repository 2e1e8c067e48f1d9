"""Sessions and refresh tokens: what every store promises, and 50 clients with one token."""

from dataclasses import replace
from datetime import datetime

import pytest

from catalog.domain.errors import StaleVersion
from catalog.domain.identity.changes import IdentityChange, SessionEnd, SessionStart
from catalog.domain.identity.errors import SessionNotFound
from catalog.domain.identity.session import PresentedToken, Rotation, rotate
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import (
    LIMITS,
    add_user,
    commit_all,
    event,
    revoked_ids,
    seconds,
    session_of,
    start_session,
    token_hash,
)
from tests.making import NOON, certain, item_id

LATER = NOON + seconds(60)


def rotation_of(presented: PresentedToken | None, number: int, *, now: datetime = LATER) -> Rotation:
    """Return the replacement of a token by `token NUMBER`."""
    return certain(rotate(certain(presented), token_hash(number), now=now, limits=LIMITS))


async def rotated(identity: IdentityStorage, number: int, successor: int, *, now: datetime = LATER) -> Rotation:
    """Replace a token by another one."""
    rotation = rotation_of(await identity.refresh_token(token_hash(number)), successor, now=now)
    await identity.commit(IdentityChange(rotation=rotation))
    return rotation


async def test_a_session_is_found_with_its_token(identity: IdentityStorage) -> None:
    """A token is returned with session and user."""
    user = await add_user(identity, 1)
    session = await start_session(identity, user, 11)
    presented = certain(await identity.refresh_token(token_hash(11)))
    assert (presented.session, presented.user, presented.successor_used) == (session, user, False)
    assert (presented.token.parent, presented.token.used_at, presented.token.created_at) == (None, None, NOON)
    assert await identity.refresh_token(token_hash(12)) is None


async def test_a_session_of_a_browser_is_found_by_its_cookie(identity: IdentityStorage) -> None:
    """The hash of the cookie finds session and user. Sessions with tokens have no cookie."""
    user = await add_user(identity, 1)
    await start_session(identity, user, 11)
    await start_session(identity, user, 12)
    session = await start_session(identity, user, 13, secret=b"\x00cookie")
    assert await identity.session_of_browser(b"\x00cookie") == (session, user)
    assert await identity.session_of_browser(b"other") is None


async def test_a_session_starts_only_for_the_same_version_of_the_user(identity: IdentityStorage) -> None:
    """If the user has changed since the password was verified, or is deleted, no session starts."""
    user = await add_user(identity, 1)
    change = user.set_password("new", now=LATER)
    await identity.commit(IdentityChange(user=change))
    with pytest.raises(StaleVersion):
        await start_session(identity, user, 11)
    await identity.commit(IdentityChange(user=change.subject.delete(now=LATER)))
    with pytest.raises(StaleVersion):
        await start_session(identity, change.subject, 11)
    assert await identity.refresh_token(token_hash(11)) is None


async def test_a_user_may_be_created_with_a_session(identity: IdentityStorage) -> None:
    """A session may start in the change that creates its user."""
    user = await add_user(identity, 1)
    new = replace(user, id=item_id(2), username="new")
    creation = type(user).create(user_id=new.id, username="new", role="user", password_hash="hash", now=NOON)
    session = session_of(new, 11)
    await identity.commit(IdentityChange(user=creation, start=SessionStart(session, creation.subject)))
    assert await identity.sessions_of(new.id) == [session]


async def test_sessions_are_listed_newest_first_without_those_that_ended(identity: IdentityStorage) -> None:
    """Sessions of other users, and those that ended, are not listed."""
    user, other = await add_user(identity, 1), await add_user(identity, 2)
    listed = [await start_session(identity, user, number, at=NOON + seconds(number)) for number in (11, 12, 13)]
    await start_session(identity, other, 14)
    await identity.commit(IdentityChange(ends=(SessionEnd(LATER, session_id=listed[1].id),)))
    assert await identity.sessions_of(user.id) == [listed[2], listed[0]]
    presented = certain(await identity.refresh_token(token_hash(12)))
    assert presented.session.ended_at == LATER


async def test_all_sessions_of_a_user_end(identity: IdentityStorage) -> None:
    """Each has a revocation, unless it had ended before."""
    user, other = await add_user(identity, 1), await add_user(identity, 2)
    sessions = [await start_session(identity, user, number) for number in (11, 12, 13)]
    await start_session(identity, other, 14)
    await identity.commit(IdentityChange(ends=(SessionEnd(LATER, session_id=sessions[0].id),)))
    before = await identity.revocations(0, NOON)
    await identity.commit(IdentityChange(ends=(SessionEnd(LATER, user_id=user.id),)))
    assert await identity.sessions_of(user.id) == []
    assert before.seq == 1
    assert before.ids == {sessions[0].id}
    assert await revoked_ids(identity, before.seq) == {sessions[1].id, sessions[2].id}
    assert len(await identity.sessions_of(other.id)) == 1


async def test_only_an_own_session_ends(identity: IdentityStorage) -> None:
    """A session that does not exist, or belongs to another user, raises SessionNotFound, and nothing is written."""
    user, other = await add_user(identity, 1), await add_user(identity, 2)
    session = await start_session(identity, user, 11)
    for end in (SessionEnd(LATER, session_id=item_id(99)), SessionEnd(LATER, session_id=session.id, user_id=other.id)):
        with pytest.raises(SessionNotFound):
            await identity.commit(IdentityChange(ends=(end,), events=(event(7),)))
    assert await identity.sessions_of(user.id) == [session]
    assert len(await identity.security_chain(0, 9)) == 2
    await identity.commit(IdentityChange(ends=(SessionEnd(LATER, session_id=session.id, user_id=user.id),)))
    await identity.commit(IdentityChange(ends=(SessionEnd(LATER + seconds(5), session_id=session.id),)))
    assert certain(await identity.refresh_token(token_hash(11))).session.ended_at == LATER
    assert (await identity.revocations(0, NOON)).seq == 1


async def test_a_token_is_replaced_by_its_successor(identity: IdentityStorage) -> None:
    """The token is marked as used, the session too, and the successor is valid."""
    user = await add_user(identity, 1)
    await start_session(identity, user, 11)
    rotation = await rotated(identity, 11, 12)
    used, successor = await identity.refresh_token(token_hash(11)), await identity.refresh_token(token_hash(12))
    assert certain(used).token == rotation.after
    assert certain(successor).token == rotation.successor
    assert certain(successor).session.last_used_at == certain(used).token.used_at == LATER
    assert not certain(used).successor_used
    await rotated(identity, 12, 13)
    assert certain(await identity.refresh_token(token_hash(11))).successor_used


async def test_a_used_token_may_be_presented_again_until_a_successor_is_used(identity: IdentityStorage) -> None:
    """Two clients may replace the same token, until one of them uses what it got."""
    await start_session(identity, await add_user(identity, 1), 11)
    await rotated(identity, 11, 12)
    await rotated(identity, 11, 13, now=LATER + seconds(1))
    late = rotation_of(await identity.refresh_token(token_hash(11)), 14, now=LATER + seconds(2))
    assert late.after.used_at == LATER
    await rotated(identity, 13, 15, now=LATER + seconds(2))
    with pytest.raises(StaleVersion):
        await identity.commit(IdentityChange(rotation=late))


@pytest.mark.parametrize("event_between", ["used", "ended", "disabled", "deleted"])
async def test_a_rotation_that_was_decided_too_early_is_refused(identity: IdentityStorage, event_between: str) -> None:
    """A use of the token, the end of the session and disabling or deleting the user come first: StaleVersion."""
    user = await add_user(identity, 1)
    session = await start_session(identity, user, 11)
    rotation = rotation_of(await identity.refresh_token(token_hash(11)), 12)
    if event_between == "used":
        await rotated(identity, 11, 13)
    elif event_between == "ended":
        await identity.commit(IdentityChange(ends=(SessionEnd(LATER, session_id=session.id),)))
    else:
        change = user.delete(now=LATER) if event_between == "deleted" else certain(user.set_disabled(disabled=True, now=LATER))
        await identity.commit(IdentityChange(user=change))
    with pytest.raises(StaleVersion):
        await identity.commit(IdentityChange(rotation=rotation))
    assert await identity.refresh_token(token_hash(12)) is None


async def test_of_50_first_uses_of_a_token_one_succeeds(rivals: list[IdentityStorage]) -> None:
    """50 parallel commits that replace one unused token: one is its first use, all others raise StaleVersion."""
    await start_session(rivals[0], await add_user(rivals[0], 1), 11)
    presented = await rivals[0].refresh_token(token_hash(11))
    changes = [IdentityChange(rotation=rotation_of(presented, number)) for number in range(100, 150)]
    errors = await commit_all(rivals, changes)
    assert errors.count(None) == 1
    assert {type(error) for error in errors if error is not None} == {StaleVersion}
    found = [await rivals[-1].refresh_token(token_hash(number)) for number in range(100, 150)]
    assert [number for number, token in enumerate(found) if token is not None] == [errors.index(None)]
