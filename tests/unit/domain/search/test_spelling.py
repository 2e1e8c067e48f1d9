"""Typing errors: which words may have been meant."""

import pytest

from catalog.domain.search.search import Search
from catalog.domain.search.spelling import corrections, stem
from catalog.domain.validation import Faults


@pytest.mark.parametrize(("asked", "known"), [("12345", "12346"), ("1234a", "12345")])
def test_numbers_are_neither_misspelt_nor_meant(asked: str, known: str) -> None:
    """Also where an older database still has them among its words."""
    search = Search.parse(asked, Faults())
    assert search is not None
    assert stem("12345") is None
    assert [one.meant for one in corrections(search, [[known]])] == []
