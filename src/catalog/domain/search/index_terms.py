"""Index terms: what a text is found by. A word of a query finds the texts that have a term which begins with it.

Most terms are the words themselves. Beyond these:

- A word of a script without spaces has a term beginning at each of its characters, WINDOW long, so that any part is found.
- A code is found without its signs and in its parts: `KT-INS114` as `ktins114`, `ins114` and `114`, `Wi-Fi 6` as `wifi6`,
  `iPhone 15` as `iphone15`. Parts are letters or digits. They are joined within a word, across signs, and across a space
  between a letter and a digit; a term begins at each part, and goes on through those that follow.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from catalog.domain.text.normalization import MAX_WORD, UNSPACED, fold, is_unspaced, segments, words

NGRAM_LENGTH = 4
"""Characters of a term of a script without spaces; a longer word of a query is looked for by all its windows."""

MAX_CODE = 64
"""Characters of a term that is joined of parts: as many as a SKU has."""

MAX_CODES = 1_000
"""Joined terms of a text; further codes are found by their words. It keeps an item's terms below a tsvector's megabyte."""

MAX_PARTS = 8
"""Parts of a word that is taken for a code; one that changes more often between letters and digits is a hash."""

_HAS_UNSPACED = re.compile(f"[{UNSPACED}]")
_APART = "\0"
"""Stands for characters that no code has, so that none goes on across them; no text has it."""

_RUN = re.compile(r"[^\W_]+")
_DIGIT = re.compile(r"\d")
_PART = re.compile(r"(\d+|[^\W\d_]+)([\W_]*)")
_PARTS = re.compile(r"\d+|[^\W\d_]+")


def _code(letter: str, digit: str, sign: str) -> re.Pattern[str]:
    """Match two parts or more that are joined. Nothing is matched twice: a word is tried from its first character only."""
    either = f"(?={letter}|{digit})"
    return re.compile(
        f"(?<!{letter})(?<!{digit})"
        f"(?:{letter}++(?:{sign}++{either}|\\s*+(?={digit}))|{digit}++(?:{sign}++{either}|\\s*+(?={letter})))++"
        f"(?:{letter}|{digit})++"
    )


_CODE = _code(r"[^\W\d_]", r"\d", r"(?:[^\w\s\0]|_)")
_ASCII_CODE = _code("[a-z]", "[0-9]", r"[^a-z0-9\s\0]")


class CodePart(NamedTuple):
    """A part of a code, where it begins, and where the word that it belongs to begins and ends."""

    part: str
    start: int
    begin: int
    end: int


def query_terms(text: str) -> tuple[str, ...]:
    """Return what a text is found by that has all words of this one, each once."""
    found: dict[str, None] = {}
    for word in words(text):
        if len(word) > NGRAM_LENGTH and is_unspaced(word):
            found |= dict.fromkeys(_windows(word, len(word) - NGRAM_LENGTH + 1))
        else:
            found[word] = None
    return tuple(found)


def name_terms(name: str) -> tuple[list[str], list[str]]:
    """Return the terms of a name, which has each of its words as they are; and those words that can be spelled wrong."""
    found = words(name)
    terms = _terms(name, found, signs=True, whole=True)
    spelled = list(filter(can_be_misspelt, found))
    if not name.isascii():
        spelled = [word for word in spelled if len(word) <= NGRAM_LENGTH or not is_unspaced(word)]
    return terms, spelled


def can_be_misspelt(word: str) -> bool:
    """Whether a word is none but a number: the numbers near that are those of other things."""
    return not word.isdecimal()


def sku_terms(sku: str) -> list[str]:
    """Return the terms of a SKU, which is one code of ASCII letters, digits and signs."""
    return _suffixes(_code_parts(sku.lower()))


def index_terms(text: str) -> list[str]:
    """Return the terms of a text. Parts are joined across signs where one of them is a number."""
    return _terms(text, words(text), signs=False, whole=False)


def _terms(text: str, found: list[str], *, signs: bool, whole: bool) -> list[str]:
    """Return the terms of a text with the words `found`; `whole`: also those words that a longer term begins with."""
    if text.isascii():
        # What has letters only has no codes; and where words are what spaces part, no signs are between them.
        if "".join(found).isalpha() and not (signs and len(found) != len(text.split())):
            return found
        codes = _ASCII_CODE.findall(text.lower())
    else:
        text = fold(text)
        if _HAS_UNSPACED.search(text):
            spaced = [word for word in found if not is_unspaced(word)]
            runs = (segment for run in _RUN.findall(text) for segment in segments(run))
            found = [*spaced, *(term for run in runs if is_unspaced(run) for term in _windows(run, len(run)))]
            text = _HAS_UNSPACED.sub(_APART, text)
        codes = _CODE.findall(text)
    joined: list[str] = []
    begun: set[str] = set()
    for code in codes:
        if not signs and not _DIGIT.search(code):
            continue
        made = _suffixes(_code_parts(code))
        if len(joined) + len(made) <= MAX_CODES:
            joined += made
            if not whole:
                begun.update(_RUN.findall(code))
    if not joined:
        return found
    if begun:
        found = [word for word in found if word not in begun or len(word) > MAX_CODE]
    return list(dict.fromkeys((*found, *joined)))


def _code_parts(code: str) -> list[str]:
    """Part a code; a word that has more than MAX_PARTS is one part."""
    parts: list[str] = _PARTS.findall(code)
    return parts if len(parts) <= MAX_PARTS else [part for part, _ in _without_hashes(_PART.findall(code))]


def _suffixes(parts: list[str]) -> list[str]:
    """Join each part to those that follow."""
    if len(parts) == 2:  # noqa: PLR2004 - as most codes have, so it is worth a short way
        head, tail = parts
        return [(head + tail)[:MAX_CODE], tail[:MAX_WORD]]
    text = ""
    found = []
    for part in reversed(parts):
        text = (part + text)[:MAX_CODE] if text else part[:MAX_WORD]
        found.append(text)
    return found


def _without_hashes(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Put the parts of a word together again where there are more than MAX_PARTS."""
    found: list[tuple[str, str]] = []
    first = 0
    for part, gap in pairs:
        found.append((part, gap))
        if gap:
            if len(found) - first > MAX_PARTS:
                found[first:] = [("".join(its for its, _ in found[first:]), gap)]
            first = len(found)
    if len(found) - first > MAX_PARTS:
        found[first:] = [("".join(its for its, _ in found[first:]), "")]
    return found


