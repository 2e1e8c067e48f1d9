"""Highlights: where the words of a search begin terms of an item, shown in its own text."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from typing import NamedTuple

from catalog.domain.search.index_terms import matching_spans
from catalog.domain.search.search import SearchQuery
from catalog.domain.text.normalization import fold

_VOWEL_OR_FINAL = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")


def highlight(text: str | None, search: SearchQuery) -> str | None:
    """Return the text with `<mark>` around each word that a word of the search begins; None where there is none.

    Of a word without spaces around it (Chinese, Thai, …) only what was searched for is marked. The text is escaped for
    HTML, so that it can stand in a page as it is.
    """
    if not text:
        return None
    folded = _Folded.of(text)
    shown: list[str] = []
    last = 0
    for start, end in _merged(sorted(folded.place(start, end) for start, end in matching_spans(folded.text, search.terms))):
        shown += (escape(text[last:start]), f"<mark>{escape(text[start:end])}</mark>")
        last = end
    return "".join((*shown, escape(text[last:]))) if shown else None


class _Folded(NamedTuple):
    """A folded text, and where each of its characters stands in the text as it is; None: they are at the same places."""

    text: str
    starts: Sequence[int] | None
    ends: Sequence[int] | None

    @classmethod
    def of(cls, text: str) -> "_Folded":
        """Fold a text character by character."""
        if text.isascii():
            return cls(fold(text), None, None)
        clusters: list[tuple[int, int, str]] = []
        for index, sign in enumerate(text):
            folded = _fold_one(sign)
            if clusters and (not folded or _VOWEL_OR_FINAL.match(folded)):
                # Marks belong to the letter before them, and the vowels and finals of Hangul.
                start = clusters[-1][0]
                clusters[-1] = (start, index + 1, fold(text[start : index + 1]))
            else:
                clusters.append((index, index + 1, folded))
        starts = [start for start, _, folded in clusters for _ in folded]
        ends = [end for _, end, folded in clusters for _ in folded]
        return cls("".join(folded for _, _, folded in clusters), starts, ends)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return where a stretch of the folded text stands in the text as it is."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def _merged(places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Make one stretch of those that overlap or touch."""
    begin = end = -1
    for start, behind in places:
        if start > end:
            if begin >= 0:
                yield begin, end
            begin, end = start, behind
        else:
            end = max(end, behind)
    if begin >= 0:
        yield begin, end


@lru_cache(maxsize=4096)
def _fold_one(sign: str) -> str:
    """Fold one character."""
    return fold(sign)
