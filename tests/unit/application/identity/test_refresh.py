"""Refreshing: each token once, with some seconds of grace, and the session ends if a token was copied."""

from datetime import timedelta

import pytest

from catalog.application.identity.random_secrets import hash_secret
from catalog.application.identity.token_pairs import TokenPair
from catalog.domain.errors import TooManyConflicts
from catalog.domain.identity.errors import InvalidToken
from catalog.domain.identity.user import UserPatch
from tests.identity_use import CLI, CLIENT, PASSWORD, FlakyIdentity, Process
from tests.making import certain


@pytest.fixture
async def pair(process: Process) -> TokenPair:
    """The tokens of a new session, with fewer scopes than the role has."""
    await process.add_user()
    return await process.sign_in.for_tokens("anna", PASSWORD, CLIENT, frozenset({"items:read"}))


async def refresh(process: Process, token: str) -> TokenPair:
    """Refresh."""
    return await process.sign_in.refresh(token, CLIENT)


async def refuse(process: Process, token: str) -> None:
    """Refresh with a token that is not valid."""
    with pytest.raises(InvalidToken):
        await refresh(process, token)


async def test_a_refresh_token_is_replaced(process: Process, pair: TokenPair) -> None:
    """Both tokens are new. The session and the scopes stay, and its last use is noted."""
    process.clock.move(minutes=5)
    after = await refresh(process, pair.refresh_token)
    assert len({pair.access_token, after.access_token, pair.refresh_token, after.refresh_token}) == 4
    before, claims = (process.signer.verify(token, process.clock.now()) for token in (pair.access_token, after.access_token))
    assert (claims.session_id, claims.scopes) == (before.session_id, before.scopes)
    assert claims.scopes == {"items:read"}
    (session,) = await process.storage.sessions_of(claims.user_id)
    assert session.last_used_at == process.clock.now()
    await refresh(process, after.refresh_token)


async def test_two_tabs_may_present_the_same_token(process: Process, pair: TokenPair) -> None:
    """Within 10 s of its first use, each presenter gets a new pair of the same session."""
    first = await refresh(process, pair.refresh_token)
    process.clock.move(seconds=6)
    second = await refresh(process, pair.refresh_token)
    process.clock.move(seconds=4)
    third = await refresh(process, pair.refresh_token)
    sessions = {process.signer.verify(each.access_token, process.clock.now()).session_id for each in (first, second, third)}
    assert len(sessions) == 1
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    await refresh(process, second.refresh_token)
    await refresh(process, third.refresh_token)


async def test_the_grace_does_not_begin_anew(process: Process, pair: TokenPair) -> None:
    """It counts from the first use, and then the session ends: the token may have been copied."""
    await refresh(process, pair.refresh_token)
    process.clock.move(seconds=6)
    second = await refresh(process, pair.refresh_token)
    process.clock.move(seconds=4.001)
    await refuse(process, pair.refresh_token)
    await refuse(process, second.refresh_token)
    (event,) = await process.log("token.reused")
    assert (event.result, event.actor, event.subject, event.address) == ("denied", "anna", "anna", "192.0.2.1")
    assert event.credential == f"session:{process.shared.issued[pair.access_token].session_id}"


async def test_the_grace_ends_when_a_successor_is_used(process: Process, pair: TokenPair) -> None:
    """The client has received the answer, so whoever presents the old token again has a copy."""
    after = await refresh(process, pair.refresh_token)
    newest = await refresh(process, after.refresh_token)
    await refuse(process, pair.refresh_token)
    await refuse(process, newest.refresh_token)
    assert len(await process.log("token.reused")) == 1


async def test_a_reuse_revokes_the_access_tokens_at_once(process: Process, pair: TokenPair) -> None:
    """The session ends as a whole, in this process before the answer."""
    await process.recognize(pair.access_token)
    await refresh(process, pair.refresh_token)
    process.clock.move(seconds=11)
    await refuse(process, pair.refresh_token)
    with pytest.raises(InvalidToken):
        await process.recognize(pair.access_token)


@pytest.mark.parametrize("token", ["", "unknown", "\ud800", "x" * 100_000])
async def test_an_unknown_token_is_refused(process: Process, token: str) -> None:
    """Whatever it is."""
    await refuse(process, token)


async def test_a_session_ends_without_use(process: Process, pair: TokenPair) -> None:
    """After seven days."""
    process.clock.move(days=6)
    pair = await refresh(process, pair.refresh_token)
    process.clock.move(days=7)
    await refuse(process, pair.refresh_token)
    assert await process.log("token.reused") == []


async def test_a_session_ends_after_thirty_days(process: Process, pair: TokenPair) -> None:
    """However often it is used."""
    for _ in range(4):
        process.clock.move(days=6)
        pair = await refresh(process, pair.refresh_token)
    process.clock.time += timedelta(days=6) - timedelta(minutes=3)
    pair = await refresh(process, pair.refresh_token)
    assert pair.expires_in == 180
    process.clock.move(minutes=3)
    await refuse(process, pair.refresh_token)


async def test_a_refresh_token_of_an_ended_session_is_refused(process: Process, pair: TokenPair) -> None:
    """Disabling ends sessions; enabling brings none back."""
    await process.users.update("anna", UserPatch(disabled=True), CLI)
    await refuse(process, pair.refresh_token)
    await process.users.update("anna", UserPatch(disabled=False), CLI)
    await refuse(process, pair.refresh_token)


async def test_a_user_may_be_deleted_meanwhile(process: Process, storage: FlakyIdentity, pair: TokenPair) -> None:
    """Before the refresh is committed, or before a stolen session is ended: the token is not valid either way."""
    storage.before_commit = [lambda: process.users.delete("anna", CLI)]
    await refuse(process, pair.refresh_token)
    await process.add_user()
    stolen = await process.tokens()
    await refresh(process, stolen.refresh_token)
    process.clock.move(seconds=11)
    storage.before_commit = [lambda: process.users.delete("anna", CLI)]
    await refuse(process, stolen.refresh_token)


async def test_a_race_is_decided_again(process: Process, storage: FlakyIdentity, pair: TokenPair) -> None:
    """If another refresh of the token comes first, this one gets a pair within the grace."""
    others = []

    async def refresh_too() -> None:
        others.append(await refresh(process, pair.refresh_token))

    storage.before_commit = [refresh_too]
    own = await refresh(process, pair.refresh_token)
    for each in (own, others[0]):
        assert certain(await process.storage.refresh_token(hash_secret(each.refresh_token))).token.used_at is None


async def test_a_refresh_gives_up_after_some_attempts(
    process: Process, storage: FlakyIdentity, pair: TokenPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that says again and again that the token has changed does not keep the caller for ever."""

    async def lost(_change: object) -> bool:
        storage.calls.append("lost")
        return False

    monkeypatch.setattr(process.commits, "try_commit", lost)
    with pytest.raises(TooManyConflicts):
        await refresh(process, pair.refresh_token)
    assert storage.calls.count("lost") == 5