def _places(code: str, offset: int) -> list[CodePart]:
    """Part a code that begins at `offset`."""
    found: list[CodePart] = []
    first = begin = end = 0
    for part, gap in _PART.findall(code):
        found.append(CodePart(part, offset + end, offset + begin, 0))
        end += len(part)
        if gap or end == len(code):
            behind = offset + end
            if len(found) - first > MAX_PARTS:
                found[first:] = [CodePart(code[begin:end], offset + begin, offset + begin, behind)]
            else:
                found[first:] = [CodePart(its, start, start_of, behind) for its, start, start_of, _ in found[first:]]
            end += len(gap)
            first, begin = len(found), end
    return found


def matching_spans(folded: str, asked: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Return where the words of a query stand in a folded text: whole words, but exactly what is asked in unspaced ones."""
    beginnings = tuple(asked)
    signs = {each[0] for each in asked}
    for run in _RUN.finditer(folded):
        start = run.start()
        for word in segments(run[0]):
            if is_unspaced(word):
                yield from _inside(word, start, asked)
            elif word.startswith(beginnings):
                yield start, start + len(word)
            start += len(word)
    for code in _CODE.finditer(_HAS_UNSPACED.sub(_APART, folded)):
        places = _places(code[0], code.start())
        for index, place in enumerate(places):
            if place.part[0] in signs:
                text = "".join(its.part for its in places[index : index + MAX_CODE])
                for each in asked:
                    if text.startswith(each):
                        yield place.begin, _end(places, index, len(each))


def _inside(word: str, start: int, asked: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Return where the words of a query stand in an unspaced word that begins at `start`."""
    for each in asked:
        found = word.find(each)
        while found >= 0:
            yield start + found, start + found + len(each)
            found = word.find(each, found + 1)


def _end(places: Sequence[CodePart], index: int, length: int) -> int:
    """Return the end of the word in which so many characters end, counted from a part."""
    while length > len(places[index].part):
        length -= len(places[index].part)
        index += 1
    return places[index].end


def _windows(word: str, count: int) -> Iterator[str]:
    """Cut a word into windows that begin at each of its first `count` characters."""
    return (word[start : start + NGRAM_LENGTH] for start in range(count))
