"""Folding and words: what is the same to a searcher."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.text import MAX_WORD, fold, unstorable, words


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
    ],
)
def test_case_marks_and_compatibility_forms_do_not_count(text: str, folded: str) -> None:
    """In any script."""
    assert fold(text) == folded


def test_words_are_runs_of_letters_and_digits() -> None:
    """Everything else parts them."""
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
    found = unstorable(text)
    assert found is None if said is None else said in str(found)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_folding_twice_is_folding_once_as_far_as_words_go(text: str) -> None:
    """So that what is indexed is found by itself; and no word holds a mark, or anything but letters and digits."""
    for word in words(text):
        assert word.isalnum()
        assert not any(unicodedata.category(sign).startswith("M") for sign in word)
        assert words(word) == [word]
