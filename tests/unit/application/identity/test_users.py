"""Administering users: what a change stops, and what refuses it."""

import pytest

from catalog.domain.errors import StaleVersion, TooManyConflicts
from catalog.domain.identity.api_key import NewApiKey
from catalog.domain.identity.errors import EndedSession, InvalidToken, LastAdmin, UsernameTaken, UserNotFound, WeakPassword
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.user import NewUser, UserPatch
from tests.identity_use import CLI, OTHER_PASSWORD, PASSWORD, FlakyIdentity, Process
from tests.making import item_id


async def test_a_user_is_created(process: Process) -> None:
    """With a hash of the password, and an event that says who did it and which role the user has."""
    user = await process.add_user("anna", "editor")
    assert await process.users.get("anna") == await process.users.get(" Anna ") == await process.users.get(user.id) == user
    assert await process.users.get(str(user.id)) == user
    assert (user.role, user.disabled, user.version, user.password_hash) == ("editor", False, 1, f"a:{PASSWORD}")
    (event,) = await process.log()
    assert (event.action, event.actor, event.credential, event.subject) == ("user.created", "cli", "cli", "anna")
    assert event.detail == {"role": "editor"}


async def test_a_taken_name_and_a_weak_password_are_refused(process: Process) -> None:
    """Nothing is stored."""
    process.shared.common = frozenset({"correct horse battery staple"})
    common = Process(process.storage, process.shared)
    await common.add_user()
    with pytest.raises(UsernameTaken):
        await common.add_user()
    for password in ("short", "Correct Horse Battery Staple", "a" * 20, "my name is berta and so on", "x" * 129):
        with pytest.raises(WeakPassword) as caught:
            await common.users.create(NewUser("berta", "user", password), CLI)
        assert caught.value.errors[0].path == ("password",)
    with pytest.raises(UserNotFound):
        await common.users.get("berta")


@pytest.mark.parametrize("key", ["nobody", "no name", "a\0", "", item_id(99), str(item_id(99))])
async def test_who_does_not_exist_is_not_found(process: Process, key: object) -> None:
    """By id or name, also if nobody can have it."""
    for action in (
        process.users.get(key),  # type: ignore[arg-type]
        process.users.update(key, UserPatch(role="user"), CLI),  # type: ignore[arg-type]
        process.users.delete(key, CLI),  # type: ignore[arg-type]
    ):
        with pytest.raises(UserNotFound):
            await action


async def test_users_are_listed_in_pages(process: Process) -> None:
    """A page has the name after which the next one begins. A search finds a part of the name, whatever its case."""
    for name in ("dora", "anna", "berta", "carla"):
        await process.add_user(name)
    first = await process.users.page("", after=None, limit=2)
    assert ([user.username for user in first.users], first.next_after) == (["anna", "berta"], "berta")
    last = await process.users.page("", after="berta", limit=2)
    assert ([user.username for user in last.users], last.next_after) == (["carla", "dora"], None)
    found = await process.users.page(" AR", after=None, limit=9)
    assert [user.username for user in found.users] == ["carla"]
    for impossible in ("a b", "a\0a", "ä", "a" * 65):
        assert (await process.users.page(impossible, after=None, limit=9)).users == ()


async def test_a_new_role_ends_sessions_and_changes_what_keys_may_do(process: Process) -> None:
    """Tokens are refused at once. Keys go on with the scopes that the new role leaves them."""
    await process.add_user("anna", "editor")
    caller = await process.caller()
    pair = await process.tokens()
    key = await process.keys.create_own(NewApiKey("key"), caller)
    assert (await process.recognize(key.text)).scopes == ROLE_SCOPES["editor"]
    changed = await process.users.update("anna", UserPatch(role="user"), CLI)
    assert (changed.role, changed.version) == ("user", 2)
    assert not process.authenticator.is_valid(caller.principal)
    with pytest.raises(InvalidToken):
        await process.recognize(pair.access_token)
    recognized = await process.recognize(key.text)
    assert (recognized.role, recognized.scopes) == ("user", ROLE_SCOPES["user"])
    assert [event.detail for event in await process.log("user.role_changed")] == [{"role": "user"}]


async def test_disabling_stops_sessions_and_keys_until_the_user_is_enabled(process: Process) -> None:
    """Keys work again then, sessions do not."""
    await process.add_user()
    caller = await process.caller()
    pair = await process.tokens()
    cookie, _ = await process.browser_caller()
    key = await process.keys.create_own(NewApiKey("key"), caller)
    credentials = ((pair.access_token, "token"), (cookie, "cookie"), (key.text, "token"))
    for text, kind in credentials:
        await process.recognize(text, kind)
    await process.users.update("anna", UserPatch(disabled=True), CLI)
    for text, kind in credentials:
        with pytest.raises((InvalidToken, EndedSession)):
            await process.recognize(text, kind)
    await process.users.update("anna", UserPatch(disabled=False), CLI)
    assert (await process.recognize(key.text)).username == "anna"
    for text, kind in credentials[:2]:
        with pytest.raises((InvalidToken, EndedSession)):
            await process.recognize(text, kind)
    assert len(await process.log("user.disabled")) == len(await process.log("user.enabled")) == 1
    assert await process.log("key.revoked") == []


async def test_a_reset_by_an_admin_revokes_keys_for_good(process: Process) -> None:
    """Sessions end, keys are deleted, and each deletion is recorded. Only the new password is right."""
    await process.add_user()
    caller = await process.caller()
    key = await process.keys.create_own(NewApiKey("key"), caller)
    await process.recognize(key.text)
    await process.users.update("anna", UserPatch(disabled=True, password=OTHER_PASSWORD), CLI)
    await process.users.update("anna", UserPatch(disabled=False), CLI)
    with pytest.raises(InvalidToken):
        await process.recognize(key.text)
    assert not process.authenticator.is_valid(caller.principal)
    await process.tokens(password=OTHER_PASSWORD)
    assert [event.detail for event in await process.log("key.revoked")] == [{"key": str(key.key.id)}]
    assert len(await process.log("password.changed")) == 1


