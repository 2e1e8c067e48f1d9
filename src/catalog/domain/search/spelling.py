"""Typing errors: which words are one away from another, and which names a search may have meant.

An error is one letter too many, too few or wrong, or two neighbours the wrong way round. A word of three letters or more
may have one; one word of a search may, while the others begin words of the name as ever. A number has none.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from catalog.domain.search.index_terms import can_be_misspelt
from catalog.domain.search.search import MAX_QUERY_WORDS, ItemTerms, SearchQuery

MIN_LENGTH = 3
"""Letters that a word has at least, to be taken for misspelt."""

MAX_SUGGESTIONS = 5
MAX_CANDIDATES = 2_000
"""Words that are looked at for one word of a search, by the store's order of words; beyond, some may be missed."""


class WordPattern(NamedTuple):
    """What two words that are one error apart have in common: at least one of the ends. And how long the other may be."""

    word: str
    head: str
    tail: str
    shortest: int
    longest: int


def word_pattern(word: str) -> WordPattern | None:
    """Say what words that are one error away from this one have in common with it; None when it is too short, or a number."""
    if len(word) < MIN_LENGTH or not can_be_misspelt(word):
        return None
    # An error touches one letter, or two neighbours. Between the ends there is a letter that belongs to neither.
    half = (len(word) - 1) // 2
    return WordPattern(word, word[:half], word[len(word) - half :], len(word) - 1, len(word) + 1)


def word_patterns(search: SearchQuery) -> list[WordPattern | None]:
    """Return the stem of each word of a search, where it has one; of none where it has too many words to look up."""
    few = len(search.terms) <= MAX_QUERY_WORDS
    return [word_pattern(word) if few else None for word in search.terms]


def matches_pattern(word: str, pattern: WordPattern) -> bool:
    """Whether a word shares an end with the stem's; what stores look words up by."""
    return pattern.shortest <= len(word) <= pattern.longest and (word.startswith(pattern.head) or word.endswith(pattern.tail))


def is_one_edit_apart(one: str, other: str) -> bool:
    """Whether one error makes one word of the other."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1 or one == other:
        return False
    begin = next((index for index, (mine, its) in enumerate(zip(one, other, strict=False)) if mine != its), len(one))
    if len(one) < len(other):
        return one[begin:] == other[begin + 1 :]
    swapped = one[begin : begin + 2] == other[begin : begin + 2][::-1] and one[begin + 2 :] == other[begin + 2 :]
    return swapped or one[begin + 1 :] == other[begin + 1 :]


class Correction(NamedTuple):
    """A search with one of its words put right: `begun` begin words of a name, and one of `meant` is a word of it."""

    prefixes: tuple[str, ...]
    alternatives: tuple[str, ...]


def corrections(search: SearchQuery, known: Sequence[Collection[str]]) -> Iterator[Correction]:
    """Put each word of a search right in turn; `known` has for each of its words those that may be meant."""
    for index, word in enumerate(search.terms):
        meant = tuple(sorted(each for each in known[index] if is_one_edit_apart(word, each) and can_be_misspelt(each)))
        if meant:
            yield Correction((*search.terms[:index], *search.terms[index + 1 :]), meant)


def is_corrected_by(terms: ItemTerms, correction: Correction) -> bool:
    """Return whether an item with these terms matches a corrected search.

    An alternative must be a whole word of the name; a part of a code, which is a term too, is not enough.
    """
    if set(correction.alternatives).isdisjoint(terms.suggestable.split()):
        return False
    name = terms.name.split()
    return all(any(term.startswith(prefix) for term in name) for prefix in correction.prefixes)
