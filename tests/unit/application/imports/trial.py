"""Trials of the import pipeline on a memory store."""

import json
from collections.abc import Awaitable, Callable

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.files.row_source import RowSource
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import Refusal
from catalog.application.imports.report import ImportProgress, ImportReport
from catalog.domain.items.item import Item
from tests.making import TESTER, CountedIds, FixedClock
from tests.tables import table


class Trial:
    """A store with an import pipeline. Collects the refusals, and the report after each slice."""

    def __init__(self, storage: MemoryStorage | None = None) -> None:
        """Use `storage`, or an empty store."""
        self.storage = storage or MemoryStorage()
        self.pipeline = ImportPipeline(self.storage, FixedClock(), CountedIds())
        self.refusals: list[Refusal] = []
        self.reports: list[ImportReport] = []

    async def run(
        self, source: RowSource, plan: ImportPlan | None = None, before_slice: Callable[[], Awaitable[None]] | None = None
    ) -> ImportReport:
        """Import a file."""
        options = {} if before_slice is None else {"before_slice": before_slice}
        slices = self.pipeline.run(source, plan or ImportPlan(), TESTER, ImportProgress(), **options)
        report = (await anext(slices)).report
        async for committed in slices:
            report = committed.report
            self.reports.append(report)
            self.refusals += committed.refusals
        return report

    async def csv(self, text: str, plan: ImportPlan | None = None) -> ImportReport:
        """Import CSV."""
        source = table(text, "csv", encoding="utf-8")
        return await self.run(source, plan)

    async def json(self, values: object, plan: ImportPlan | None = None) -> ImportReport:
        """Import a JSON array."""
        source = table(json.dumps(values), "json", policy="ignore")
        return await self.run(source, plan)

    async def item(self, sku: str) -> Item:
        """Return an item."""
        return (await self.storage.items_by_sku([sku]))[sku]

    @property
    def refused(self) -> list[tuple[int, str, str]]:
        """Return line, field and code of every refusal."""
        return [(refusal.line, refusal.field, refusal.code) for refusal in self.refusals]
