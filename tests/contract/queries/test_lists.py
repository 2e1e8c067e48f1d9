"""Lists: every store returns the same items in the same order, page by page."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.adapters.memory.storage import MemoryStorage
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.text.normalization import fold, is_blank
from catalog.ports.storage import Count, Storage
from tests.making import NOON, commit, create_categories, create_items, creation, names, pages, removal, revision


async def test_the_newest_items_come_first(storage: Storage) -> None:
    """Items are sorted by creation time, and then by id."""
    await commit(
        storage,
        creation(1, NOON, name="a"),
        creation(2, NOON + timedelta(microseconds=1), name="b"),
        creation(3, NOON, name="c"),
        creation(4, NOON - timedelta(days=400), name="d"),
    )
    assert await names(storage) == ["b", "c", "a", "d"]
    assert await names(storage, sort="created_at") == ["d", "a", "c", "b"]


async def test_names_are_sorted_by_the_code_points_of_their_folded_form(storage: Storage) -> None:
    """Names are sorted by code point, whatever the collation of the database is."""
    in_order = ["10 x", "2 x", "a b", "a-b", "ab", "Äb", "ac", "Émile", "emilf", "z", "Ω", "東京", "😀"]
    await commit(storage, *(creation(number, name=name) for number, name in enumerate(reversed(in_order), 1)))
    # ab and Äb fold to the same text; the id decides, and Äb has the lower one here.
    expected = [*in_order[:4], "Äb", "ab", *in_order[6:]]
    assert await names(storage, sort="name") == expected
    assert await names(storage, sort="-name") == expected[::-1]


async def test_prices_are_sorted_by_currency_then_amount_with_missing_prices_last(storage: Storage) -> None:
    """Items without a price are last, in ascending and in descending order."""
    prices = [("USD", "1"), None, ("EUR", "10"), ("EUR", "9"), None, ("EUR", "9")]
    await commit(
        storage,
        *(
            creation(number, name=str(number), price=price and {"amount": price[1], "currency": price[0]})
            for number, price in enumerate(prices, 1)
        ),
    )
    assert await names(storage, sort="price") == ["4", "6", "3", "1", "2", "5"]
    assert await names(storage, sort="-price") == ["1", "3", "6", "4", "5", "2"]
    assert await names(storage, sort="price", limit="1") == ["4", "6", "3", "1", "2", "5"]
    assert await names(storage, sort="-price,sku", limit="2") == ["1", "3", "4", "6", "2", "5"]


async def test_skus_are_sorted_by_code_point(storage: Storage) -> None:
    """Digits, letters and the characters between them are sorted by code point."""
    skus = ["A+", "A-B", "A.B", "A0", "AA", "A_"]
    await commit(storage, *(creation(number, sku=sku, name=sku) for number, sku in enumerate(reversed(skus), 1)))
    assert await names(storage, sort="sku") == skus
    assert await names(storage, sort="-sku", limit="2") == skus[::-1]


async def test_offset_and_limit_select_part_of_a_list(storage: Storage) -> None:
    """A last page that is exactly full has no cursor."""
    await create_items(storage, *range(1, 7))
    page = await storage.list_items(ItemQuery.parse({"sort": "sku", "limit": "3", "offset": "2"}))
    assert [item.sku for item in page.items] == ["S-3", "S-4", "S-5"]
    assert page.next_cursor is not None
    page = await storage.list_items(ItemQuery.parse({"sort": "sku", "limit": "3", "offset": "3"}))
    assert page.next_cursor is None
    assert (await storage.list_items(ItemQuery.parse({"offset": "10000"}))).items == ()


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-updated_at,name"])
async def test_paging_is_complete_while_items_are_created_and_deleted(storage: Storage, sort: str) -> None:
    """No item is seen twice, and an item that exists all the time is seen once."""
    permanent = await create_items(storage, *range(100, 140))
    temporary = await create_items(storage, *range(200, 220))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    number = 0
    while True:
        page = await storage.list_items(ItemQuery.parse({"sort": sort, "limit": "7", **cursor}))
        seen += [item.sku for item in page.items]
        if page.next_cursor is None:
            break
        cursor = {"cursor": page.next_cursor}
        number += 1
        await commit(
            storage,
            creation(300 + number, NOON - timedelta(hours=number)),
            creation(400 + number, NOON + timedelta(hours=number)),
        )
        if temporary:
            deleted = temporary.pop()
            await commit(storage, removal(deleted))
            assert deleted.sku not in seen[-7:] or seen.count(deleted.sku) == 1
    assert len(seen) == len(set(seen))
    assert {item.sku for item in permanent} <= set(seen)


async def test_a_cursor_is_valid_after_its_item_was_deleted(storage: Storage) -> None:
    """A cursor is a position and not an item."""
    items = await create_items(storage, *range(1, 5))
    page = await storage.list_items(ItemQuery.parse({"sort": "sku", "limit": "2"}))
    await commit(storage, removal(items[1]), revision(items[2], sku="S-3A"))
    assert page.next_cursor is not None
    next_page = await storage.list_items(ItemQuery.parse({"sort": "sku", "limit": "2", "cursor": page.next_cursor}))
    assert [item.sku for item in next_page.items] == ["S-3A", "S-4"]


async def test_search_matches_the_beginnings_of_words(storage: Storage) -> None:
    """A search covers the SKU, name, description, category and text attributes. It ignores case and diacritics."""
    await create_categories(storage, "garden-chairs")
    await commit(
        storage,
        creation(1, name="Cien años de soledad", attributes={"authors": "Gabriel García Márquez", "year": 1967}),
        creation(2, name="Harry Potter", description="The boy who lived."),
        creation(3, name="Chair", category="garden-chairs", sku="CH-77"),
        creation(4, name="Straße nach 東京"),
    )
    for q, expected in {
        "gabriel garcia": ["Cien años de soledad"],
        "ANOS": ["Cien años de soledad"],
        "harry pott": ["Harry Potter"],
        "potter harry": ["Harry Potter"],
        "liv": ["Harry Potter"],
        "garden": ["Chair"],
        "ch-77": ["Chair"],
        "77": ["Chair"],
        "strasse": ["Straße nach 東京"],
        "東": ["Straße nach 東京"],
        "京": ["Straße nach 東京"],
        "1967": [],
        "arry": [],
        "harry chair": [],
        "'\"*:()": [],
        "…😀": [],
        " \u200b": ["Straße nach 東京", "Chair", "Harry Potter", "Cien años de soledad"],
    }.items():
        assert await names(storage, q=q) == expected, q


async def test_search_matches_parts_of_unspaced_text_and_codes_without_punctuation(storage: Storage) -> None:
    """Every store finds the same parts of unspaced text and codes, and ranks matches in the name first."""
    await commit(
        storage,
        creation(1, name="東京タワー限定品", description="KT-INS114"),
        creation(2, name="Lamp", sku="KT-INS114", description="東京タワー限定品です"),
        creation(3, name="iPhone 15 Pro", attributes={"a": "접이식 의자를"}),
        creation(4, name="Case for iPhone15", description="Łódź soft\u00adhyphen"),
    )
    for q, expected in {
        "タワー": ["東京タワー限定品", "Lamp"],
        "京": ["東京タワー限定品", "Lamp"],
        "京タワー限定": ["東京タワー限定品", "Lamp"],
        "東京タワー限定品です": ["Lamp"],
        "東京タワー限定品東京": [],
        "의자": ["iPhone 15 Pro"],
        "이식": ["iPhone 15 Pro"],
        "ktins114": ["Lamp", "東京タワー限定品"],
        "KT-INS114": ["Lamp", "東京タワー限定品"],
        "kt ins 114": ["Lamp", "東京タワー限定品"],
        "iphone 15": ["Case for iPhone15", "iPhone 15 Pro"],
        "iphone15": ["Case for iPhone15", "iPhone 15 Pro"],
        "15pro": ["iPhone 15 Pro"],
        "lodz softhyphen": ["Case for iPhone15"],
        "東" * 128: [],
        "㌖" * 128: [],
    }.items():
        assert await names(storage, q=q) == expected, q


async def test_a_search_for_symbols_matches_nothing_in_any_operation(storage: Storage) -> None:
    """A search for symbols has no items, count, facets or suggestions, with and without filters."""
    await create_categories(storage, "lamps")
    await create_items(storage, 1, 2, category="lamps", attributes={"a": 1})
    for filters in ({}, {"attr.a": "1"}, {"category": "lamps", "sort": "sku"}, {"version__gte": "1", "sort": "-name"}):
        query = ItemQuery.parse({"q": "…😀", **filters})
        assert (await storage.list_items(query)).items == ()
        assert await storage.count(query, exact=True, seconds=9) == Count(0, exact=True)
        assert [batch async for batch in storage.stream(query)] in ([], [[]])
        facet = await storage.facet(query, "attr.a", seconds=9)
        assert facet is not None
        assert facet.values == ()
        assert query.search is not None
        assert list(await storage.suggest(query.search)) == []


async def test_items_with_very_many_terms_can_be_stored(storage: Storage) -> None:
    """A tsvector can hold one megabyte; even the texts with the most terms need less."""
    rng = Random(7)
    square_signs = [chr(code) for code in range(0x3300, 0x3358)]
    han_characters = [chr(code) for code in range(0x20000, 0x2A000)]
    for number, (letters, size) in enumerate(
        ((square_signs, 4), (han_characters, 5), ("⅐⅑⅒⅓𐐨𐐩𐐪𐐫", 5), ("𐐨𐐩𐐪𐐫𐐬12-", 5), ("ab12-/ ", 2)), 1
    ):
        texts = ["".join(rng.choices(letters, k=count)) for count in (10_000, 8_000 // size, 200)]
        await create_items(storage, number, name=texts[2].strip("- /"), description=texts[0], attributes={"a": texts[1]})
        assert len(await names(storage, q=fold(texts[0][:3]))) >= 1


async def test_search_ranks_the_sku_then_the_name_then_the_rest(storage: Storage) -> None:
    """Items of the same rank are sorted by name, on all pages."""
    await commit(
        storage,
        creation(1, sku="X1", name="zebra", description="blue"),
        creation(2, sku="X2", name="Blue whale"),
        creation(3, sku="X3", name="blue ant"),
        creation(4, sku="BLUE", name="Zoo"),
        creation(5, sku="X5", name="Ape", attributes={"colour": "bluish"}),
    )
    ranked = ["Zoo", "blue ant", "Blue whale", "Ape", "zebra"]
    assert await names(storage, q="blu") == ["blue ant", "Blue whale", "Ape", "zebra", "Zoo"]
    assert await names(storage, q="blue") == [*ranked[:3], "zebra"]
    assert await names(storage, q="blue", limit="1") == [*ranked[:3], "zebra"]
    assert await names(storage, q="blue", sort="-name") == ["Zoo", "zebra", "Blue whale", "blue ant"]


async def test_the_search_index_is_updated_by_each_change(storage: Storage) -> None:
    """New words match and old words do not. A change of the price alone affects neither."""
    (first,) = await create_items(storage, 1, name="Apple", description="red fruit")
    second = revision(first, name="Pear", description=None)
    await commit(storage, second)
    assert await names(storage, q="apple") == await names(storage, q="fruit") == []
    assert await names(storage, q="pear") == ["Pear"]
    await commit(storage, revision(second.subject, price={"amount": "1", "currency": "EUR"}))
    assert await names(storage, q="pear") == ["Pear"]


async def test_a_word_of_any_length_can_be_stored_and_found(storage: Storage) -> None:
    """A very long word is found by its beginning."""
    await commit(storage, creation(1, name="x", description="ﷺ" * 300 + " " + "ü" * 9000))
    assert await names(storage, q="u" * 100) == ["x"]
    assert await names(storage, q="ﷺ") == ["x"]


CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
PHRASES = st.text(st.one_of(st.sampled_from("aAbBáß12 -_./'\"*:&|!()%\\ﬁ½東京タ가각กİøł\u00ad\u200bσς"), CHARACTERS), max_size=12)


@settings(max_examples=60)
@given(st.lists(st.tuples(PHRASES, PHRASES, PHRASES), min_size=1, max_size=5), st.lists(PHRASES, min_size=1, max_size=4))
async def test_every_store_finds_the_same_items_as_the_memory_store(
    storage: Storage, texts: list[tuple[str, str, str]], queries: list[str]
) -> None:
    """Random texts of any script have the same matches in the same order in every store."""
    existing = (await storage.list_items(ItemQuery.parse({"limit": "200"}))).items
    await commit(storage, *map(removal, existing))
    start = 10 * (await storage.changes(after=0, limit=1)).head
    changes = [
        creation(start + number, name=f"{'?' if is_blank(name) else name}", description=description, attributes={"a": attribute})
        for number, (name, description, attribute) in enumerate(texts)
    ]
    memory = MemoryStorage()
    await commit(memory, *changes)
    await commit(storage, *changes)
    # Search for words of the items too, because random ones rarely match.
    for q in [*queries, *(name[:4] for name, _, _ in texts)]:
        query = ItemQuery.parse({"q": q})
        assert await storage.list_items(query) == await memory.list_items(query), q


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from("aAbÄ"), st.sampled_from([None, ("1", "EUR"), ("2", "EUR"), ("1", "USD")]), st.integers(0, 2)),
        max_size=8,
    ),
    st.sampled_from(["name", "-name", "price", "-price", "price,-name", "-created_at,price", "-sku", "updated_at,-price,name"]),
    st.integers(1, 4),
)
async def test_every_store_has_the_same_pages_as_the_memory_store(
    storage: Storage, values: list[tuple[str, tuple[str, str] | None, int]], sort: str, limit: int
) -> None:
    """Random items have the same pages in every store, for every order and page size."""
    existing = (await storage.list_items(ItemQuery.parse({"limit": "200"}))).items
    await commit(storage, *map(removal, existing))
    start = 10 * (await storage.changes(after=0, limit=1)).head
    changes = [
        creation(
            start + number,
            NOON + timedelta(seconds=seconds),
            name=name,
            price=price and {"amount": price[0], "currency": price[1]},
        )
        for number, (name, price, seconds) in enumerate(values)
    ]
    memory = MemoryStorage()
    await commit(memory, *changes)
    await commit(storage, *changes)
    parameters = {"sort": sort, "limit": str(limit)}
    assert await pages(storage, parameters) == await pages(memory, parameters)
    for offset in ("1", "3"):
        query = ItemQuery.parse({**parameters, "offset": offset})
        assert await storage.list_items(query) == await memory.list_items(query)
