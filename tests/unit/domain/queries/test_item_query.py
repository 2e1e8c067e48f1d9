"""Queries, sort order, sort values and cursors."""

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


def errors_of(parameters: dict[str, str]) -> list[tuple[str, str]]:
    """Return the parameter and code of each error."""
    with pytest.raises(InvalidQuery) as caught:
        ItemQuery.parse(parameters)
    return [(str(error.path[0]), error.code) for error in caught.value.errors]


def parse_search(q: str) -> SearchQuery:
    """Parse a valid search query."""
    errors = FieldErrors()
    search = SearchQuery.parse(q, errors)
    assert search is not None
    assert not errors
    return search


def rank(q: str, candidate: Item) -> Rank | None:
    """Rank an item for a query."""
    return parse_search(q).rank(candidate, ItemTerms.from_item(candidate))


def test_a_query_without_parameters_returns_the_newest_fifty() -> None:
    """Ordered by creation time, then by id, both descending."""
    query = ItemQuery.parse({})
    assert (query.search, query.limit, query.offset, query.after) == (None, 50, 0, None)
    assert [(sort_key.name, sort_key.descending) for sort_key in query.ordering] == [("created_at", True), ("id", True)]


def test_a_search_is_ordered_by_rank_by_default() -> None:
    """Ties are ordered by name, then by id."""
    assert [sort_key.name for sort_key in ItemQuery.parse({"q": "x"}).ordering] == ["rank", "name_key", "id"]
    assert [sort_key.name for sort_key in ItemQuery.parse({"q": "x", "sort": "-sku"}).ordering] == ["sku", "id"]


@pytest.mark.parametrize("q", ["", "  \t", "\u200b \u00ad\u3164"])
def test_a_blank_search_lists_all_items(q: str) -> None:
    """A blank `q` is the same as none."""
    assert ItemQuery.parse({"q": q}) == ItemQuery.parse({})


@pytest.mark.parametrize("q", [" … ", "😀", "'\"*:()", "-"])
def test_a_search_for_punctuation_matches_nothing(q: str) -> None:
    """It is a search, but no item has a matching term."""
    search = parse_search(q)
    assert search is not None
    assert search.terms == ()
    assert rank(q, item(1, name="… 😀 '\"*:() -")) is None


def test_all_errors_of_a_query_are_reported_at_once() -> None:
    """Each error names its parameter."""
    assert errors_of({"limit": "0", "offset": "x", "sort": "colour,name,-name", "q": "\x00", "page": "2"}) == [
        ("page", "unknown_parameter"),
        ("q", "invalid_text"),
        ("sort", "unknown_sort_key"),
        ("sort", "repeated_sort_key"),
        ("limit", "out_of_range"),
        ("offset", "out_of_range"),
    ]


@pytest.mark.parametrize("text", ["201", "-1", "1.0", " 5", "٣", "9" * 5000])
def test_a_limit_must_be_a_plain_whole_number_in_range(text: str) -> None:
    """Signs, decimals, spaces and non-ASCII digits are refused."""
    assert errors_of({"limit": text}) == [("limit", "out_of_range")]


def test_a_search_is_limited_in_length_and_words() -> None:
    """The word limit does not apply to a query that is a SKU without spaces."""
    assert errors_of({"q": "x" * 129}) == [("q", "too_long")]
    assert errors_of({"q": "a b c d e f g h i"}) == [("q", "too_many_words")]
    assert ItemQuery.parse({"q": "a-b-c-d-e-f-g-h-i"}).search is not None
    assert ItemQuery.parse({"q": "a a a a a a a a a b"}).search == SearchQuery(("a", "b"), "A A A A A A A A A B")


