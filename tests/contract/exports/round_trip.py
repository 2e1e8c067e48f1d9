"""Exports as bytes, and imports of them."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from catalog.application.exports.export import export, parse_export
from catalog.application.exports.formats import FORMATS
from catalog.application.files.trailer import TrailerPolicy
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import Refusal
from catalog.application.imports.report import ImportProgress
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.entrypoints.representations.items import encode_item
from catalog.ports.storage import Storage
from tests.making import (
    TESTER,
    CountedIds,
    FixedClock,
)
from tests.tables import table


class Pipe(io.BytesIO):
    """A file that can be read only once."""

    def seekable(self) -> bool:
        """Return False."""
        return False


async def export_bytes(
    storage: Storage, format_name: str = "jsonl", *, with_categories: bool = False, proof: bool = True, **parameters: str
) -> bytes:
    """Return the bytes of an export, with a proof unless the test is about those without one."""
    pieces = export(
        storage,
        parse_export(parameters),
        FORMATS[format_name],
        encode_item,
        with_categories=with_categories,
        proof=proof,
    )
    return b"".join([piece async for piece in pieces])


async def exported_skus(storage: Storage, **parameters: str) -> list[str]:
    """Return the SKUs in an export, in order."""
    return [
        json.loads(line)["sku"]
        for line in (await export_bytes(storage, "jsonl", with_categories=False, proof=True, **parameters)).splitlines()[:-1]
    ]


async def import_bytes(
    storage: Storage,
    format_name: str,
    data: bytes,
    *,
    preserve: bool = True,
    trailer_policy: TrailerPolicy = "verify",
    file_type: Callable[[bytes], io.BytesIO] = io.BytesIO,
    **options: bool,
) -> tuple[list[Refusal], Any]:
    """Import a file into a store, and return the refusals and the report."""
    refusals: list[Refusal] = []
    pipeline = ImportPipeline(storage, FixedClock(), CountedIds())
    plan = replace(ImportPlan(preserve=preserve, create_categories=True), **options)  # type: ignore[arg-type]
    source, progress = table(file_type(data), format_name, policy=trailer_policy), ImportProgress()
    async for committed in pipeline.run(source, plan, TESTER, progress):
        progress = committed.progress
        refusals += committed.refusals
    return refusals, progress.report


async def all_items(storage: Storage) -> tuple[Item, ...]:
    """Return all items."""
    return (await storage.list_items(ItemQuery.parse({"sort": "sku", "limit": "200"}))).items
