"""Following revocations: from this process at once, from others by looking, and what is kept."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from catalog.application.identity.random_secrets import hash_secret
from catalog.application.identity.revocations import KEPT_FOR, MAX_SILENCE
from catalog.application.identity.token_pairs import AccessTokens
from catalog.domain.errors import StoreUnavailable
from catalog.domain.identity.api_key import NewApiKey
from catalog.domain.identity.errors import InvalidToken
from catalog.domain.identity.session import KEPT_AFTER_END, MAX_ACCESS_LIFE
from catalog.domain.identity.user import UserPatch
from catalog.ports.identity.storage import Revocations
from tests.identity_use import CLI, OTHER_PASSWORD, FlakyIdentity, Process, eventually
from tests.making import certain


async def test_listeners_hear_of_every_revocation_once(process: Process, other: Process) -> None:
    """Own ones at the commit, those of others at the next look. Nothing new is not reported."""
    heard: list[frozenset[UUID] | None] = []
    other.watch.on_revoked(heard.append)
    await process.add_user()
    caller = await process.caller()
    await other.watch.update()
    assert heard == []
    await process.sessions.sign_out(caller, everywhere=True)
    await other.watch.update()
    await other.watch.update()
    assert heard == [frozenset({caller.principal.session_id})]
    own = await other.caller()
    await other.sessions.sign_out(own, everywhere=False)
    assert heard[1:] == [frozenset({own.principal.session_id})]
    assert await other.watch.position() == 2


async def test_a_revocation_counts_for_what_was_looked_up_before(process: Process) -> None:
    """A credential that was looked up afterwards is valid; a token always was issued before."""
    await process.add_user()
    key = await process.keys.create_own(NewApiKey("key"), await process.caller())
    before = await process.watch.position()
    await process.users.update("anna", UserPatch(role="editor"), CLI)
    after = await process.watch.position()
    assert process.watch.is_revoked(key.key.id, None)
    assert process.watch.is_revoked(key.key.id, before)
    assert not process.watch.is_revoked(key.key.id, after)


async def test_revocations_are_kept_as_long_as_any_token_may_live(process: Process, other: Process) -> None:
    """And a little longer, because clocks differ. Then they are forgotten: the tokens have expired."""
    await process.add_user()
    session_id = certain((await process.caller()).principal.session_id)
    await process.users.update("anna", UserPatch(role="editor"), CLI)
    process.clock.time += KEPT_FOR - timedelta(seconds=1)
    await process.watch.update()
    await other.watch.update()
    assert process.watch.is_revoked(session_id, None)
    assert other.watch.is_revoked(session_id, None)
    process.clock.move(seconds=1)
    await process.watch.update()
    assert not process.watch.is_revoked(session_id, None)


async def test_a_shorter_life_of_tokens_revives_none(process: Process, storage: FlakyIdentity) -> None:
    """A token of the longest life was revoked. It stays so in a process that starts with a lower setting."""
    await process.add_user()
    tokens = AccessTokens(process.signer, process.signing_keys, process.shared.ids, MAX_ACCESS_LIFE)
    presented = certain(await storage.refresh_token(hash_secret((await process.tokens()).refresh_token)))
    pair = await tokens.issue(presented.session, presented.user, "refresh token", process.clock.now())
    await process.users.update("anna", UserPatch(role="editor"), CLI)
    process.clock.time += MAX_ACCESS_LIFE - timedelta(seconds=1)
    started = Process(storage, process.shared)
    await started.start()
    with pytest.raises(InvalidToken):
        await started.recognize(pair.access_token)


def test_the_store_keeps_revocations_for_longer_than_processes() -> None:
    """Else a process that starts would not find them."""
    assert KEPT_AFTER_END > KEPT_FOR > MAX_ACCESS_LIFE


async def test_a_process_that_missed_revocations_forgets_what_it_looked_up(process: Process, other: Process) -> None:
    """If they are too old, it cannot know which ones they were."""
    heard: list[frozenset[UUID] | None] = []
    other.watch.on_revoked(heard.append)
    await process.add_user()
    key = (await process.keys.create_own(NewApiKey("key"), await process.caller())).text
    await other.recognize(key)
    await process.users.update("anna", UserPatch(role="auditor"), CLI)
    process.clock.move(hours=2)
    await other.watch.update()
    assert heard == [None]
    assert (await other.recognize(key)).role == "auditor"


async def test_a_restored_backup_is_noticed(process: Process, storage: FlakyIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its revocations have lower numbers than this process has seen, so it forgets what it looked up."""
    await process.add_user()
    await process.keys.create_own(NewApiKey("key"), await process.caller())
    await process.users.update("anna", UserPatch(role="auditor"), CLI)
    assert await process.watch.position() == 2
    heard: list[frozenset[UUID] | None] = []
    process.watch.on_revoked(heard.append)

    async def restored(_after: int, _since: datetime) -> Revocations:
        return Revocations(1)

    monkeypatch.setattr(storage, "revocations", restored)
    await process.watch.update()
    await process.watch.update()
    assert heard == [None]


