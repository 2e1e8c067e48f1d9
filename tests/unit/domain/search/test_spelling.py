"""Typing errors: which words are corrected."""

import pytest

from catalog.domain.search.search import SearchQuery
from catalog.domain.search.spelling import corrections, word_pattern
from catalog.domain.validation import FieldErrors


@pytest.mark.parametrize(("q", "candidate"), [("12345", "12346"), ("1234a", "12345")])
def test_numbers_are_neither_corrected_nor_suggested(q: str, candidate: str) -> None:
    """Even if an older database still has numbers among its words."""
    search = SearchQuery.parse(q, FieldErrors())
    assert search is not None
    assert word_pattern("12345") is None
    assert [correction.alternatives for correction in corrections(search, [[candidate]])] == []
