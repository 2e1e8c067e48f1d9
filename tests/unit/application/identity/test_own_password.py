"""Changing one's own password: who may, and which sessions stay."""

import asyncio
from dataclasses import replace

import pytest

from catalog.application.identity.caller import Caller
from catalog.domain.errors import TooManyConflicts
from catalog.domain.identity.api_key import NewApiKey
from catalog.domain.identity.errors import (
    CredentialNotAllowed,
    EndedSession,
    InvalidCredentials,
    InvalidToken,
    TooManyAttempts,
    Unauthenticated,
    WeakPassword,
    WrongPassword,
)
from catalog.domain.identity.principal import GUEST, LOCAL, Principal
from catalog.domain.identity.user import UserPatch
from tests.identity_use import CLI, CLIENT, OTHER_PASSWORD, PASSWORD, FlakyIdentity, Process

WRONG = "certainly not the password"


async def change(process: Process, caller: Caller, current: str = PASSWORD, new: str = OTHER_PASSWORD) -> str | None:
    """Change the caller's password."""
    return await process.users.change_own_password(current, new, caller)


async def test_only_the_session_that_changes_it_stays(process: Process, other: Process) -> None:
    """With its refresh token; its access token ends. All other sessions end at once; API keys stay."""
    user = await process.add_user()
    pair = await process.tokens()
    caller = Caller(await process.recognize(pair.access_token), CLIENT)
    others = [(await process.tokens()).access_token for _ in range(2)]
    cookie, _ = await process.browser_caller()
    key = await process.keys.create_own(NewApiKey("key"), caller)
    for text in (*others, key.text):
        await process.recognize(text)
    assert await change(process, caller) is None
    for text, kind in ((pair.access_token, "token"), (others[0], "token"), (others[1], "token"), (cookie, "cookie")):
        with pytest.raises((InvalidToken, EndedSession)):
            await process.recognize(text, kind)
        with pytest.raises((InvalidToken, EndedSession)):
            await other.recognize(text, kind)
    assert (await process.recognize(key.text)).username == "anna"
    fresh = await process.recognize((await process.sign_in.refresh(pair.refresh_token, CLIENT)).access_token)
    (session,) = await process.sessions.of_user(user.id)
    assert session.id == fresh.session_id != caller.principal.session_id
    await process.tokens(password=OTHER_PASSWORD)
    with pytest.raises(InvalidCredentials):
        await process.tokens()
    (event,) = await process.log("password.changed")
    assert (event.actor, event.subject, event.credential) == ("anna", "anna", caller.principal.credential)
    assert event.detail == {"session": str(session.id)}


async def test_a_session_with_tokens_does_not_last_longer(process: Process) -> None:
    """It is the same session under another id. A refresh token that was used before still gives a thief away."""
    user = await process.add_user()
    first = await process.tokens()
    second = await process.sign_in.refresh(first.refresh_token, CLIENT)
    (before,) = await process.sessions.of_user(user.id)
    process.clock.move(minutes=5)
    await change(process, Caller(await process.recognize(second.access_token), CLIENT))
    (after,) = await process.sessions.of_user(user.id)
    assert after == replace(before, id=after.id, last_used_at=process.clock.now())
    third = await process.sign_in.refresh(second.refresh_token, CLIENT)
    with pytest.raises(InvalidToken):
        await process.sign_in.refresh(first.refresh_token, CLIENT)
    assert await process.sessions.of_user(user.id) == []
    with pytest.raises(InvalidToken):
        await process.sign_in.refresh(third.refresh_token, CLIENT)
    assert [event.credential for event in await process.log("token.reused")] == [f"session:{after.id}"]


async def test_a_refresh_at_the_same_time_goes_on_with_the_new_session(process: Process, storage: FlakyIdentity) -> None:
    """It was decided with the old one, which has ended when it is to be committed."""
    await process.add_user()
    pair = await process.tokens()
    caller = Caller(await process.recognize(pair.access_token), CLIENT)
    storage.before_commit = [lambda: change(process, caller)]
    fresh = await process.sign_in.refresh(pair.refresh_token, CLIENT)
    assert (await process.recognize(fresh.access_token)).session_id != caller.principal.session_id
    await process.sign_in.refresh(fresh.refresh_token, CLIENT)


async def test_a_browser_gets_a_new_cookie(process: Process) -> None:
    """The old one is not valid any more. The session does not last longer than before."""
    user = await process.add_user()
    cookie, caller = await process.browser_caller()
    other, _ = await process.browser_caller()
    (before,) = [session for session in await process.sessions.of_user(user.id) if session.id == caller.principal.session_id]
    process.clock.move(days=1)
    fresh = await change(process, caller)
    assert fresh is not None
    for old in (cookie, other):
        with pytest.raises(EndedSession):
            await process.recognize(old, "cookie")
    principal = await process.recognize(fresh, "cookie")
    (after,) = await process.sessions.of_user(user.id)
    assert (after.id, after.last_used_at) == (principal.session_id, process.clock.now())
    assert (after.created_at, after.expires_at, after.kind, after.scopes, after.address) == (
        before.created_at,
        before.expires_at,
        "cookie",
        before.scopes,
        before.address,
    )


