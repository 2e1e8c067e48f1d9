"""Recognizing callers: verified once, remembered until it ends, and what happens while the store is away."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from catalog.application.identity import authenticator as authenticator_module
from catalog.application.identity.authenticator import Credential
from catalog.application.identity.caller import Caller
from catalog.application.identity.revocations import MAX_SILENCE
from catalog.application.identity.throttled_read import RETRY_SECONDS
from catalog.domain.errors import StoreUnavailable
from catalog.domain.identity.api_key import ApiKey, NewApiKey, key_text
from catalog.domain.identity.changes import IdentityChange
from catalog.domain.identity.errors import EndedSession, ExpiredToken, InvalidToken, IssuerUnavailable
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.user import User, UserPatch
from tests.identity_use import CLI, CLIENT, PASSWORD, FlakyIdentity, Process, Shared
from tests.making import certain, item_id


class FakeIssuer:
    """Another issuer, whose tokens begin with `foreign`."""

    verified = 0
    away = False

    def is_foreign(self, token: str) -> bool:
        """Look at the beginning."""
        return token.startswith("foreign")

    async def verify(self, _token: str, now: datetime) -> Principal:
        """Return an editor, unless the issuer is away."""
        if self.away:
            raise IssuerUnavailable
        self.verified += 1
        return Principal(
            kind="user",
            username="issuer|sub",
            role="editor",
            scopes=ROLE_SCOPES["editor"],
            credential="oidc",
            expires_at=now + timedelta(minutes=5),
        )

    async def close(self) -> None:
        """Do nothing."""


async def key_of(process: Process) -> str:
    """Return a new API key of the user."""
    return (await process.keys.create_own(NewApiKey("key"), await process.caller())).text


async def refuse(process: Process, text: str, kind: str = "token") -> None:
    """Present a credential that is not valid."""
    with pytest.raises(InvalidToken):
        await process.recognize(text, kind)


async def test_each_credential_is_verified_once(process: Process, storage: FlakyIdentity) -> None:
    """Then it is remembered, and neither verified nor looked up."""
    await process.add_user()
    access_token, key = (await process.tokens()).access_token, await key_of(process)
    cookie, _ = await process.sign_in.for_browser("anna", PASSWORD, CLIENT)
    storage.calls.clear()
    verified = process.signer.verified
    for _ in range(5):
        for text, kind in ((access_token, "token"), (key, "token"), (cookie, "cookie")):
            assert (await process.recognize(text, kind)).username == "anna"
    assert process.signer.verified == verified + 1
    assert sorted(storage.calls) == ["api_key", "session_of_browser"]


async def test_a_cookie_is_no_token(process: Process) -> None:
    """Nor a token a cookie, whether or not it is remembered."""
    await process.add_user()
    access_token = (await process.tokens()).access_token
    cookie, _ = await process.browser_caller()
    await process.recognize(access_token)
    await refuse(process, cookie)
    await refuse(process, access_token, "cookie")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "cat_",
        "cat_x_y",
        key_text(item_id(9), "A" * 43),
        "x" * 100_000,
        "\ud800",
        "cat_" + "0" * 32 + "_" + "A" * 44,
    ],
)
@pytest.mark.parametrize("kind", ["token", "cookie"])
async def test_a_bad_credential_is_refused_and_not_remembered(process: Process, text: str, kind: str) -> None:
    """Whatever it is."""
    await process.add_user()
    for _ in range(2):
        await refuse(process, text, kind)
    assert process.authenticator.remembered(Credential(kind, text)) is None  # type: ignore[arg-type]


async def test_a_key_needs_its_secret(process: Process) -> None:
    """The id alone is no credential."""
    await process.add_user()
    key = await key_of(process)
    await process.recognize(key)
    await refuse(process, key[:-43] + "A" * 43)


async def test_a_token_expires_by_the_clock(process: Process) -> None:
    """Also when it is remembered."""
    await process.add_user()
    token = (await process.tokens()).access_token
    principal = await process.recognize(token)
    process.clock.move(minutes=9, seconds=59)
    assert await process.recognize(token) == principal
    process.clock.move(seconds=1)
    assert not process.authenticator.is_valid(principal)
    with pytest.raises(ExpiredToken):
        await process.recognize(token)


async def test_a_browser_session_expires_without_use(process: Process, storage: FlakyIdentity) -> None:
    """Uses that were noted keep it alive; after thirty days it ends anyway."""
    await process.add_user()
    cookie, caller = await process.browser_caller()
    for _ in range(4):
        process.clock.move(days=6)
        process.authenticator.used(caller.principal)
        await process.authenticator.note_uses()
        process.clock.move(hours=23)
        await process.recognize(cookie, "cookie")
    process.clock.move(days=2, hours=4)
    assert storage.calls.count("session_of_browser") > 2
    await refuse(process, cookie, "cookie")
    cookie, _ = await process.browser_caller()
    process.clock.move(days=7)
    await refuse(process, cookie, "cookie")


async def test_the_memory_is_bounded(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credential that was verified first is verified again."""
    monkeypatch.setattr(authenticator_module, "MAX_REMEMBERED", 2)
    await process.add_user()
    tokens = [(await process.tokens()).access_token for _ in range(3)]
    for token in tokens:
        await process.recognize(token)
    assert [process.authenticator.remembered(Credential("token", token)) is None for token in tokens] == [True, False, False]
    await process.authenticator.authenticate(Credential("token", tokens[2]))
    assert [process.authenticator.remembered(Credential("token", token)) is None for token in tokens] == [True, False, False]
    await process.recognize(tokens[0])
    assert [process.authenticator.remembered(Credential("token", token)) is None for token in tokens] == [False, True, False]


