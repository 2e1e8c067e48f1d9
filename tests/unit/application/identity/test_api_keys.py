"""API keys: what they may do, how many there are, and how they end."""

from datetime import timedelta

import pytest

from catalog.application.identity.caller import Caller
from catalog.domain.errors import StaleVersion
from catalog.domain.identity.api_key import MAX_API_KEYS, NewApiKey, parse_key_text
from catalog.domain.identity.errors import (
    ApiKeyNotFound,
    CredentialNotAllowed,
    ExpiredToken,
    InsufficientScope,
    InvalidToken,
    TooManyApiKeys,
    Unauthenticated,
)
from catalog.domain.identity.principal import GUEST, LOCAL
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.scopes import ALL_SCOPES
from catalog.domain.identity.user import UserPatch
from tests.identity_use import CLI, CLIENT, PASSWORD, FlakyIdentity, Process
from tests.making import certain, item_id

READ = frozenset({"items:read"})


async def test_a_key_is_shown_once(process: Process) -> None:
    """The store has only a hash of its secret, the log its id and scopes, and repr nothing secret."""
    user = await process.add_user()
    caller = await process.caller()
    created = await process.keys.create_own(NewApiKey("export", READ), caller)
    assert created.text.startswith(f"cat_{created.key.id.hex}_")
    assert created.key.prefix == created.text[: -len("_") - 43]
    secret = created.text.split("_", 2)[2]
    (stored, owner) = certain(await process.storage.api_key(created.key.id))
    assert (stored, owner) == (created.key, user)
    assert (stored.name, stored.scopes, stored.user_id, stored.expires_at, stored.last_used_at) == (
        "export",
        READ,
        user.id,
        None,
        None,
    )
    assert secret.encode() not in stored.secret_hash
    (event,) = await process.log("key.created")
    assert (event.actor, event.subject, event.credential) == ("anna", "anna", caller.principal.credential)
    assert event.detail == {"key": str(stored.id), "scopes": "items:read"}
    assert secret not in f"{created!r} {stored!r} {event!r} {parse_key_text(created.text)!r}"


async def test_a_key_may_do_what_its_scopes_and_the_role_allow(process: Process) -> None:
    """Without scopes of its own, it has those of the session that makes it."""
    await process.add_user("anna", "editor")
    caller = await process.caller()
    everything = await process.keys.create_own(NewApiKey("all"), caller)
    reading = await process.keys.create_own(NewApiKey("read", READ), caller)
    principal = await process.recognize(everything.text)
    assert (principal.kind, principal.username, principal.role) == ("api_key", "anna", "editor")
    assert (principal.scopes, principal.credential) == (ROLE_SCOPES["editor"], f"key:{everything.key.id}")
    assert (await process.recognize(reading.text)).scopes == READ
    assert principal.session_id is None


async def test_a_key_does_not_exceed_the_credential_that_makes_it(process: Process) -> None:
    """A scope that the role or the token does not have is refused by name."""
    user = await process.add_user()
    few = await process.sign_in.for_tokens("anna", PASSWORD, CLIENT, READ)
    caller = Caller(await process.recognize(few.access_token))
    with pytest.raises(InsufficientScope) as caught:
        await process.keys.create_own(NewApiKey("key", frozenset({"items:read", "items:create"})), caller)
    assert caught.value.required == "items:create"
    with pytest.raises(InsufficientScope) as caught:
        await process.keys.create_own(NewApiKey("key", ALL_SCOPES), await process.caller())
    assert caught.value.required == "items:write"
    assert await process.keys.of_user(user.id) == []
    assert (await process.keys.create_own(NewApiKey("key"), caller)).key.scopes == READ


async def test_a_key_makes_no_keys(process: Process) -> None:
    """It does not list or revoke them either. The local caller has none, guests have to sign in."""
    await process.add_user()
    created = await process.keys.create_own(NewApiKey("key"), await process.caller())
    for principal in (await process.recognize(created.text), LOCAL):
        caller = Caller(principal)
        for action in (
            process.keys.create_own(NewApiKey("other"), caller),
            process.keys.own(caller),
            process.keys.revoke(created.key.id, caller),
        ):
            with pytest.raises(CredentialNotAllowed):
                await action
    with pytest.raises(Unauthenticated):
        await process.keys.create_own(NewApiKey("other"), Caller(GUEST))


