"""The memory store's indexes against the plain way: filter everything by the domain's rules, then sort it."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta

import pytest

from catalog.adapters.memory import sorted_items
from catalog.adapters.memory import storage as module
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
QUESTIONS: tuple[dict[str, str], ...] = (
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


def made(chance: random.Random, number: int) -> Change[Item]:
    """Create an item of random words and values, some of them alike."""
    price = {"amount": str(chance.randrange(50)), "currency": chance.choice(("EUR", "USD"))}
    return creation(
        number,
        NOON + timedelta(seconds=chance.randrange(30)),
        name=" ".join(chance.choices(WORDS, k=2)),
        description=chance.choice(WORDS),
        category=chance.choice((None, "home", "chairs", "garden")),
        price=chance.choice((None, price)),
        attributes={"colour": chance.choice(("red", "blue")), "size": chance.choice((1, 2, 3))} if chance.random() < 0.7 else {},
    )


def found(items: Sequence[Item], tree: Tree, question: dict[str, str]) -> list[Item]:
    """Find and sort without any index."""
    query = ItemQuery.parse(question)
    shows = query.predicate(tree)
    entries = []
    for item in filter(shows, items):
        rank = None if query.search is None else query.search.rank(item, ItemTerms.from_item(item))
        if query.search is None or rank is not None:
            entries.append((sort_values(item, query.ordering, rank), item))
    sort_by_values(entries, query.ordering)
    return [item for _, item in entries]


@pytest.mark.parametrize("sizes", ["indexes", "walks", "slices"])
async def test_every_page_is_what_the_plain_way_finds(sizes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through all pages and back, while items come, change and go; whichever way the store takes to find them."""
    if sizes != "indexes":
        monkeypatch.setattr(module, "MAX_SORTED", 2)
    if sizes == "slices":
        monkeypatch.setattr(module, "BATCH_SIZE", 7)
        monkeypatch.setattr(sorted_items, "BATCH_SIZE", 7)
        monkeypatch.setattr(sorted_items, "MAX_PENDING", 3)
    chance = random.Random(sizes)
    storage = MemoryStorage()
    await create_categories(storage, "home/chairs", "garden")
    tree = Tree(await storage.categories())
    for turn in range(4):
        changes = [made(chance, 50 * turn + number) for number in range(1, 51)]
        living = list(storage._items.values())
        for item in chance.sample(living, len(living) // 2):
            values = made(chance, 1).subject
            patch = {name: getattr(values, name) for name in ("name", "description", "category", "attributes")}
            revised = item.replace({**patch, "sku": item.sku}, now=NOON + timedelta(minutes=turn))
            changes += [] if revised is None else [revised]
        changes += [removal(item) for item in chance.sample(living, len(living) // 4)]
        await commit(storage, *changes)
        living = list(storage._items.values())
        for question in QUESTIONS:
            wanted = found(living, tree, question)
            assert [item for page in await pages(storage, {**question, "limit": "9"}) for item in page] == wanted, question
            (page,) = await pages(storage, {**question, "limit": "200", "offset": "3"}) if len(wanted) < 200 else [()]
            assert len(wanted) >= 200 or list(page) == wanted[3:]
            query = ItemQuery.parse(question)
            assert certain(await storage.count(query, exact=True, seconds=1)).value == len(wanted)
            streamed = [item async for items in storage.stream(query) for item in items]
            assert {item.id for item in streamed} == {item.id for item in wanted}


async def test_suggestions_are_what_the_plain_way_finds() -> None:
    """For each word that is one error away."""
    chance = random.Random(1)
    storage = MemoryStorage()
    await create_categories(storage, "home/chairs", "garden")
    await commit(storage, *(made(chance, number) for number in range(1, 100)))
    living = [item async for items in storage.stream(ItemQuery.parse({})) for item in items]
    terms = {item.id: ItemTerms.from_item(item) for item in living}
    spelled = {word for its in terms.values() for word in its.suggestable.split()}
    for question in ("oakk", "chiar", "tsich", "oak chiar", "x2", "nothing"):
        search = certain(ItemQuery.parse({"q": question}).search)
        known = [[w for w in spelled if its and matches_pattern(w, its)] for its in map(word_pattern, search.terms)]
        wanted = {its for one in corrections(search, known) for its, mine in terms.items() if is_corrected_by(mine, one)}
        assert {item.id for item in await storage.suggest(search)} <= wanted
        assert len(await storage.suggest(search)) == min(5, len(wanted))


@pytest.mark.parametrize(
    "sort", ["name,-created_at", "-name,created_at", "price,-sku", "-price,sku,-updated_at", "updated_at,-name"]
)
def test_keys_compare_as_places_do(sort: str) -> None:
    """In mixed directions; among names where one begins the other."""
    chance = random.Random(sort)
    items = [made(chance, number).subject for number in range(1, 80)]
    items += [creation(100 + n, name=name).subject for n, name in enumerate(("a", "ab", "abc", "\U0010fffd", "a\U0010fffd", "b"))]
    ordering = parse_sort(sort, FieldErrors())
    places = [(sort_values(item, ordering), item) for item in items]
    sort_by_values(places, ordering)
    order = SortOrder(ordering)
    entries = sorted(map(order.entry, items))
    assert [entries[at][-1] for at in order.positions(entries, None)] == [item for _, item in places]
    for index, (mark, _) in enumerate(places):
        assert [entries[at][-1] for at in order.positions(entries, mark)] == [item for _, item in places[index + 1 :]]


async def test_a_list_that_is_written_to_while_it_is_built_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came, changed and went meanwhile is in its place; and a reader who gives up does not spoil it for the next."""
    monkeypatch.setattr(sorted_items, "BATCH_SIZE", 2)
    storage = MemoryStorage()
    await commit(storage, *(creation(number, name=f"{number % 10} {number}") for number in range(1, 41)))
    query = ItemQuery.parse({"sort": "name", "limit": "200"})
    for given_up in (True, False):
        reading = asyncio.create_task(storage.list_items(query))
        for _ in range(5):
            await asyncio.sleep(0)
        living = list(storage._items.values())
        changed = certain(living[3].update({"name": f"5 changed {given_up}"}, now=NOON))
        await commit(storage, creation(100 + given_up, name="0 new"), changed, removal(living[7]))
        if given_up:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        else:
            assert [item.name for item in (await reading).items] == sorted(item.name for item in storage._items.values())
    assert [item.name for item in (await storage.list_items(query)).items] == sorted(
        item.name for item in storage._items.values()
    )


async def test_a_list_takes_in_what_changed_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few changes at a time, while more come; of more than a quarter of it nothing is kept waiting."""
    monkeypatch.setattr(sorted_items, "BATCH_SIZE", 8)
    monkeypatch.setattr(sorted_items, "MAX_PENDING", 2)
    storage = MemoryStorage()
    query = ItemQuery.parse({"sort": "name", "limit": "200"})
    await commit(storage, *(creation(number, name=f"{number % 10} {number}") for number in range(1, 41)))
    await storage.list_items(query)
    for few in (True, False):
        living = list(storage._items.values())
        for number, item in enumerate(living[: 8 if few else 20]):
            await commit(storage, certain(item.update({"name": f"{number} again {few}"}, now=NOON)))
        (kept,) = storage._sorted.values()
        assert len(kept._pending) == (8 if few else 0)
        reading = asyncio.create_task(storage.list_items(query))
        await asyncio.sleep(0)
        await commit(storage, creation(100 + few, name="0 new"), removal(living[39]))
        assert [item.name for item in (await reading).items] == sorted(item.name for item in storage._items.values())


async def test_only_so_many_orders_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was not used for longest goes, and is built again when it is asked for."""
    monkeypatch.setattr(module, "MAX_ORDERS", 2)
    storage = MemoryStorage()
    await commit(storage, creation(1, name="b"), creation(2, name="a"))
    for sort in ("name", "-name", "sku", "updated_at", "name"):
        await storage.list_items(ItemQuery.parse({"sort": sort}))
        assert len(storage._sorted) <= 2
    (first, _) = (await storage.list_items(ItemQuery.parse({"sort": "name"}))).items
    assert first.name == "a"


async def test_a_page_looks_at_no_more_items_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of a list of thousands makes keys for none of them, once the list is built; and two for a write before it."""
    storage = MemoryStorage()
    changes = [creation(number, NOON + timedelta(seconds=number)) for number in range(1, 3_001)]
    await commit(storage, *changes)
    first = await storage.list_items(ItemQuery.parse({}))
    counted: list[Item] = []
    entry = SortOrder.entry

    def counting(order: SortOrder, item: Item) -> tuple[object, ...]:
        counted.append(item)
        return entry(order, item)

    monkeypatch.setattr(SortOrder, "entry", counting)
    for question in ({}, {"cursor": certain(first.next_cursor)}, {"offset": "2000"}):
        assert len((await storage.list_items(ItemQuery.parse(question))).items) == 50
    assert counted == []
    await commit(storage, certain(changes[7].subject.update({"name": "x"}, now=NOON + timedelta(days=1))))
    assert counted == []
    await storage.list_items(ItemQuery.parse({}))
    assert len(counted) == 2
