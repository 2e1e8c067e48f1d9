"""What can be asked for beside a page: how it is read, and what it means."""

from itertools import product

import pytest

from catalog.domain.errors import InvalidQuery
from catalog.domain.queries.facets import MAX_FACETS, Facet, facet_of
from catalog.domain.queries.filters import Condition
from catalog.domain.queries.item_query import Parameters
from catalog.domain.queries.list_request import ListRequest, Presentation
from catalog.domain.search.highlights import highlight
from catalog.domain.search.search import SearchQuery
from catalog.domain.search.spelling import is_one_edit_apart, matches_pattern, word_pattern
from catalog.domain.validation import FieldErrors
from tests.making import item


def faults(parameters: Parameters) -> list[tuple[str, str]]:
    """Return where and what is wrong with parameters."""
    with pytest.raises(InvalidQuery) as caught:
        ListRequest.parse(parameters)
    return [(str(fault.path[0]), fault.code) for fault in caught.value.errors]


def test_what_is_asked_for_beside_a_page_is_read() -> None:
    """With what the query itself says."""
    listing = ListRequest.parse(
        {
            "count": "exact",
            "facet": "category, attr.size,category",
            "highlight": "true",
            "fields": "price,sku",
            "include": "category",
            "limit": ["3"],
        }
    )
    assert (listing.count, listing.facets, listing.highlight) == ("exact", ("category", "attr.size"), True)
    assert listing.presentation == Presentation(("id", "sku", "price"), with_category=True)
    assert (listing.query.limit, listing.depends_on_tree) == (3, True)
    assert listing.membership_fields == {"category", "attributes"}
    assert ListRequest.parse({}).presentation == Presentation()


def test_every_fault_is_named() -> None:
    """Those of the query too."""
    many = ",".join(f"attr.a{number}" for number in range(MAX_FACETS + 1))
    assert faults({"count": "all", "highlight": "yes", "facet": "name,attr.A", "fields": "x", "include": "x", "limit": "0"}) == [
        ("count", "invalid_choice"),
        ("highlight", "invalid_boolean"),
        ("facet", "unknown_facet"),
        ("facet", "unknown_facet"),
        ("include", "unknown_inclusion"),
        ("fields", "unknown_field"),
        ("limit", "out_of_range"),
    ]
    assert faults({"facet": many}) == [("facet", "too_many_facets")]
    assert faults({"facet": ","}) == [("facet", "unknown_facet")]


def test_an_empty_parameter_is_as_good_as_absent() -> None:
    """But for an attribute's, which may be compared with empty text."""
    empty = dict.fromkeys(("count", "facet", "highlight", "fields", "include", "limit", "offset", "cursor", "q", "sku"), "")
    assert ListRequest.parse(empty) == ListRequest.parse({})
    assert ListRequest.parse({"sku": ["", "A"], "category": ["", ""]}) == ListRequest.parse({"sku": "A"})
    assert ListRequest.parse({"attr.colour": ""}).query.filters == (Condition("attr.colour", "eq", ("t",)),)
    with pytest.raises(InvalidQuery, match="There is no parameter nope"):
        ListRequest.parse({"nope": ""})


def test_what_an_unknown_parameter_may_have_been_is_suggested() -> None:
    """And all that there are stand in the error once, however many are unknown."""
    with pytest.raises(InvalidQuery) as caught:
        ListRequest.parse({"limits": "1", "price_gte": "1", "fieldz": "sku", "x" * 200: "1"})
    messages = {fault.path[0]: fault.message for fault in caught.value.errors}
    assert messages["limits"] == "There is no parameter limits; did you mean limit?"
    assert messages["price_gte"].endswith("did you mean price__gte?")
    assert messages["fieldz"].endswith("did you mean fields?")
    assert messages["x" * 100 + "…"] == f"There is no parameter {'x' * 100}…."
    (note,) = caught.value.notes
    assert all(
        name in note for name in ("limit", "count", "facet", "fields", "include", "highlight", "price_max", "gte", "attr.NAME")
    )
    assert str(caught.value).count(note) == 1


def test_a_facet_counts_values_by_their_worth() -> None:
    """Highest first; kinds apart."""
    items = [item(number, attributes={"a": value}) for number, value in enumerate([1, 1.0, "1", True, "1", "1"], 1)]
    assert facet_of("attr.a", [*items, item(9)]) == Facet((("1", 3), (1, 2), (True, 1)), truncated=False)
    assert facet_of("category", items) == Facet((), truncated=False)
    assert facet_of("currency", [item(1, price={"amount": "1", "currency": "EUR"}), item(2)]) == Facet(
        (("EUR", 1),), truncated=False
    )