async def test_a_user_has_fifty_keys_at_most(process: Process) -> None:
    """A revoked one makes room."""
    await process.add_user()
    caller = await process.caller()
    keys = [await process.keys.create_own(NewApiKey(f"key {number}"), caller) for number in range(MAX_API_KEYS)]
    with pytest.raises(TooManyApiKeys):
        await process.keys.create_own(NewApiKey("one more"), caller)
    await process.keys.revoke(keys[0].key.id, caller)
    await process.keys.create_own(NewApiKey("one more"), caller)
    assert len(await process.keys.own(caller)) == MAX_API_KEYS


async def test_a_key_expires(process: Process) -> None:
    """By the clock, also when it is remembered. A wrong secret of an expired key is just invalid."""
    await process.add_user()
    until = process.clock.now() + timedelta(hours=1)
    created = await process.keys.create_own(NewApiKey("key", expires_at=until), await process.caller())
    assert (await process.recognize(created.text)).expires_at == until
    process.clock.move(minutes=59)
    principal = await process.recognize(created.text)
    process.clock.move(minutes=1)
    assert not process.authenticator.is_valid(principal)
    with pytest.raises(ExpiredToken):
        await process.recognize(created.text)
    with pytest.raises(InvalidToken):
        await process.recognize(created.text[:-1] + ("A" if created.text[-1] != "A" else "B"))


async def test_a_revoked_key_stops_at_once(process: Process) -> None:
    """It is deleted, and its revocation recorded. Other users' keys are not found."""
    await process.add_user()
    await process.add_user("berta")
    caller = await process.caller()
    created = await process.keys.create_own(NewApiKey("key"), caller)
    await process.recognize(created.text)
    for key_id, revoker in ((created.key.id, await process.caller("berta")), (item_id(99), caller)):
        with pytest.raises(ApiKeyNotFound):
            await process.keys.revoke(key_id, revoker)
    await process.recognize(created.text)
    await process.keys.revoke(created.key.id, caller)
    with pytest.raises(InvalidToken):
        await process.recognize(created.text)
    assert await process.keys.own(caller) == []
    (event,) = await process.log("key.revoked")
    assert (event.actor, event.subject, event.detail) == ("anna", "anna", {"key": str(created.key.id)})


async def test_an_admin_makes_and_revokes_keys_of_anybody(process: Process) -> None:
    """The scopes lie within those that the caller names."""
    user = await process.add_user("anna", "auditor")
    within = ROLE_SCOPES[user.role]
    created = await process.keys.create(NewApiKey("key"), user, CLI, within=within)
    assert [key.id for key in await process.keys.of_user(user.id)] == [created.key.id]
    assert (await process.recognize(created.text)).scopes == within
    await process.keys.revoke(created.key.id, CLI, of_anybody=True)
    with pytest.raises(ApiKeyNotFound):
        await process.keys.revoke(created.key.id, CLI, of_anybody=True)
    events = await process.log("key.created", "key.revoked")
    assert [(event.actor, event.subject) for event in events] == [("cli", "anna")] * 2


async def test_users_who_are_not_active_get_no_keys(process: Process, storage: FlakyIdentity) -> None:
    """Those who were deleted or disabled a moment ago, while their token was still valid."""
    await process.add_user()
    caller = await process.caller()
    disabled = await process.users.update("anna", UserPatch(disabled=True), CLI)
    with pytest.raises(StaleVersion):
        await process.keys.create(NewApiKey("key"), disabled, CLI, within=READ)
    with pytest.raises(InvalidToken):
        await process.keys.create_own(NewApiKey("key"), caller)
    await process.users.delete("anna", CLI)
    with pytest.raises(InvalidToken):
        await process.keys.create_own(NewApiKey("key"), caller)
