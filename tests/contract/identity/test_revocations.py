"""Revocations, and what is deleted when it has expired."""

import asyncio
from datetime import timedelta

from catalog.domain.identity.changes import IdentityChange, SessionEnd
from catalog.domain.identity.session import KEPT_AFTER_END
from catalog.ports.identity.storage import IdentityStorage, Revocations
from tests.contract.identity.making import LIMITS, add_key, add_user, event, seconds, start_session, token_hash
from tests.contract.identity.test_sessions import rotated
from tests.making import NOON, certain, item_id

LONG_AGO = timedelta(days=40)


async def test_nothing_is_revoked_at_first(identity: IdentityStorage) -> None:
    """An empty store has no revocations."""
    assert await identity.revocations(0, NOON) == Revocations(0)


async def test_revocations_are_read_from_a_number_on(identity: IdentityStorage) -> None:
    """Those after a number are returned. If some are left out because they are older, the answer is incomplete."""
    user = await add_user(identity, 1)
    ids = [(await start_session(identity, user, number)).id for number in (11, 12, 13)]
    for number, session_id in enumerate(ids):
        await identity.commit(IdentityChange(ends=(SessionEnd(NOON + seconds(number), session_id=session_id),)))
    assert await identity.revocations(0, NOON) == Revocations(3, frozenset(ids))
    assert await identity.revocations(2, NOON) == Revocations(3, frozenset(ids[2:]))
    assert await identity.revocations(3, NOON) == Revocations(3)
    assert await identity.revocations(0, NOON + seconds(2)) == Revocations(3, frozenset(ids[2:]), complete=False)
    assert await identity.revocations(2, NOON + seconds(2)) == Revocations(3, frozenset(ids[2:]))


async def test_a_commit_returns_what_it_has_revoked(identity: IdentityStorage) -> None:
    """The ids, and the number of the last one. Those of the others lie just below it, as other processes read them."""
    user = await add_user(identity, 1)
    sessions = [await start_session(identity, user, number) for number in (11, 12, 13)]
    key = await add_key(identity, user, 14)
    assert await identity.commit(IdentityChange(events=(event(),))) == Revocations(0)
    first = await identity.commit(IdentityChange(ends=(SessionEnd(NOON, session_id=sessions[0].id),)))
    assert first == Revocations(1, frozenset({sessions[0].id}))
    assert await identity.commit(IdentityChange(ends=(SessionEnd(NOON, session_id=sessions[0].id),))) == Revocations(1)
    change = certain(user.set_disabled(disabled=True, now=NOON))
    ends = (SessionEnd(NOON, user_id=user.id),)
    rest = await identity.commit(IdentityChange(user=change, ends=ends, forget_keys_of=user.id))
    assert rest == Revocations(4, frozenset({sessions[1].id, sessions[2].id, key.id}))
    assert await identity.revocations(1, NOON) == rest


async def test_parallel_commits_return_their_own_revocations(rivals: list[IdentityStorage]) -> None:
    """Each has a number of its own."""
    user = await add_user(rivals[0], 1)
    ids = [(await start_session(rivals[0], user, 100 + number)).id for number in range(20)]
    ends = [IdentityChange(ends=(SessionEnd(NOON, session_id=session_id),)) for session_id in ids]
    commits = [rivals[number % len(rivals)].commit(end) for number, end in enumerate(ends)]
    revoked = await asyncio.gather(*commits)
    assert [each.ids for each in revoked] == [{session_id} for session_id in ids]
    assert sorted(each.seq for each in revoked) == list(range(1, 21))
    by_number = {each.seq: each.ids for each in revoked}
    assert (await rivals[0].revocations(19, NOON)).ids == by_number[20]


async def test_a_revocation_is_seen_by_other_processes(rivals: list[IdentityStorage]) -> None:
    """Every storage of the database reads a revocation right after it was committed."""
    user = await add_user(rivals[0], 1)
    session = await start_session(rivals[0], user, 11)
    await rivals[1].commit(IdentityChange(ends=(SessionEnd(NOON, user_id=user.id),)))
    assert [(await storage.revocations(0, NOON)).ids for storage in rivals] == [{session.id}] * len(rivals)


async def test_what_expired_long_ago_is_deleted(identity: IdentityStorage) -> None:
    """Sessions that ended or expired are deleted with their tokens, and revocations; all others stay."""
    user = await add_user(identity, 1)
    await start_session(identity, user, 11, at=NOON - LONG_AGO)
    await start_session(identity, user, 12)
    await start_session(identity, user, 13)
    live = await start_session(identity, user, 14)
    await rotated(identity, 12, 112)
    for number, at in ((12, NOON - KEPT_AFTER_END - seconds(1)), (13, NOON - KEPT_AFTER_END)):
        session_id = certain(await identity.refresh_token(token_hash(number))).session.id
        await identity.commit(IdentityChange(ends=(SessionEnd(at, session_id=session_id),)))
    await identity.delete_expired(NOON)
    found = {number: await identity.refresh_token(token_hash(number)) for number in (11, 12, 112, 13, 14)}
    assert [number for number, token in found.items() if token is not None] == [13, 14]
    assert await identity.sessions_of(user.id) == [live]
    since = NOON - LONG_AGO
    assert await identity.revocations(0, since) == Revocations(2, frozenset({item_id(13)}), complete=False)
    assert await identity.revocations(1, since) == Revocations(2, frozenset({item_id(13)}))
    await identity.delete_expired(NOON)
    assert (await identity.revocations(1, since)).complete


async def test_numbers_of_revocations_go_on_after_all_were_deleted(identity: IdentityStorage) -> None:
    """A number is never given twice, so that no process misses one."""
    user = await add_user(identity, 1)
    await start_session(identity, user, 11)
    await identity.commit(IdentityChange(ends=(SessionEnd(NOON - LONG_AGO, user_id=user.id),)))
    await identity.delete_expired(NOON)
    session = await start_session(identity, user, 12)
    await identity.commit(IdentityChange(ends=(SessionEnd(NOON, user_id=user.id),)))
    assert await identity.revocations(1, NOON) == Revocations(2, frozenset({session.id}))


async def test_many_expired_rows_are_deleted_in_several_transactions(identity: IdentityStorage) -> None:
    """Sessions and tokens beyond the limits of one transaction are deleted as well."""
    user = await add_user(identity, 1)
    start = NOON - LONG_AGO
    for number in range(100, 155):
        await start_session(identity, user, number, at=start)
    for number in range(520):
        await rotated(identity, 100 if number == 0 else 999 + number, 1_000 + number, now=start + seconds(number))
    assert start + seconds(520) < start + LIMITS.total
    await identity.delete_expired(NOON)
    assert await identity.sessions_of(user.id) == []
    assert await identity.refresh_token(token_hash(1_519)) is None
