"""Import jobs as the tests run them, and the files that they import."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator, Sequence

from catalog.adapters.system import RandomIds
from catalog.application.files.row_source import MalformedRow, Row, RowSource
from catalog.application.imports.jobs import ImportJobs, ImportSource
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.progress import ImportState
from catalog.application.imports.refusals import Refusal
from catalog.ports.storage import Storage
from tests.making import TESTER, FixedClock
from tests.tables import table


class Jobs:
    """The import jobs of one process, with a clock that the test moves."""

    def __init__(self, storage: Storage) -> None:
        """Start without imports."""
        self.clock = FixedClock()
        self.storage = storage
        self.jobs = self.other_process()
        self.first_refusals: Sequence[Refusal] = []

    def other_process(self) -> ImportJobs:
        """Return the import jobs of another process on the same store."""
        ids = RandomIds()
        return ImportJobs(ImportPipeline(self.storage, self.clock, ids), self.storage, self.clock, ids)

    async def run(self, text: str, plan: ImportPlan | None = None) -> ImportState:
        """Import CSV in the foreground and return the final state."""
        finished = await self.jobs.run(csv_source(text), plan or ImportPlan(), TESTER)
        self.first_refusals = finished.refusals
        return finished.state


def csv_source(text: str) -> ImportSource:
    """Return a source of CSV text."""
    file = io.BytesIO(text.encode())
    return ImportSource(lambda: table(file, policy="ignore"), file.tell)


def endless_source(stop: Callable[[], bool]) -> ImportSource:
    """Return a source that yields rows until `stop` returns True."""

    def rows() -> Iterator[Row | MalformedRow]:
        number = 0
        while not stop():
            number += 1
            yield Row(number, {"sku": f"E-{number}", "name": f"Item {number}"})

    return ImportSource(lambda: RowSource(("sku", "name"), rows()), lambda: 0)


async def wait_for_status(jobs: ImportJobs, import_id: str, status: str) -> None:
    """Wait until an import has a status."""

    async def has_status() -> bool:
        return (await jobs.get(import_id)).status == status

    await poll(has_status)


async def poll(condition: Callable[[], Awaitable[bool]]) -> None:
    """Poll until a condition is true. Nothing signals it."""
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)
