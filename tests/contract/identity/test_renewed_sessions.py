"""A session that goes on under another id, as when the password is changed: its refresh tokens go with it."""

import pytest

from catalog.domain.errors import StaleVersion
from catalog.domain.identity.changes import IdentityChange, SessionEnd, SessionStart
from catalog.domain.identity.session import Session
from catalog.domain.identity.user import User
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import add_user, commit_all, revoked_ids, seconds, start_session, token_hash
from tests.contract.identity.test_sessions import rotated, rotation_of
from tests.making import NOON, certain, item_id

LATER = NOON + seconds(60)


def renewal(session: Session, user: User, number: int, *, secret: bytes | None = None) -> IdentityChange:
    """Return a change that ends all sessions of a user, and lets one go on under another id."""
    renewed = session.renew(item_id(number), now=LATER, secret_hash=secret)
    return IdentityChange(start=SessionStart(renewed, user, tokens_of=session.id), ends=(SessionEnd(LATER, user_id=user.id),))


async def test_refresh_tokens_go_with_their_session(identity: IdentityStorage) -> None:
    """Used ones too. Tokens of other sessions stay with theirs, which end; and so does the old id."""
    user = await add_user(identity, 1)
    session, other = await start_session(identity, user, 11), await start_session(identity, user, 12)
    await rotated(identity, 11, 13, now=NOON + seconds(1))
    session = certain(await identity.refresh_token(token_hash(13))).session
    await identity.commit(renewal(session, user, 21))
    assert await revoked_ids(identity) == {session.id, other.id}
    (after,) = await identity.sessions_of(user.id)
    assert after == session.renew(item_id(21), now=LATER)
    for number in (11, 13):
        assert certain(await identity.refresh_token(token_hash(number))).session == after
    assert certain(await identity.refresh_token(token_hash(12))).session.ended_at == LATER
    old = certain(await identity.session(session.id))[0]
    assert old.ended_at == LATER
    await rotated(identity, 13, 14, now=LATER + seconds(1))
    assert certain(await identity.refresh_token(token_hash(11))).successor_used


async def test_a_browser_goes_on_with_another_cookie(identity: IdentityStorage) -> None:
    """The hash of the old one finds the session that has ended."""
    user = await add_user(identity, 1)
    session = await start_session(identity, user, 11, secret=b"old")
    await identity.commit(renewal(session, user, 21, secret=b"new"))
    assert certain(await identity.session_of_browser(b"old"))[0].ended_at == LATER
    assert certain(await identity.session_of_browser(b"new"))[0].id == item_id(21)


async def test_a_rotation_that_was_decided_before_is_refused(identity: IdentityStorage) -> None:
    """Its successor would belong to the session that has ended."""
    user = await add_user(identity, 1)
    session = await start_session(identity, user, 11)
    rotation = rotation_of(await identity.refresh_token(token_hash(11)), 12)
    await identity.commit(renewal(session, user, 21))
    with pytest.raises(StaleVersion):
        await identity.commit(IdentityChange(rotation=rotation))
    await rotated(identity, 11, 13)
    assert certain(await identity.refresh_token(token_hash(13))).session.id == item_id(21)


async def test_parallel_renewals_and_rotations(rivals: list[IdentityStorage]) -> None:
    """Whichever comes first, all tokens belong to the session that is live in the end."""
    user = await add_user(rivals[0], 1)
    session = await start_session(rivals[0], user, 11)
    rotation = rotation_of(await rivals[0].refresh_token(token_hash(11)), 12)
    changes = [IdentityChange(rotation=rotation), renewal(session, user, 21)]
    errors = await commit_all(rivals, changes)
    (live,) = await rivals[-1].sessions_of(user.id)
    assert live.id == item_id(21)
    found = [await rivals[-1].refresh_token(token_hash(number)) for number in (11, 12)]
    assert {token.session.id for token in found if token is not None} == {live.id}
    assert (found[1] is None) == isinstance(errors[0], StaleVersion)
    assert errors[1] is None
