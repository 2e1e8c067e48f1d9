"""Signing in: who may, what is said to those who may not, and how guessing is slowed down."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import sha256

import pytest

from catalog.application.identity.client import Client
from catalog.application.identity.random_secrets import hash_secret
from catalog.domain.errors import TooManyConflicts
from catalog.domain.identity.errors import InsufficientScope, InvalidCredentials, SignInsBusy, TooManyAttempts
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.scopes import with_implied
from catalog.domain.identity.session import SessionLimits
from catalog.domain.identity.user import UserPatch
from tests.identity_use import CLI, CLIENT, OTHER_PASSWORD, PASSWORD, FlakyIdentity, Process, Shared
from tests.making import certain

WRONG = "certainly not the password"


async def fail(process: Process, times: int, name: str = "anna", client: Client = CLIENT) -> None:
    """Sign in with a wrong password."""
    for _ in range(times):
        with pytest.raises(InvalidCredentials):
            await process.sign_in.for_tokens(name, WRONG, client)


async def test_the_right_password_gives_tokens(process: Process) -> None:
    """The access token has the claims of the user and the session, the refresh token is stored as a hash, and it is recorded."""
    user = await process.add_user("anna", "editor")
    pair = await process.sign_in.for_tokens(" ANNA ", PASSWORD, CLIENT)
    (session,) = await process.storage.sessions_of(user.id)
    claims = process.signer.verify(pair.access_token, process.clock.now())
    assert (claims.user_id, claims.username, claims.role, claims.session_id) == (user.id, "anna", "editor", session.id)
    assert claims.scopes == pair.scopes == session.scopes == ROLE_SCOPES["editor"]
    assert pair.expires_in == 600 == (claims.expires_at - claims.issued_at).total_seconds()
    presented = certain(await process.storage.refresh_token(hash_secret(pair.refresh_token)))
    assert presented.session == session
    assert (session.kind, session.address, session.user_agent, session.secret_hash) == ("token", "192.0.2.1", "tests", None)
    (event,) = await process.log("session.created")
    assert (event.result, event.actor, event.subject, event.credential) == ("success", "anna", "anna", f"session:{session.id}")
    assert (event.address, event.request_id, event.detail) == ("192.0.2.1", "request-1", {"kind": "token"})


async def test_an_access_token_does_not_outlive_its_session(storage: FlakyIdentity) -> None:
    """If the session ends earlier, the token is valid for a shorter time."""
    process = Process(storage, Shared(limits=SessionLimits(total=timedelta(minutes=5))))
    await process.start()
    await process.add_user()
    assert (await process.tokens()).expires_in == 300


async def test_unknown_wrong_and_disabled_look_alike(process: Process) -> None:
    """Each is the same error after one verification, counted and recorded as a failure. Unknown names are recorded as a hash."""
    await process.add_user("wrong")
    await process.add_user("disabled")
    await process.users.update("disabled", UserPatch(disabled=True), CLI)
    errors = []
    for name, password in (("unknown", PASSWORD), ("wrong", WRONG), ("disabled", PASSWORD)):
        verified = process.shared.hasher.verified
        with pytest.raises(InvalidCredentials) as caught:
            await process.sign_in.for_tokens(name, password, CLIENT)
        errors.append(str(caught.value))
        assert process.shared.hasher.verified == verified + 1
    assert len(set(errors)) == 1
    assert sorted(failures.count for failures in process.shared.counter.counts.values()) == [1] * 6
    await process.events.write()
    failures = await process.log("sign_in.failed")
    digest = sha256(b"unknown").hexdigest()
    assert [event.subject for event in failures] == [f"sha256:{digest}", "wrong", "disabled"]
    assert {(event.result, event.actor, event.credential, event.address) for event in failures} == {
        ("failure", None, None, "192.0.2.1")
    }


@pytest.mark.parametrize("name", ["x" * 65, "a b", "a\0b", "\ud800", "", "0190a3b4-0000-7000-8000-000000000000"])
async def test_an_impossible_name_is_like_an_unknown_one(process: Process, storage: FlakyIdentity, name: str) -> None:
    """It is not looked up, because some stores refuse such texts, but takes a verification all the same."""
    with pytest.raises(InvalidCredentials):
        await process.sign_in.for_tokens(name, PASSWORD, CLIENT)
    assert process.shared.hasher.verified == 1
    assert "user" not in storage.calls


@pytest.mark.parametrize("password", ["x" * 129, "x" * 1_000_000, "ä" * 257, "", "\0" * 20])
async def test_a_password_that_nobody_can_have_is_not_hashed(process: Process, password: str) -> None:
    """It is wrong, and counts as a failure."""
    await process.add_user()
    with pytest.raises(InvalidCredentials):
        await process.sign_in.for_tokens("anna", password, CLIENT)
    assert process.shared.hasher.verified == 0
    assert len(process.shared.counter.counts) == 2


async def test_a_password_is_compared_in_nfc_and_not_trimmed(process: Process) -> None:
    """However a keyboard types an accent, it is the same password; spaces at its ends count."""
    await process.add_user(password=" e\u0301" + PASSWORD)
    await process.tokens(password=" \u00e9" + PASSWORD)
    with pytest.raises(InvalidCredentials):
        await process.tokens(password="\u00e9" + PASSWORD)


async def test_after_five_failures_the_right_password_waits_too(process: Process) -> None:
    """The delay is 1 s and doubles, up to 15 minutes. Nothing is verified meanwhile. Then the right password ends it."""
    await process.add_user()
    await fail(process, 5)
    verified = process.shared.hasher.verified
    for seconds in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900):
        with pytest.raises(TooManyAttempts) as caught:
            await process.tokens()
        assert caught.value.seconds == seconds
        process.clock.move(seconds=seconds - 0.5)
        with pytest.raises(TooManyAttempts) as caught:
            await process.tokens()
        assert caught.value.seconds == 1
        process.clock.move(seconds=0.5)
        await fail(process, 1)
    assert process.shared.hasher.verified == verified + 12
    process.clock.move(seconds=900)
    await process.tokens()
    await fail(process, 5)


async def test_a_try_that_has_to_wait_is_recorded(process: Process) -> None:
    """As refused, with a hash of the name, since nobody is looked up. Repeats are counted."""
    await process.add_user()
    await fail(process, 5)
    for _ in range(3):
        with pytest.raises(TooManyAttempts):
            await process.tokens()
    await process.events.write(everything=True)
    refused = next(event for event in await process.log("sign_in.failed") if event.result == "denied")
    assert (refused.result, refused.detail, refused.actor) == ("denied", {"code": "too_many_attempts"}, None)
    assert (refused.subject, refused.count) == (f"sha256:{sha256(b'anna').hexdigest()}", 3)


async def test_an_unknown_name_waits_as_well(process: Process) -> None:
    """The delay does not tell who exists."""
    await fail(process, 5, "nobody")
    with pytest.raises(TooManyAttempts):
        await process.tokens("nobody")


async def test_a_stranger_does_not_delay_a_user(process: Process) -> None:
    """Failures count for a name in one network: /24 or /64. Others may go on."""
    await process.add_user()
    await fail(process, 5, client=Client("198.51.100.7"))
    with pytest.raises(TooManyAttempts):
        await process.sign_in.for_tokens("anna", PASSWORD, Client("198.51.100.200"))
    await process.add_user("berta")
    await process.sign_in.for_tokens("berta", PASSWORD, Client("198.51.100.7"))
    await process.tokens()
    await fail(process, 5, client=Client("2001:db8::1"))
    with pytest.raises(TooManyAttempts):
        await process.sign_in.for_tokens("anna", PASSWORD, Client("2001:db8::ffff"))
    await process.sign_in.for_tokens("anna", PASSWORD, Client("2001:db8:0:1::1"))


async def test_fifty_failures_delay_a_name_from_everywhere(process: Process) -> None:
    """A guesser with many networks is delayed from the 50th failure on, and so is everybody with this name."""
    await process.add_user()
    for network in range(49):
        await fail(process, 1, client=Client(f"203.0.{network}.1"))
    await process.sign_in.for_tokens("anna", PASSWORD, Client("198.51.100.7"))
    for network in range(50):
        await fail(process, 1, client=Client(f"203.1.{network}.1"))
    with pytest.raises(TooManyAttempts) as caught:
        await process.tokens()
    assert caught.value.seconds == 1


async def test_many_guesses_at_once_tell_no_more_than_five(process: Process) -> None:
    """Those that are verified while the delay begins are refused like those after it, the right one as well."""
    await process.add_user()
    guesses = [WRONG] * 30 + [PASSWORD]
    tries = (process.sign_in.for_tokens("anna", guess, CLIENT) for guess in guesses)
    errors = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(error) for error in errors].count(InvalidCredentials) == 5
    assert [type(error) for error in errors].count(TooManyAttempts) == 26


async def test_counters_do_not_know_names(process: Process) -> None:
    """A password may have been typed into the field of the name, and the counter may be another server."""
    await fail(process, 1, "my-secret-password")
    await process.sign_in.for_tokens((await process.add_user()).username, PASSWORD, Client())
    assert process.shared.counter.counts
    assert "secret" not in "".join(process.shared.counter.counts)


async def test_a_password_that_could_not_be_verified_is_no_failure(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """If too many are being verified, the caller tries again and is not delayed for it."""
    await process.add_user()

    async def busy(_password: str, _hash: str | None) -> bool:
        raise SignInsBusy

    monkeypatch.setattr(process.shared.hasher, "verify", busy)
    with pytest.raises(SignInsBusy):
        await process.tokens()
    assert process.shared.counter.counts == {}
    await process.events.write()
    assert await process.log("sign_in.failed") == []


async def test_scopes_beyond_the_role_are_left_out(process: Process) -> None:
    """The token has those that were asked for and that the role grants. If none is left, it is refused."""
    await process.add_user()
    asked = with_implied({"items:read", "items:write", "users:admin"})
    pair = await process.sign_in.for_tokens("anna", PASSWORD, CLIENT, asked)
    assert pair.scopes == {"items:read", "items:create"}
    assert process.signer.verify(pair.access_token, process.clock.now()).scopes == pair.scopes
    for none_left, required in ((frozenset({"users:admin", "audit:read"}), "audit:read"), (frozenset[str](), "items:read")):
        with pytest.raises(InsufficientScope) as caught:
            await process.sign_in.for_tokens("anna", PASSWORD, CLIENT, none_left)
        assert caught.value.required == required


async def test_an_old_hash_is_renewed(process: Process) -> None:
    """If the hasher has other parameters now, signing in stores a new hash. It is no change of the password to record."""
    user = await process.add_user()
    process.shared.hasher.parameters = "b"
    await process.tokens()
    renewed = await process.users.get("anna")
    assert renewed == replace(user, password_hash=f"b:{PASSWORD}", version=2, updated_at=process.clock.now())
    await process.tokens()
    assert await process.users.get("anna") == renewed
    assert await process.log("password.changed") == []


async def test_parallel_sign_ins_with_an_old_hash_all_succeed(process: Process) -> None:
    """One renews it, and the others go on with the renewed one."""
    user = await process.add_user()
    process.shared.hasher.parameters = "b"
    await asyncio.gather(*(process.tokens() for _ in range(4)))
    assert len(await process.storage.sessions_of(user.id)) == 4
    assert (await process.users.get("anna")).version == 2


async def test_who_is_changed_while_signing_in_is_verified_again(process: Process, storage: FlakyIdentity) -> None:
    """A new role counts; a new password or disabling refuses the sign-in."""
    await process.add_user()
    storage.before_commit = [lambda: process.users.update("anna", UserPatch(role="auditor"), CLI)]
    assert (await process.tokens()).scopes == ROLE_SCOPES["auditor"]
    for patch in (UserPatch(password=OTHER_PASSWORD), UserPatch(password=PASSWORD, disabled=True)):
        storage.before_commit = [partial(process.users.update, "anna", patch, CLI)]
        with pytest.raises(InvalidCredentials):
            await process.tokens()
        await process.users.update("anna", UserPatch(password=PASSWORD, disabled=False), CLI)
    assert await process.storage.sessions_of((await process.users.get("anna")).id) == []


async def test_a_user_who_is_changed_again_and_again_cannot_sign_in(process: Process, storage: FlakyIdentity) -> None:
    """After some attempts, the error says so."""
    await process.add_user()

    async def change() -> None:
        role = (await process.users.get("anna")).role
        storage.before_commit.insert(0, nothing)  # before the commit of this change
        await process.users.update("anna", UserPatch(role="editor" if role == "user" else "user"), CLI)

    async def nothing() -> None:
        """Let a change be committed."""

    storage.before_commit = [change] * 5
    with pytest.raises(TooManyConflicts):
        await process.tokens()


async def test_a_browser_gets_a_cookie(process: Process) -> None:
    """Its session has the hash of the cookie and no refresh token. The cookie is not shown by repr."""
    user = await process.add_user()
    signed_in = await process.sign_in.for_browser("anna", PASSWORD, CLIENT)
    (session,) = await process.storage.sessions_of(user.id)
    assert (session.kind, session.secret_hash) == ("cookie", hash_secret(signed_in.cookie))
    recognized = await process.recognize(signed_in.cookie, "cookie")
    assert replace(recognized, expires_at=session.expires_at) == signed_in.principal
    assert (signed_in.principal.username, signed_in.principal.session_id) == ("anna", session.id)
    assert await process.storage.refresh_token(hash_secret(signed_in.cookie)) is None
    assert signed_in.cookie not in repr(signed_in)
    assert [event.detail for event in await process.log("session.created")] == [{"kind": "cookie"}]


async def test_tokens_are_not_shown_by_repr(process: Process) -> None:
    """Neither of the two."""
    await process.add_user()
    pair = await process.tokens()
    assert pair.access_token not in repr(pair)
    assert pair.refresh_token not in repr(pair)
