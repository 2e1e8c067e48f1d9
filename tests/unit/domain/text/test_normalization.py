"""Folding and words: which texts are equal for search."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.text.folding_table import DROPPED, LATIN, ROMANIZED
from catalog.domain.text.normalization import MAX_WORD, find_unstorable, fold, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("García", "garcia"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ﬁne", "fine"),
        ("Ｆｕｌｌ", "full"),
        ("İstanbul", "istanbul"),
        ("Ὀδυσσεύς", "οδυσσευσ"),
        ("e\u0301\u0302", "e"),
        ("plain", "plain"),
        ("Işık Łódź Ærø Đà Þór", "isik lodz aero da thor"),
        ("ŊƵĸŦĦ ŒUVRE ẞ Ɓəɔ", "nzqth oeuvre ss beo"),
        ("Hawaiʻi ʔA", "hawaii a"),
        ("soft\u00adhy\u200bphen\u2060\ufeff\u3164", "softhyphen"),
        ("क\u094d\u200dष", "कष"),
        ("한국어 \u1112\u1161\u11ab", "한국어 한"),
        ("ガラス", "カラス"),
    ],
)
def test_folding_removes_case_marks_and_compatibility_forms(text: str, folded: str) -> None:
    """This holds in every script."""
    assert fold(text) == folded


def test_words_are_runs_of_letters_and_digits() -> None:
    """Everything else separates words."""
    assert words("iPhone15ケース 서울Tower ภาษา7") == ["iphone15", "ケース", "서울", "tower", "ภาษา", "7"]
    assert words("Harry-Potter's 3rd_book; 東京 ½ 😀x") == ["harry", "potter", "s", "3rd", "book", "東京", "1", "2", "x"]
    assert words("…!") == []
    assert words("a" * 300) == ["a" * MAX_WORD]
    assert words("é" * 300) == ["e" * MAX_WORD]
    every_ascii = "".join(f"x{chr(code)}y" for code in range(128))
    assert words(every_ascii) == words(f"{every_ascii} é")[:-1]


@pytest.mark.parametrize(
    ("text", "named"), [("a\x00", "U+0000"), ("\ud83d", "U+D83D"), ("é\udc80", "U+DC80"), ("plain", None), ("ü😀", None)]
)
def test_unstorable_characters_are_named(text: str, named: str | None) -> None:
    """These are NUL and lone surrogates."""
    description = find_unstorable(text)
    assert description is None if named is None else named in str(description)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_splitting_a_word_again_gives_the_same_word(text: str) -> None:
    """So an indexed word finds itself. A word contains only letters and digits, and no marks."""
    for word in words(text):
        assert word.isalnum()
        assert not any(unicodedata.category(char).startswith("M") for char in word)
        assert words(word) == [word]


def test_every_latin_letter_in_use_is_folded_to_plain_ones() -> None:
    """Covers Latin-1, Extended-A, Extended-B and Additional, except clicks, tone letters and the Catalan l with a dot."""
    not_folded = set()
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        letter = chr(code)
        if unicodedata.category(letter)[0] == "L" and not fold(letter).isascii():
            not_folded.add(fold(letter))
    assert not_folded == {*"ƅƨƽǀǁǂǃ", "l·"}


def test_the_tables_map_each_letter_once_to_plain_letters() -> None:
    """Letters are in lower case and fully decomposed."""
    letters = "".join(LATIN.values()) + DROPPED + "".join(ROMANIZED)
    assert len(letters) == len(set(letters))
    assert all(re.fullmatch("[a-z]+", plain) for plain in LATIN)
    assert all(re.fullmatch("[a-z]*", plain) for plain in ROMANIZED.values())
    assert unicodedata.normalize("NFKD", letters.casefold()) == letters


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_folding_is_idempotent(text: str) -> None:
    """So a name that is already folded has the same sort key."""
    folded = fold(text)
    assert fold(folded) == folded
