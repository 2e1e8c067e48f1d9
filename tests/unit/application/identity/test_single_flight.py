"""Work that many ask for at the same time is done once, also the verification of a credential."""

import asyncio
import gc
from uuid import UUID

import pytest

from catalog.application.identity.single_flight import SingleFlight
from catalog.domain.identity.api_key import ApiKey, NewApiKey
from catalog.domain.identity.errors import InvalidToken
from catalog.domain.identity.user import User
from tests.identity_use import FlakyIdentity, Process


class Work:
    """Work that waits until it may finish."""

    def __init__(self) -> None:
        """Start with nothing done."""
        self.started = 0
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        """Count, and return the count or raise the error."""
        self.started += 1
        number = self.started
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return number


async def test_callers_at_the_same_time_share_a_result() -> None:
    """Those who ask for something else do not, nor those who ask later."""
    flight, work = SingleFlight[str, int](), Work()
    callers = [asyncio.create_task(flight.run(key, work)) for key in "aaabba"]
    await asyncio.sleep(0)
    work.go_on.set()
    assert await asyncio.gather(*callers) == [1, 1, 1, 2, 2, 1]
    assert await flight.run("a", work) == 3


async def test_callers_at_the_same_time_share_an_error() -> None:
    """It is not remembered."""
    flight, work = SingleFlight[str, int](), Work()
    work.error = InvalidToken()
    callers = [asyncio.create_task(flight.run("a", work)) for _ in range(3)]
    await asyncio.sleep(0)
    work.go_on.set()
    assert await asyncio.gather(*callers, return_exceptions=True) == [work.error] * 3
    work.error = None
    assert await flight.run("a", work) == 2


async def test_a_caller_who_goes_away_takes_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """The first one, for whom the work began. If all go away, its error is nobody's."""
    flight, work = SingleFlight[str, int](), Work()
    first, second = (asyncio.create_task(flight.run("a", work)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    work.go_on.set()
    assert await second == 1
    work.error = InvalidToken()
    work.go_on.clear()
    alone = asyncio.create_task(flight.run("a", work))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.wait([alone])
    work.go_on.set()
    await asyncio.sleep(0.01)
    del alone
    gc.collect()  # asyncio logs an error that nobody has seen when its task is deleted
    assert caplog.records == []


async def test_work_may_be_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    """As when the event loop is closed."""
    flight = SingleFlight[str, None]()

    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await flight.run("a", cancelled)
    await asyncio.sleep(0)
    assert caplog.records == []


async def test_a_credential_is_looked_up_once_for_all(
    process: Process, storage: FlakyIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 requests with one key are one query. With another key, it is another one."""
    await process.add_user()
    caller = await process.caller()
    keys = [(await process.keys.create_own(NewApiKey(f"key {number}"), caller)).text for number in range(2)]
    original = storage.api_key

    async def slow(key_id: UUID) -> tuple[ApiKey, User] | None:
        await asyncio.sleep(0.01)
        return await original(key_id)

    monkeypatch.setattr(storage, "api_key", slow)
    found = await asyncio.gather(*(process.recognize(keys[number % 2]) for number in range(300)))
    assert {principal.username for principal in found} == {"anna"}
    assert storage.calls.count("api_key") == 2
    wrong = keys[0][:-43] + "A" * 43
    errors = await asyncio.gather(*(process.recognize(wrong) for _ in range(300)), return_exceptions=True)
    assert {type(error) for error in errors} == {InvalidToken}
    assert storage.calls.count("api_key") == 3
