"""The memory store's indexes give the same results as a full scan that filters by the domain's rules and sorts."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta

import pytest

from catalog.adapters.memory import indexed_items, item_reader, sorted_items
from catalog.adapters.memory.sorted_items import SortOrder
from catalog.adapters.memory.storage import MemoryStorage
from catalog.domain.categories.tree import Tree
from catalog.domain.change import Change
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.ordering import parse_sort, sort_by_values, sort_values
from catalog.domain.search.search import ItemTerms
from catalog.domain.search.spelling import corrections, is_corrected_by, matches_pattern, word_pattern
from catalog.domain.validation import FieldErrors
from tests.making import NOON, certain, commit, create_categories, creation, pages, removal

WORDS = ("oak", "oaken", "chair", "chairs", "Tisch", "Stühle", "réglable", "x1", "42", "KT-INS114")
QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"sort": "name"},
    {"sort": "-name"},
    {"sort": "price"},
    {"sort": "-price"},
    {"sort": "name,-created_at"},
    {"sort": "-name,price,updated_at"},
    {"sort": "-updated_at,sku"},
    {"sort": "-sku,name"},
    {"category": "home"},
    {"category": "chairs", "sort": "-price"},
    {"category__ne": "chairs"},
    {"category__exists": "false"},
    {"attr.colour": "red"},
    {"attr.colour__in": "red,blue", "sort": "name"},
    {"attr.size__gte": "2"},
    {"attr.size__exists": "true", "category": "garden"},
    {"sku__in": "S-1,S-2,S-3,NOPE"},
    {"currency": "EUR", "price_min": "10", "price_max": "40"},
    {"currency": "EUR", "price__gt": "10", "price__lt": "12", "sort": "-price"},
    {"currency": "USD", "price": "7"},
    {"currency": "EUR", "price__gte": "30", "price__lte": "20"},
    {"created_at__lt": (NOON + timedelta(seconds=5)).isoformat(), "q": "oak"},
    {"created_at__gte": (NOON + timedelta(seconds=3)).isoformat(), "created_at__lte": (NOON + timedelta(seconds=4)).isoformat()},
    {"updated_at__gt": (NOON + timedelta(seconds=25)).isoformat(), "sort": "price"},
    {"created_at": (NOON + timedelta(seconds=9)).isoformat()},
    {"q": "oak"},
    {"q": "oak chair"},
    {"q": "S-7"},
    {"q": "o", "category": "chairs"},
    {"q": "ch", "sort": "-created_at"},
    {"q": "stuhle"},
    {"q": "nothing such"},
)


def random_creation(rng: random.Random, number: int) -> Change[Item]:
    """Return the creation of an item with random words and values, some of which recur."""
    price = {"amount": str(rng.randrange(50)), "currency": rng.choice(("EUR", "USD"))}
    return creation(
        number,
        NOON + timedelta(seconds=rng.randrange(30)),
        name=" ".join(rng.choices(WORDS, k=2)),
        description=rng.choice(WORDS),
        category=rng.choice((None, "home", "chairs", "garden")),
        price=rng.choice((None, price)),
        attributes={"colour": rng.choice(("red", "blue")), "size": rng.choice((1, 2, 3))} if rng.random() < 0.7 else {},
    )


def full_scan(items: Sequence[Item], tree: Tree, parameters: dict[str, str]) -> list[Item]:
    """Filter and sort all items without an index."""
    query = ItemQuery.parse(parameters)
    matches = query.predicate(tree)
    entries = []
    for item in filter(matches, items):
        rank = None if query.search is None else query.search.rank(item, ItemTerms.from_item(item))
        if query.search is None or rank is not None:
            entries.append((sort_values(item, query.ordering, rank), item))
    sort_by_values(entries, query.ordering)
    return [item for _, item in entries]


@pytest.mark.parametrize("plan", ["indexes", "scans", "batches"])
async def test_every_page_equals_a_full_scan(plan: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pages, read forwards and backwards between changes, are those of a full scan, whichever plan the store uses."""
    if plan != "indexes":
        monkeypatch.setattr(indexed_items, "MAX_SORTED", 2)
        monkeypatch.setattr(item_reader, "MAX_SORTED", 2)
    if plan == "batches":
        monkeypatch.setattr(item_reader, "BATCH_SIZE", 7)
        monkeypatch.setattr(sorted_items, "BATCH_SIZE", 7)
        monkeypatch.setattr(sorted_items, "MAX_PENDING", 3)
    rng = random.Random(plan)
    storage = MemoryStorage()
    await create_categories(storage, "home/chairs", "garden")
    tree = Tree(await storage.categories())
    for turn in range(4):
        changes = [random_creation(rng, 50 * turn + number) for number in range(1, 51)]
        existing = list(storage._items.by_id.values())
        for item in rng.sample(existing, len(existing) // 2):
            values = random_creation(rng, 1).subject
            patch = {name: getattr(values, name) for name in ("name", "description", "category", "attributes")}
            update = item.replace({**patch, "sku": item.sku}, now=NOON + timedelta(minutes=turn))
            changes += [] if update is None else [update]
        changes += [removal(item) for item in rng.sample(existing, len(existing) // 4)]
        await commit(storage, *changes)
        existing = list(storage._items.by_id.values())
        for parameters in QUERIES:
            expected = full_scan(existing, tree, parameters)
            assert [item for page in await pages(storage, {**parameters, "limit": "9"}) for item in page] == expected, parameters
            (page,) = await pages(storage, {**parameters, "limit": "200", "offset": "3"}) if len(expected) < 200 else [()]
            assert len(expected) >= 200 or list(page) == expected[3:]
            query = ItemQuery.parse(parameters)
            assert certain(await storage.count(query, exact=True, seconds=1)).value == len(expected)
            streamed = [item async for items in storage.stream(query) for item in items]
            assert {item.id for item in streamed} == {item.id for item in expected}


async def test_suggestions_equal_a_full_scan() -> None:
    """The items suggested for words with one typing error are those of a full scan."""
    rng = random.Random(1)
    storage = MemoryStorage()
    await create_categories(storage, "home/chairs", "garden")
    await commit(storage, *(random_creation(rng, number) for number in range(1, 100)))
    existing = [item async for items in storage.stream(ItemQuery.parse({})) for item in items]
    terms = {item.id: ItemTerms.from_item(item) for item in existing}
    words = {word for item_terms in terms.values() for word in item_terms.suggestable.split()}
    for misspelling in ("oakk", "chiar", "tsich", "oak chiar", "x2", "nothing"):
        search = certain(ItemQuery.parse({"q": misspelling}).search)
        patterns = map(word_pattern, search.terms)
        candidates = [[word for word in words if pattern and matches_pattern(word, pattern)] for pattern in patterns]
        expected = {
            item_id
            for correction in corrections(search, candidates)
            for item_id, item_terms in terms.items()
            if is_corrected_by(item_terms, correction)
        }
        assert {item.id for item in await storage.suggest(search)} <= expected
        assert len(await storage.suggest(search)) == min(5, len(expected))


@pytest.mark.parametrize(
    "sort", ["name,-created_at", "-name,created_at", "price,-sku", "-price,sku,-updated_at", "updated_at,-name"]
)
def test_keys_sort_like_sort_values(sort: str) -> None:
    """Keys sort like the domain's sort values, in mixed directions and among names of which one is a prefix of another."""
    rng = random.Random(sort)
    items = [random_creation(rng, number).subject for number in range(1, 80)]
    items += [
        creation(100 + number, name=name).subject
        for number, name in enumerate(("a", "ab", "abc", "\U0010fffd", "a\U0010fffd", "b"))
    ]
    ordering = parse_sort(sort, FieldErrors())
    sorted_rows = [(sort_values(item, ordering), item) for item in items]
    sort_by_values(sorted_rows, ordering)
    order = SortOrder(ordering)
    entries = sorted(map(order.entry, items))
    assert [entries[position][-1] for position in order.positions(entries, None)] == [item for _, item in sorted_rows]
    for index, (values, _) in enumerate(sorted_rows):
        assert [entries[position][-1] for position in order.positions(entries, values)] == [
            item for _, item in sorted_rows[index + 1 :]
        ]


async def test_a_list_includes_changes_made_while_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items that are created, changed or deleted while a list is built are in the right place.

    A cancelled reader does not affect the next one.
    """
    monkeypatch.setattr(sorted_items, "BATCH_SIZE", 2)
    storage = MemoryStorage()
    await commit(storage, *(creation(number, name=f"{number % 10} {number}") for number in range(1, 41)))
    query = ItemQuery.parse({"sort": "name", "limit": "200"})
    for is_cancelled in (True, False):
        reading = asyncio.create_task(storage.list_items(query))
        for _ in range(5):
            await asyncio.sleep(0)
        existing = list(storage._items.by_id.values())
        update = certain(existing[3].update({"name": f"5 changed {is_cancelled}"}, now=NOON))
        await commit(storage, creation(100 + is_cancelled, name="0 new"), update, removal(existing[7]))
        if is_cancelled:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        else:
            assert [item.name for item in (await reading).items] == sorted(item.name for item in storage._items.by_id.values())
    assert [item.name for item in (await storage.list_items(query)).items] == sorted(
        item.name for item in storage._items.by_id.values()
    )


async def test_a_list_applies_changes_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a list applies its pending changes.

    If more than a quarter of the items changed, none are kept pending and the list is rebuilt.
    """
    monkeypatch.setattr(sorted_items, "BATCH_SIZE", 8)
    monkeypatch.setattr(sorted_items, "MAX_PENDING", 2)
    storage = MemoryStorage()
    query = ItemQuery.parse({"sort": "name", "limit": "200"})
    await commit(storage, *(creation(number, name=f"{number % 10} {number}") for number in range(1, 41)))
    await storage.list_items(query)
    for is_small_change in (True, False):
        existing = list(storage._items.by_id.values())
        for number, item in enumerate(existing[: 8 if is_small_change else 20]):
            await commit(storage, certain(item.update({"name": f"{number} again {is_small_change}"}, now=NOON)))
        (sorted_list,) = storage._items._sorted.values()
        assert len(sorted_list._pending) == (8 if is_small_change else 0)
        reading = asyncio.create_task(storage.list_items(query))
        await asyncio.sleep(0)
        await commit(storage, creation(100 + is_small_change, name="0 new"), removal(existing[39]))
        assert [item.name for item in (await reading).items] == sorted(item.name for item in storage._items.by_id.values())


async def test_the_number_of_sorted_lists_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least recently used list is dropped, and rebuilt when it is read."""
    monkeypatch.setattr(indexed_items, "MAX_ORDERS", 2)
    storage = MemoryStorage()
    await commit(storage, creation(1, name="b"), creation(2, name="a"))
    for sort in ("name", "-name", "sku", "updated_at", "name"):
        await storage.list_items(ItemQuery.parse({"sort": sort}))
        assert len(storage._items._sorted) <= 2
    (first, _) = (await storage.list_items(ItemQuery.parse({"sort": "name"}))).items
    assert first.name == "a"


async def test_a_page_builds_only_the_sort_keys_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a page of thousands of items builds no sort key once the list is built, and two keys after an update."""
    storage = MemoryStorage()
    changes = [creation(number, NOON + timedelta(seconds=number)) for number in range(1, 3_001)]
    await commit(storage, *changes)
    first = await storage.list_items(ItemQuery.parse({}))
    items_with_key: list[Item] = []
    build_entry = SortOrder.entry

    def count_entry(order: SortOrder, item: Item) -> tuple[object, ...]:
        items_with_key.append(item)
        return build_entry(order, item)

    monkeypatch.setattr(SortOrder, "entry", count_entry)
    for parameters in ({}, {"cursor": certain(first.next_cursor)}, {"offset": "2000"}):
        assert len((await storage.list_items(ItemQuery.parse(parameters))).items) == 50
    assert items_with_key == []
    await commit(storage, certain(changes[7].subject.update({"name": "x"}, now=NOON + timedelta(days=1))))
    assert items_with_key == []
    await storage.list_items(ItemQuery.parse({}))
    assert len(items_with_key) == 2