async def test_a_wrong_current_password_counts_as_a_failure(process: Process) -> None:
    """After five, the right one waits too, here and when signing in. Each is recorded."""
    await process.add_user()
    caller = await process.caller()
    for _ in range(5):
        with pytest.raises(WrongPassword):
            await change(process, caller, WRONG)
    with pytest.raises(TooManyAttempts):
        await change(process, caller)
    with pytest.raises(TooManyAttempts):
        await process.tokens()
    await process.events.write(everything=True)
    (event,) = await process.log("password.changed")
    assert (event.result, event.actor, event.subject, event.count) == ("failure", "anna", "anna", 5)
    process.clock.move(seconds=1)
    await change(process, caller)
    assert [key for key in process.shared.counter.counts if not key.startswith("known ")] == []


async def test_guesses_at_once_tell_no_more_than_five(process: Process) -> None:
    """As when signing in."""
    await process.add_user()
    caller = await process.caller()
    tries = (change(process, caller, guess) for guess in [WRONG] * 20 + [PASSWORD])
    errors = [type(error) for error in await asyncio.gather(*tries, return_exceptions=True)]
    assert (errors.count(WrongPassword), errors.count(TooManyAttempts)) == (5, 16)


async def test_a_weak_new_password_is_refused(process: Process) -> None:
    """The error names the field."""
    user = await process.add_user()
    caller = await process.caller()
    with pytest.raises(WeakPassword) as caught:
        await change(process, caller, new="short")
    assert caught.value.errors[0].path == ("new",)
    assert await process.users.get("anna") == user


async def test_the_same_password_is_no_new_one(process: Process) -> None:
    """It would look like a change. However it is typed: e with an accent is one character or two."""
    await process.add_user(password="\u00e9" + PASSWORD)
    caller = Caller(await process.recognize((await process.tokens(password="\u00e9" + PASSWORD)).access_token), CLIENT)
    with pytest.raises(WeakPassword) as caught:
        await change(process, caller, "\u00e9" + PASSWORD, "e\u0301" + PASSWORD)
    assert caught.value.errors[0].path == ("new",)
    await process.recognize((await process.tokens(password="\u00e9" + PASSWORD)).access_token)


async def test_it_needs_a_sign_in_with_all_scopes(process: Process) -> None:
    """API keys, local callers, users of other issuers and tokens with fewer scopes may not; guests have to sign in."""
    await process.add_user()
    key = await process.keys.create_own(NewApiKey("key"), await process.caller())
    few = await process.sign_in.for_tokens("anna", PASSWORD, CLIENT, frozenset({"items:read"}))
    foreign = Principal(kind="user", username="issuer|sub", role="user", scopes=frozenset(), credential="oidc")
    for principal in (LOCAL, foreign, await process.recognize(key.text), await process.recognize(few.access_token)):
        with pytest.raises(CredentialNotAllowed):
            await change(process, Caller(principal))
    with pytest.raises(Unauthenticated):
        await change(process, Caller(GUEST))


async def test_a_session_that_has_ended_changes_nothing(process: Process, storage: FlakyIdentity) -> None:
    """Nor does that of a deleted user."""
    await process.add_user()
    caller = await process.caller()
    await process.sessions.sign_out(caller, everywhere=True)
    with pytest.raises(InvalidToken):
        await change(process, caller)
    caller = await process.caller()
    storage.before_commit = [lambda: process.users.delete("anna", CLI)]
    with pytest.raises(InvalidToken):
        await change(process, caller)


async def test_a_race_is_decided_again(process: Process, storage: FlakyIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that leaves the session alone, as a renewed hash, does not matter; and there is an end to attempts."""
    await process.add_user()
    caller = await process.caller()

    async def renew() -> None:
        process.shared.hasher.parameters = "b"
        await process.tokens()
        process.shared.hasher.parameters = "a"

    storage.before_commit = [renew]
    await change(process, caller)
    assert (await process.users.get("anna")).password_hash == f"a:{OTHER_PASSWORD}"

    async def lost(_change: object) -> bool:
        return False

    caller = await process.caller(password=OTHER_PASSWORD)
    monkeypatch.setattr(process.commits, "try_commit", lost)
    with pytest.raises(TooManyConflicts):
        await change(process, caller, OTHER_PASSWORD, PASSWORD)


async def test_an_admin_who_resets_the_password_meanwhile_wins(process: Process, storage: FlakyIdentity) -> None:
    """The session has ended then."""
    await process.add_user()
    caller = await process.caller()
    storage.before_commit = [lambda: process.users.update("anna", UserPatch(password="an entirely new sentence"), CLI)]
    with pytest.raises(InvalidToken):
        await change(process, caller)
    await process.tokens(password="an entirely new sentence")
