"""Counts, facets and suggestions, and pages that are the same whichever plan reads them."""

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
from tests.conftest import STORES
from tests.making import certain, commit, create_categories, create_items, creation, pages, removal, revision

LONG_TIMEOUT = 60.0
"""A timeout in seconds that no query reaches."""

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
_QUERIES = st.fixed_dictionaries(
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


async def fill(storage: Storage, values: list[Any]) -> MemoryStorage:
    """Replace the items of a store, and return a memory store with the same items."""
    existing = (await storage.list_items(ItemQuery.parse({"limit": "200"}))).items
    await commit(storage, *map(removal, existing))
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
        for number, (name, category, currency, attributes) in enumerate(values)
    ]
    for store in (memory, storage):
        await create_categories(store, "a/b", "c")
        await commit(store, *changes)
    return memory


@settings(max_examples=25)
@given(values=_ITEMS, queries=st.lists(_QUERIES, min_size=2, max_size=4))
async def test_stores_agree_on_counts_and_facets(storage: Storage, values: list[Any], queries: list[dict[str, str]]) -> None:
    """Counts and facets of random queries are those of the memory store."""
    memory = await fill(storage, values)
    for parameters in queries:
        query = ItemQuery.parse(parameters)
        assert await storage.count(query, exact=True, seconds=LONG_TIMEOUT) == await memory.count(
            query, exact=True, seconds=LONG_TIMEOUT
        )
        for name in ("category", "currency", "attr.p", "attr.nope"):
            expected, actual = [await store.facet(query, name, seconds=LONG_TIMEOUT) for store in (memory, storage)]
            assert actual == expected, (parameters, name)
            if actual is not None and expected is not None:
                assert [type(value) for value, _ in actual.values] == [type(value) for value, _ in expected.values]


@settings(max_examples=25)
@given(values=_ITEMS, queries=st.lists(_QUERIES, min_size=2, max_size=4), max_index_first=st.sampled_from([0, 1, 2, 1000]))
async def test_stores_agree_on_pages_whichever_plan_is_used(
    storage: Storage, values: list[Any], queries: list[dict[str, str]], max_index_first: int
) -> None:
    """Pages are the same whether the matches are sorted or the items are read in order."""
    memory = await fill(storage, values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sql, "MAX_INDEX_FIRST", max_index_first)
        for parameters in queries:
            assert await pages(storage, parameters) == await pages(memory, parameters), parameters


