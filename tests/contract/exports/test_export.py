"""What is exported is one state of the store, whole, and comes back the same."""

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

from catalog.adapters.memory import storage as memory_store
from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.sql import storage as sql_store
from catalog.adapters.system import RandomIds
from catalog.application.categories.categories import Categories
from catalog.application.exports.export import COLUMNS, FORMATS, export, parse_export, parse_format
from catalog.application.files.readers import read_table
from catalog.application.files.trailer import TrailerPolicy
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.rows import Refusal
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import InvalidFile, InvalidQuery, StoreUnavailable
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.text.normalization import is_blank, trim
from catalog.entrypoints.representations.items import encode_item
from catalog.ports.storage import Storage
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


class Pipe(io.BytesIO):
    """A file that is read once."""

    def seekable(self) -> bool:
        """It is not."""
        return False


async def exported(storage: Storage, kind: str = "jsonl", *, with_categories: bool = False, **said: str) -> bytes:
    """Return what an export writes."""
    pieces = export(storage, parse_export(said), FORMATS[kind], encode_item, with_categories=with_categories)
    return b"".join([piece async for piece in pieces])


async def skus(storage: Storage, **said: str) -> list[str]:
    """Return the SKUs that an export writes."""
    return [
        json.loads(line)["sku"] for line in (await exported(storage, "jsonl", with_categories=False, **said)).splitlines()[:-1]
    ]


async def take(
    storage: Storage,
    kind: str,
    data: bytes,
    *,
    preserve: bool = True,
    proof: TrailerPolicy = "of_exports",
    file: Callable[[bytes], io.BytesIO] = io.BytesIO,
    **options: bool,
) -> tuple[list[Refusal], Any]:
    """Import into a store."""
    refusals: list[Refusal] = []
    importing = ImportPipeline(storage, FixedClock(), CountedIds())
    plan = replace(ImportPlan(preserve=preserve, create_categories=True), **options)  # type: ignore[arg-type]
    report = await importing.run(read_table(file(data), kind, ",", proof), plan, TESTER, on_refusal=refusals.append)
    return refusals, report


async def everything(storage: Storage) -> tuple[Item, ...]:
    """Return all items."""
    return (await storage.list_items(ItemQuery.parse({"sort": "sku", "limit": "200"}))).items


async def test_an_export_takes_filters_and_an_order(storage: Storage) -> None:
    """The oldest first, unless something else is said; a search is not ranked."""
    await create_categories(storage, "a/b")
    for number, slug in enumerate(["a", "b", None], 1):
        await commit(storage, creation(number, NOON, name=f"n{9 - number} oak", category=slug))
    assert await skus(storage) == ["S-1", "S-2", "S-3"]
    assert await skus(storage, category="a", sort="-sku") == ["S-2", "S-1"]
    assert await skus(storage, q="oak") == ["S-1", "S-2", "S-3"]
    assert await skus(storage, q="nothing") == []
    for name in ("limit", "cursor", "offset", "count"):
        with pytest.raises(InvalidQuery, match=name):
            parse_export({name: "1"})
    with pytest.raises(InvalidQuery, match="csv or jsonl or json"):
        parse_format("xml")


async def test_the_trailer_proves_that_all_is_there(storage: Storage) -> None:
    """The number of rows, and the digest of what stands before its line; of an empty export too."""
    for count in (0, 2):
        await create_items(storage, *range(1, count + 1))
        for kind in FORMATS:
            data = await exported(storage, kind)
            start = data.rindex(b"\n", 0, -1) + 1 if data.count(b"\n") > 1 else 0
            digest = hashlib.sha256(data[:start]).hexdigest()
            if kind == "csv":
                rows = list(csv.DictReader(io.StringIO(data.decode())))
                assert (rows[-1]["id"], rows[-1]["sku"], rows[-1]["name"]) == ("_end", str(count), digest)
            else:
                last = json.loads(data)[-1] if kind == "json" else json.loads(data.splitlines()[-1])
                assert last == {"_end": {"rows": count, "sha256": digest}}
            whole: MemoryStorage = MemoryStorage()
            refusals, report = await take(whole, kind, data)
            assert (refusals, report.created, report.ignored) == ([], count, [])


