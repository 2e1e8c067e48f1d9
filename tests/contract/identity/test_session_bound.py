"""The number of sessions of a user is bounded: when another one starts, the one that was idle for longest ends."""

import asyncio

from catalog.domain.identity.changes import IdentityChange, SessionEnd, SessionStart
from catalog.domain.identity.security_log import SESSION_CREATED, SESSION_ENDED
from catalog.domain.identity.session import MAX_SESSIONS, RefreshToken
from catalog.domain.identity.user import User
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import add_user, event, revoked_ids, seconds, session_of, start_session, token_hash
from tests.making import NOON, certain, item_id

FIRST = 1000
LATER = NOON + seconds(10_000)


async def fill(identity: IdentityStorage, user: User, first: int = FIRST) -> None:
    """Start as many sessions as a user can have, a second after each other."""
    for number in range(MAX_SESSIONS):
        await start_session(identity, user, first + number, at=NOON + seconds(number))


async def test_the_session_that_was_idle_for_longest_ends(identity: IdentityStorage) -> None:
    """It is revoked, and its end is recorded with the sign-in. Sessions of others, and ended ones, don't count."""
    user, other = await add_user(identity, 1), await add_user(identity, 2)
    await start_session(identity, other, 11, at=NOON - seconds(1))
    ended = await start_session(identity, user, 12, at=NOON - seconds(2))
    await identity.commit(IdentityChange(ends=(SessionEnd(NOON, session_id=ended.id),)))
    await fill(identity, user)
    await identity.touch({item_id(FIRST): LATER - seconds(1)})
    assert len(await identity.sessions_of(user.id)) == MAX_SESSIONS
    seen = (await identity.revocations(0, NOON)).seq

    session = session_of(user, 13, at=LATER)
    token = RefreshToken(token_hash=token_hash(13), session_id=session.id, created_at=LATER)
    created = event(action=SESSION_CREATED, at=LATER, actor="user1", subject="user1", address="192.0.2.9", result="success")
    await identity.commit(IdentityChange(start=SessionStart(session, user, token), events=(created,)))

    live = {each.id for each in await identity.sessions_of(user.id)}
    assert len(live) == MAX_SESSIONS
    assert {item_id(FIRST), session.id} <= live
    assert item_id(FIRST + 1) not in live
    assert await revoked_ids(identity, seen) == {item_id(FIRST + 1)}
    assert certain(await identity.refresh_token(token_hash(FIRST + 1))).session.ended_at == LATER
    (log,) = [entry.event for entry in await identity.security_chain(0, 9999) if entry.event.action == SESSION_ENDED]
    assert (log.at, log.actor, log.subject, log.address, log.result) == (LATER, "user1", "user1", "192.0.2.9", "success")
    assert log.detail == {"session": str(item_id(FIRST + 1)), "reason": "more than 100 sessions"}
    assert len(await identity.sessions_of(other.id)) == 1


async def test_sessions_that_end_in_the_same_change_leave_room(identity: IdentityStorage) -> None:
    """As when a browser gets a new session because the password was changed."""
    user = await add_user(identity, 1)
    await fill(identity, user)
    session = session_of(user, 13, at=LATER)
    end = SessionEnd(LATER, session_id=item_id(FIRST + 50))
    await identity.commit(IdentityChange(start=SessionStart(session, user), ends=(end,)))
    assert {each.id for each in await identity.sessions_of(user.id)} == {
        session.id,
        *(item_id(FIRST + number) for number in range(MAX_SESSIONS) if number != 50),
    }


async def test_the_bound_holds_for_parallel_sign_ins(rivals: list[IdentityStorage]) -> None:
    """Each of them ends another session."""
    user = await add_user(rivals[0], 1)
    await fill(rivals[0], user)
    starts = [start_session(rivals[number % len(rivals)], user, 10 + number, at=LATER) for number in range(20)]
    started = await asyncio.gather(*starts)
    live = {each.id for each in await rivals[-1].sessions_of(user.id)}
    assert live == {*(each.id for each in started), *(item_id(FIRST + number) for number in range(20, MAX_SESSIONS))}
