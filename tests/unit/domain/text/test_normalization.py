"""Folding and words: what is the same to a searcher."""

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
def test_case_marks_and_compatibility_forms_do_not_count(text: str, folded: str) -> None:
    """In any script."""
    assert fold(text) == folded


def test_words_are_runs_of_letters_and_digits() -> None:
    """Everything else parts them."""
    assert words("iPhone15ケース 서울Tower ภาษา7") == ["iphone15", "ケース", "서울", "tower", "ภาษา", "7"]
    assert words("Harry-Potter's 3rd_book; 東京 ½ 😀x") == ["harry", "potter", "s", "3rd", "book", "東京", "1", "2", "x"]
    assert words("…!") == []
    assert words("a" * 300) == ["a" * MAX_WORD]
    assert words("é" * 300) == ["e" * MAX_WORD]
    every = "".join(f"x{chr(code)}y" for code in range(128))
    assert words(every) == words(f"{every} é")[:-1]


@pytest.mark.parametrize(
    ("text", "said"), [("a\x00", "U+0000"), ("\ud83d", "U+D83D"), ("é\udc80", "U+DC80"), ("plain", None), ("ü😀", None)]
)
def test_what_no_store_can_keep_is_named(text: str, said: str | None) -> None:
    """NUL, and halves of surrogate pairs."""
    found = find_unstorable(text)
    assert found is None if said is None else said in str(found)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_folding_twice_is_folding_once_as_far_as_words_go(text: str) -> None:
    """So that what is indexed is found by itself; and no word holds a mark, or anything but letters and digits."""
    for word in words(text):
        assert word.isalnum()
        assert not any(unicodedata.category(sign).startswith("M") for sign in word)
        assert words(word) == [word]


def test_every_latin_letter_in_use_is_folded_to_plain_ones() -> None:
    """Of the blocks Latin-1, Extended A and B, and Additional; but for clicks, tone letters and the Catalan l with a dot."""
    left = set()
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        sign = chr(code)
        if unicodedata.category(sign)[0] == "L" and not fold(sign).isascii():
            left.add(fold(sign))
    assert left == {*"ƅƨƽǀǁǂǃ", "l·"}


def test_the_table_has_each_letter_once_and_only_plain_letters_for_it() -> None:
    """As lower case, decomposed as far as it goes."""
    letters = "".join(LATIN.values()) + DROPPED + "".join(ROMANIZED)
    assert len(letters) == len(set(letters))
    assert all(re.fullmatch("[a-z]+", plain) for plain in LATIN)
    assert all(re.fullmatch("[a-z]*", plain) for plain in ROMANIZED.values())
    assert unicodedata.normalize("NFKD", letters.casefold()) == letters


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_folding_twice_is_folding_once(text: str) -> None:
    """Letters at least; so that a name's sort key is the same wherever it comes from."""
    once = fold(text)
    assert fold(once) == once