async def test_an_export_is_one_state(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is written meanwhile; and writers do not wait for it."""
    monkeypatch.setattr(sql_store, "_BATCH_SIZE", 2)
    monkeypatch.setattr(memory_store, "BATCH_SIZE", 2)
    kept = await create_items(storage, *range(1, 8))
    found: list[str] = []
    async for some in storage.stream(parse_export({"sort": "sku"})):
        if not found:
            await commit(storage, removal(kept[6]), revision(kept[5], name="x"), creation(9))
        assert len(some) <= 2
        found += [f"{one.sku} {one.version}" for one in some]
    assert found == [f"S-{number} 1" for number in range(1, 8)]


async def test_an_export_that_is_given_up_gives_its_connection_back(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than there are connections; the store can be closed, and asked again."""
    monkeypatch.setattr(sql_store, "_BATCH_SIZE", 2)
    await create_items(storage, *range(1, 8))
    for _ in range(4):
        stream = storage.stream(parse_export({}))
        assert len(await anext(stream)) > 0
        await stream.aclose()  # type: ignore[attr-defined]
    assert len(await skus(storage)) == 7


async def test_what_fails_on_the_way_is_told(storage: Storage) -> None:
    """As the store being away, where a database is."""
    if isinstance(storage, MemoryStorage):
        return
    flavour: Any = storage._dialect  # type: ignore[attr-defined]

    class Cut:
        def __aiter__(self) -> Any:  # noqa: ANN401 - itself
            return self

        async def __anext__(self) -> None:
            raise TimeoutError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flavour, "stream", lambda *_: Cut())
        with pytest.raises(StoreUnavailable):
            await exported(storage)
    assert await skus(storage) == []


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


_FORMULAS = [(f"{sign}1", f"{sign}x", None, {"a": f"{sign}y"}, None, False) for sign in "=+-@'"]


@settings(max_examples=30)
@example(kept=[*_FORMULAS, ("x", "\t1", None, {}, None, False), ("x", "\r1", None, {}, None, True)])
@given(kept=_ITEMS)
async def test_what_was_exported_comes_back_the_same(storage: Storage, kept: list[Any]) -> None:
    """Into an empty store: ids, versions, times and all; formulas are neutralised on the way, and restored."""
    await commit(storage, *map(removal, await everything(storage)))
    start = 10 * (await storage.changes(after=0, limit=1)).head
    await create_categories(storage, "c", "d-e")
    for number, (name, description, price, attributes, category, changed) in enumerate(kept, 1):
        money = price and {"amount": price[0], "currency": price[1]}
        born = creation(start + number, name=name, description=description, price=money, attributes=attributes, category=category)
        await commit(storage, born, *([revision(born.subject, name=f"{name}!"[:200])] if changed else []))
    for kind in FORMATS:
        data = await exported(storage, kind)
        if kind == "csv":
            for row in csv.reader(io.StringIO(data.decode(), newline="")):
                assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
        empty = MemoryStorage()
        refusals, report = await take(empty, kind, data)
        assert (refusals, report.created) == ([], len(kept))
        assert await everything(empty) == await everything(storage)
        assert await exported(empty, kind) == data