@pytest.mark.parametrize("store", STORES)
async def test_a_search_with_too_many_matches_is_sorted_by_name(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search with too many matches to rank is sorted by name on every page, even if there are fewer matches by then.

    The memory store always ranks.
    """
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
        assert [item.name for item in first.items] == ["Oak z"]
        return
    assert not first.ranked
    (last,) = (await storage.list_items(ItemQuery.parse({"q": "oak", "limit": "1", "sort": "-name"}))).items
    await commit(storage, removal(last))
    second = await storage.list_items(ItemQuery.parse({"q": "oak", "limit": "1", "cursor": first.next_cursor or ""}))
    assert (not second.ranked, [item.name for item in (*first.items, *second.items)]) == (True, ["a", "c"])
    new_search = await storage.list_items(ItemQuery.parse({"q": "oak", "limit": "1"}))
    assert new_search.ranked


@pytest.mark.parametrize("store", STORES)
async def test_counts_can_be_estimates(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """If counting takes too long, the count is an estimate and facets are omitted."""
    monkeypatch.setattr(sql, "MAX_COUNTED", 0)
    await create_items(storage, *range(1, 41), attributes={"a": 1})
    query = ItemQuery.parse({"attr.a": "1"})
    if isinstance(storage, MemoryStorage):
        assert await storage.count(query, exact=False, seconds=LONG_TIMEOUT) == Count(40, exact=True)
        return
    estimate = await storage.count(query, exact=False, seconds=LONG_TIMEOUT)
    assert estimate is not None
    assert estimate.exact is certain(await storage.count(query, exact=True, seconds=LONG_TIMEOUT)).exact or estimate.value >= 0

    async def time_out(*_: object) -> None:
        return None

    fetch_within = storage._dialect.fetch_within  # type: ignore[attr-defined]
    monkeypatch.setattr(storage._dialect, "fetch_within", time_out)  # type: ignore[attr-defined]
    unfinished = await storage.count(query, exact=True, seconds=LONG_TIMEOUT)
    assert unfinished is None or (storage._dialect.estimates and not unfinished.exact)  # type: ignore[attr-defined]
    assert await storage.facet(query, "attr.a", seconds=LONG_TIMEOUT) is None

    async def time_out_for_counts(connection: object, statement: str, *rest: object) -> object:
        return None if statement.startswith("SELECT count") else await fetch_within(connection, statement, *rest)

    monkeypatch.setattr(storage._dialect, "fetch_within", time_out_for_counts)  # type: ignore[attr-defined]
    sampled = certain(await storage.count(query, exact=True, seconds=LONG_TIMEOUT))
    assert not sampled.exact
    assert sampled.value == 40 or storage._dialect.estimates  # type: ignore[attr-defined]


@pytest.mark.parametrize("store", STORES)
async def test_a_slow_statement_is_stopped(storage: Storage) -> None:
    """The database stops a statement that takes too long, and its connection serves the next read."""
    if isinstance(storage, MemoryStorage):
        return
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"
    reading, dialect = storage._reading, storage._dialect  # type: ignore[attr-defined]
    for _ in range(3):
        async with asyncio.timeout(30):
            assert await reading.run(lambda connection: dialect.fetch_within(connection.driver, endless, [], 0.05)) is None
        assert (await storage.list_items(ItemQuery.parse({}))).items == ()
    assert len(reading._idle) == 1


@pytest.mark.parametrize("store", STORES)
async def test_a_statement_is_stopped_if_its_caller_is_cancelled(storage: Storage) -> None:
    """Cancelling the caller stops the statement long before its timeout, because closing its connection would wait for it."""
    if isinstance(storage, MemoryStorage):
        return
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"
    reading, dialect = storage._reading, storage._dialect  # type: ignore[attr-defined]
    for pause in (0.0, 0.2):
        counting = asyncio.create_task(reading.run(lambda connection: dialect.fetch_within(connection.driver, endless, [], 5.0)))
        await asyncio.sleep(pause)
        counting.cancel()
        async with asyncio.timeout(60):
            await asyncio.wait((counting,))
            assert counting.cancelled()
            assert (await storage.list_items(ItemQuery.parse({}))).items == ()


@pytest.mark.parametrize("store", STORES)
async def test_a_count_without_an_estimate_is_unknown(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count that can be neither made nor estimated is None, and not 0."""
    if isinstance(storage, MemoryStorage):
        return
    await create_items(storage, 1, 2)

    async def no_result(*_: object) -> None:
        return None

    monkeypatch.setattr(storage._dialect, "fetch_within", no_result)  # type: ignore[attr-defined]
    monkeypatch.setattr(storage._dialect, "estimate", no_result)  # type: ignore[attr-defined]
    assert await storage.count(ItemQuery.parse({}), exact=True, seconds=LONG_TIMEOUT) is None
    (outcome,) = await commit(storage, creation(3))
    assert isinstance(outcome, Committed)


async def test_a_facet_has_only_the_most_frequent_values(storage: Storage) -> None:
    """A facet has the most frequent values. Values with equal counts are in the order of their sort keys."""
    for number in range(MAX_VALUES + 2):
        await create_items(storage, number + 1, attributes={"a": number})
    await create_items(storage, 1000, attributes={"a": MAX_VALUES + 1})
    facet = await storage.facet(ItemQuery.parse({}), "attr.a", seconds=LONG_TIMEOUT)
    assert facet is not None
    assert facet.truncated
    assert facet.values == ((MAX_VALUES + 1, 2), *((number, 1) for number in range(MAX_VALUES - 1)))


async def test_items_are_suggested_for_misspelled_searches(storage: Storage) -> None:
    """Items whose names are one typing error away are suggested in the order of their names. Suggestions follow changes."""
    await commit(
        storage,
        creation(1, name="Folding chair"),
        creation(2, name="Chairs for two"),
        creation(3, name="Garden table"),
        creation(4, name="Ökonom"),
        creation(5, name="Lamp", description="no chair"),
        creation(6, name="Shelf 12345"),
    )

    async def suggested_names(q: str) -> list[str]:
        search = SearchQuery.parse(q, FieldErrors())
        assert search is not None
        return [item.name for item in await storage.suggest(search)]

    assert await suggested_names("chiar") == ["Folding chair"]
    assert await suggested_names("chir") == ["Folding chair"]
    assert await suggested_names("foldng chai") == ["Folding chair"]
    assert await suggested_names("folding xchair") == ["Folding chair"]
    assert await suggested_names("garden chiar") == []
    assert await suggested_names("oeconom") == []
    assert await suggested_names("okonon") == ["Ökonom"]
    assert await suggested_names("ab") == []
    assert await suggested_names("shlef 1234") == ["Shelf 12345"]
    assert await suggested_names("shelf 12346") == []
    await commit(storage, *map(removal, (await storage.list_items(ItemQuery.parse({"q": "folding"}))).items))
    assert await suggested_names("chair") == ["Chairs for two"]
    assert await suggested_names("chiar") == []
    await create_items(storage, *range(10, 17), name="Folding chair")
    assert len(await suggested_names("chiar")) == 5


_WORDS = st.text("abc1カ-", min_size=1, max_size=6)


@settings(max_examples=25)
@given(
    names=st.lists(st.lists(_WORDS, min_size=1, max_size=3), min_size=1, max_size=6),
    searches=st.lists(st.lists(_WORDS, min_size=1, max_size=2), min_size=2, max_size=5),
)
async def test_stores_agree_on_suggestions(storage: Storage, names: list[list[str]], searches: list[list[str]]) -> None:
    """Random words of few letters have the same suggestions in every store."""
    memory = await fill(storage, [(" ".join(name), None, None, {}) for name in names])
    for words in searches:
        search = SearchQuery.parse(" ".join(words), FieldErrors())
        assert search is not None
        assert list(await storage.suggest(search)) == list(await memory.suggest(search)), words


async def test_a_part_of_a_code_is_not_suggested(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQL store may remember a word that no name contains any more.

    A name with that word as a part of a code is not suggested.
    """
    monkeypatch.setattr("catalog.adapters.sql.storage.SUGGESTION_BATCH", 2)
    (deleted,) = await create_items(storage, 1, name="ab1")
    await commit(storage, removal(deleted))
    await create_items(storage, 2, 3, 4, name="lamp 9ab1")
    search = SearchQuery.parse("ab2", FieldErrors())
    assert search is not None
    assert list(await storage.suggest(search)) == []
    (chair,) = await create_items(storage, 5, name="white ab1")
    assert list(await storage.suggest(search)) == [chair]


@pytest.mark.parametrize("store", STORES)
async def test_the_rarest_condition_or_the_order_leads(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQL store reads by the rarest condition, or in order if every condition has many matches."""
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
async def test_words_are_written_again_after_the_database_was_emptied(storage: Storage, store_url: str) -> None:
    """Words that this process wrote before are written again if they are missing, for example after a restore from a backup."""
    await create_items(storage, 1, 2, name="Folding chair")
    statements = [f"DELETE FROM {table}" for table in ("items", "item_words", "change_log", "name_words")]
    statements.append("UPDATE log_head SET seq = 0")
    if store_url.startswith("sqlite"):
        with closing(sqlite3.connect(store_url.partition(":///")[2])) as file:
            for statement in statements:
                file.execute(statement)
            file.commit()
    else:
        connection = await asyncpg.connect(store_url)
        await connection.execute(";".join(statements))
        await connection.close()
    await create_items(storage, 3, name="Folding chair")
    search = SearchQuery.parse("chiar", FieldErrors())
    assert search is not None
    assert [item.name for item in await storage.suggest(search)] == ["Folding chair"]


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
async def test_pruning_deletes_words_that_no_name_contains(
    storage: Storage, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pruning deletes words that no name contains. The next name with one writes it again, even if another process did before."""
    monkeypatch.setattr("catalog.adapters.sql.reads.suggestions.SWEEP_BATCH", 2)
    pruning = open_store(StorageOptions(store_url))
    replaced, deleted, shortened = await create_items(storage, 1, 2, 3, name="Oak chair")
    await commit(storage, removal(deleted))
    (deleted,) = await create_items(storage, 4, name="Zinc folding lamp")
    await commit(
        storage,
        removal(deleted),
        revision(shortened, name="Table oak"),
        revision(replaced, name="Beech table", description="No chair"),
    )

    async def known_words() -> set[str]:
        words: set[str] = set()
        for word in ("oka", "chiar", "zinz", "fodling", "lapm", "tabel", "beehc"):
            search = SearchQuery.parse(word, FieldErrors())
            assert search is not None
            pattern = word_pattern(word)
            assert pattern is not None
            rows = await pruning._fetch(pruning._select_candidates, candidate_parameters(pattern))  # type: ignore[attr-defined]
            words.update(row[0] for row in rows)
        return words

    assert await known_words() == {"oak", "chair", "zinc", "folding", "lamp", "table", "beech"}
    await pruning.prune(1)
    assert await known_words() == {"oak", "table", "beech"}
    await create_items(storage, 5, name="Folding chair")
    search = SearchQuery.parse("chiar", FieldErrors())
    assert search is not None
    assert [item.name for item in await storage.suggest(search)] == ["Folding chair"]
    assert await known_words() == {"oak", "table", "beech", "folding", "chair"}
    await pruning.close()