async def test_another_process_notices_a_revocation_when_it_looks(process: Process, other: Process) -> None:
    """Before that, it goes on with what it remembers."""
    await process.add_user()
    pair, key = await process.tokens(), await key_of(process)
    cookie, caller = await process.browser_caller()
    credentials = ((pair.access_token, "token"), (key, "token"), (cookie, "cookie"))
    for text, kind in credentials:
        await other.recognize(text, kind)
    await process.users.update("anna", UserPatch(disabled=True), CLI)
    assert other.authenticator.is_valid(caller.principal)
    for text, kind in credentials:
        await other.recognize(text, kind)
    await other.watch.update()
    assert not other.authenticator.is_valid(caller.principal)
    for text, kind in credentials:
        with pytest.raises((InvalidToken, EndedSession)):
            await other.recognize(text, kind)


async def test_a_revoked_token_is_refused_though_it_was_never_seen(process: Process, other: Process) -> None:
    """Its signature is right, but its session is among those that were revoked."""
    await process.add_user()
    pair = await process.tokens()
    await process.sessions.sign_out(Caller(await process.recognize(pair.access_token)), everywhere=True)
    await refuse(other, pair.access_token)


async def test_what_is_revoked_while_it_is_looked_up_is_looked_up_again(process: Process, storage: FlakyIdentity) -> None:
    """A key whose user gets another role works with it; a revoked key does not."""
    await process.add_user("anna", "editor")
    key = await key_of(process)

    def while_looking_up(action: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
        original = storage.api_key
        done: list[bool] = []

        async def api_key(key_id: UUID) -> tuple[ApiKey, User] | None:
            found = await original(key_id)
            if not done:
                done.append(True)
                await action()  # type: ignore[misc]
            return found

        monkeypatch.setattr(storage, "api_key", api_key)

    with pytest.MonkeyPatch.context() as patched:
        while_looking_up(lambda: process.users.update("anna", UserPatch(role="auditor"), CLI), patched)
        assert (await process.recognize(key)).role == "auditor"
    await process.users.update("anna", UserPatch(role="user"), CLI)
    with pytest.MonkeyPatch.context() as patched:
        while_looking_up(lambda: process.users.update("anna", UserPatch(disabled=True), CLI), patched)
        await refuse(process, key)


async def test_a_key_that_changes_all_the_time_is_refused(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lookups are enough: nobody waits for ever."""
    await process.add_user()
    key = await key_of(process)
    monkeypatch.setattr(process.watch, "is_revoked", lambda _id, _as_of: True)
    await refuse(process, key)


async def test_tokens_of_another_issuer_are_verified_by_it(storage: FlakyIdentity, shared: Shared) -> None:
    """And remembered until they expire. They have no session that could be revoked."""
    issuer = FakeIssuer()
    process = Process(storage, shared, issuer)
    await process.start()
    await process.add_user()
    await process.recognize("foreign")
    principal = await process.recognize("foreign")
    assert (issuer.verified, principal.username, principal.credential, principal.user_id) == (1, "issuer|sub", "oidc", None)
    process.authenticator.used(principal)
    await process.authenticator.note_uses()
    assert "touch" not in storage.calls
    process.clock.move(minutes=5)
    await process.recognize("foreign")
    assert issuer.verified == 2
    assert (await process.caller()).principal.username == "anna"


async def test_an_issuer_that_is_away_lets_nobody_in(storage: FlakyIdentity, shared: Shared) -> None:
    """Except those that are remembered."""
    issuer = FakeIssuer()
    process = Process(storage, shared, issuer)
    await process.recognize("foreign")
    issuer.away = True
    await process.recognize("foreign")
    with pytest.raises(IssuerUnavailable):
        await process.recognize("foreign too")


async def test_while_the_store_is_away_tokens_go_on_and_keys_fail_closed(process: Process, storage: FlakyIdentity) -> None:
    """Tokens are verified without the store. Keys and cookies are remembered for 5 s; then, the store has to answer."""
    await process.add_user()
    known, unknown = (await process.tokens()).access_token, (await process.tokens()).access_token
    key, unknown_key = await key_of(process), await key_of(process)
    cookie, caller = await process.browser_caller()
    key_principal, _ = await process.recognize(key), await process.recognize(known)
    await process.watch.update()
    storage.away = True
    process.seconds += MAX_SILENCE
    for text, kind in ((known, "token"), (unknown, "token"), (key, "token"), (cookie, "cookie")):
        await process.recognize(text, kind)
    with pytest.raises(StoreUnavailable):
        await process.recognize(unknown_key)
    process.seconds += 0.1
    await process.recognize(known)
    for text, kind in ((key, "token"), (cookie, "cookie")):
        with pytest.raises(StoreUnavailable):
            await process.recognize(text, kind)
    for principal in (key_principal, caller.principal):
        assert not process.authenticator.is_valid(principal)
    storage.away = False
    assert (await process.recognize(key)).username == "anna"
    await process.watch.update()
    assert process.authenticator.is_valid(key_principal)


async def test_a_process_that_never_reached_the_store_lets_nobody_in(
    storage: FlakyIdentity, process: Process, shared: Shared
) -> None:
    """It does not know what was revoked."""
    await process.add_user()
    token = (await process.tokens()).access_token
    started = Process(storage, shared)
    await started.start()
    storage.away = True
    with pytest.raises(StoreUnavailable):
        await started.recognize(token)
    storage.away = False
    started.seconds += RETRY_SECONDS
    await started.recognize(token)


async def test_uses_are_noted_together(process: Process, storage: FlakyIdentity) -> None:
    """Of sessions and keys, each with its last time. If the store is away, they are noted later."""
    user = await process.add_user()
    caller = await process.caller()
    key = await process.recognize(await key_of(process))
    for _ in range(3):
        process.clock.move(seconds=10)
        process.authenticator.used(caller.principal)
        process.authenticator.used(key)
    storage.away = True
    with pytest.raises(StoreUnavailable):
        await process.authenticator.note_uses()
    used = process.clock.now()
    process.clock.move(seconds=10)
    process.authenticator.used(key)
    storage.away = False
    await process.authenticator.note_uses()
    await process.authenticator.note_uses()
    assert storage.calls.count("touch") == 2
    assert [session.last_used_at for session in await process.sessions.of_user(user.id)][-1] == used
    assert [each.last_used_at for each in await process.keys.of_user(user.id)] == [process.clock.now()]


async def test_a_use_during_a_failing_write_is_the_later_one(
    process: Process, storage: FlakyIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be noted does not replace it."""
    user = await process.add_user()
    caller = await process.caller()

    async def touch(_used_at: object) -> None:
        process.clock.move(seconds=10)
        process.authenticator.used(caller.principal)
        message = "away"
        raise StoreUnavailable(message)

    process.authenticator.used(caller.principal)
    with monkeypatch.context() as patched:
        patched.setattr(storage, "touch", touch)
        with pytest.raises(StoreUnavailable):
            await process.authenticator.note_uses()
    await process.authenticator.note_uses()
    assert [session.last_used_at for session in await process.sessions.of_user(user.id)] == [process.clock.now()]


async def test_a_credential_is_not_shown_by_repr() -> None:
    """Only its kind."""
    assert repr(Credential("token", "secret")) == "Credential('token')"


async def test_a_cookie_of_a_disabled_user_is_refused(process: Process) -> None:
    """Even if the session had not ended with it."""
    user = await process.add_user()
    cookie, _ = await process.sign_in.for_browser("anna", PASSWORD, CLIENT)
    await process.storage.commit(IdentityChange(user=user.set_disabled(disabled=True, now=process.clock.now())))
    await refuse(process, cookie, "cookie")


async def test_a_credential_of_a_session_that_ended_is_refused(process: Process) -> None:
    """A cookie is looked up, and its session says that it has ended; for a minute, that this was a moment ago."""
    await process.add_user()
    cookie, caller = await process.browser_caller()
    await process.sessions.end(certain(caller.principal.session_id), await process.caller())
    for seconds in (0, 59):
        process.clock.move(seconds=seconds)
        with pytest.raises(EndedSession, match="newer cookie"):
            await process.recognize(cookie, "cookie")
    process.clock.move(seconds=1)
    await refuse(process, cookie, "cookie")
