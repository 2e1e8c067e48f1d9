"""Exports: an export is a complete snapshot, and importing it gives the same catalog."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.adapters.memory import item_reader as memory_reader
from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.sql.reads import item_reader
from catalog.adapters.system import RandomIds
from catalog.application.categories.categories import Categories
from catalog.application.exports.columns import COLUMNS
from catalog.application.exports.export import export, parse_export
from catalog.application.exports.formats import FORMATS, parse_format
from catalog.application.files.trailer import TrailerPolicy
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import Refusal
from catalog.application.imports.report import ImportProgress
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import InvalidFile, InvalidQuery, StoreUnavailable
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.text.normalization import is_blank, trim
from catalog.entrypoints.representations.items import encode_item
from catalog.ports.storage import Storage
from tests import minimal_store
from tests.conftest import STORES
from tests.making import (
    NOON,
    TESTER,
    CountedIds,
    FixedClock,
    commit,
    create_categories,
    create_items,
    creation,
    removal,
    revision,
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


async def test_the_trailer_proves_that_an_export_is_complete(storage: Storage) -> None:
    """The trailer has the number of rows and the SHA-256 of everything before it, even in an empty export."""
    for count in (0, 2):
        await create_items(storage, *range(1, count + 1))
        for format_name in FORMATS:
            data = await export_bytes(storage, format_name)
            start = data.rindex(b"\n", 0, -1) + 1 if data.count(b"\n") > 1 else 0
            digest = hashlib.sha256(data[:start]).hexdigest()
            if format_name == "csv":
                rows = list(csv.DictReader(io.StringIO(data.decode())))
                assert (rows[-1]["id"], rows[-1]["sku"], rows[-1]["name"]) == ("_end", str(count), digest)
            else:
                trailer = json.loads(data)[-1] if format_name == "json" else json.loads(data.splitlines()[-1])
                assert trailer == {"_end": {"rows": count, "sha256": digest}}
            target: MemoryStorage = MemoryStorage()
            refusals, report = await import_bytes(target, format_name, data)
            assert (refusals, report.created, list(report.ignored)) == ([], count, [])


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


_TEXT = st.text(
    st.one_of(st.sampled_from("=+-@\t\r\n'\",;ab"), st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    max_size=9,
)
_ITEMS = st.lists(
    st.tuples(
        _TEXT.map(lambda text: "x" if is_blank(text) else trim(text)),
        _TEXT,
        st.sampled_from([None, ("1.50", "EUR"), ("7", "JPY")]),
        st.dictionaries(
            st.sampled_from(["a", "b"]),
            st.one_of(_TEXT, st.integers(-(2**63), 2**63 - 1), st.floats(-1e300, 1e300), st.booleans()),
        ),
        st.sampled_from([None, "c", "d-e"]),
        st.booleans(),
    ),
    max_size=5,
)


_FORMULAS = [(f"{prefix}1", f"{prefix}x", None, {"a": f"{prefix}y"}, None, False) for prefix in "=+-@'"]


@settings(max_examples=30)
@example(values=[*_FORMULAS, ("x", "\t1", None, {}, None, False), ("x", "\r1", None, {}, None, True)])
@given(values=_ITEMS)
async def test_importing_an_export_gives_the_same_catalog(storage: Storage, values: list[Any]) -> None:
    """Importing into an empty store restores ids, versions and times.

    Cells that look like formulas are escaped in CSV, and restored.
    """
    await commit(storage, *map(removal, await all_items(storage)))
    start = 10 * (await storage.changes(after=0, limit=1)).head
    await create_categories(storage, "c", "d-e")
    for number, (name, description, price, attributes, category, is_updated) in enumerate(values, 1):
        price_field = price and {"amount": price[0], "currency": price[1]}
        created = creation(
            start + number, name=name, description=description, price=price_field, attributes=attributes, category=category
        )
        await commit(storage, created, *([revision(created.subject, name=f"{name}!"[:200])] if is_updated else []))
    for format_name in FORMATS:
        data = await export_bytes(storage, format_name)
        if format_name == "csv":
            for row in csv.reader(io.StringIO(data.decode(), newline="")):
                assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
        target = MemoryStorage()
        refusals, report = await import_bytes(target, format_name, data)
        assert (refusals, report.created) == ([], len(values))
        assert await all_items(target) == await all_items(storage)
        assert await export_bytes(target, format_name) == data


async def test_incomplete_and_changed_files_are_detected(storage: Storage) -> None:
    """Missing rows, changed rows and a missing trailer are all detected."""
    await create_items(storage, 1, 2, 3)
    for format_name in FORMATS:
        data = await export_bytes(storage, format_name)
        lines = data.splitlines(keepends=True)
        shortened = b"".join(lines[:-2] + lines[-1:])
        changed = data.replace(b"Item 2", b"Item 5")
        for broken, reason in (
            (shortened, "the trailer says 3 rows, the file has 2"),
            (changed, "was changed since"),
        ):
            refusals, _ = await import_bytes(MemoryStorage(), format_name, broken, file_type=Pipe)
            assert [reason in refusal.reason for refusal in refusals if refusal.field == ""] == [True], (format_name, refusals)
        for broken in (shortened, changed):
            with pytest.raises(InvalidFile, match="was changed since"):
                await import_bytes(MemoryStorage(), format_name, broken)
            _, report = await import_bytes(MemoryStorage(), format_name, broken, trailer_policy="ignore")
            assert (report.created, report.refused) == (2 if broken is shortened else 3, 0)
        refusals, report = await import_bytes(MemoryStorage(), format_name, data, file_type=Pipe)
        assert (refusals, report.created) == ([], 3)


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


async def test_a_trailer_with_a_wrong_count_is_reported(storage: Storage) -> None:
    """A wrong number of rows is reported even if the digest is correct."""
    await create_items(storage, 1)
    data = (await export_bytes(storage, "jsonl")).replace(b'"rows": 1', b'"rows": 2')
    refusals, report = await import_bytes(MemoryStorage(), "jsonl", data)
    assert ([refusal.code for refusal in refusals], report.created) == (["malformed"], 1)
    for trailer in (b'{"_end": x}', b"_end"):
        refusals, report = await import_bytes(MemoryStorage(), "jsonl", data.splitlines(keepends=True)[0] + trailer)
        assert (len(refusals) > 0, report.created) == (True, 1)


@pytest.mark.parametrize("atomic", [False, True])
async def test_an_export_can_include_the_category_tree(storage: Storage, *, atomic: bool) -> None:
    """Every format includes names, parents and positions. An import leaves existing categories unchanged."""
    categories = Categories(storage, FixedClock(), CountedIds())
    for slug, name, parent, position in (
        ("b", "=Bäume", None, 5),
        ("a", "Äpfel, rot", "b", 3),
        ("c", "Leer", "a", 0),
        ("d", "Drittes", None, 1),
    ):
        await categories.create({"slug": slug, "name": name, "parent": parent, "position": position}, TESTER)
    await commit(storage, creation(1000, category="a"))
    expected = [(category.slug, category.name, category.parent, category.position) for category in await categories.tree()]
    for format_name in FORMATS:
        data = await export_bytes(storage, format_name, with_categories=True)
        target = MemoryStorage()
        refusals, report = await import_bytes(target, format_name, data, atomic=atomic)
        assert (refusals, report.rows, report.created, report.categories) == ([], 1, 1, 4)
        target_categories = Categories(target, FixedClock(), CountedIds())
        assert [
            (category.slug, category.name, category.parent, category.position) for category in await target_categories.tree()
        ] == expected
        assert await export_bytes(target, format_name, with_categories=True) == data
        await target_categories.update("d", {"name": "Own"}, TESTER)
        refusals, report = await import_bytes(target, format_name, data, atomic=atomic, preserve=False)
        assert (report.categories, report.refused, (await target_categories.get("d")).name) == (0, 1, "Own")
        empty = MemoryStorage()
        refusals, report = await import_bytes(empty, format_name, data, atomic=atomic, dry_run=True)
        assert (refusals, report.created, report.categories, await empty.categories()) == ([], 1, 4, ())
        refusals, report = await import_bytes(empty, format_name, data, atomic=atomic, create_categories=False)
        assert ([refusal.code for refusal in refusals], await empty.categories()) == (["unknown_category"], ())
    without_items = await export_bytes(storage, "jsonl", with_categories=True, sku="none")
    assert without_items.count(b"_category") == 4


async def test_an_invalid_category_is_refused() -> None:
    """The errors of an invalid category are reported, and valid categories are imported."""
    columns = ",".join(COLUMNS)
    rows = "_category,Not a slug,N,,,,,,x,,\n_category,b,,,,,,,1,,\n_category,c,C,,,,,,2,,\n"
    refusals, report = await import_bytes(MemoryStorage(), "csv", f"{columns}\n{rows}".encode(), trailer_policy="ignore")
    assert (report.categories, report.created, report.refused) == (1, 0, 2)
    assert [(refusal.line, refusal.field) for refusal in refusals] == [(2, "slug"), (2, "position"), (3, "name")]


async def test_preserved_fields_are_required(storage: Storage) -> None:
    """Every row must have an id, a version and times. An id that exists already is refused."""
    text = (
        f"{','.join(COLUMNS)}\r\n"
        "x,A,n,,,,,,0,2026-11-20,2026-11-20T00:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b823,B,n,,,,,,7,2026-11-20T01:00:00Z,2026-11-20T00:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b823,C,n,,,,,,7,2026-11-20T01:00:00+01:00,2026-11-20T02:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b823,D,n,,,,,,7,2026-11-20T01:00:00Z,2026-11-20T02:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b824,E,n,,,,,,,,\r\n"
    )
    refusals, report = await import_bytes(storage, "csv", text.encode(), trailer_policy="ignore")
    assert report.created == 1
    assert [(refusal.sku, refusal.field, refusal.code) for refusal in refusals] == [
        ("A", "id", "invalid_id"),
        ("A", "version", "invalid_version"),
        ("A", "created_at", "invalid_time"),
        ("B", "updated_at", "before_creation"),
        ("D", "id", "item_exists"),
        ("E", "version", "invalid_version"),
        ("E", "created_at", "invalid_time"),
        ("E", "updated_at", "invalid_time"),
    ]
    (item,) = await all_items(storage)
    assert (item.sku, item.version, item.created_at.hour, item.updated_at.hour) == ("C", 7, 0, 2)
    refusals, report = await import_bytes(storage, "csv", text.encode(), preserve=False, trailer_policy="ignore")
    assert report.created == 4


async def test_content_after_the_trailer_is_reported() -> None:
    """Content after the trailer is reported, however long it is."""
    storage = MemoryStorage()
    await create_items(storage, 1)
    data = await export_bytes(storage, "json") + b"\n" * 200_000
    for file_type in (io.BytesIO, Pipe):
        refusals, report = await import_bytes(MemoryStorage(), "json", data, file_type=file_type)
        assert ([refusal.code for refusal in refusals], report.created) == (["malformed"], 1)


async def test_a_category_with_an_unknown_parent_is_refused(storage: Storage) -> None:
    """A category with an unknown parent is refused. Its items are still imported, into a category with that slug."""
    columns = ",".join(COLUMNS)
    rows = "_category,b,B,,nowhere,,,,1,,\n_category,c,C,,,,,,2,,\n,S,Item,,b,,,,,,\n"
    refusals, report = await import_bytes(storage, "csv", f"{columns}\n{rows}".encode(), preserve=False, trailer_policy="ignore")
    assert (report.created, report.refused, report.categories) == (1, 1, 2)
    assert [(refusal.line, refusal.sku, refusal.code) for refusal in refusals] == [(2, "b", "unknown_category")]
    assert {category.slug: category.parent for category in await storage.categories()} == {"b": None, "c": None}


class CategoryRival(MemoryStorage):
    """A store in which a rival creates one of the imported categories just before the import's commit."""

    rival_is_pending = True

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Let the rival commit first, once."""
        if self.rival_is_pending and batch[0].changes:
            self.rival_is_pending = False
            await Categories(self, FixedClock(), RandomIds()).create({"slug": "b", "name": "Theirs"}, TESTER)
        return await super().commit(batch, prepared)


async def test_a_category_that_a_rival_creates_is_left_unchanged() -> None:
    """A category that a rival creates during an import counts as an existing one, and nothing is refused."""
    columns = ",".join(COLUMNS)
    rows = "_category,b,B,,,,,,1,,\n_category,c,C,,b,,,,2,,\n,S,Item,,b,,,,,,\n"
    storage = CategoryRival()
    refusals, report = await import_bytes(storage, "csv", f"{columns}\n{rows}".encode(), preserve=False, trailer_policy="ignore")
    assert (refusals, report.created, report.categories) == ([], 1, 1)
    assert {category.slug: (category.name, category.parent) for category in await storage.categories()} == {
        "b": ("Theirs", None),
        "c": ("C", "b"),
    }
