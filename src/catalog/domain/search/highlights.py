"""Highlights: the words of an item's text that a search matches, marked in the original text."""

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
    """Return the text with `<mark>` around each word that starts with a word of the search, or None if there is none.

    In scripts without spaces (Chinese, Thai, …) only the searched characters are marked. The text is HTML-escaped, so it can
    be inserted into a page.
    """
    if not text:
        return None
    folded = _FoldedText.from_text(text)
    parts: list[str] = []
    last = 0
    spans = sorted(folded.original_span(start, end) for start, end in matching_spans(folded.text, search.terms))
    for start, end in _merge_spans(spans):
        parts += (escape(text[last:start]), f"<mark>{escape(text[start:end])}</mark>")
        last = end
    return "".join((*parts, escape(text[last:]))) if parts else None


class _FoldedText(NamedTuple):
    """A folded text with the start and end of each character in the original text (None: at the same positions)."""

    text: str
    starts: Sequence[int] | None
    ends: Sequence[int] | None

    @classmethod
    def from_text(cls, text: str) -> "_FoldedText":
        """Fold a text character by character."""
        if text.isascii():
            return cls(fold(text), None, None)
        clusters: list[tuple[int, int, str]] = []
        for index, character in enumerate(text):
            folded = _fold_character(character)
            if clusters and (not folded or _VOWEL_OR_FINAL.match(folded)):
                # Marks, and Hangul vowels and finals, belong to the letter before them.
                start = clusters[-1][0]
                clusters[-1] = (start, index + 1, fold(text[start : index + 1]))
            else:
                clusters.append((index, index + 1, folded))
        starts = [start for start, _, folded in clusters for _ in folded]
        ends = [end for _, end, folded in clusters for _ in folded]
        return cls("".join(folded for _, _, folded in clusters), starts, ends)

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original text that a span of the folded text comes from."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def _merge_spans(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Merge sorted spans that overlap or touch."""
    merged_start = merged_end = -1
    for start, end in spans:
        if start > merged_end:
            if merged_start >= 0:
                yield merged_start, merged_end
            merged_start, merged_end = start, end
        else:
            merged_end = max(merged_end, end)
    if merged_start >= 0:
        yield merged_start, merged_end


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    """Fold one character."""
    return fold(character)
