"""A process that has not noticed a revocation yet: what a caller leaves behind in that moment."""

import pytest

from catalog.application.identity.caller import Caller
from catalog.domain.identity.api_key import NewApiKey
from catalog.domain.identity.errors import InvalidToken
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.user import NewUser, UserPatch
from tests.identity_use import CLI, CLIENT, OTHER_PASSWORD, PASSWORD, FlakyIdentity, Process


async def admin(process: Process, other: Process, credential: str) -> Caller:
    """Return an admin whom the other process remembers, with a session or an API key."""
    await process.add_user("root", "admin")
    await process.add_user("anna", "admin")
    caller = await process.caller()
    text = (await process.tokens()).access_token
    if credential == "key":
        text = (await process.keys.create_own(NewApiKey("key"), caller)).text
    return Caller(await other.recognize(text), CLIENT)


STOPS = (UserPatch(password=OTHER_PASSWORD), UserPatch(disabled=True), UserPatch(role="user"))


@pytest.mark.parametrize("credential", ["session", "key"])
@pytest.mark.parametrize("stop", STOPS)
async def test_an_admin_who_was_stopped_changes_nothing(
    process: Process, other: Process, storage: FlakyIdentity, credential: str, stop: UserPatch
) -> None:
    """No user, no role, no key, and no deletion."""
    await other.watch.update()
    caller = await admin(process, other, credential)
    berta = await process.add_user("berta")
    key = await process.keys.create(NewApiKey("key"), berta, CLI, within=ROLE_SCOPES["user"])
    await process.users.update("anna", stop, CLI)
    before = len(await process.log())
    assert other.authenticator.is_valid(caller.principal)
    for action in (
        other.users.create(NewUser("thief", "admin", PASSWORD), caller),
        other.users.update("berta", UserPatch(role="admin"), caller),
        other.users.delete("berta", caller),
        other.keys.create(NewApiKey("evil"), berta, caller, within=ROLE_SCOPES["user"]),
        other.keys.revoke(key.key.id, caller, of_anybody=True),
    ):
        with pytest.raises(InvalidToken):
            await action
    assert (await process.recognize(key.text)).role == "user"
    assert await storage.user("thief") is None
    assert len(await process.log()) == before


async def test_a_session_that_ended_makes_no_key(process: Process, other: Process) -> None:
    """A key would outlive the reset that was to stop whoever has the session."""
    user = await process.add_user()
    await other.watch.update()
    caller = Caller(await other.recognize((await process.tokens()).access_token), CLIENT)
    await other.keys.create_own(NewApiKey("before"), caller)
    await process.users.update("anna", UserPatch(password=OTHER_PASSWORD), CLI)
    assert other.authenticator.is_valid(caller.principal)
    with pytest.raises(InvalidToken):
        await other.keys.create_own(NewApiKey("evil"), caller)
    assert await process.keys.of_user(user.id) == []