async def test_a_file_that_is_not_whole_is_told_apart(storage: Storage) -> None:
    """One that lost rows, and one that was changed; behind a trailer nothing is left out quietly."""
    await create_items(storage, 1, 2, 3)
    for kind in FORMATS:
        data = await exported(storage, kind)
        lines = data.splitlines(keepends=True)
        cut = b"".join(lines[:-2] + lines[-1:])
        changed = data.replace(b"Item 2", b"Item 5")
        part = b"".join(lines[:-1])
        open_end = part + (b'{"sku": "X", "name": "X"}]' if kind == "json" else b"")
        for broken, reason in (
            (cut, "the trailer says 3 rows, the file has 2"),
            (changed, "was changed since"),
            (open_end, "not a complete export"),
        ):
            refusals, _ = await take(MemoryStorage(), kind, broken, file=Pipe)
            assert [reason in refusal.reason for refusal in refusals if refusal.field == ""] == [True], (kind, refusals)
        for broken in (cut, changed):
            with pytest.raises(InvalidFile, match="was changed since"):
                await take(MemoryStorage(), kind, broken)
            _, report = await take(MemoryStorage(), kind, broken, proof="none")
            assert (report.created, report.refused) == (2 if broken is cut else 3, 0)
        for proof in ("of_exports", "required"):
            with pytest.raises(InvalidFile, match="not a complete export"):
                await take(MemoryStorage(), kind, open_end, proof=proof)
        refusals, report = await take(MemoryStorage(), kind, data, proof="required", file=Pipe)
        assert (refusals, report.created) == ([], 3)


async def test_a_trailer_that_counts_wrongly_is_noticed(storage: Storage) -> None:
    """Though its digest is right: somebody wrote it."""
    await create_items(storage, 1)
    data = (await exported(storage, "jsonl")).replace(b'"rows": 1', b'"rows": 2')
    refusals, report = await take(MemoryStorage(), "jsonl", data)
    assert ([refusal.code for refusal in refusals], report.created) == (["malformed"], 1)
    for end in (b'{"_end": x}', b'{"_end": 1}', b"_end"):
        with pytest.raises(InvalidFile):
            await take(MemoryStorage(), "jsonl", data.splitlines(keepends=True)[0] + end)


@pytest.mark.parametrize("atomic", [False, True])
async def test_the_tree_of_categories_comes_with_the_items(storage: Storage, *, atomic: bool) -> None:
    """With names, parents and positions, in every format; what is there already stays."""
    categories = Categories(storage, FixedClock(), CountedIds())
    for slug, name, parent, position in (
        ("b", "=Bäume", None, 5),
        ("a", "Äpfel, rot", "b", 3),
        ("c", "Leer", "a", 0),
        ("d", "Drittes", None, 1),
    ):
        await categories.create({"slug": slug, "name": name, "parent": parent, "position": position}, TESTER)
    await commit(storage, creation(1000, category="a"))
    wanted = [(one.slug, one.name, one.parent, one.position) for one in await categories.tree()]
    for kind in FORMATS:
        data = await exported(storage, kind, with_categories=True)
        there = MemoryStorage()
        refusals, report = await take(there, kind, data, atomic=atomic)
        assert (refusals, report.rows, report.created, report.categories) == ([], 1, 1, 4)
        tree = Categories(there, FixedClock(), CountedIds())
        assert [(one.slug, one.name, one.parent, one.position) for one in await tree.tree()] == wanted
        assert await exported(there, kind, with_categories=True) == data
        await tree.update("d", {"name": "Own"}, TESTER)
        refusals, report = await take(there, kind, data, atomic=atomic, preserve=False)
        assert (report.categories, report.refused, (await tree.get("d")).name) == (0, 1, "Own")
        empty = MemoryStorage()
        refusals, report = await take(empty, kind, data, atomic=atomic, dry_run=True)
        assert (refusals, report.created, report.categories, await empty.categories()) == ([], 1, 4, ())
        refusals, report = await take(empty, kind, data, atomic=atomic, create_categories=False)
        assert ([refusal.code for refusal in refusals], await empty.categories()) == (["unknown_category"], ())
        with pytest.raises(InvalidFile, match="not a complete export"):
            await take(empty, kind, b"".join(data.splitlines(keepends=True)[:3]))
    nothing = await exported(storage, "jsonl", with_categories=True, sku="none")
    assert nothing.count(b"_category") == 4