@pytest.mark.parametrize("ends_by", ["reset", "deletion"])
async def test_a_key_that_is_made_at_the_last_moment_is_recorded(process: Process, storage: FlakyIdentity, ends_by: str) -> None:
    """It is revoked with the others, by whoever revokes them."""
    await process.add_user()
    caller = await process.caller()
    storage.before_commit = [lambda: process.keys.create_own(NewApiKey("late"), caller)]
    if ends_by == "reset":
        await process.users.update("anna", UserPatch(password=OTHER_PASSWORD), CLI)
    else:
        await process.users.delete("anna", CLI)
    (made,), (revoked,) = await process.log("key.created"), await process.log("key.revoked")
    assert (revoked.detail["key"], revoked.actor, revoked.subject) == (made.detail["key"], "cli", "anna")


async def test_a_patch_is_one_change(process: Process) -> None:
    """Its parts count one version each, and have an event each. What does not change anything is not written."""
    user = await process.add_user()
    patch = UserPatch(role="editor", disabled=True, password=OTHER_PASSWORD)
    changed = await process.users.update("anna", patch, CLI, versions=[1])
    assert (changed.role, changed.disabled, changed.password_hash, changed.version) == ("editor", True, f"a:{OTHER_PASSWORD}", 4)
    assert await process.users.get(user.id) == changed
    assert [event.action for event in await process.log()][1:] == ["user.role_changed", "user.disabled", "password.changed"]
    assert await process.users.update("anna", UserPatch(role="editor", disabled=True), CLI) == changed
    assert await process.users.update("anna", UserPatch(), CLI) == changed
    assert len(await process.log()) == 4


async def test_a_weak_reset_changes_nothing(process: Process) -> None:
    """The other parts of the patch neither."""
    user = await process.add_user()
    with pytest.raises(WeakPassword):
        await process.users.update("anna", UserPatch(role="editor", password="short"), CLI)
    assert await process.users.get("anna") == user


async def test_an_expected_version_has_to_be_the_stored_one(process: Process, storage: FlakyIdentity) -> None:
    """Also if another change comes first at the last moment."""
    user = await process.add_user()
    for action in (
        process.users.update("anna", UserPatch(role="editor"), CLI, versions=[2, 3]),
        process.users.delete("anna", CLI, versions=[]),
    ):
        with pytest.raises(StaleVersion):
            await action
    assert await process.users.get("anna") == user
    storage.before_commit = [lambda: process.users.update("anna", UserPatch(role="auditor"), CLI)]
    with pytest.raises(StaleVersion):
        await process.users.update("anna", UserPatch(role="editor"), CLI, versions=[1])
    storage.before_commit = [lambda: process.users.update("anna", UserPatch(role="editor"), CLI)]
    with pytest.raises(StaleVersion):
        await process.users.delete("anna", CLI, versions=[2])


async def test_without_an_expected_version_a_race_is_decided_again(process: Process, storage: FlakyIdentity) -> None:
    """The change is applied to what the other one left, and the password is hashed once."""
    await process.add_user()
    storage.before_commit = [lambda: process.users.update("anna", UserPatch(role="auditor"), CLI)]
    hashed = process.shared.hasher.hashed
    changed = await process.users.update("anna", UserPatch(password=OTHER_PASSWORD), CLI)
    assert (changed.role, changed.version) == ("auditor", 3)
    assert process.shared.hasher.hashed == hashed + 1
    storage.before_commit = [lambda: process.users.update("anna", UserPatch(role="user"), CLI)]
    await process.users.delete("anna", CLI)
    with pytest.raises(UserNotFound):
        await process.users.get("anna")


async def test_a_change_gives_up_after_some_attempts(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for a deletion."""
    await process.add_user()

    async def lost(_change: object) -> bool:
        return False

    monkeypatch.setattr(process.commits, "try_commit", lost)
    for action in (process.users.update("anna", UserPatch(role="editor"), CLI), process.users.delete("anna", CLI)):
        with pytest.raises(TooManyConflicts):
            await action


async def test_the_last_admin_stays(process: Process) -> None:
    """Neither another role, nor disabling, nor deletion; a reset is allowed, and with a second admin all are."""
    await process.add_user("root", "admin")
    for action in (
        process.users.update("root", UserPatch(role="editor"), CLI),
        process.users.update("root", UserPatch(disabled=True), CLI),
        process.users.delete("root", CLI),
    ):
        with pytest.raises(LastAdmin):
            await action
    await process.users.update("root", UserPatch(password=OTHER_PASSWORD), CLI)
    await process.add_user("second", "admin")
    await process.users.delete("root", CLI)
    with pytest.raises(LastAdmin):
        await process.users.delete("second", CLI)


async def test_a_deleted_user_loses_everything(process: Process) -> None:
    """Sessions and keys stop at once, each key is recorded, and the name may be taken by another user."""
    user = await process.add_user()
    caller = await process.caller()
    key = await process.keys.create_own(NewApiKey("key"), caller)
    await process.recognize(key.text)
    await process.users.delete("anna", CLI, versions=[1])
    assert not process.authenticator.is_valid(caller.principal)
    with pytest.raises(InvalidToken):
        await process.recognize(key.text)
    assert [event.action for event in await process.log()][-2:] == ["user.deleted", "key.revoked"]
    again = await process.add_user()
    assert again.id != user.id
    assert await process.keys.of_user(again.id) == []
    assert await process.sessions.of_user(again.id) == []
