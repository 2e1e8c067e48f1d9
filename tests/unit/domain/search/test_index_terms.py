"""Index terms: parts of words in unspaced scripts, and codes without their punctuation."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.items.item import Item
from catalog.domain.search import index_terms as module
from catalog.domain.search.index_terms import MAX_CODE, MAX_CODES, MAX_PARTS, index_terms, name_terms, query_terms
from catalog.domain.search.search import ItemTerms, Rank, SearchQuery
from catalog.domain.text.normalization import MAX_WORD, fold
from catalog.domain.validation import FieldErrors
from tests.making import item


def rank(q: str, candidate: Item) -> Rank | None:
    """Rank an item for a query."""
    search = SearchQuery.parse(q, FieldErrors())
    assert search is not None
    return search.rank(candidate, ItemTerms.from_item(candidate))


@pytest.mark.parametrize(
    ("text", "matching", "other"),
    [
        ("東京タワー限定", ["京タ", "京", "タワー", "ワー限", "東京タワー限定", "京タワー限定"], ["京東", "タワ東京", "定限"]),
        ("折りたたみ椅子iPhone用", ["椅子", "iphone", "椅子 iphone用", "たたみ椅"], ["子椅"]),
        ("의자를 접는 책상", ["자를", "책상", "상", "의자", "는"], ["상책", "접책"]),
        ("เก้าอี้พับได้", ["พับ", "อี้พับ", "เก้าอี้", "าอพบ"], ["บพ"]),
        ("ＡＢＣ㌖", ["abc", "メートル", "キロメ"], ["ルキ"]),
    ],
)
def test_any_part_of_an_unspaced_word_is_found(text: str, matching: list[str], other: list[str]) -> None:
    """In the name and in other fields."""
    for candidate, expected in ((item(1, name=text), Rank.NAME), (item(1, name="x", description=f"… {text} …"), Rank.ELSEWHERE)):
        for q in matching:
            assert rank(q, candidate) is expected, q
        for q in other:
            assert rank(q, candidate) is None, q


@given(st.text("東京タワー의자กพ", min_size=1, max_size=20), st.data())
def test_any_run_of_an_unspaced_word_is_found(text: str, data: st.DataObject) -> None:
    """Of any length. A longer query matches only if the text has all its n-grams."""
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert rank(text[start:end], item(1, name=text)) is Rank.NAME
    other = data.draw(st.text("東京タ", min_size=1, max_size=6))
    ngrams = [other[at : at + 4] for at in range(max(1, len(other) - 3))]
    assert (rank(other, item(1, name=text)) is not None) == all(ngram in text for ngram in ngrams)


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("KT-INS114", ["ktins114", "kt-ins114", "kt ins 114", "ins114", "114", "KT_INS.114", "ktins"]),
        ("iPhone15", ["iphone 15", "iphone15", "iPhone-15", "15"]),
        ("iPhone 15 Pro", ["iphone15", "iphone15pro", "iphone 15 pro", "15pro"]),
        ("256 GB", ["256gb", "256 gb", "gb"]),
        ("Wi-Fi 6", ["wifi6", "wifi 6", "wi-fi", "fi6"]),
        ("A/B_3.5", ["ab35", "a/b", "3.5", "b35"]),
        ("ÄÖ-7", ["äö7", "ao7", "7"]),
        ("2024-01-05", ["20240105", "0105", "2024"]),
        ("ケースXX-12", ["xx12", "ケースxx12", "スxx-12"]),
    ],
)
def test_a_code_is_found_without_its_punctuation(text: str, queries: list[str]) -> None:
    """In the name, the description and attributes, and in the SKU if it is a valid one."""
    for q in queries:
        assert rank(q, item(1, name=f"The {text} thing")) is Rank.NAME, q
        assert rank(q, item(1, name="x", description=f"({text}), new")) is Rank.ELSEWHERE, q
        assert rank(q, item(1, name="x", attributes={"a": "none", "b": text})) is Rank.ELSEWHERE, q
    if re.fullmatch("[A-Z0-9-]+", text):
        for q in queries:
            assert rank(q, item(1, sku=text, name="x")) is not None, q


def test_words_are_joined_across_punctuation_only_in_names_and_skus() -> None:
    """A description has too many such words."""
    assert rank("tshirt", item(1, name="T-Shirt")) is Rank.NAME
    assert rank("tshirt", item(1, name="Das T-Shirt für Ältere")) is Rank.NAME
    assert rank("gcoak", item(1, sku="GC-OAK", name="x")) is Rank.ELSEWHERE
    assert rank("tshirt", item(1, name="x", description="T-Shirt")) is None
    assert rank("tshirt", item(1, name="x", description="T-Shirt, size XL-5")) is None


def test_codes_end_with_their_text() -> None:
    """No code extends into the next attribute, or across white space between two words or two numbers."""
    for q in ("a1", "1b", "xy", "12"):
        assert rank(q, item(1, sku="S", name="x y, 1 2", attributes={"a": "a", "b": "1", "c": "b"})) is None, q


def test_there_are_no_redundant_terms() -> None:
    """A word that a longer term starts with is not a term, except in names, where it can be suggested."""
    assert sorted(index_terms("kt-ins114")) == ["114", "ins114", "ktins114"]
    assert name_terms("kt-ins114 oak") == (["kt", "ins114", "oak", "114oak", "ins114oak", "ktins114oak"], ["kt", "ins114", "oak"])
    assert name_terms("plain words") == (["plain", "words"], ["plain", "words"])
    assert name_terms("折りたたみ カメラ x")[1] == ["カメラ", "x"]


def test_terms_are_bounded() -> None:
    """The length of a code and the number of codes in a text are limited, and a hash is not a code."""
    assert max(map(len, index_terms("ab1-" * 100))) == MAX_CODE
    long = "x" * 300
    assert long[:MAX_WORD] in index_terms(f"{long}-1")
    assert long[:MAX_WORD] in index_terms(f"{long}1")
    assert len(index_terms(" , ".join(f"a-{n}" for n in range(5000)))) < MAX_CODES * 2 + 5001
    digest = "a1" * MAX_PARTS
    assert index_terms(digest) == [digest]
    assert index_terms(f"{digest}-x") == [f"{digest}x", "x"]
    assert sorted(index_terms(f"x-{digest}")) == sorted([digest, f"x{digest}"])
    assert {"9", "z9"} <= {*index_terms(f"{'a1-' * MAX_CODES}, z-9")}
    assert len(index_terms("a1" * 4 + "-" + "b2" * 4)) == 16


def test_the_terms_of_a_query_are_its_words_and_ngrams() -> None:
    """Each term occurs once."""
    assert query_terms("a A 東京タワー 東京 タワーー") == ("a", "東京タワ", "京タワー", "東京", "タワーー")


@given(st.text("ab12-_. /東ü", max_size=30))
def test_each_word_of_a_text_finds_it(text: str) -> None:
    """And so does each of its codes without punctuation."""
    candidate = item(1, sku="S", name=f"x {text}")
    for token in fold(text).split():
        parts = re.findall(r"[ab]+|[12]+|u+|東+", token)
        if parts and len(parts) <= MAX_PARTS:
            assert rank(token, candidate) is Rank.NAME
        code = re.sub(r"[-_./]", "", token)
        if code and "東" not in code:
            assert rank(code, candidate) is Rank.NAME


@pytest.mark.parametrize(
    "worst", ["a", "1", "-", "a-", "a1", "a -", " ", "_", "a\x00", "é-", "東", "東1", "東-a", "a" * 50 + "--"]
)
def test_a_megabyte_of_anything_is_split_in_one_pass(worst: str) -> None:
    """The patterns run in linear time; a quadratic one would take an hour."""
    text = worst * (1_000_000 // len(worst))
    for pattern in (module._CODE, module._ASCII_CODE):
        matched = sum(len(code) for code in pattern.findall(text))
        assert matched <= len(text)