def test_an_item_matches_if_each_query_word_is_a_prefix_of_one_of_its_words() -> None:
    """The words of its SKU, name, description, category and text attributes count."""
    chair = item(
        1, sku="CH-7", name="García Márquez", description="Ein Stuhl", category="garden-chairs", attributes={"a": "Teak", "n": 5}
    )
    for q in ("garc", "MARQ gar", "stu", "chai", "tea", "ch 7", "ch-7 gar"):
        assert rank(q, chair) is not None, q
    for q in ("arcia", "garcia x", "5", "teaks"):
        assert rank(q, chair) is None, q


def test_a_matching_sku_ranks_before_the_name_and_other_fields() -> None:
    """The id of an item is not searched."""
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


@given(st.lists(items, max_size=8, unique_by=lambda each: each.id), sorts)
def test_sorting_and_comparing_agree(listed: list[Item], keys: tuple[str, ...]) -> None:
    """Each entry comes after all entries before it. Items without a price come last in either direction."""
    errors = FieldErrors()
    ordering = parse_sort(",".join(keys), errors)
    assert not errors
    entries: list[tuple[SortValues, Item]] = [(sort_values(each, ordering), each) for each in listed]
    sort_by_values(entries, ordering)
    for index, (values, _) in enumerate(entries):
        assert [comes_after(other, values, ordering) for other, _ in entries] == [at > index for at in range(len(entries))]
    if keys[0].removeprefix("-") == "price":
        assert [each.price is None for _, each in entries] == sorted(each.price is None for each in listed)


@given(items, sorts)
def test_a_cursor_round_trips(listed: Item, keys: tuple[str, ...]) -> None:
    """Decoding returns the encoded position, for every sort order."""
    ordering = parse_sort(",".join(keys), FieldErrors())
    values = sort_values(listed, ordering)
    for position in (
        CursorPosition(values),
        CursorPosition(values, backwards=True),
        CursorPosition(sort_values(listed, by_name()), ranked=False),
    ):
        assert decode_cursor(encode_cursor(position, "f"), ordering, by_name(), "f") == position


def test_the_next_page_starts_after_the_last_item() -> None:
    """A cursor is valid only for its own query, but the limit may change."""
    query = ItemQuery.parse({"q": "item", "limit": "1"})
    matches = [(item(number), Rank.NAME) for number in (1, 2)]
    page = query.page(matches)
    assert [each.sku for each in page.items] == ["S-1"]
    assert page.next_cursor is not None
    following = ItemQuery.parse({"q": "ITEM", "limit": "5", "cursor": page.next_cursor})
    assert following.after == sort_values(item(1), query.ordering, Rank.NAME)
    assert query.page(matches[:1]).next_cursor is None
    assert page.prev_cursor is None
    second_page = following.page(matches[1:])
    assert second_page.prev_cursor is not None
    back = ItemQuery.parse({"q": "item", "limit": "1", "cursor": second_page.prev_cursor})
    assert (back.backwards, back.after) == (True, sort_values(item(2), query.ordering, Rank.NAME))
    assert back.page(matches[:1]).prev_cursor is None
    assert back.page(matches[::-1]).prev_cursor is not None
    assert ItemQuery.parse({"q": "item", "limit": "1", "cursor": back.page(matches[:1]).next_cursor or ""}) == replace(
        following, limit=1
    )
    assert query.page([]).prev_cursor is following.page([]).prev_cursor is back.page([]).next_cursor is None
    for other in ({"q": "other"}, {}, {"q": "item", "sort": "name"}):
        with pytest.raises(InvalidCursor, match="another query"):
            ItemQuery.parse({**other, "cursor": page.next_cursor})
    with pytest.raises(InvalidCursor, match="either cursor or offset, not both"):
        ItemQuery.parse({"q": "item", "cursor": page.next_cursor, "offset": "0"})


def test_the_pages_after_an_unranked_page_are_unranked_too() -> None:
    """The cursor records it, and is valid for the same query."""
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
    """Encode a cursor that the catalog would never return."""
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
    """No value that a store could not compare is accepted."""
    with pytest.raises(InvalidCursor, match="damaged"):
        decode_cursor(text, ORDERING, by_name(), "f")
