"""One's own sessions: the list, signing out, and what others may not see."""

import pytest

from catalog.application.identity.caller import Caller
from catalog.domain.identity.api_key import NewApiKey
from catalog.domain.identity.errors import CredentialNotAllowed, EndedSession, InvalidToken, SessionNotFound, Unauthenticated
from catalog.domain.identity.principal import GUEST, LOCAL
from catalog.domain.identity.session import Session
from tests.identity_use import CLI, CLIENT, FlakyIdentity, Process
from tests.making import certain, item_id


async def own(process: Process, caller: Caller) -> list[Session]:
    """Return the caller's sessions."""
    return list(await process.sessions.own(caller))


async def test_live_sessions_are_listed(process: Process) -> None:
    """The newest first, and those of nobody else. Those that ended or expired are not live."""
    await process.add_user()
    await process.add_user("berta")
    old = await process.caller()
    process.clock.move(days=3)
    await process.caller("berta")
    _, browser = await process.browser_caller()
    process.clock.move(seconds=1)
    new = await process.caller()
    listed = await own(process, new)
    assert [session.id for session in listed] == [caller.principal.session_id for caller in (new, browser, old)]
    await process.sessions.sign_out(browser, everywhere=False)
    process.clock.move(days=4)
    assert [session.id for session in await own(process, new)] == [new.principal.session_id]


async def test_signing_out_ends_the_session(process: Process) -> None:
    """Its tokens are refused at once, and other sessions stay."""
    await process.add_user()
    pair, other = await process.tokens(), await process.caller()
    caller = Caller(await process.recognize(pair.access_token), CLIENT)
    await process.sessions.sign_out(caller, everywhere=False)
    for attempt in (process.recognize(pair.access_token), process.sign_in.refresh(pair.refresh_token, CLIENT)):
        with pytest.raises(InvalidToken):
            await attempt
    assert process.authenticator.is_valid(other.principal)
    (event,) = await process.log("session.ended")
    assert (event.actor, event.subject, event.detail) == ("anna", "anna", {"session": str(caller.principal.session_id)})
    assert (event.credential, event.address) == (caller.principal.credential, "192.0.2.1")


async def test_signing_out_everywhere_ends_all_sessions(process: Process) -> None:
    """Cookies too. Other users stay signed in."""
    await process.add_user()
    await process.add_user("berta")
    caller, stays = await process.caller(), await process.caller("berta")
    cookie, _ = await process.browser_caller()
    await process.sessions.sign_out(caller, everywhere=True)
    assert not process.authenticator.is_valid(caller.principal)
    with pytest.raises(EndedSession):
        await process.recognize(cookie, "cookie")
    assert process.authenticator.is_valid(stays.principal)
    assert [event.detail for event in await process.log("session.ended")] == [{"session": "all"}]


async def test_one_of_several_sessions_is_ended(process: Process) -> None:
    """It is not found a second time, nor are other users' sessions ever."""
    await process.add_user()
    await process.add_user("berta")
    caller, ended, berta = await process.caller(), await process.caller(), await process.caller("berta")
    await process.sessions.end(certain(ended.principal.session_id), caller)
    assert not process.authenticator.is_valid(ended.principal)
    for session_id in (ended.principal.session_id, berta.principal.session_id, item_id(99)):
        with pytest.raises(SessionNotFound):
            await process.sessions.end(certain(session_id), caller)
    assert process.authenticator.is_valid(berta.principal)
    assert process.authenticator.is_valid(caller.principal)
    assert len(await process.log("session.ended")) == 1


async def test_an_admin_ends_sessions_of_a_user(process: Process) -> None:
    """One or all of them; the event says whose. A session of somebody else is not found."""
    anna, berta = await process.add_user(), await process.add_user("berta")
    first, second, other = await process.caller(), await process.caller(), await process.caller("berta")
    await process.sessions.end_of(anna, CLI, first.principal.session_id)
    assert [process.authenticator.is_valid(each.principal) for each in (first, second, other)] == [False, True, True]
    with pytest.raises(SessionNotFound):
        await process.sessions.end_of(anna, CLI, other.principal.session_id)
    await process.sessions.end_of(berta, CLI)
    assert not process.authenticator.is_valid(other.principal)
    events = await process.log("session.ended")
    assert [(event.actor, event.subject) for event in events] == [("cli", "anna"), ("cli", "berta")]


async def test_only_users_who_signed_in_have_sessions(process: Process) -> None:
    """API keys and local callers may not, guests have to sign in."""
    await process.add_user()
    key = await process.keys.create_own(NewApiKey("key"), await process.caller())
    for principal in (LOCAL, await process.recognize(key.text)):
        caller = Caller(principal)
        for action in (
            process.sessions.own(caller),
            process.sessions.end(item_id(1), caller),
            process.sessions.sign_out(caller, everywhere=False),
        ):
            with pytest.raises(CredentialNotAllowed):
                await action
    with pytest.raises(Unauthenticated):
        await process.sessions.own(Caller(GUEST))


async def test_signing_out_twice_at_once_is_no_error(process: Process, storage: FlakyIdentity) -> None:
    """Nor if the user was deleted a moment ago."""
    await process.add_user()
    caller = await process.caller()
    storage.before_commit = [lambda: process.sessions.sign_out(caller, everywhere=False)]
    await process.sessions.sign_out(caller, everywhere=False)
    caller = await process.caller()
    storage.before_commit = [lambda: process.users.delete("anna", CLI)]
    await process.sessions.sign_out(caller, everywhere=False)
