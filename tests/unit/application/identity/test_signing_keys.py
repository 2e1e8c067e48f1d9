"""Signing keys: the first one, rotation with an overlap, and those of the settings."""

import pytest

from catalog.application.identity.signing_keys import (
    MIN_RELOAD_INTERVAL,
    PUBLISHED_BEFORE,
    ListedSigningKey,
    SigningKeys,
)
from catalog.application.identity.throttled_read import RETRY_SECONDS
from catalog.domain.errors import StoreUnavailable
from catalog.domain.identity.errors import InvalidToken, SigningKeyInSettings
from catalog.domain.identity.session import MAX_ACCESS_LIFE
from catalog.domain.identity.signing_key import StoredSigningKey
from tests.identity_use import CLI, CLIENT, PASSWORD, FlakyIdentity, Process, Shared
from tests.making import NOON


async def states(process: Process) -> dict[str, str]:
    """Return the state of each stored key."""
    return {listed.id: listed.state for listed in await process.signing_keys.listed()}


async def test_the_first_start_makes_a_key(process: Process, other: Process, storage: FlakyIdentity) -> None:
    """Later starts use it, and it is no rotation to record."""
    (key,) = await storage.signing_keys()
    assert process.signer.keys == other.signer.keys == [key]
    assert await states(process) == {key.id: "signing"}
    assert await process.log() == []
    assert "private" not in repr(key)


async def test_a_new_key_is_known_before_it_signs(process: Process, other: Process) -> None:
    """Every process reads it within a minute; it signs after three. Tokens of both keys are valid meanwhile."""
    await process.add_user()
    first = process.signer.keys[0]
    old_token = (await process.tokens()).access_token
    second = await process.signing_keys.rotate(CLI)
    await process.signing_keys.load()
    await other.signing_keys.load()
    assert [key.id for key in process.signer.keys] == [first.id, second.id]
    assert await states(process) == {second.id: "next", first.id: "signing"}
    process.clock.time += PUBLISHED_BEFORE
    await process.signing_keys.load()
    new_token = (await process.tokens()).access_token
    assert new_token.startswith(second.id)
    for token in (old_token, new_token):
        await other.recognize(token)
    assert await states(process) == {second.id: "signing", first.id: "previous"}
    (event,) = await process.log("signing_key.rotated")
    assert (event.actor, event.detail) == ("cli", {"signing_key": second.id})


async def test_a_key_that_was_not_read_in_time_is_read_when_a_token_names_it(
    process: Process, other: Process, storage: FlakyIdentity
) -> None:
    """As after an outage of some minutes. While it lasts, such tokens are not called invalid. Made-up keys cost few queries."""
    await process.add_user()
    await process.signing_keys.rotate(CLI)
    process.clock.time += PUBLISHED_BEFORE
    await process.signing_keys.load()
    token = (await process.tokens()).access_token
    await other.watch.update()  # else what keeps the token from being verified would be unknown revocations
    storage.away = True
    with pytest.raises(StoreUnavailable):
        await other.recognize(token)
    storage.away = False
    process.clock.move(seconds=RETRY_SECONDS)
    assert (await other.recognize(token)).username == "anna"
    storage.calls.clear()
    for number in range(3):
        with pytest.raises(InvalidToken):
            await other.recognize(f"unknown{number}.{token}")
    assert not storage.calls
    process.clock.time += MIN_RELOAD_INTERVAL
    for number in range(3):
        with pytest.raises(InvalidToken):
            await other.recognize(f"unknown{number}.{token}")
    assert storage.calls == ["signing_keys"]


async def test_an_old_key_stays_until_its_last_token_has_expired(process: Process, storage: FlakyIdentity) -> None:
    """Then it is deleted, and the newest one never."""
    first = process.signer.keys[0]
    second = await process.signing_keys.rotate(CLI)
    process.clock.time += 2 * PUBLISHED_BEFORE + MAX_ACCESS_LIFE
    process.clock.move(seconds=-1)
    await process.signing_keys.load()
    assert [key.id for key in await storage.signing_keys()] == [second.id, first.id]
    process.clock.move(seconds=1)
    await process.signing_keys.load()
    await process.signing_keys.load()
    assert [key.id for key in await storage.signing_keys()] == [second.id]
    assert [key.id for key in process.signer.keys] in ([second.id, first.id], [second.id])
    process.clock.move(days=1000)
    await process.signing_keys.load()
    assert [key.id for key in process.signer.keys] == [second.id]


async def test_rotations_in_a_row_sign_one_after_the_other(process: Process) -> None:
    """Of several new keys, the newest that is known long enough signs."""
    first = process.signer.keys[0]
    second = await process.signing_keys.rotate(CLI)
    process.clock.time += PUBLISHED_BEFORE / 2
    third = await process.signing_keys.rotate(CLI)
    assert await states(process) == {third.id: "next", second.id: "next", first.id: "signing"}
    process.clock.time += PUBLISHED_BEFORE / 2
    assert await states(process) == {third.id: "next", second.id: "signing", first.id: "previous"}
    await process.signing_keys.load()
    assert [key.id for key in process.signer.keys] == [second.id, third.id, first.id]


async def test_keys_of_the_settings_are_used_as_they_are(process: Process, storage: FlakyIdentity) -> None:
    """Those in the store are left alone, and nothing is rotated. The first one signs."""
    await process.add_user()
    token = (await process.tokens()).access_token
    before = await storage.signing_keys()
    fixed = [StoredSigningKey(key_id, "private", NOON) for key_id in ("settings", "second", "third")]
    keys = SigningKeys(storage, process.signer, process.clock, fixed)
    await keys.load()
    assert process.signer.keys == fixed
    with pytest.raises(SigningKeyInSettings):
        await keys.rotate(CLI)
    assert await keys.listed() == [
        ListedSigningKey("settings", None, "signing"),
        ListedSigningKey("second", None, "verifying"),
        ListedSigningKey("third", None, "verifying"),
    ]
    assert await storage.signing_keys() == before
    with pytest.raises(InvalidToken):
        await process.recognize(token)
    assert (await process.sign_in.for_tokens("anna", PASSWORD, CLIENT)).access_token.startswith("settings")


async def test_a_process_that_started_without_the_store_reads_the_keys_later(
    process: Process, storage: FlakyIdentity, shared: Shared
) -> None:
    """When it verifies the first token, or signs one."""
    await process.add_user()
    token = (await process.tokens()).access_token
    for signs_first in (False, True):
        later = Process(storage, shared)
        await later.watch.update()
        storage.away = True
        for action in (later.start(), later.recognize(token), later.recognize(token)):
            with pytest.raises(StoreUnavailable):
                await action
        storage.away = False
        assert later.signer.keys == ()
        process.clock.move(seconds=RETRY_SECONDS)
        if signs_first:
            token = (await later.tokens()).access_token
        await later.recognize(token)


async def test_before_the_first_start_no_key_is_listed(storage: FlakyIdentity, process: Process) -> None:
    """The command line may ask before the service has ever started."""
    await storage.delete_signing_keys([key.id for key in await storage.signing_keys()])
    assert await process.signing_keys.listed() == []
