"""Exports: filters, snapshots, and streams that break off."""

import csv
import io
import json
from typing import Any

import pytest

from catalog.adapters.memory import item_reader as memory_reader
from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.sql.reads import item_reader
from catalog.application.exports.export import parse_export
from catalog.application.exports.formats import FORMATS, parse_format
from catalog.domain.errors import InvalidQuery, StoreUnavailable
from catalog.ports.storage import Storage
from tests import minimal_store
from tests.conftest import STORES
from tests.contract.exports.round_trip import all_items, export_bytes, exported_skus, import_bytes
from tests.making import (
    NOON,
    commit,
    create_categories,
    create_items,
    creation,
    removal,
    revision,
)


async def test_an_export_accepts_filters_and_a_sort_order(storage: Storage) -> None:
    """An export can be filtered and sorted. By default the oldest items come first, even in a search."""
    await create_categories(storage, "a/b")
    for number, slug in enumerate(["a", "b", None], 1):
        await commit(storage, creation(number, NOON, name=f"n{9 - number} oak", category=slug))
    assert await exported_skus(storage) == ["S-1", "S-2", "S-3"]
    assert await exported_skus(storage, category="a", sort="-sku") == ["S-2", "S-1"]
    assert await exported_skus(storage, q="oak") == ["S-1", "S-2", "S-3"]
    assert await exported_skus(storage, q="nothing") == []
    for name in ("limit", "cursor", "offset", "count"):
        with pytest.raises(InvalidQuery, match=name):
            parse_export({name: "1"})
    with pytest.raises(InvalidQuery, match="csv or jsonl or json"):
        parse_format("xml")


async def test_an_export_is_a_snapshot(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Concurrent writes do not change an export, and do not wait for it."""
    monkeypatch.setattr(item_reader, "STREAM_BATCH", 2)
    monkeypatch.setattr(memory_reader, "BATCH_SIZE", 2)
    monkeypatch.setattr(minimal_store, "BATCH_SIZE", 2)
    items = await create_items(storage, *range(1, 8))
    exported: list[str] = []
    async for batch in storage.stream(parse_export({"sort": "sku"})):
        if not exported:
            await commit(storage, removal(items[6]), revision(items[5], name="x"), creation(9))
        assert len(batch) <= 2
        exported += [f"{item.sku} {item.version}" for item in batch]
    assert exported == [f"S-{number} 1" for number in range(1, 8)]


async def test_an_abandoned_export_releases_its_connection(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store can be read after more exports were abandoned than there are connections."""
    monkeypatch.setattr(item_reader, "STREAM_BATCH", 2)
    await create_items(storage, *range(1, 8))
    for _ in range(4):
        stream = storage.stream(parse_export({}))
        assert len(await anext(stream)) > 0
        await stream.aclose()
    assert len(await exported_skus(storage)) == 7


@pytest.mark.parametrize("store", STORES)
async def test_an_error_during_an_export_raises_store_unavailable(storage: Storage) -> None:
    """A database error during an export raises StoreUnavailable, and the store can be used afterwards."""
    if isinstance(storage, MemoryStorage):
        return
    dialect: Any = storage._database.driver  # type: ignore[attr-defined]

    class InterruptedStream:
        def __aiter__(self) -> Any:  # noqa: ANN401 - returns itself
            return self

        async def __anext__(self) -> None:
            raise TimeoutError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dialect, "stream", lambda *_: InterruptedStream())
        with pytest.raises(StoreUnavailable):
            await export_bytes(storage)
    assert await exported_skus(storage) == []


async def test_without_a_proof_an_export_has_nothing_but_items(storage: Storage) -> None:
    """It is what a spreadsheet or a data frame expects, and is imported as it is."""
    for count in (0, 1, 3):
        await create_items(storage, *range(1, count + 1))
        skus = [item.sku for item in await all_items(storage)]
        exported = {name: await export_bytes(storage, name, proof=False) for name in FORMATS}
        assert [row["sku"] for row in csv.DictReader(io.StringIO(exported["csv"].decode()))] == skus
        assert [json.loads(line)["sku"] for line in exported["jsonl"].splitlines()] == skus
        assert [item["sku"] for item in json.loads(exported["json"])] == skus
        for name, data in exported.items():
            if not data:
                continue  # JSON Lines of no items
            refusals, report = await import_bytes(MemoryStorage(), name, data)
            assert (refusals, report.created) == ([], count)
