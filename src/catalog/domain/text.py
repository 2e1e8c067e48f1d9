"""Text as the catalog compares it: valid, trimmed, folded. The one place that says what a word is.

Every store indexes and sorts what these functions return, and so all stores find the same items in the same order,
whatever collations and tokenizers the databases bring.
"""

import re
from functools import cache, lru_cache
from unicodedata import category, normalize

MAX_WORD = 256
"""Code points of a word that are looked at; below the limit of a Postgres lexeme (2,046 bytes) in any script."""

_REMEMBERED = 200
"""Characters of a text whose folded form is remembered for a while."""

_WORD = re.compile(r"[^\W_]+")
_ASCII = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
"""Folds ASCII and parts its words in one go: what is no letter or digit becomes a space."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def unstorable(text: str) -> str | None:
    """Say what no store can keep alike in this text: U+0000 or half of a surrogate pair; None when all is well."""
    found = None if text.isascii() and "\x00" not in text else _UNSTORABLE.search(text)
    if found is None:
        return None
    if found[0] == "\x00":
        return "the character U+0000"
    return f"the lone surrogate U+{ord(found[0]):04X} (half a character, or bytes that are no UTF-8)"


def visible(text: str) -> str:
    """Return the text with what UTF-8 cannot hold (halves of surrogate pairs) written out, so that it can be shown."""
    return text.encode(errors="backslashreplace").decode()


def printable(text: str) -> str:
    """Return the text with every character that does not print (controls, halves of surrogate pairs) written out as an escape."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def fold(text: str) -> str:
    """Return the text without case, marks and compatibility forms: the key by which names are sorted.

    NFKD, marks (general category M) stripped, Unicode's full case folding; the order of Unicode 15.0, section 5.18.
    """
    if text.isascii():
        return text.lower()
    return _folded(text) if len(text) <= _REMEMBERED else _folded.__wrapped__(text)


@lru_cache(maxsize=2_000)
def _folded(text: str) -> str:
    """Fold; names are folded three times on their way into a store."""
    return normalize("NFKD", normalize("NFKD", text).casefold()).translate(_marks())


def words(text: str) -> list[str]:
    """Return the folded words of a text, in order: the longest runs of letters and digits, each cut at MAX_WORD."""
    if text.isascii():
        found = text.translate(_ASCII).split()
    else:
        text = fold(text)
        found = _WORD.findall(text)
    return found if len(text) <= MAX_WORD else [word[:MAX_WORD] for word in found]


@cache
def _marks() -> dict[int, None]:
    """Every mark, as a table for str.translate. They lie below U+1F000 and among the variation selectors of plane 14."""
    planes = (range(0x0300, 0x1F000), range(0xE0100, 0xE01F0))
    return {point: None for plane in planes for point in plane if category(chr(point))[0] == "M"}