async def test_silence_is_measured_from_the_last_contact(process: Process, storage: FlakyIdentity) -> None:
    """After 5 s without an answer, the process does not know what others have revoked."""
    assert not process.watch.is_current()
    await process.watch.update()
    process.seconds += MAX_SILENCE
    assert process.watch.is_current()
    storage.away = True
    with pytest.raises(StoreUnavailable):
        await process.watch.update()
    process.seconds += 0.1
    assert not process.watch.is_current()
    storage.away = False
    await process.watch.update()
    assert process.watch.is_current()


async def test_an_own_revocation_counts_without_asking_the_store(process: Process, storage: FlakyIdentity) -> None:
    """The store goes away right after the commit. What was revoked is refused at once, and all others go on."""
    await process.add_user()
    await process.add_user("berta")
    caller, gone = await process.caller(), (await process.tokens()).access_token
    key = await process.keys.create_own(NewApiKey("key"), caller)
    await process.recognize(key.text)
    other, unseen = await process.caller("berta"), (await process.tokens("berta")).access_token
    await process.watch.update()
    asked = storage.calls.count("revocations")
    await process.users.update("anna", UserPatch(password=OTHER_PASSWORD), CLI)
    assert storage.calls.count("revocations") == asked
    storage.away = True
    assert process.watch.is_current()
    assert not process.authenticator.is_valid(caller.principal)
    with pytest.raises(InvalidToken):
        await process.recognize(gone)
    with pytest.raises(StoreUnavailable):
        await process.recognize(key.text)
    assert process.authenticator.is_valid(other.principal)
    assert (await process.recognize(unseen)).username == "berta"


async def test_a_revocation_of_another_process_before_an_own_one_is_not_skipped(process: Process, other: Process) -> None:
    """The own one counts at once, the other one as soon as it is read."""
    for name in ("anna", "berta"):
        await process.add_user(name)
    anna, berta = await other.caller("anna"), await other.caller("berta")
    await other.watch.update()
    await process.sessions.sign_out(anna, everywhere=True)
    await other.sessions.sign_out(berta, everywhere=True)
    assert not other.authenticator.is_valid(berta.principal)
    assert other.authenticator.is_valid(anna.principal)
    assert await other.watch.position() == 0
    await other.watch.update()
    assert await other.watch.position() == 2
    assert not other.authenticator.is_valid(anna.principal)


async def test_a_key_that_was_enabled_after_an_unread_revocation_works(process: Process, other: Process) -> None:
    """The own commit counts as later than the look-up, until the one of another process before it is read."""
    await process.add_user()
    await process.add_user("berta")
    key = (await process.keys.create_own(NewApiKey("key"), await process.caller())).text
    await process.users.update("anna", UserPatch(disabled=True), CLI)
    berta = await other.caller("berta")
    await other.watch.update()
    await process.sessions.sign_out(berta, everywhere=True)
    await other.users.update("anna", UserPatch(disabled=False), CLI)
    assert (await other.recognize(key)).username == "anna"
    assert not other.authenticator.is_valid(berta.principal)


async def test_a_commit_while_revocations_are_read_is_no_restored_backup(
    process: Process, storage: FlakyIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is older than what the process has revoked itself."""
    await process.add_user()
    first, second = await process.caller(), await process.caller()
    await process.watch.update()
    heard: list[frozenset[UUID] | None] = []
    process.watch.on_revoked(heard.append)
    original = storage.revocations

    async def slow(after: int, since: datetime) -> Revocations:
        found = await original(after, since)
        await process.sessions.sign_out(first, everywhere=False)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(storage, "revocations", slow)
        await process.watch.update()
    assert heard == [frozenset({first.principal.session_id})]
    assert await process.watch.position() == 1
    await process.sessions.sign_out(second, everywhere=False)
    await process.watch.update()
    assert heard[1:] == [frozenset({second.principal.session_id})]
    assert not process.authenticator.is_valid(first.principal)


async def several_looks(storage: FlakyIdentity, number: int) -> bool:
    """Return whether the store was asked for revocations so many times."""
    return storage.calls.count("revocations") >= number


async def test_a_running_watch_looks_again_and_again(process: Process, other: Process, storage: FlakyIdentity) -> None:
    """It survives an outage."""
    revoked = asyncio.Event()
    other.watch.on_revoked(lambda _ids: revoked.set())
    await process.add_user()
    caller = await process.caller()
    async with other.watch.running(interval=0.001):
        storage.away = True
        seen = storage.calls.count("revocations")
        await eventually(lambda: several_looks(storage, seen + 3))
        storage.away = False
        await process.sessions.sign_out(caller, everywhere=False)
        await revoked.wait()
    seen = storage.calls.count("revocations")
    await asyncio.sleep(0.01)
    assert storage.calls.count("revocations") == seen


async def test_a_long_silence_is_reported(process: Process, storage: FlakyIdentity) -> None:
    """Live streams of credentials that nobody can look up have to end. A short one is not."""
    await process.watch.update()
    heard: list[frozenset[UUID] | None] = []
    process.watch.on_revoked(heard.append)

    async def was_heard() -> bool:
        return bool(heard)

    storage.away = True
    seen = storage.calls.count("revocations")
    async with process.watch.running(interval=0.001):
        await eventually(lambda: several_looks(storage, seen + 3))
        assert heard == []
        process.seconds += MAX_SILENCE + 0.1
        await eventually(was_heard)
    assert set(heard) == {None}
