"""Index terms: the units of the search index. A word of a query matches the texts that have a term starting with it.

Most terms are words. In addition:

- A word in a script without spaces has an n-gram term of NGRAM_LENGTH characters starting at each character, so any part of
  it can be found.
- A code can be found without its punctuation, and by its parts: `KT-INS114` by `ktins114`, `ins114` and `114`, `Wi-Fi 6` by
  `wifi6`, `iPhone 15` by `iphone15`. A part is a run of letters or of digits. Parts are joined within a word, across
  punctuation, and across a space between a letter and a digit. A term starts at each part and includes the parts after it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from catalog.domain.text.normalization import MAX_WORD, UNSPACED, fold, is_unspaced, segments, words

NGRAM_LENGTH = 4
"""Characters per term in scripts without spaces. A longer query word must match with all its n-grams."""

MAX_CODE = 64
"""The maximum length of a joined term in characters: the maximum length of a SKU."""

MAX_CODES = 1_000
"""The maximum number of joined terms per text. Further codes are found only by their words.

Keeps the terms of an item below the 1 MB limit of a Postgres tsvector.
"""

MAX_PARTS = 8
"""The maximum number of parts in a code. A word that alternates more often between letters and digits is a hash."""

_HAS_UNSPACED = re.compile(f"[{UNSPACED}]")
_SEPARATOR = "\0"
"""Replaces characters of unspaced scripts so that codes do not extend across them. Never occurs in a text."""

_RUN = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")
_PART = re.compile(r"(\d+|[^\W\d_]+)([\W_]*)")
_PARTS = re.compile(r"\d+|[^\W\d_]+")


def _code_pattern(letter: str, digit: str, separator: str) -> re.Pattern[str]:
    """Return a pattern for codes of two or more joined parts. It runs in linear time: a match starts only at a word start."""
    either = f"(?={letter}|{digit})"
    return re.compile(
        f"(?<!{letter})(?<!{digit})"
        f"(?:{letter}++(?:{separator}++{either}|\\s*+(?={digit}))|{digit}++(?:{separator}++{either}|\\s*+(?={letter})))++"
        f"(?:{letter}|{digit})++"
    )


_CODE = _code_pattern(r"[^\W\d_]", r"\d", r"(?:[^\w\s\0]|_)")
_ASCII_CODE = _code_pattern("[a-z]", "[0-9]", r"[^a-z0-9\s\0]")


class CodePart(NamedTuple):
    """A part of a code: its text, its start, and the start and end of the word it belongs to."""

    text: str
    start: int
    word_start: int
    word_end: int


def query_terms(text: str) -> tuple[str, ...]:
    """Return the distinct terms to look up for a query: its words, and n-grams for unspaced scripts."""
    terms: dict[str, None] = {}
    for word in words(text):
        if len(word) > NGRAM_LENGTH and is_unspaced(word):
            terms |= dict.fromkeys(_ngrams(word, len(word) - NGRAM_LENGTH + 1))
        else:
            terms[word] = None
    return tuple(terms)


def name_terms(name: str) -> tuple[list[str], list[str]]:
    """Return the terms of a name, including all its words, and the words among them that can be suggested."""
    name_words = words(name)
    terms = _terms(name, name_words, join_words=True, keep_words=True)
    suggestable = list(filter(can_be_corrected, name_words))
    if not name.isascii():
        suggestable = [word for word in suggestable if len(word) <= NGRAM_LENGTH or not is_unspaced(word)]
    return terms, suggestable


def can_be_corrected(word: str) -> bool:
    """Return whether a word can be corrected. A number cannot: similar numbers belong to other products."""
    return not word.isdecimal()


def sku_terms(sku: str) -> list[str]:
    """Return the terms of a SKU, all of which is a single code, even across spaces."""
    if sku.isascii():
        return _suffixes(_code_parts(sku.lower()))
    return _terms(sku, words(sku), join_words=True, keep_words=True)


def index_terms(text: str) -> list[str]:
    """Return the terms of a text. Only codes that contain a digit are joined across punctuation."""
    return _terms(text, words(text), join_words=False, keep_words=False)


def _terms(text: str, text_words: list[str], *, join_words: bool, keep_words: bool) -> list[str]:
    """Return the terms of a text with these words.

    `join_words`: join words across punctuation even if the code has no digit (`T-Shirt`). `keep_words`: also keep words that a
    longer term starts with.
    """
    if text.isascii():
        # Without digits there are no codes, unless words may be joined: then there are none if only spaces separate the words.
        if "".join(text_words).isalpha() and not (join_words and len(text_words) != len(text.split())):
            return text_words
        codes = _ASCII_CODE.findall(text.lower())
    else:
        text = fold(text)
        if _HAS_UNSPACED.search(text):
            spaced = [word for word in text_words if not is_unspaced(word)]
            runs = (segment for run in _RUN.findall(text) for segment in segments(run))
            text_words = [*spaced, *(term for run in runs if is_unspaced(run) for term in _ngrams(run, len(run)))]
            text = _HAS_UNSPACED.sub(_SEPARATOR, text)
        codes = _CODE.findall(text)
    joined: list[str] = []
    covered: set[str] = set()
    for code in codes:
        if not join_words and not _DIGIT.search(code):
            continue
        code_terms = _suffixes(_code_parts(code))
        if len(joined) + len(code_terms) <= MAX_CODES:
            joined += code_terms
            if not keep_words:
                covered.update(_RUN.findall(code))
    if not joined:
        return text_words
    if covered:
        text_words = [word for word in text_words if word not in covered or len(word) > MAX_CODE]
    return list(dict.fromkeys((*text_words, *joined)))


def _code_parts(code: str) -> list[str]:
    """Split a code into parts. A word with more than MAX_PARTS parts counts as one part."""
    parts: list[str] = _PARTS.findall(code)
    return parts if len(parts) <= MAX_PARTS else [part for part, _ in _merge_hashes(_PART.findall(code))]


def _suffixes(parts: list[str]) -> list[str]:
    """Return a term for each part, joined with the parts after it."""
    if len(parts) == 2:  # noqa: PLR2004 - a fast path, since most codes have two parts
        head, tail = parts
        return [(head + tail)[:MAX_CODE], tail[:MAX_WORD]]
    term = ""
    terms = []
    for part in reversed(parts):
        term = (part + term)[:MAX_CODE] if term else part[:MAX_WORD]
        terms.append(term)
    return terms


def _merge_hashes(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Merge the parts of each word that has more than MAX_PARTS. Each part comes with the gap after it."""
    merged: list[tuple[str, str]] = []
    first = 0
    for part, gap in pairs:
        merged.append((part, gap))
        if gap:
            if len(merged) - first > MAX_PARTS:
                merged[first:] = [("".join(text for text, _ in merged[first:]), gap)]
            first = len(merged)
    if len(merged) - first > MAX_PARTS:
        merged[first:] = [("".join(text for text, _ in merged[first:]), "")]
    return merged


