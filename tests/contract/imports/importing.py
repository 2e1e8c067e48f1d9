"""Imports of CSV files into a store."""

from catalog.adapters.system import RandomIds
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.report import ImportProgress, ImportReport
from catalog.domain.items.item import Item
from catalog.ports.storage import Storage
from tests.making import TESTER, FixedClock
from tests.tables import table


class Imports:
    """Imports into a store."""

    def __init__(self, storage: Storage) -> None:
        """Start without items."""
        self.storage = storage
        self.refused: list[tuple[int, str]] = []

    async def run(self, data: bytes | str, plan: ImportPlan | None = None) -> ImportReport:
        """Import a CSV file."""
        pipeline = ImportPipeline(self.storage, FixedClock(), RandomIds())
        self.refused = []
        report = ImportReport()
        async for committed in pipeline.run(table(data, "csv"), plan or ImportPlan(), TESTER, ImportProgress()):
            report = committed.progress.report
            self.refused += [(refusal.line, refusal.code) for refusal in committed.refusals]
        return report

    async def item(self, sku: str) -> Item:
        """Return an item."""
        return (await self.storage.items_by_sku([sku]))[sku]
