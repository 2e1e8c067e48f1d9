"""The number of refresh tokens of a session that nobody has used is bounded."""

from dataclasses import replace

import pytest

from catalog.domain.errors import StaleVersion
from catalog.domain.identity.changes import IdentityChange, SessionEnd, SessionStart
from catalog.domain.identity.errors import InvalidToken
from catalog.domain.identity.session import MAX_UNUSED_TOKENS, PresentedToken, Rotation, rotate
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import LIMITS, add_user, commit_all, seconds, start_session, token_hash
from tests.making import NOON, certain

FIRST = 1000
LATER = NOON + seconds(5)


async def presented(identity: IdentityStorage, number: int) -> PresentedToken:
    """Return what the store knows about a token."""
    return certain(await identity.refresh_token(token_hash(number)))


async def rotated(identity: IdentityStorage, number: int, successor: int) -> None:
    """Replace a token by another one."""
    await identity.commit(IdentityChange(rotation=decided(await presented(identity, number), successor)))


def decided(token: PresentedToken, successor: int) -> Rotation:
    """Return the replacement of a token."""
    return certain(rotate(token, token_hash(successor), now=LATER, limits=LIMITS))


async def fill(identity: IdentityStorage, number: int, up_to: int) -> None:
    """Present a token so often that its session has this many unused ones."""
    for successor in range(up_to):
        await rotated(identity, number, FIRST + successor)


async def test_unused_tokens_are_counted_by_session(identity: IdentityStorage) -> None:
    """Those of other sessions and those that were used don't count. They are counted only for a token that was used."""
    user = await add_user(identity, 1)
    await start_session(identity, user, 11)
    await start_session(identity, user, 12)
    assert (await presented(identity, 11)).unused_tokens == 0
    await fill(identity, 11, 3)
    assert (await presented(identity, 11)).unused_tokens == 3
    await rotated(identity, FIRST, 21)
    assert (await presented(identity, 11)).unused_tokens == (await presented(identity, FIRST)).unused_tokens == 3
    assert (await presented(identity, 21)).unused_tokens == 0


async def test_a_token_is_presented_only_so_often(identity: IdentityStorage) -> None:
    """Then it is refused, but the session goes on with the tokens that it has."""
    await start_session(identity, await add_user(identity, 1), 11)
    await fill(identity, 11, MAX_UNUSED_TOKENS)
    with pytest.raises(InvalidToken, match="too many refresh tokens"):
        await rotated(identity, 11, 21)
    await rotated(identity, FIRST, 22)
    with pytest.raises(InvalidToken, match="too many refresh tokens"):
        await rotated(identity, FIRST, 23)
    token = await presented(identity, 22)
    assert token.session.ended_at is None
    assert (await presented(identity, FIRST)).unused_tokens == MAX_UNUSED_TOKENS


async def test_the_bound_holds_for_parallel_presentations(rivals: list[IdentityStorage]) -> None:
    """Of 20 that were decided while there was room for one more token, one is committed."""
    await start_session(rivals[0], await add_user(rivals[0], 1), 11)
    await fill(rivals[0], 11, MAX_UNUSED_TOKENS - 1)
    token = await presented(rivals[0], 11)
    errors = await commit_all(rivals, [IdentityChange(rotation=decided(token, number)) for number in range(20, 40)])
    assert errors.count(None) == 1
    assert {type(error) for error in errors if error is not None} == {StaleVersion}
    assert (await presented(rivals[-1], 11)).unused_tokens == MAX_UNUSED_TOKENS


async def test_the_bound_holds_in_a_renewed_session(identity: IdentityStorage) -> None:
    """A session that gets another id takes its tokens along."""
    user = await add_user(identity, 1)
    session = await start_session(identity, user, 11)
    await fill(identity, 11, 3)
    change = user.set_password("new", now=LATER)
    renewed = replace(session, id=user.id)
    start = SessionStart(renewed, change.subject, tokens_of=session.id)
    await identity.commit(IdentityChange(user=change, start=start, ends=(SessionEnd(LATER, session_id=session.id),)))
    assert (await presented(identity, 11)).unused_tokens == 3
