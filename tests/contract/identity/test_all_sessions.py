"""The sessions of all users, for administrators."""

from catalog.domain.identity.changes import IdentityChange, SessionEnd
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import add_user, seconds, start_session
from tests.making import NOON, item_id

LATER = NOON + seconds(60)


async def test_sessions_are_listed_by_user_and_newest_first(identity: IdentityStorage) -> None:
    """In one call, with their users, and without those that ended."""
    zoe, anna, _ = [await add_user(identity, number, name) for number, name in enumerate(("zoe", "anna", "bert"), 1)]
    assert await identity.all_sessions() == []
    of_zoe = [await start_session(identity, zoe, number, at=NOON + seconds(number)) for number in (11, 12, 13)]
    of_anna = await start_session(identity, anna, 14, secret=b"cookie")
    await identity.commit(IdentityChange(ends=(SessionEnd(LATER, session_id=of_zoe[1].id),)))
    assert await identity.all_sessions() == [(of_anna, anna), (of_zoe[2], zoe), (of_zoe[0], zoe)]


async def test_a_session_is_found_by_its_id(identity: IdentityStorage) -> None:
    """With its user; and also when it has ended."""
    user = await add_user(identity, 1)
    session = await start_session(identity, user, 11)
    assert await identity.session(session.id) == (session, user)
    assert await identity.session(item_id(12)) is None
    await identity.commit(IdentityChange(ends=(SessionEnd(LATER, session_id=session.id),)))
    found = await identity.session(session.id)
    assert found is not None
    assert (found[0].ended_at, found[1]) == (LATER, user)
