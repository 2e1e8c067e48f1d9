"""Questions, orders, places and cursors."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.errors import InvalidCursor, InvalidQuery
from catalog.domain.items.item import Item
from catalog.domain.queries.cursor import MAX_CURSOR, CursorPosition, decode_cursor, encode_cursor
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.ordering import SORT_KEYS, SortValues, by_name, comes_after, parse_sort, sort_by_values, sort_values
from catalog.domain.search.search import ItemTerms, Rank, SearchQuery
from catalog.domain.validation import FieldErrors
from tests.making import NOON, item


def faults_of(parameters: dict[str, str]) -> list[tuple[str, str]]:
    """Return which parameters are refused, and why."""
    with pytest.raises(InvalidQuery) as caught:
        ItemQuery.parse(parameters)
    return [(str(fault.path[0]), fault.code) for fault in caught.value.errors]


def searched(q: str) -> SearchQuery:
    """Read a query that has words."""
    faults = FieldErrors()
    search = SearchQuery.parse(q, faults)
    assert search is not None
    assert not faults
    return search


def rank(q: str, of: Item) -> Rank | None:
    """Rank an item for a query."""
    return searched(q).rank(of, ItemTerms.from_item(of))


def test_a_question_without_parameters_asks_for_the_newest_fifty() -> None:
    """By creation, then by id, both descending."""
    query = ItemQuery.parse({})
    assert (query.search, query.limit, query.offset, query.after) == (None, 50, 0, None)
    assert [(term.name, term.descending) for term in query.ordering] == [("created_at", True), ("id", True)]


def test_a_search_is_ordered_by_rank_unless_it_says_otherwise() -> None:
    """Then by name, then by id."""
    assert [term.name for term in ItemQuery.parse({"q": "x"}).ordering] == ["rank", "name_key", "id"]
    assert [term.name for term in ItemQuery.parse({"q": "x", "sort": "-sku"}).ordering] == ["sku", "id"]


@pytest.mark.parametrize("q", ["", "  \t", "\u200b \u00ad\u3164"])
def test_a_blank_query_lists(q: str) -> None:
    """As if there were none."""
    assert ItemQuery.parse({"q": q}) == ItemQuery.parse({})


@pytest.mark.parametrize("q", [" … ", "😀", "'\"*:()", "-"])
def test_a_query_of_signs_finds_nothing(q: str) -> None:
    """For it asks for something, and no item has it."""
    search = searched(q)
    assert search == SearchQuery((), None)
    assert rank(q, item(1, name="… 😀 '\"*:() -")) is None


def test_every_fault_of_a_question_is_told() -> None:
    """At once, by parameter."""
    assert faults_of({"limit": "0", "offset": "x", "sort": "colour,name,-name", "q": "\x00", "page": "2"}) == [
        ("page", "unknown_parameter"),
        ("q", "invalid_text"),
        ("sort", "unknown_sort_key"),
        ("sort", "repeated_sort_key"),
        ("limit", "out_of_range"),
        ("offset", "out_of_range"),
    ]


@pytest.mark.parametrize("text", ["201", "-1", "1.0", " 5", "٣", "9" * 5000])
def test_a_limit_is_a_plain_whole_number_in_its_range(text: str) -> None:
    """Nothing else."""
    assert faults_of({"limit": text}) == [("limit", "out_of_range")]


def test_a_query_is_limited_in_length_and_words() -> None:
    """But for one that is itself a SKU."""
    assert faults_of({"q": "x" * 129}) == [("q", "too_long")]
    assert faults_of({"q": "a b c d e f g h i"}) == [("q", "too_many_words")]
    assert ItemQuery.parse({"q": "a-b-c-d-e-f-g-h-i"}).search is not None
    assert ItemQuery.parse({"q": "a a a a a a a a a b"}).search == SearchQuery(("a", "b"), None)


def test_an_item_matches_when_each_word_begins_one_of_its_words() -> None:
    """Of its SKU, name, description, category or text attributes."""
    found = item(
        1, sku="CH-7", name="García Márquez", description="Ein Stuhl", category="garden-chairs", attributes={"a": "Teak", "n": 5}
    )
    for q in ("garc", "MARQ gar", "stu", "chai", "tea", "ch 7", "ch-7 gar"):
        assert rank(q, found) is not None, q
    for q in ("arcia", "garcia x", "5", "teaks"):
        assert rank(q, found) is None, q


def test_the_sku_comes_first_then_the_name_then_the_rest() -> None:
    """The rank says so."""
    assert rank("s-1", item(1, name="x")) is Rank.SKU
    assert rank("blue", item(1, name="Blue")) is Rank.NAME
    assert rank("blue", item(1, name="x", description="blue")) is Rank.ELSEWHERE
    assert rank("01890a5d-ac96-774b-bcce-b302099a8057", item(1)) is None


items = st.builds(
    lambda number, name, price, seconds: item(number, NOON + timedelta(seconds=seconds), name=name, price=price),
    st.integers(1, 9),
    st.sampled_from(["a", "A", "á", "b", "Z"]),
    st.sampled_from(
        [None, {"amount": "1", "currency": "EUR"}, {"amount": "2", "currency": "EUR"}, {"amount": "1", "currency": "USD"}]
    ),
    st.integers(0, 2),
)
sorts = st.lists(st.sampled_from(SORT_KEYS), min_size=1, max_size=3, unique=True).flatmap(
    lambda keys: st.tuples(*(st.sampled_from([key, f"-{key}"]) for key in keys))
)


@given(st.lists(items, max_size=8, unique_by=lambda one: one.id), sorts)
def test_arranging_and_comparing_agree(listed: list[Item], keys: tuple[str, ...]) -> None:
    """Each place comes after all before it, and what is absent comes last in either direction."""
    faults = FieldErrors()
    ordering = parse_sort(",".join(keys), faults)
    assert not faults
    places: list[tuple[SortValues, Item]] = [(sort_values(one, ordering), one) for one in listed]
    sort_by_values(places, ordering)
    for index, (mine, _) in enumerate(places):
        assert [comes_after(other, mine, ordering) for other, _ in places] == [at > index for at in range(len(places))]
    if keys[0].removeprefix("-") == "price":
        assert [one.price is None for _, one in places] == sorted(one.price is None for one in listed)


@given(items, sorts)
def test_a_cursor_gives_its_place_back(one: Item, keys: tuple[str, ...]) -> None:
    """Whatever the order."""
    ordering = parse_sort(",".join(keys), FieldErrors())
    there = sort_values(one, ordering)
    for mark in (
        CursorPosition(there),
        CursorPosition(there, backwards=True),
        CursorPosition(sort_values(one, by_name()), ranked=False),
    ):
        assert decode_cursor(encode_cursor(mark, "f"), ordering, by_name(), "f") == mark


def test_a_page_goes_on_behind_its_last_item() -> None:
    """And a cursor belongs to its question; the limit may change."""
    query = ItemQuery.parse({"q": "item", "limit": "1"})
    found = [(item(number), Rank.NAME) for number in (1, 2)]
    page = query.page(found)
    assert [one.sku for one in page.items] == ["S-1"]
    assert page.next_cursor is not None
    following = ItemQuery.parse({"q": "ITEM", "limit": "5", "cursor": page.next_cursor})
    assert following.after == sort_values(item(1), query.ordering, Rank.NAME)
    assert query.page(found[:1]).next_cursor is None
    assert page.prev_cursor is None
    behind = following.page(found[1:])
    assert behind.prev_cursor is not None
    back = ItemQuery.parse({"q": "item", "limit": "1", "cursor": behind.prev_cursor})
    assert (back.backwards, back.after) == (True, sort_values(item(2), query.ordering, Rank.NAME))
    assert back.page(found[:1]).prev_cursor is None
    assert back.page(found[::-1]).prev_cursor is not None
    assert ItemQuery.parse({"q": "item", "limit": "1", "cursor": back.page(found[:1]).next_cursor or ""}) == replace(
        following, limit=1
    )
    assert query.page([]).prev_cursor is following.page([]).prev_cursor is back.page([]).next_cursor is None
    for other in ({"q": "other"}, {}, {"q": "item", "sort": "name"}):
        with pytest.raises(InvalidCursor, match="another question"):
            ItemQuery.parse({**other, "cursor": page.next_cursor})
    with pytest.raises(InvalidCursor, match="not by both"):
        ItemQuery.parse({"q": "item", "cursor": page.next_cursor, "offset": "0"})


def test_a_search_without_ranks_goes_on_without_them() -> None:
    """Its cursor says so; and it belongs to the same question."""
    query = ItemQuery.parse({"q": "item", "limit": "1"})
    unranked = query.unranked()
    assert (unranked.ordering, unranked.fingerprint, unranked.unranked()) == (by_name(), query.fingerprint, unranked)
    page = unranked.page([(item(1), None), (item(2), None)])
    assert not page.ranked
    assert ItemQuery.parse({"q": "item", "limit": "1", "cursor": page.next_cursor or ""}) == replace(
        unranked, after=sort_values(item(1), by_name())
    )
    sorted_by_sku = ItemQuery.parse({"q": "item", "sort": "sku"})
    assert sorted_by_sku.unranked() == sorted_by_sku


def forged(*values: object) -> str:
    """Write a cursor as nobody should."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


