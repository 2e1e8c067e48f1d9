"""What every store tells beside a page: counts, facets, what was meant; and pages by whichever plan they are read."""

import asyncio
import json
import sqlite3
from contextlib import closing
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.sql import storage as sql
from catalog.adapters.sql.reads.item_queries import ReadPlan, StatementShape
from catalog.adapters.sql.reads.suggestions import candidate_parameters
from catalog.domain.changes.log import Committed
from catalog.domain.queries.facets import MAX_VALUES
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.search.search import SearchQuery
from catalog.domain.search.spelling import word_pattern
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import Count, Storage, StorageOptions
from tests.making import certain, commit, create_categories, create_items, creation, pages, removal, revision

LONG = 60.0
"""Seconds, so that nothing is left out."""

_NAMES = st.sampled_from(["Oak chair", "oak table", "Chairs of oak", "Lamp", "東京 lamp", "Ökonom", "a b c"])
_VALUES = st.sampled_from([1, 1.0, 2, True, "1", "red", "x" * 300])
_ITEMS = st.lists(
    st.tuples(
        _NAMES,
        st.sampled_from([None, "a", "b", "c"]),
        st.sampled_from([None, "EUR", "USD"]),
        st.dictionaries(st.sampled_from(["p", "q"]), _VALUES),
    ),
    min_size=1,
    max_size=9,
)
_QUESTIONS = st.fixed_dictionaries(
    {},
    optional={
        "q": st.sampled_from(["oak", "cha", "o c", "nothing"]),
        "category": st.sampled_from(["a", "b"]),
        "currency": st.just("EUR"),
        "attr.p": _VALUES.map(json.dumps),
        "attr.q__exists": st.just("true"),
        "attr.p__gte": st.just("1"),
        "sort": st.sampled_from(["name", "-price", "price,-name", "created_at"]),
        "limit": st.sampled_from(["1", "2", "5"]),
    },
)


async def filled(storage: Storage, kept: list[Any]) -> MemoryStorage:
    """Put the same items into a store, after what was there, and into one of memory."""
    there = (await storage.list_items(ItemQuery.parse({"limit": "200"}))).items
    await commit(storage, *map(removal, there))
    start = 10 * (await storage.changes(after=0, limit=1)).head
    memory = MemoryStorage()
    changes = [
        creation(
            start + number,
            sku=f"S-{number}",
            name=name,
            category=category,
            price=currency and {"amount": "5", "currency": currency},
            attributes=attributes,
        )
        for number, (name, category, currency, attributes) in enumerate(kept)
    ]
    for store in (memory, storage):
        await create_categories(store, "a/b", "c")
        await commit(store, *changes)
    return memory


@settings(max_examples=25)
@given(kept=_ITEMS, questions=st.lists(_QUESTIONS, min_size=2, max_size=4))
async def test_stores_agree_on_counts_and_facets(storage: Storage, kept: list[Any], questions: list[dict[str, str]]) -> None:
    """Of every question."""
    memory = await filled(storage, kept)
    for question in questions:
        query = ItemQuery.parse(question)
        assert await storage.count(query, exact=True, seconds=LONG) == await memory.count(query, exact=True, seconds=LONG)
        for name in ("category", "currency", "attr.p", "attr.nope"):
            theirs, ours = [await store.facet(query, name, seconds=LONG) for store in (memory, storage)]
            assert ours == theirs, (question, name)
            if ours is not None and theirs is not None:
                assert [type(value) for value, _ in ours.values] == [type(value) for value, _ in theirs.values]


@settings(max_examples=25)
@given(kept=_ITEMS, questions=st.lists(_QUESTIONS, min_size=2, max_size=4), led=st.sampled_from([0, 1, 2, 1000]))
async def test_stores_agree_whatever_the_plan(
    storage: Storage, kept: list[Any], questions: list[dict[str, str]], led: int
) -> None:
    """Whether what is found is put in order, or the order is walked."""
    memory = await filled(storage, kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "MAX_INDEX_FIRST", led)
        for question in questions:
            assert await pages(storage, question) == await pages(memory, question), question


