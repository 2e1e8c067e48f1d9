"""List requests: counts, facets, highlights, selected fields, and the spelling rules of suggestions."""

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


def errors(parameters: Parameters) -> list[tuple[str, str]]:
    """Return the parameter and code of each error."""
    with pytest.raises(InvalidQuery) as caught:
        ListRequest.parse(parameters)
    return [(str(error.path[0]), error.code) for error in caught.value.errors]


def test_the_parameters_of_a_list_request_are_parsed() -> None:
    """Together with those of its query."""
    request = ListRequest.parse(
        {
            "count": "exact",
            "facet": "category, attr.size,category",
            "highlight": "true",
            "fields": "price,sku",
            "include": "category",
            "limit": ["3"],
        }
    )
    assert (request.count, request.facets, request.highlight) == ("exact", ("category", "attr.size"), True)
    assert request.presentation == Presentation(("id", "sku", "price"), with_category=True)
    assert (request.query.limit, request.depends_on_tree) == (3, True)
    assert request.membership_fields == {"category", "attributes"}
    assert ListRequest.parse({}).presentation == Presentation()


def test_all_errors_are_reported_at_once() -> None:
    """Including those of the query."""
    many = ",".join(f"attr.a{number}" for number in range(MAX_FACETS + 1))
    assert errors({"count": "all", "highlight": "yes", "facet": "name,attr.A", "fields": "x", "include": "x", "limit": "0"}) == [
        ("count", "invalid_choice"),
        ("highlight", "invalid_boolean"),
        ("facet", "unknown_facet"),
        ("facet", "unknown_facet"),
        ("include", "unknown_inclusion"),
        ("fields", "unknown_field"),
        ("limit", "out_of_range"),
    ]
    assert errors({"facet": many}) == [("facet", "too_many_facets")]
    assert errors({"facet": ","}) == [("facet", "unknown_facet")]


def test_an_empty_parameter_counts_as_absent() -> None:
    """Except for attributes, which may be compared with empty text."""
    empty = dict.fromkeys(("count", "facet", "highlight", "fields", "include", "limit", "offset", "cursor", "q", "sku"), "")
    assert ListRequest.parse(empty) == ListRequest.parse({})
    assert ListRequest.parse({"sku": ["", "A"], "category": ["", ""]}) == ListRequest.parse({"sku": "A"})
    assert ListRequest.parse({"attr.colour": ""}).query.filters == (Condition("attr.colour", "eq", ("t",)),)
    with pytest.raises(InvalidQuery, match="Unknown parameter nope"):
        ListRequest.parse({"nope": ""})


def test_the_nearest_name_is_suggested_for_an_unknown_parameter() -> None:
    """The list of allowed parameters is in the error once, however many are unknown."""
    with pytest.raises(InvalidQuery) as caught:
        ListRequest.parse({"limits": "1", "price_gte": "1", "fieldz": "sku", "x" * 200: "1"})
    messages = {error.path[0]: error.message for error in caught.value.errors}
    assert messages["limits"] == "Unknown parameter limits; did you mean limit?"
    assert messages["price_gte"].endswith("did you mean price__gte?")
    assert messages["fieldz"].endswith("did you mean fields?")
    assert messages["x" * 100 + "…"] == f"Unknown parameter {'x' * 100}…."
    (note,) = caught.value.notes
    assert all(
        name in note for name in ("limit", "count", "facet", "fields", "include", "highlight", "price_max", "gte", "attr.NAME")
    )
    assert str(caught.value).count(note) == 1


def test_a_facet_counts_equal_values_together() -> None:
    """Highest count first; numbers, texts and booleans are counted separately."""
    items = [item(number, attributes={"a": value}) for number, value in enumerate([1, 1.0, "1", True, "1", "1"], 1)]
    assert facet_of("attr.a", [*items, item(9)]) == Facet((("1", 3), (1, 2), (True, 1)), truncated=False)
    assert facet_of("category", items) == Facet((), truncated=False)
    assert facet_of("currency", [item(1, price={"amount": "1", "currency": "EUR"}), item(2)]) == Facet(
        (("EUR", 1),), truncated=False
    )


@pytest.mark.parametrize(
    ("text", "q", "highlighted"),
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
def test_words_are_marked_in_the_original_text(text: str | None, q: str, highlighted: str | None) -> None:
    """Folding does not change the text, and the rest is HTML-escaped."""
    search = SearchQuery.parse(q, FieldErrors())
    assert search is not None
    assert highlight(text, search) == highlighted


@pytest.mark.parametrize(
    ("left", "right", "near"),
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
def test_a_typing_error_is_one_letter_or_two_adjacent_letters(left: str, right: str, near: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The comparison is symmetric."""
    assert is_one_edit_apart(left, right) is is_one_edit_apart(right, left) is near


def test_every_word_one_edit_away_matches_the_pattern() -> None:
    """Checked with all words of two letters, up to six characters long."""
    every_word = ["".join(letters) for length in range(1, 8) for letters in product("ab", repeat=length)]
    assert [word_pattern(word) for word in every_word if len(word) < 3] == [None] * 6
    for pattern in filter(None, (word_pattern(word) for word in every_word if len(word) < 7)):
        assert all(matches_pattern(word, pattern) for word in every_word if is_one_edit_apart(word, pattern.word)), pattern
