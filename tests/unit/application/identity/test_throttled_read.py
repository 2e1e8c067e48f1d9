"""A read that is done once for all, and not again for some time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from catalog.application.identity.throttled_read import RETRY_SECONDS, ThrottledRead
from catalog.domain.errors import StoreUnavailable
from tests.identity_use import FlakyIdentity, Process, Shared

FRESH_SECONDS = 5.0


class Reading:
    """A read that counts, waits and fails as a test wants."""

    def __init__(self) -> None:
        """Answer at once."""
        self.count = 0
        self.seconds = 100.0
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.throttled = ThrottledRead(self.read, lambda: self.seconds, FRESH_SECONDS)

    async def read(self) -> int:
        """Return the number of reads."""
        self.count += 1
        await self.answers.wait()
        if self.away:
            message = "away"
            raise StoreUnavailable(message)
        return self.count


@pytest.fixture
async def reading() -> Reading:
    """A store that answers."""
    return Reading()


async def outcomes(ask: Callable[[], Awaitable[object]], number: int = 20) -> list[object]:
    """Ask several times at once. Return the results, or the kinds of errors."""
    found = await asyncio.gather(*(ask() for _ in range(number)), return_exceptions=True)
    return [type(each) if isinstance(each, Exception) else each for each in found]


async def test_an_answer_is_fresh_for_some_seconds(reading: Reading) -> None:
    """Whoever asks only if it is due does not read again until then; whoever must read does."""
    assert await reading.throttled.run_if_due()
    reading.seconds += FRESH_SECONDS - 0.1
    assert not await reading.throttled.run_if_due()
    assert await reading.throttled.run() == 2
    reading.seconds += FRESH_SECONDS
    assert await reading.throttled.run_if_due()
    assert reading.count == 3


async def test_a_failure_is_repeated_for_a_moment(reading: Reading) -> None:
    """Then the store is asked again, once for all who ask at the same time."""
    reading.away = True
    for count in (1, 2):
        assert await outcomes(reading.throttled.run_if_due) == [StoreUnavailable] * 20
        reading.seconds += RETRY_SECONDS - 0.1
        assert await outcomes(reading.throttled.run_if_due) == [StoreUnavailable] * 20
        assert reading.count == count
        reading.seconds += 0.1
    reading.away = False
    assert await outcomes(reading.throttled.run_if_due) == [True] * 20
    assert reading.count == 3


async def test_a_background_read_ends_a_failure(reading: Reading) -> None:
    """It reads although it is not due."""
    reading.away = True
    assert await outcomes(reading.throttled.run) == [StoreUnavailable] * 20
    reading.away = False
    assert await reading.throttled.run() == 2
    assert not await reading.throttled.run_if_due()


async def test_a_read_that_hangs_is_the_only_one(reading: Reading) -> None:
    """All wait for it, whether they must read or not."""
    reading.answers.clear()
    asked = asyncio.gather(outcomes(reading.throttled.run), outcomes(reading.throttled.run_if_due))
    for _ in range(10):
        await asyncio.sleep(0)
    assert reading.count == 1
    reading.answers.set()
    ran, due = await asked
    assert (ran, due) == ([1] * 20, [True] * 20)


async def test_revocations_are_read_once_in_a_while_until_the_store_answers(storage: FlakyIdentity, shared: Shared) -> None:
    """A process that starts during an outage does not ask for each credential, nor after its own look has failed."""
    process = Process(storage, shared)
    storage.away = True
    with pytest.raises(StoreUnavailable):
        await process.watch._look()
    for count in (1, 2):
        assert await outcomes(process.watch.position) == [StoreUnavailable] * 20
        assert storage.calls == ["revocations"] * count
        process.seconds += RETRY_SECONDS
        assert await outcomes(process.watch.position) == [StoreUnavailable] * 20
        assert await outcomes(process.watch.position) == [StoreUnavailable] * 20
        assert storage.calls == ["revocations"] * (count + 1)
    storage.away = False
    await process.watch._look()
    assert await outcomes(process.watch.position) == [0] * 20
    assert storage.calls == ["revocations"] * 4


async def test_credentials_wait_for_the_first_look_that_is_under_way(
    storage: FlakyIdentity, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that hangs at the start is not asked for each of them, one after the other."""
    process = Process(storage, shared)
    reading = Reading()
    original = storage.revocations

    async def slow(*arguments: object) -> object:
        await reading.read()
        return await original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(storage, "revocations", slow)
    reading.answers.clear()
    look = asyncio.create_task(process.watch._look())
    asked = asyncio.create_task(outcomes(process.watch.position))
    for _ in range(10):
        await asyncio.sleep(0)
    reading.answers.set()
    await look
    assert await asked == [0] * 20
    assert reading.count == 1