async def test_a_search_that_finds_too_much_is_in_the_order_of_names(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first page to the last, though fewer are found meanwhile; memory always ranks."""
    monkeypatch.setattr(sql, "MAX_RANKED", 2)
    await commit(
        storage,
        creation(1, name="c", description="oak"),
        creation(2, name="Oak z"),
        creation(3, name="a", description="oak"),
    )
    first = await storage.list_items(ItemQuery.parse({"q": "oak", "limit": "1"}))
    if isinstance(storage, MemoryStorage):
        assert first.ranked
        assert [one.name for one in first.items] == ["Oak z"]
        return
    assert not first.ranked
    (last,) = (await storage.list_items(ItemQuery.parse({"q": "oak", "limit": "1", "sort": "-name"}))).items
    await commit(storage, removal(last))
    second = await storage.list_items(ItemQuery.parse({"q": "oak", "limit": "1", "cursor": first.next_cursor or ""}))
    assert (not second.ranked, [one.name for one in (*first.items, *second.items)]) == (True, ["a", "c"])
    again = await storage.list_items(ItemQuery.parse({"q": "oak", "limit": "1"}))
    assert again.ranked


async def test_counts_can_be_about(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes too long is not counted; and a facet is not told then."""
    monkeypatch.setattr(sql, "MAX_COUNTED", 0)
    await create_items(storage, *range(1, 41), attributes={"a": 1})
    query = ItemQuery.parse({"attr.a": "1"})
    if isinstance(storage, MemoryStorage):
        assert await storage.count(query, exact=False, seconds=LONG) == Count(40, exact=True)
        return
    about = await storage.count(query, exact=False, seconds=LONG)
    assert about is not None
    assert about.exact is certain(await storage.count(query, exact=True, seconds=LONG)).exact or about.value >= 0

    async def never(*_: object) -> None:
        return None

    whole = storage._dialect.fetch_within  # type: ignore[attr-defined]
    monkeypatch.setattr(storage._dialect, "fetch_within", never)  # type: ignore[attr-defined]
    unknown = await storage.count(query, exact=True, seconds=LONG)
    assert unknown is None or (storage._dialect.estimates and not unknown.exact)  # type: ignore[attr-defined]
    assert await storage.facet(query, "attr.a", seconds=LONG) is None

    async def but_for_counts(connection: object, sql: str, *rest: object) -> object:
        return None if sql.startswith("SELECT count") else await whole(connection, sql, *rest)

    monkeypatch.setattr(storage._dialect, "fetch_within", but_for_counts)  # type: ignore[attr-defined]
    estimated = certain(await storage.count(query, exact=True, seconds=LONG))
    assert not estimated.exact
    assert estimated.value == 40 or storage._dialect.estimates  # type: ignore[attr-defined]


async def test_a_statement_that_takes_too_long_is_stopped(storage: Storage) -> None:
    """At the database too; and its connection serves the next."""
    if isinstance(storage, MemoryStorage):
        return
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"
    reading, flavour = storage._reading, storage._dialect  # type: ignore[attr-defined]
    for _ in range(3):
        async with asyncio.timeout(30):
            assert await reading.run(lambda held: flavour.fetch_within(held.driver, endless, [], 0.05)) is None
        assert (await storage.list_items(ItemQuery.parse({}))).items == ()
    assert len(reading._idle) == 1


async def test_a_statement_that_nobody_waits_for_is_stopped(storage: Storage) -> None:
    """Long before its time is over: whoever closes the connection would wait for it."""
    if isinstance(storage, MemoryStorage):
        return
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"
    reading, flavour = storage._reading, storage._dialect  # type: ignore[attr-defined]
    for pause in (0.0, 0.2):
        counting = asyncio.create_task(reading.run(lambda held: flavour.fetch_within(held.driver, endless, [], 5.0)))
        await asyncio.sleep(pause)
        counting.cancel()
        async with asyncio.timeout(60):
            await asyncio.wait((counting,))
            assert counting.cancelled()
            assert (await storage.list_items(ItemQuery.parse({}))).items == ()


async def test_an_estimate_that_cannot_be_made_is_unknown(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not 0."""
    if isinstance(storage, MemoryStorage):
        return
    await create_items(storage, 1, 2)

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(storage._dialect, "fetch_within", nothing)  # type: ignore[attr-defined]
    monkeypatch.setattr(storage._dialect, "estimate", nothing)  # type: ignore[attr-defined]
    assert await storage.count(ItemQuery.parse({}), exact=True, seconds=LONG) is None
    (outcome,) = await commit(storage, creation(3))
    assert isinstance(outcome, Committed)


async def test_only_the_most_frequent_values_are_told(storage: Storage) -> None:
    """Equal ones by their keys."""
    for number in range(MAX_VALUES + 2):
        await create_items(storage, number + 1, attributes={"a": number})
    await create_items(storage, 1000, attributes={"a": MAX_VALUES + 1})
    facet = await storage.facet(ItemQuery.parse({}), "attr.a", seconds=LONG)
    assert facet is not None
    assert facet.truncated
    assert facet.values == ((MAX_VALUES + 1, 2), *((number, 1) for number in range(MAX_VALUES - 1)))


async def test_what_may_have_been_meant_is_suggested(storage: Storage) -> None:
    """Names that are one typing error away, by name; also after they were changed."""
    await commit(
        storage,
        creation(1, name="Folding chair"),
        creation(2, name="Chairs for two"),
        creation(3, name="Garden table"),
        creation(4, name="Ökonom"),
        creation(5, name="Lamp", description="no chair"),
        creation(6, name="Shelf 12345"),
    )

    async def meant(q: str) -> list[str]:
        search = SearchQuery.parse(q, FieldErrors())
        assert search is not None
        return [one.name for one in await storage.suggest(search)]

    assert await meant("chiar") == ["Folding chair"]
    assert await meant("chir") == ["Folding chair"]
    assert await meant("foldng chai") == ["Folding chair"]
    assert await meant("folding xchair") == ["Folding chair"]
    assert await meant("garden chiar") == []
    assert await meant("oeconom") == []
    assert await meant("okonon") == ["Ökonom"]
    assert await meant("ab") == []
    assert await meant("shlef 1234") == ["Shelf 12345"]
    assert await meant("shelf 12346") == []
    await commit(storage, *map(removal, (await storage.list_items(ItemQuery.parse({"q": "folding"}))).items))
    assert await meant("chair") == ["Chairs for two"]
    assert await meant("chiar") == []
    await create_items(storage, *range(10, 17), name="Folding chair")
    assert len(await meant("chiar")) == 5


_WORDS = st.text("abc1カ-", min_size=1, max_size=6)


@settings(max_examples=25)
@given(
    names=st.lists(st.lists(_WORDS, min_size=1, max_size=3), min_size=1, max_size=6),
    searches=st.lists(st.lists(_WORDS, min_size=1, max_size=2), min_size=2, max_size=5),
)
async def test_stores_agree_on_what_was_meant(storage: Storage, names: list[list[str]], searches: list[list[str]]) -> None:
    """Random words of few letters, so that many are near."""
    memory = await filled(storage, [(" ".join(name), None, None, {}) for name in names])
    for words in searches:
        search = SearchQuery.parse(" ".join(words), FieldErrors())
        assert search is not None
        assert list(await storage.suggest(search)) == list(await memory.suggest(search)), words


async def test_a_part_of_a_code_is_no_suggestion(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that some name had may be known to a SQL store for longer; a name with it as a part of a code is not meant."""
    monkeypatch.setattr("catalog.adapters.sql.storage.SUGGESTION_BATCH", 2)
    (gone,) = await create_items(storage, 1, name="ab1")
    await commit(storage, removal(gone))
    await create_items(storage, 2, 3, 4, name="lamp 9ab1")
    search = SearchQuery.parse("ab2", FieldErrors())
    assert search is not None
    assert list(await storage.suggest(search)) == []
    (chair,) = await create_items(storage, 5, name="white ab1")
    assert list(await storage.suggest(search)) == [chair]


async def test_the_rarest_condition_leads_or_the_order_does(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are databases to be told."""
    if isinstance(storage, MemoryStorage):
        return
    monkeypatch.setattr(sql, "MAX_INDEX_FIRST", 2)
    await create_items(storage, 1, 2, 3, attributes={"a": 1, "c": 1})
    await create_items(storage, 4, attributes={"a": 1, "b": 1, "c": 1})
    statements: dict[tuple[str, StatementShape, str], object] = storage._statements  # type: ignore[attr-defined]
    for parameters, plan in (
        ({"attr.a": "1"}, (ReadPlan.ORDER_SCAN, 0)),
        ({"attr.b": "1"}, (ReadPlan.INDEX_FIRST, 0)),
        ({"attr.a": "1", "attr.b": "1", "attr.c": "1"}, (ReadPlan.INDEX_FIRST, 1)),
        ({"version": "1"}, (ReadPlan.AUTOMATIC, 0)),
    ):
        statements.clear()
        await storage.list_items(ItemQuery.parse(parameters))
        assert [(shape.plan, shape.leading_index) for kind, shape, _ in statements if kind == "list"] == [plan], parameters


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
async def test_a_word_is_written_again_after_the_database_was_emptied_beneath_us(storage: Storage, store_url: str) -> None:
    """As by a restore from a backup: what this process wrote before is not there any more."""
    await create_items(storage, 1, 2, name="Folding chair")
    emptied = [f"DELETE FROM {table}" for table in ("items", "item_words", "change_log", "name_words")]
    emptied.append("UPDATE log_head SET seq = 0")
    if store_url.startswith("sqlite"):
        with closing(sqlite3.connect(store_url.partition(":///")[2])) as file:
            for statement in emptied:
                file.execute(statement)
            file.commit()
    else:
        connection = await asyncpg.connect(store_url)
        await connection.execute(";".join(emptied))
        await connection.close()
    await create_items(storage, 3, name="Folding chair")
    search = SearchQuery.parse("chiar", FieldErrors())
    assert search is not None
    assert [one.name for one in await storage.suggest(search)] == ["Folding chair"]


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
async def test_words_that_no_name_has_go_when_the_log_is_pruned(
    storage: Storage, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And come back with the next name that has them, also where another process had written them before."""
    monkeypatch.setattr("catalog.adapters.sql.reads.suggestions.SWEEP_BATCH", 2)
    pruning = open_store(StorageOptions(store_url))
    kept, gone, renamed = await create_items(storage, 1, 2, 3, name="Oak chair")
    await commit(storage, removal(gone))
    (gone,) = await create_items(storage, 4, name="Zinc folding lamp")
    await commit(
        storage, removal(gone), revision(renamed, name="Table oak"), revision(kept, name="Beech table", description="No chair")
    )

    async def known() -> set[str]:
        found: set[str] = set()
        for word in ("oka", "chiar", "zinz", "fodling", "lapm", "tabel", "beehc"):
            search = SearchQuery.parse(word, FieldErrors())
            assert search is not None
            its = word_pattern(word)
            assert its is not None
            rows = await pruning._fetch(pruning._select_candidates, candidate_parameters(its))  # type: ignore[attr-defined]
            found.update(row[0] for row in rows)
        return found

    assert await known() == {"oak", "chair", "zinc", "folding", "lamp", "table", "beech"}
    await pruning.prune(1)
    assert await known() == {"oak", "table", "beech"}
    await create_items(storage, 5, name="Folding chair")
    search = SearchQuery.parse("chiar", FieldErrors())
    assert search is not None
    assert [one.name for one in await storage.suggest(search)] == ["Folding chair"]
    assert await known() == {"oak", "table", "beech", "folding", "chair"}
    await pruning.close()
