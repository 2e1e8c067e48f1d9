"""Failures during and after a commit: a committed write stays committed, and a write that may be committed is not repeated."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest

from catalog.adapters.sql import storage as sql
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import ChangeSet, Committed, LogEntry
from catalog.domain.errors import AlreadyProcessed, StoreUnavailable
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Storage, StorageOptions
from tests.making import NOON, TESTER, commit, creation, item_id

WRITERS = 5


class LossyProxy:
    """A proxy for Postgres that can lose a COMMIT or the response to it."""

    def __init__(self, url: str) -> None:
        """Forward to the server with this URL."""
        parts = urlsplit(url)
        self._server = (parts.hostname or "", parts.port or 0)
        self._path = parts.path
        self._user = parts.username
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        self.drops: str | None = None
        self.commits = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["LossyProxy"]:
        """Listen until the context ends."""
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
        responses = asyncio.create_task(_pump(upstream[0], writer))
        self._tasks.add(responses)
        try:
            while data := await reader.read(65_536):
                drops = self.drops if b"COMMIT" in data else None
                self.commits += b"COMMIT" in data
                if drops is not None:
                    responses.cancel()
                if drops != "commit":
                    upstream[1].write(data)
                    await upstream[1].drain()
                if drops is not None:
                    if drops == "response":
                        await upstream[0].readuntil(b"COMMIT")  # the response: the server has committed
                    return
        finally:
            writer.close()
            upstream[1].close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


async def test_a_failing_listener_affects_neither_the_commit_nor_other_listeners(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """A failing listener causes no second write and no error for a caller, and its failure is logged."""
    received: list[int] = []

    def failing_listener(_entries: Sequence[LogEntry]) -> None:
        message = "a bug in the listener"
        raise RuntimeError(message)

    storage.listen(failing_listener)
    storage.listen(lambda entries: received.extend(entry.seq for entry in entries))
    with caplog.at_level(logging.ERROR, "catalog.storage"):
        results = await asyncio.gather(*(commit(storage, creation(number)) for number in range(1, WRITERS + 1)))
    assert [type(outcome) for (outcome,) in results] == [Committed] * WRITERS
    page = await storage.changes(after=0, limit=100)
    assert [entry.subject_id for entry in page.entries] == [item_id(number) for number in range(1, WRITERS + 1)]
    assert received == list(range(1, WRITERS + 1))
    assert "a bug in the listener" in caplog.text


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
@pytest.mark.parametrize("drops", ["response", "commit"])
async def test_a_write_whose_commit_gets_no_response_is_reported_as_unknown_and_not_repeated(store_url: str, drops: str) -> None:
    """The error says to read before writing again. A request with an idempotency key can be repeated safely."""
    async with LossyProxy(store_url).listening() as proxy:
        storage = open_store(StorageOptions(proxy.url))
        await commit(storage, creation(100))
        commits_before, proxy.drops = proxy.commits, drops
        results = await asyncio.gather(
            *(
                storage.commit(
                    [ChangeSet((creation(number),), TESTER, (ExpiringRecord(f"key {number}", b"", NOON, only_if_absent=True),))]
                )
                for number in range(1, WRITERS + 1)
            ),
            return_exceptions=True,
        )
        assert [(type(result), str(result)) for result in results] == [(StoreUnavailable, sql.UNKNOWN_OUTCOME)] * WRITERS
        assert proxy.commits - commits_before == 1
        proxy.drops = None
        written = 1 + WRITERS * (drops == "response")
        assert (await storage.head()).seq == written
        (outcome,) = await storage.commit(
            [ChangeSet((creation(1),), TESTER, (ExpiringRecord("key 1", b"", NOON, only_if_absent=True),))]
        )
        assert isinstance(outcome, AlreadyProcessed if drops == "response" else Committed)
        await storage.close()


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
async def test_a_write_that_fails_before_its_commit_is_not_reported_as_unknown(store_url: str) -> None:
    """The outcome is known if the server never received a COMMIT."""
    storage = open_store(StorageOptions(store_url.replace("postgresql://catalog@", "postgresql://nobody-here@")))
    with pytest.raises(StoreUnavailable) as caught:
        await commit(storage, creation(1))
    assert str(caught.value) != sql.UNKNOWN_OUTCOME
    await storage.close()