ORDERING = parse_sort("-price,name,created_at", FieldErrors())
ID = "0" * 12 + "7" + "0" * 3 + "8" + "0" * 15


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "abc",
        "é",
        forged(),
        forged("f"),
        forged("f", ">"),
        forged("f", 0, 0, "EUR", 1, "a", 0, ID),
        forged("f", [], 0, "EUR", 1, "a", 0, ID),
        forged("f", "~>", 0, "EUR", 1, "a", 0, ID),
        forged(5, ">", 0, "EUR", 1, "a", 0, ID),
        forged("f", ">", None, "EUR", 1, "a", 0, ID),
        forged("f", ">", False, "EUR", 1, "a", 0, ID),
        forged("f", ">", 0, "EUR", 1, "a", 0, "x"),
        forged("f", ">", 0, "EUR", 1, "a", 2**70, ID),
        forged("f", ">", 0, "EUR", 1, "a", 2**62, ID),
        forged("f", ">", 0, "EUR", 1, "a\x00", 0, ID),
        forged("f", ">", 0, "EUR", 1, "\ud800", 0, ID),
        forged("f", ">", 0, "EUR", True, "a", 0, ID),
        forged("f", ">", 0, "EUR", 1, None, 0, ID),
        forged("f", ">", 0, "EUR", 1, "a", 0, ID, 1),
        base64.urlsafe_b64encode(b"[" * 9000).decode(),
        base64.urlsafe_b64encode(b'{"a": 1}').decode(),
        "x" * (MAX_CURSOR + 1),
    ],
)
def test_a_damaged_or_forged_cursor_is_refused(text: str) -> None:
    """Nothing in it that a store could not compare gets through."""
    with pytest.raises(InvalidCursor, match="damaged"):
        decode_cursor(text, ORDERING, by_name(), "f")
