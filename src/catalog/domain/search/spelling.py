"""Suggestions: words that are one typing error apart, and the names that a misspelled search may have meant.

A typing error is one missing, extra or wrong letter, or two adjacent letters swapped. Only words of three letters or more are
corrected, never numbers, and only one word per search; the other words must be prefixes of words in the name, as usual.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from catalog.domain.search.index_terms import can_be_corrected
from catalog.domain.search.search import MAX_QUERY_WORDS, ItemTerms, SearchQuery

MIN_LENGTH = 3
"""The minimum length of a word that may be corrected, in letters."""

MAX_SUGGESTIONS = 5
"""The maximum number of suggested items."""

MAX_CANDIDATES = 2_000
"""The maximum number of indexed words compared with one word of a search, in the store's order; others may be missed."""


class WordPattern(NamedTuple):
    """What a word one typing error away from `word` has in common with it: `head` or `tail`, and a length in this range."""

    word: str
    head: str
    tail: str
    shortest: int
    longest: int


def word_pattern(word: str) -> WordPattern | None:
    """Return the pattern of the words one typing error away, or None if the word is too short or a number."""
    if len(word) < MIN_LENGTH or not can_be_corrected(word):
        return None
    # An error affects one letter or two adjacent ones, so it cannot affect both head and tail: one letter lies between them.
    half = (len(word) - 1) // 2
    return WordPattern(word, word[:half], word[len(word) - half :], len(word) - 1, len(word) + 1)


def word_patterns(search: SearchQuery) -> list[WordPattern | None]:
    """Return the pattern of each term of a search, or None. All are None if the search has too many terms to look up."""
    is_short = len(search.terms) <= MAX_QUERY_WORDS
    return [word_pattern(term) if is_short else None for term in search.terms]


def matches_pattern(word: str, pattern: WordPattern) -> bool:
    """Return whether a word matches a pattern: the condition by which stores preselect words."""
    return pattern.shortest <= len(word) <= pattern.longest and (word.startswith(pattern.head) or word.endswith(pattern.tail))


def is_one_edit_apart(left: str, right: str) -> bool:
    """Return whether exactly one typing error turns one word into the other."""
    if len(left) > len(right):
        left, right = right, left
    if len(right) - len(left) > 1 or left == right:
        return False
    first = next((index for index, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), len(left))
    if len(left) < len(right):
        return left[first:] == right[first + 1 :]
    swapped = left[first : first + 2] == right[first : first + 2][::-1] and left[first + 2 :] == right[first + 2 :]
    return swapped or left[first + 1 :] == right[first + 1 :]


class Correction(NamedTuple):
    """A search with one word corrected: a name must have one of `alternatives` as a word, and a word for each of `prefixes`."""

    prefixes: tuple[str, ...]
    alternatives: tuple[str, ...]


def corrections(search: SearchQuery, candidates: Sequence[Collection[str]]) -> Iterator[Correction]:
    """Correct each term of a search in turn. `candidates` has the preselected words for each term."""
    for index, term in enumerate(search.terms):
        alternatives = tuple(
            sorted(word for word in candidates[index] if is_one_edit_apart(term, word) and can_be_corrected(word))
        )
        if alternatives:
            yield Correction((*search.terms[:index], *search.terms[index + 1 :]), alternatives)


def is_corrected_by(terms: ItemTerms, correction: Correction) -> bool:
    """Return whether an item with these terms matches a corrected search.

    An alternative must be a whole word of the name; a part of a code, which is a term too, is not enough.
    """
    if set(correction.alternatives).isdisjoint(terms.suggestable.split()):
        return False
    name = terms.name.split()
    return all(any(term.startswith(prefix) for term in name) for prefix in correction.prefixes)
