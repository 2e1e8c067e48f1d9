"""How often tokens with an unknown signing key, which anybody can make up, make a process read the keys."""

import asyncio
from collections.abc import Sequence

import pytest

from catalog.application.identity.signing_keys import MIN_RELOAD_INTERVAL, PUBLISHED_BEFORE
from catalog.application.identity.throttled_read import RETRY_SECONDS
from catalog.domain.errors import OutOfSpace, StoreUnavailable
from catalog.domain.identity.errors import UnknownSigningKey
from catalog.domain.identity.session import MAX_ACCESS_LIFE
from catalog.domain.identity.signing_key import StoredSigningKey
from tests.identity_use import CLI, FlakyIdentity, Process, Shared


@pytest.fixture(autouse=True)
async def _revocations_are_known(process: Process, storage: FlakyIdentity) -> None:
    """They are read before keys, and would hide what is tested here."""
    await process.watch.update()
    storage.calls.clear()


async def refusals(process: Process, name: str) -> set[type]:
    """Send several tokens with made-up keys at the same time. Return the kinds of errors."""
    outcomes = await asyncio.gather(*(process.recognize(f"{name}{number}.token") for number in range(20)), return_exceptions=True)
    return {type(outcome) for outcome in outcomes}


async def test_an_answer_counts_for_some_seconds(process: Process, storage: FlakyIdentity) -> None:
    """Tokens are invalid without a read, and then one read is enough for all who come at the same time."""
    assert await refusals(process, "early") == {UnknownSigningKey}
    assert storage.calls == []
    process.clock.time += MIN_RELOAD_INTERVAL
    assert await refusals(process, "later") == {UnknownSigningKey}
    assert storage.calls == ["signing_keys"]


async def test_a_store_that_is_away_is_asked_once_in_a_while(process: Process, storage: FlakyIdentity) -> None:
    """Meanwhile nobody knows whether a token is valid. When the store answers again, the token is invalid."""
    process.clock.time += MIN_RELOAD_INTERVAL
    storage.away = True
    for name in ("a", "b"):
        storage.calls.clear()
        assert await refusals(process, name) == {StoreUnavailable}
        assert storage.calls == ["signing_keys"]
        assert await refusals(process, f"{name}-again") == {StoreUnavailable}
        assert storage.calls == ["signing_keys"]
        process.clock.move(seconds=RETRY_SECONDS)
    storage.away = False
    assert await refusals(process, "c") == {UnknownSigningKey}


async def test_all_wait_for_a_read_that_is_under_way(
    process: Process, storage: FlakyIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one of each minute as well. A store that hangs is not asked by each token."""
    read, started, go_on = storage.signing_keys, asyncio.Event(), asyncio.Event()

    async def slow_read() -> Sequence[StoredSigningKey]:
        started.set()
        await go_on.wait()
        return await read()

    monkeypatch.setattr(storage, "signing_keys", slow_read)
    process.clock.time += MIN_RELOAD_INTERVAL
    tokens = asyncio.create_task(refusals(process, "a"))
    await started.wait()
    loading = asyncio.create_task(process.signing_keys.load())
    more = asyncio.create_task(refusals(process, "b"))
    for _ in range(10):
        await asyncio.sleep(0)
    go_on.set()
    await loading
    assert await tokens == await more == {UnknownSigningKey}
    assert storage.calls == ["signing_keys"]


async def test_the_read_of_each_minute_counts(process: Process, storage: FlakyIdentity) -> None:
    """Whether it fails or not."""
    storage.away = True
    with pytest.raises(StoreUnavailable):
        await process.signing_keys.load()
    storage.calls.clear()
    assert await refusals(process, "a") == {StoreUnavailable}
    storage.away = False
    await process.signing_keys.load()
    assert await refusals(process, "b") == {UnknownSigningKey}
    assert storage.calls == ["signing_keys"]


async def test_a_known_key_needs_no_store(process: Process, storage: FlakyIdentity) -> None:
    """Tokens of it stay valid during an outage, also after others were refused."""
    await process.add_user()
    token = (await process.tokens()).access_token
    process.clock.time += MIN_RELOAD_INTERVAL
    storage.away = True
    assert await refusals(process, "a") == {StoreUnavailable}
    assert (await process.recognize(token)).username == "anna"


async def test_a_process_without_any_key_asks_once_in_a_while(storage: FlakyIdentity, shared: Shared) -> None:
    """It was started during an outage."""
    process = Process(storage, shared)
    await process.watch.update()
    storage.away = True
    assert await refusals(process, "a") == {StoreUnavailable}
    assert await refusals(process, "b") == {StoreUnavailable}
    assert storage.calls.count("signing_keys") == 1


async def test_old_keys_that_cannot_be_deleted_are_no_outage(
    process: Process, storage: FlakyIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys were read, so unknown ones are invalid."""
    second = await process.signing_keys.rotate(CLI)
    process.clock.time += 2 * PUBLISHED_BEFORE + MAX_ACCESS_LIFE

    async def full(key_ids: object) -> None:
        raise OutOfSpace(str(key_ids))

    monkeypatch.setattr(storage, "delete_signing_keys", full)
    with pytest.raises(OutOfSpace):
        await process.signing_keys.load()
    assert process.signer.keys[0] == second
    assert await refusals(process, "a") == {UnknownSigningKey}
