"""Text normalization: validation, trimming, folding, and the definition of a word.

Every store indexes and sorts the results of these functions, so all stores find the same items in the same order, regardless
of the collations and tokenizers of their databases.
"""

import re
from functools import cache, lru_cache
from unicodedata import category, normalize

from catalog.domain.text.folding_table import DROPPED, LATIN

MAX_WORD = 256
"""Maximum length of a word, in code points; below the limit of a Postgres lexeme (2,046 bytes) in any script."""

_MAX_CACHED_LENGTH = 200
"""Maximum length, in characters, of a text whose folded form is cached."""

_WORD = re.compile(r"[^\W_]+")
_RANGE = re.compile("(.)(?:-(.))?")
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's Default_Ignorable_Code_Point, plus the other format characters (category Cf) that have no glyph."""

_BLANK = re.compile(f"[\\s\x00-\x1f\x7f-\x9f\u2800{_IGNORABLE}]*")
"""White space, control characters, ignorable characters, and the blank Braille cell."""

_INVISIBLE = re.compile(f"[\u2800{_IGNORABLE}]")
"""Characters that Python counts as printable although they have no glyph, and others."""

_VISIBLE_ASCII = frozenset(chr(code) for code in range(0x21, 0x7F))
"""The first character of most texts; lets `is_blank` skip the regular expression."""

_TRIMMED = (
    "".join(chr(code) for code in range(0x3001) if chr(code).isspace() or category(chr(code)) == "Cc")
    + "\u00ad\u034f\u115f\u1160\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\u3164\ufeff\uffa0"
)
"""Characters that are trimmed. Not variation selectors and tags, which belong to the emoji before them, nor ends of bidi runs."""

UNSPACED = (
    # Thai, Lao, Burmese, Khmer, and the Tai scripts
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf"
    # Han, kana, bopomofo
    "\u3005-\u3007\u3021-\u303c\u3040-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
    # Hangul
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"
)
"""Folded letters of scripts without spaces between words, or with endings attached to words, as in Korean.

The content of a regular expression's character class."""

_HAS_UNSPACED = re.compile(f"[{UNSPACED}]")
_SEGMENT = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
_ASCII = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
"""Folds ASCII and separates its words in one pass: everything except letters and digits becomes a space."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys instead of showing it: control characters, line separators, changes of direction; and lone surrogates."""


def find_unstorable(text: str) -> str | None:
    """Describe the first character that not every store can hold: U+0000 or a lone surrogate. None if there is none."""
    match = None if text.isascii() and "\x00" not in text else _UNSTORABLE.search(text)
    if match is None:
        return None
    if match[0] == "\x00":
        return "the character U+0000"
    return f"the lone surrogate U+{ord(match[0]):04X} (half a character, or bytes that are not UTF-8)"


def find_invisible(text: str) -> str | None:
    """Return the first character that is not visible and not a plain space. None if there is none."""
    if text.isprintable() and (text.isascii() or not _INVISIBLE.search(text)):
        return None
    return next(char for char in text if not char.isprintable() or _INVISIBLE.match(char))


def visible(text: str) -> str:
    """Return the text with lone surrogates, which UTF-8 cannot encode, replaced by escapes."""
    return text.encode(errors="backslashreplace").decode()


def printable(text: str) -> str:
    """Return the text with every unprintable character (controls, lone surrogates) replaced by an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def find_control(text: str) -> str | None:
    """Return the first character that a terminal would obey, or that UTF-8 cannot encode. None if there is none."""
    match = None if text.isprintable() else _OBEYED.search(text)
    return None if match is None else match[0]


def escape_controls(text: str) -> str:
    """Return the text with every character that a terminal would obey replaced by an escape.

    Unlike `printable`, it leaves the spaces and joiners of names and emoji as they are.
    """
    return text if text.isprintable() else _OBEYED.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def is_blank(text: str) -> bool:
    """Return whether the text is empty or has no visible characters."""
    return text[:1] not in _VISIBLE_ASCII and _BLANK.fullmatch(text) is not None


def trim(text: str) -> str:
    """Return the text without leading and trailing white space and invisible characters."""
    return text.strip() if text.isascii() and text.isprintable() else text.strip(_TRIMMED)


def fold(text: str) -> str:
    """Return the text without case, marks, compatibility forms and invisible characters. Names are sorted by this key.

    Applies NFKD, removes marks (general category M), and applies full case folding (in the order of Unicode 15.0, section 5.18).
    Latin letters that do not decompose become plain ones (ø o, ß ss: `catalog.domain.text.folding_table`). The final NFC only
    recomposes Hangul syllables.
    """
    if text.isascii():
        return text.lower()
    return _folded(text) if len(text) <= _MAX_CACHED_LENGTH else _folded.__wrapped__(text)


@lru_cache(maxsize=2_000)
def _folded(text: str) -> str:
    """Fold a text that is not ASCII. Cached, because each name is folded three times before it is stored."""
    return normalize("NFC", normalize("NFKD", normalize("NFKD", text).casefold()).translate(_folding()))


def words(text: str) -> list[str]:
    """Return the folded words of a text, in order: the longest runs of letters and digits, each cut to MAX_WORD.

    A run of an unspaced script (Chinese, Japanese, Thai, Korean, …) is a separate word, even next to other letters.
    """
    if text.isascii():
        result = text.translate(_ASCII).split()
    else:
        text = fold(text)
        result = _WORD.findall(text)
        if _HAS_UNSPACED.search(text):
            result = [segment for word in result for segment in segments(word)]
    return result if len(text) <= MAX_WORD else [word[:MAX_WORD] for word in result]


def is_unspaced(word: str) -> bool:
    """Return whether a word is in an unspaced script."""
    return _HAS_UNSPACED.match(word) is not None


def segments(run: str) -> list[str]:
    """Split a run of folded letters and digits where an unspaced script starts or ends."""
    result: list[str] = _SEGMENT.findall(run)
    return result


@cache
def _folding() -> dict[int, str | None]:
    """Return the characters that folding drops or replaces, as a table for str.translate.

    These are all marks (which are below U+1F000 or among the variation selectors of plane 14), ignorable characters, DROPPED,
    and LATIN.
    """
    planes = (range(0x0300, 0x1F000), range(0xE0100, 0xE01F0))
    table: dict[int, str | None] = {point: None for plane in planes for point in plane if category(chr(point))[0] == "M"}
    ranges = (match.groups() for match in _RANGE.finditer(_IGNORABLE))
    table |= {point: None for first, last in ranges for point in range(ord(first), ord(last or first) + 1)}
    table |= dict.fromkeys(map(ord, DROPPED))
    return table | {ord(letter): plain for plain, letters in LATIN.items() for letter in letters}
