"""Typing errors: which words may have been meant."""

import pytest

from catalog.domain.search.search import SearchQuery
from catalog.domain.search.spelling import corrections, word_pattern
from catalog.domain.validation import FieldErrors


@pytest.mark.parametrize(("asked", "known"), [("12345", "12346"), ("1234a", "12345")])
def test_numbers_are_neither_misspelt_nor_meant(asked: str, known: str) -> None:
    """Also where an older database still has them among its words."""
    search = SearchQuery.parse(asked, FieldErrors())
    assert search is not None
    assert word_pattern("12345") is None
    assert [one.alternatives for one in corrections(search, [[known]])] == []
