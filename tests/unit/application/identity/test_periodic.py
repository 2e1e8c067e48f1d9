"""Background tasks: they survive errors, and end together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from catalog.application.identity.periodic import repeated, together
from catalog.domain.errors import StoreUnavailable


async def nothing() -> None:
    """Do nothing."""


async def test_a_background_task_survives_its_errors(caplog: pytest.LogCaptureFixture) -> None:
    """An outage is no error; anything else is logged, and the task goes on."""
    runs: list[int] = []
    enough = asyncio.Event()

    async def action() -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            message = "away"
            raise StoreUnavailable(message)
        if len(runs) == 2:
            message = "a bug"
            raise ValueError(message)
        enough.set()

    async with repeated(action, 0.001):
        await enough.wait()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "A background task of identity failed; it is tried again."
    ]


async def test_a_background_task_may_finish_when_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way is not interrupted, unless it takes too long."""
    started, go_on, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def action() -> None:
        started.set()
        await go_on.wait()
        finished.set()

    async with repeated(action, 60):
        await started.wait()
        asyncio.get_running_loop().call_soon(go_on.set)
    assert finished.is_set()
    monkeypatch.setattr("catalog.application.identity.periodic.CLOSE_SECONDS", 0.01)
    started.clear()
    go_on.clear()
    finished.clear()
    async with repeated(action, 60):
        await started.wait()
    assert not finished.is_set()


async def test_the_last_action_follows_the_one_under_way() -> None:
    """Also after an error in the context."""
    done: list[str] = []
    started = asyncio.Event()

    async def action() -> None:
        started.set()
        await asyncio.sleep(0)
        done.append("action")

    async def last() -> None:
        done.append("last")

    async def fail() -> None:
        async with repeated(action, 60, last):
            await started.wait()
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert done == ["action", "last"]


async def test_an_error_of_the_last_action_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It does not end the service with an error."""

    async def last() -> None:
        message = "a bug"
        raise ValueError(message)

    async with repeated(nothing, 60, last):
        pass
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_the_last_action_is_cancelled_if_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that hangs does not hold up the end."""
    monkeypatch.setattr("catalog.application.identity.periodic.CLOSE_SECONDS", 0.01)
    cancelled = asyncio.Event()

    async def last() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with repeated(nothing, 60, last):
        pass
    assert cancelled.is_set()


async def test_a_task_is_cancelled_if_its_end_is_cancelled() -> None:
    """It does not go on alone."""
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def last() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def run() -> None:
        async with repeated(nothing, 60, last):
            pass

    closing = asyncio.create_task(run())
    await started.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await cancelled.wait()


async def test_contexts_are_closed_at_the_same_time() -> None:
    """The last action of each can wait for that of the other."""
    both = asyncio.Barrier(2)
    done: list[int] = []

    async def last() -> None:
        await both.wait()
        done.append(1)

    async with together(repeated(nothing, 60, last), repeated(nothing, 60, last)):
        assert not done
    assert done == [1, 1]


async def test_those_that_were_opened_are_closed_if_another_cannot_be_opened() -> None:
    """The error is passed on."""
    done: list[int] = []

    async def last() -> None:
        done.append(1)

    @asynccontextmanager
    async def failing(error: Exception | None) -> AsyncIterator[None]:
        if error is not None:
            raise error
        yield

    with pytest.raises(KeyError):
        async with together(repeated(nothing, 60, last), failing(KeyError()), repeated(nothing, 60, last)):
            pass
    assert done == [1]
