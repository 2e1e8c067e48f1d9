"""Work that takes long goes on as long as its user may do it, whatever becomes of the credential."""

import pytest

from catalog.application.identity.caller import Caller
from catalog.application.identity.continuation import Continuation
from catalog.domain.identity.api_key import NewApiKey
from catalog.domain.identity.errors import CredentialNotAllowed, InsufficientScope
from catalog.domain.identity.principal import LOCAL, Principal
from catalog.domain.identity.scopes import ITEMS_IMPORT
from catalog.domain.identity.user import UserPatch
from tests.identity_use import CLI, CLIENT, FlakyIdentity, Process


async def callers(process: Process) -> tuple[Principal, Principal]:
    """Return an editor who has signed in, and one with an API key."""
    await process.add_user(role="editor")
    signed_in = await process.recognize((await process.tokens()).access_token)
    key = await process.keys.create_own(NewApiKey("key"), Caller(signed_in, CLIENT))
    return signed_in, await process.recognize(key.text)


async def test_signing_out_stops_nothing(process: Process, storage: FlakyIdentity) -> None:
    """Nor does the local caller, who has no credential. While nothing was revoked, nobody is looked up."""
    continuation = Continuation(storage, process.watch)
    signed_in, with_key = await callers(process)
    storage.calls.clear()
    for principal in (signed_in, with_key, LOCAL):
        await continuation.check(principal, ITEMS_IMPORT)
    assert not storage.calls
    await process.sessions.sign_out(Caller(signed_in, CLIENT), everywhere=True)
    for principal in (signed_in, with_key):
        await continuation.check(principal, ITEMS_IMPORT)


async def test_a_revoked_key_stops_its_work(process: Process, storage: FlakyIdentity) -> None:
    """Somebody took it away."""
    signed_in, with_key = await callers(process)
    assert with_key.credential_id is not None
    await process.keys.revoke(with_key.credential_id, Caller(signed_in, CLIENT))
    with pytest.raises(CredentialNotAllowed):
        await Continuation(storage, process.watch).check(with_key, ITEMS_IMPORT)


@pytest.mark.parametrize("what", ["disabled", "deleted"])
async def test_a_user_who_is_gone_stops(process: Process, storage: FlakyIdentity, what: str) -> None:
    """Disabled until enabled, deleted for good; with a key as well."""
    continuation = Continuation(storage, process.watch)
    both = await callers(process)
    if what == "disabled":
        await process.users.update("anna", UserPatch(disabled=True), CLI)
    else:
        await process.users.delete("anna", CLI)
    for principal in both:
        with pytest.raises(CredentialNotAllowed):
            await continuation.check(principal, ITEMS_IMPORT)
    if what == "disabled":
        await process.users.update("anna", UserPatch(disabled=False), CLI)
        for principal in both:
            await continuation.check(principal, ITEMS_IMPORT)


async def test_a_lower_role_stops(process: Process, storage: FlakyIdentity) -> None:
    """If it lacks the scope."""
    continuation = Continuation(storage, process.watch)
    both = await callers(process)
    await process.users.update("anna", UserPatch(role="user"), CLI)
    for principal in both:
        with pytest.raises(InsufficientScope):
            await continuation.check(principal, ITEMS_IMPORT)
        await continuation.check(principal, "items:read")
