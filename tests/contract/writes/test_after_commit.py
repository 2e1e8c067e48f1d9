"""What is committed stays committed, whatever fails afterwards; and what may be committed is never written again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest

from catalog.adapters.sql.writes.commit import UNKNOWN_OUTCOME
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import ChangeSet, Committed, LogEntry
from catalog.domain.errors import AlreadyProcessed, StoreUnavailable
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.making import NOON, TESTER, commit, creation, item_id

WRITERS = 5


class Cut:
    """A proxy before Postgres that loses the answer to a COMMIT, or the COMMIT itself, when it is told to."""

    def __init__(self, url: str) -> None:
        """Stand before the server of this address."""
        parts = urlsplit(url)
        self._server = (parts.hostname or "", parts.port or 0)
        self._path = parts.path
        self._user = parts.username
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        self.loses: str | None = None
        self.commits = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Cut"]:
        """Listen as long as the context lasts."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"postgresql://{self._user}@127.0.0.1:{server.sockets[0].getsockname()[1]}{self._path}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection(*self._server)
        answers = asyncio.create_task(_pump(upstream[0], writer))
        self._tasks.add(answers)
        try:
            while data := await reader.read(65_536):
                loses = self.loses if b"COMMIT" in data else None
                self.commits += b"COMMIT" in data
                if loses is not None:
                    answers.cancel()
                if loses != "commit":
                    upstream[1].write(data)
                    await upstream[1].drain()
                if loses is not None:
                    if loses == "answer":
                        await upstream[0].readuntil(b"COMMIT")  # the answer: the server has committed
                    return
        finally:
            writer.close()
            upstream[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


async def test_a_listener_that_fails_harms_neither_the_commit_nor_other_listeners(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is written a second time, nobody is told that his write failed, and the log names the fault."""
    heard: list[int] = []

    def fails(_entries: Sequence[LogEntry]) -> None:
        message = "a fault of ours"
        raise RuntimeError(message)

    storage.listen(fails)
    storage.listen(lambda entries: heard.extend(entry.seq for entry in entries))
    with caplog.at_level(logging.ERROR, "catalog.storage"):
        results = await asyncio.gather(*(commit(storage, creation(number)) for number in range(1, WRITERS + 1)))
    assert [type(outcome) for (outcome,) in results] == [Committed] * WRITERS
    page = await storage.changes(after=0, limit=100)
    assert [entry.subject_id for entry in page.entries] == [item_id(number) for number in range(1, WRITERS + 1)]
    assert heard == list(range(1, WRITERS + 1))
    assert "a fault of ours" in caplog.text


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
@pytest.mark.parametrize("loses", ["answer", "commit"])
async def test_a_write_whose_commit_is_not_answered_is_reported_as_unknown_and_not_repeated(store_url: str, loses: str) -> None:
    """The caller is told to read first; with a key, the same request is safe to repeat."""
    async with Cut(store_url).listening() as cut:
        storage = open_store(StorageOptions(cut.url))
        await commit(storage, creation(100))
        before, cut.loses = cut.commits, loses
        results = await asyncio.gather(
            *(
                storage.commit(
                    [ChangeSet((creation(number),), TESTER, (ExpiringRecord(f"key {number}", b"", NOON, only_if_absent=True),))]
                )
                for number in range(1, WRITERS + 1)
            ),
            return_exceptions=True,
        )
        assert [(type(result), str(result)) for result in results] == [(StoreUnavailable, UNKNOWN_OUTCOME)] * WRITERS
        assert cut.commits - before == 1
        cut.loses = None
        written = 1 + WRITERS * (loses == "answer")
        assert (await storage.head()).seq == written
        (outcome,) = await storage.commit(
            [ChangeSet((creation(1),), TESTER, (ExpiringRecord("key 1", b"", NOON, only_if_absent=True),))]
        )
        assert isinstance(outcome, AlreadyProcessed if loses == "answer" else Committed)
        await storage.close()


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
async def test_a_write_that_fails_before_its_commit_is_not_reported_as_unknown(store_url: str) -> None:
    """The server was never asked to commit anything."""
    storage = open_store(StorageOptions(store_url.replace("postgresql://catalog@", "postgresql://nobody-here@")))
    with pytest.raises(StoreUnavailable) as caught:
        await commit(storage, creation(1))
    assert str(caught.value) != UNKNOWN_OUTCOME
    await storage.close()
