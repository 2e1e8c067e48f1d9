"""Short ways to export a store and import the file into another."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.exports.export import export, parse_export
from catalog.application.exports.formats import ExportFormat, ExportOptions, parse_format
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import Refusal
from catalog.application.imports.report import ImportProgress
from catalog.domain.categories.category import Category
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.entrypoints.representations.items import encode_item
from catalog.ports.storage import Storage
from tests.making import TESTER, CountedIds, FixedClock, category, commit
from tests.tables import table

RESTORING = ImportPlan(preserve=True, create_categories=True)
"""Imports everything that an export has."""


async def written(
    storage: Storage, export_format: ExportFormat, *, with_categories: bool = False, proof: bool = False, **query: str
) -> bytes:
    """Return the bytes of an export."""
    chunks = export(storage, parse_export(query), export_format, encode_item, with_categories=with_categories, proof=proof)
    return b"".join([chunk async for chunk in chunks])


async def exported(storage: Storage, name: str, **options: Any) -> bytes:  # noqa: ANN401 - options of the export
    """Return the bytes of an export in a format with options."""
    wanted = ExportOptions(**options)
    return await written(storage, parse_format(name, wanted), with_categories=wanted.with_categories, proof=wanted.proof)


async def imported(
    storage: Storage,
    data: bytes,
    plan: ImportPlan = RESTORING,
    **reading: Any,  # noqa: ANN401 - options of reading
) -> tuple[list[Refusal], Any]:
    """Import a file, and return the refusals and the report."""
    refusals: list[Refusal] = []
    pipeline, progress = ImportPipeline(storage, FixedClock(), CountedIds()), ImportProgress()
    async for committed in pipeline.run(table(io.BytesIO(data), **reading), plan, TESTER, progress):
        progress = committed.progress
        refusals += committed.refusals
    return refusals, progress.report


async def all_items(storage: Storage) -> tuple[Item, ...]:
    """Return all items."""
    return (await storage.list_items(ItemQuery.parse({"sort": "sku", "limit": "200"}))).items


async def store_with(categories: Sequence[Category]) -> MemoryStorage:
    """Return a store that has these categories."""
    storage = MemoryStorage()
    for each in categories:
        await commit(storage, category(each.slug, each.parent, name=each.name))
    return storage


def contents(item: Item) -> Mapping[str, Any]:
    """Return what callers set."""
    return {
        "sku": item.sku,
        "name": item.name,
        "description": item.description,
        "category": item.category,
        "price": item.price,
        "attributes": dict(item.attributes.items()),
    }
