"""Text as the catalog compares it: valid, trimmed, folded. The one place that says what a word is.

Every store indexes and sorts what these functions return, and so all stores find the same items in the same order,
whatever collations and tokenizers the databases bring.
"""

import re
from functools import cache, lru_cache
from unicodedata import category, normalize

from catalog.domain.text.folding_table import DROPPED, LATIN

MAX_WORD = 256
"""Code points of a word that are looked at; below the limit of a Postgres lexeme (2,046 bytes) in any script."""

_REMEMBERED = 200
"""Characters of a text whose folded form is remembered for a while."""

_WORD = re.compile(r"[^\W_]+")
_RANGE = re.compile("(.)(?:-(.))?")
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's Default_Ignorable_Code_Point, and the format characters (category Cf) besides that have no glyph either."""

_BLANK = re.compile(f"[\\s\x00-\x1f\x7f-\x9f\u2800{_IGNORABLE}]*")
"""White space, controls, what is ignorable, and the Braille cell without dots."""

_SEEN = frozenset(chr(code) for code in range(0x21, 0x7F))
"""What most texts begin with."""

_ENDS = (
    "".join(chr(code) for code in range(0x3001) if chr(code).isspace() or category(chr(code)) == "Cc")
    + "\u00ad\u034f\u115f\u1160\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\u3164\ufeff\uffa0"
)
"""What is trimmed. Not variation selectors and tags, which belong to the emoji before them, nor the ends of bidi runs."""

UNSPACED = (
    # Thai, Lao, Burmese, Khmer, and the Tai scripts
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf"
    # Han, kana, bopomofo
    "\u3005-\u3007\u3021-\u303c\u3040-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
    # Hangul
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"
)
"""Letters (as they are folded) of scripts that put no spaces between words, or write endings onto them, as Korean does.

The inside of a character class of a regular expression."""

_HAS_UNSPACED = re.compile(f"[{UNSPACED}]")
_SEGMENT = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
_ASCII = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
"""Folds ASCII and parts its words in one go: what is no letter or digit becomes a space."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def find_unstorable(text: str) -> str | None:
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


def is_blank(text: str) -> bool:
    """Return whether nothing of the text can be seen."""
    return text[:1] not in _SEEN and _BLANK.fullmatch(text) is not None


def trim(text: str) -> str:
    """Return the text without white space and invisible characters at its ends."""
    return text.strip() if text.isascii() and text.isprintable() else text.strip(_ENDS)


def fold(text: str) -> str:
    """Return the text without case, marks, compatibility forms and invisible characters: the key by which names are sorted.

    NFKD, marks (general category M) stripped, Unicode's full case folding (the order of Unicode 15.0, section 5.18); Latin
    letters that do not decompose become plain ones (ø o, ß ss: `catalog.domain.text.folding_table`). NFC at the end puts
    Hangul syllables together again, and nothing else.
    """
    if text.isascii():
        return text.lower()
    return _folded(text) if len(text) <= _REMEMBERED else _folded.__wrapped__(text)


@lru_cache(maxsize=2_000)
def _folded(text: str) -> str:
    """Fold; names are folded three times on their way into a store."""
    return normalize("NFC", normalize("NFKD", normalize("NFKD", text).casefold()).translate(_folding()))


def words(text: str) -> list[str]:
    """Return the folded words of a text, in order: the longest runs of letters and digits, each cut at MAX_WORD.

    A run of an unspaced script (Chinese, Japanese, Thai, Korean, …) is a word of its own, also beside other letters.
    """
    if text.isascii():
        found = text.translate(_ASCII).split()
    else:
        text = fold(text)
        found = _WORD.findall(text)
        if _HAS_UNSPACED.search(text):
            found = [segment for word in found for segment in segments(word)]
    return found if len(text) <= MAX_WORD else [word[:MAX_WORD] for word in found]


def is_unspaced(word: str) -> bool:
    """Return whether a word is of a script without spaces."""
    return _HAS_UNSPACED.match(word) is not None


def segments(run: str) -> list[str]:
    """Part a run of folded letters and digits where a script without spaces begins or ends."""
    found: list[str] = _SEGMENT.findall(run)
    return found


@cache
def _folding() -> dict[int, str | None]:
    """What folding drops or replaces, as a table for str.translate.

    Every mark (they lie below U+1F000 and among the variation selectors of plane 14), what is ignorable, and LATIN.
    """
    planes = (range(0x0300, 0x1F000), range(0xE0100, 0xE01F0))
    table: dict[int, str | None] = {point: None for plane in planes for point in plane if category(chr(point))[0] == "M"}
    ends = (match.groups() for match in _RANGE.finditer(_IGNORABLE))
    table |= {point: None for first, last in ends for point in range(ord(first), ord(last or first) + 1)}
    table |= dict.fromkeys(map(ord, DROPPED))
    return table | {ord(letter): plain for plain, letters in LATIN.items() for letter in letters}