@pytest.mark.parametrize(
    ("text", "q", "shown"),
    [
        ("Garden chair", "cha", "Garden <mark>chair</mark>"),
        ("chair, CHAIRS & Cháirlift", "chair", "<mark>chair</mark>, <mark>CHAIRS</mark> &amp; <mark>Cháirlift</mark>"),
        ("<b>chair</b>", "chair", "&lt;b&gt;<mark>chair</mark>&lt;/b&gt;"),
        ("e\u0301tude", "etud", "<mark>e\u0301tude</mark>"),
        ("「椅子」です", "椅子", "「<mark>椅子</mark>」です"),
        ("Straße", "strasse", "<mark>Straße</mark>"),
        ("½ cup", "2", "<mark>½</mark> cup"),
        ("東京タワー限定", "タワー", "東京<mark>タワー</mark>限定"),
        ("東京タワー限定品", "京タワー限定", "東<mark>京タワー限定</mark>品"),
        ("京東京都", "京", "<mark>京</mark>東<mark>京</mark>都"),
        ("㌖ 7", "メートル", "<mark>㌖</mark> 7"),
        ("의자를 & x", "자", "의<mark>자</mark>를 &amp; x"),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한", "<mark>\u1112\u1161\u11ab</mark>\u1100\u1173\u11af"),
        ("The KT-INS114, new", "ktins", "The <mark>KT-INS114</mark>, new"),
        ("The KT-INS114, new", "kt", "The <mark>KT</mark>-INS114, new"),
        ("Das iPhone 15 Pró", "iphone15", "Das <mark>iPhone 15</mark> Pró"),
        ("iPhone15", "iphone 15", "<mark>iPhone15</mark>"),
        ("ID a1b2c3d4e5-x7, 5", "a1b2c3d4e5x", "ID <mark>a1b2c3d4e5-x7</mark>, 5"),
        ("ID a1b2c3d4e5", "b2", None),
        ("KT-INS114/KT-7", "kt", "<mark>KT</mark>-INS114/<mark>KT</mark>-7"),
        ("a KT-INS114/X kti", "kti insx", "a <mark>KT-INS114</mark>/X <mark>kti</mark>"),
        ("soft\u00adhyphen s", "softh", "<mark>soft\u00adhyphen</mark> s"),
        ("Łódź", "lo", "<mark>Łódź</mark>"),
        ("x", "…", None),
        ("\u0301x", "x", "\u0301<mark>x</mark>"),
        ("armchair", "chair", None),
        ("", "chair", None),
        (None, "chair", None),
    ],
)
def test_words_are_marked_in_the_text_as_it_stands(text: str | None, q: str, shown: str | None) -> None:
    """Whatever they are folded to; the rest is safe in a page."""
    search = SearchQuery.parse(q, FieldErrors())
    assert search is not None
    assert highlight(text, search) == shown


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("chair", "chair", False),
        ("chair", "chiar", True),
        ("chair", "hcair", True),
        ("chair", "chari", True),
        ("chair", "chai", True),
        ("chair", "hair", True),
        ("chair", "chaair", True),
        ("chair", "chairs", True),
        ("chair", "xhair", True),
        ("chair", "chaix", True),
        ("chair", "chxxr", False),
        ("chair", "chaxrx", False),
        ("chair", "cahri", False),
        ("ab", "ba", True),
        ("abc", "cba", False),
    ],
)
def test_one_error_is_one_letter_or_two_neighbours(one: str, other: str, near: bool) -> None:  # noqa: FBT001 - what is expected
    """Whichever of the two is wrong."""
    assert is_one_edit_apart(one, other) is is_one_edit_apart(other, one) is near


def test_words_that_are_near_share_an_end() -> None:
    """So that they can be looked up by it: all words of two letters, up to six long."""
    every = ["".join(letters) for length in range(1, 8) for letters in product("ab", repeat=length)]
    assert [word_pattern(word) for word in every if len(word) < 3] == [None] * 6
    for its in filter(None, (word_pattern(word) for word in every if len(word) < 7)):
        assert all(matches_pattern(word, its) for word in every if is_one_edit_apart(word, its.word)), its