def _located_parts(code: str, offset: int) -> list[CodePart]:
    """Split a code that starts at `offset` into parts with their positions."""
    parts: list[CodePart] = []
    first = word_start = end = 0
    for text, gap in _PART.findall(code):
        parts.append(CodePart(text, offset + end, offset + word_start, 0))
        end += len(text)
        if gap or end == len(code):
            word_end = offset + end
            if len(parts) - first > MAX_PARTS:
                parts[first:] = [CodePart(code[word_start:end], offset + word_start, offset + word_start, word_end)]
            else:
                parts[first:] = [CodePart(*part[:3], word_end) for part in parts[first:]]
            end += len(gap)
            first, word_start = len(parts), end
    return parts


def matching_spans(folded: str, terms: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans of a folded text that match terms of a query: whole words, or just the term in unspaced scripts."""
    prefixes = tuple(terms)
    first_characters = {term[0] for term in terms}
    for run in _RUN.finditer(folded):
        start = run.start()
        for word in segments(run[0]):
            if is_unspaced(word):
                yield from _substring_spans(word, start, terms)
            elif word.startswith(prefixes):
                yield start, start + len(word)
            start += len(word)
    for code in _CODE.finditer(_HAS_UNSPACED.sub(_SEPARATOR, folded)):
        parts = _located_parts(code[0], code.start())
        for index, part in enumerate(parts):
            if part.text[0] in first_characters:
                text = "".join(following.text for following in parts[index : index + MAX_CODE])
                for term in terms:
                    if text.startswith(term):
                        yield part.word_start, _match_end(parts, index, len(term))


def _substring_spans(word: str, start: int, terms: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the terms in an unspaced word that starts at `start`."""
    for term in terms:
        index = word.find(term)
        while index >= 0:
            yield start + index, start + index + len(term)
            index = word.find(term, index + 1)


def _match_end(parts: Sequence[CodePart], index: int, length: int) -> int:
    """Return the end of the last word of a match that starts at part `index` and has `length` characters."""
    while length > len(parts[index].text):
        length -= len(parts[index].text)
        index += 1
    return parts[index].word_end


def _ngrams(word: str, count: int) -> Iterator[str]:
    """Return the n-grams of a word that start at its first `count` characters."""
    return (word[start : start + NGRAM_LENGTH] for start in range(count))