async def test_a_category_that_breaks_rules_is_refused() -> None:
    """With its faults; the others come."""
    columns = ",".join(COLUMNS)
    rows = "_category,Not a slug,N,,,,,,x,,\n_category,b,,,,,,,1,,\n_category,c,C,,,,,,2,,\n"
    refusals, report = await take(MemoryStorage(), "csv", f"{columns}\n{rows}".encode(), proof="none")
    assert (report.categories, report.created, report.refused) == (1, 0, 2)
    assert [(one.line, one.field) for one in refusals] == [(2, "slug"), (2, "position"), (3, "name")]


async def test_what_is_kept_must_be_there(storage: Storage) -> None:
    """Every row with its id, version and times; an id that is there already is refused."""
    text = (
        f"{','.join(COLUMNS)}\r\n"
        "x,A,n,,,,,,0,2026-11-20,2026-11-20T00:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b823,B,n,,,,,,7,2026-11-20T01:00:00Z,2026-11-20T00:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b823,C,n,,,,,,7,2026-11-20T01:00:00+01:00,2026-11-20T02:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b823,D,n,,,,,,7,2026-11-20T01:00:00Z,2026-11-20T02:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b824,E,n,,,,,,,,\r\n"
    )
    refusals, report = await take(storage, "csv", text.encode(), proof="none")
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
    (kept,) = await everything(storage)
    assert (kept.sku, kept.version, kept.created_at.hour, kept.updated_at.hour) == ("C", 7, 0, 2)
    refusals, report = await take(storage, "csv", text.encode(), preserve=False, proof="none")
    assert report.created == 4


async def test_what_stands_behind_the_trailer_is_noticed() -> None:
    """However much it is."""
    storage = MemoryStorage()
    await create_items(storage, 1)
    data = await exported(storage, "json") + b"\n" * 200_000
    with pytest.raises(InvalidFile, match="not a complete export"):
        await take(MemoryStorage(), "json", data)
    refusals, report = await take(MemoryStorage(), "json", data, file=Pipe)
    assert ([refusal.code for refusal in refusals], report.created) == (["malformed"], 1)


async def test_a_category_that_finds_no_place_is_told(storage: Storage) -> None:
    """Its items come all the same, into one of its slug."""
    columns = ",".join(COLUMNS)
    rows = "_category,b,B,,nowhere,,,,1,,\n_category,c,C,,,,,,2,,\n,S,Item,,b,,,,,,\n"
    refusals, report = await take(storage, "csv", f"{columns}\n{rows}".encode(), preserve=False, proof="none")
    assert (report.created, report.refused, report.categories) == (1, 1, 2)
    assert [(one.line, one.sku, one.code) for one in refusals] == [(2, "b", "unknown_category")]
    assert {one.slug: one.parent for one in await storage.categories()} == {"b": None, "c": None}


class CategoryRival(MemoryStorage):
    """A store where somebody else creates a category of the import, just before its commit."""

    quick = True

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Be quicker, once."""
        if self.quick and batch[0].changes:
            self.quick = False
            await Categories(self, FixedClock(), RandomIds()).create({"slug": "b", "name": "Theirs"}, TESTER)
        return await super().commit(batch, prepared)


async def test_a_category_that_a_rival_creates_meanwhile_stays_theirs() -> None:
    """As one that was there before; nothing is refused."""
    columns = ",".join(COLUMNS)
    rows = "_category,b,B,,,,,,1,,\n_category,c,C,,b,,,,2,,\n,S,Item,,b,,,,,,\n"
    storage = CategoryRival()
    refusals, report = await take(storage, "csv", f"{columns}\n{rows}".encode(), preserve=False, proof="none")
    assert (refusals, report.created, report.categories) == ([], 1, 1)
    assert {one.slug: (one.name, one.parent) for one in await storage.categories()} == {"b": ("Theirs", None), "c": ("C", "b")}
