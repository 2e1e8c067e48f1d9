"""Guesses the legacy encoding of a text, such as Windows-1252, by the words that it would contain.

Catalogs are a hard case for general detectors: most of their text is ASCII, and the rest is a few short names. So each common
encoding is rated by how much of the non-ASCII text becomes words of its languages. Where none fits, charset-normalizer decides,
which knows more languages and needs more text.
"""

import codecs
import re
from collections import Counter
from collections.abc import Callable, Mapping

_SAMPLE_SIZE = 32 * 1024
"""Bytes of lines with non-ASCII characters from which an encoding is guessed. More makes it slow, not better."""

_GOOD_RATING = 0.5
"""The rating from which a common encoding is accepted without asking charset-normalizer."""

_MIXED_LANGUAGES = 0.97
"""How text in several languages of an encoding is rated, compared to text in one."""

_RARE_ENCODING = 0.9
"""How text is rated in encodings that few files have now, so that they need to fit clearly better than others."""

_HALF_WIDTH = 0.95
"""How much a half-width katakana counts: bytes of many encodings look like them, and few Japanese texts have them now."""

_WRONG_BYTE = 2
"""How many characters a byte counts that the encoding does not have."""

_PUNCTUATION = frozenset("\xa0–—‘’“”„‚•…·‹›«»")
_SIGNS = frozenset("€£¥°²³¹½¼¾±×®™©§µºª‰¢†")
_OPENING_MARKS = frozenset("¿¡")

_WESTERN = ("äöüßéèà", "àâæçéèêëîïôœùûü", "áéíóúüñ", "áâãàçéêíóôõú", "àèéìíòóù", "åäöæøé", "ëïéèöüáóêç", "áðéíóúýþæö")
_CENTRAL = ("ąćęłńóśźż", "áčďéěíňóřšťúůýžäĺľŕô", "áéíóöőúüű", "čćđšž", "ăâîşţ")
_ALPHABETS: Mapping[str, tuple[str, ...]] = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": ("çğıöşüâîû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž"),
    "mac_roman": _WESTERN,
}
"""The non-ASCII letters of the languages of each encoding of the Latin script, in lower case."""

_SCRIPTS: Mapping[str, re.Pattern[str]] = {
    "cp1255": re.compile("(?:[א-ת]*[אבגדהוזחטיךלםןסעףץקרשת])"),
    "cp1251": re.compile("[А-яЁёЄєІіЇїҐґ]+"),
    "koi8_r": re.compile("[А-яЁё]+"),
    "cp866": re.compile("[А-яЁё]+"),
    "cp1253": re.compile("[Ͱ-Ͽ]+"),
    "cp1256": re.compile("[\u0600-\u06ff]+"),
    "cp874": re.compile("[ก-๛]+"),
}
"""The words of each encoding of another alphabet. In Hebrew, which looks like Russian, five letters have a form for the end."""

_KANA = "\u3041-\u30ff"


def _letters(characters: str) -> re.Pattern[str]:
    """Return a pattern for words of these characters, which do not touch small Latin letters."""
    return re.compile(f"(?<![a-z])[{characters}]+(?![a-z])")


_COMMON_CHARACTERS: Mapping[str, tuple[range, re.Pattern[str]]] = {
    "cp949": (range(0xB0, 0xC9), _letters("\uac00-\ud7a3")),
    "cp932": (range(0x88, 0x98), _letters(f"{_KANA}\u4e00-\u9fff\uff66-\uff9f")),
    "euc_jp": (range(0xB0, 0xD0), _letters(f"{_KANA}\u4e00-\u9fff")),
    "gb18030": (range(0xB0, 0xD8), _letters("\u4e00-\u9fff")),
    "big5": (range(0xA4, 0xC7), _letters("\u4e00-\u9fff")),
}
"""For encodings of East Asia: the first bytes of the characters in daily use, and which characters are letters."""

_EAST_ASIAN_SYMBOLS = re.compile("[\u3000-\u303f\uff00-\uff65]")
_RARE = ("mac_roman", "cp866")

_LATIN = ("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1257")
CODECS = (*_LATIN, *(codec for codec in _SCRIPTS if codec != "cp874"), *_COMMON_CHARACTERS, "cp874", "mac_roman")
"""The encodings that are rated. Of those that fit equally well the first is taken, so Windows-1252 comes before the others."""

_LINE_END = re.compile(rb"[\r\n]")
_WORD = re.compile(r"[^\W\d_]+")
_NON_ASCII = re.compile(r"[^\x00-\x7f]")


def guess_codec(sample: bytes) -> str:
    """Guess the encoding of a text that has non-ASCII characters and is not UTF-8. Return its codec."""
    text = _lines_to_rate(sample)
    ratings = {codec: _rate(text, codec) for codec in CODECS}
    best = max(ratings, key=lambda codec: ratings[codec])
    if ratings[best] >= _GOOD_RATING:
        return best
    from charset_normalizer import from_bytes  # noqa: PLC0415 - heavy, and rarely needed

    match = from_bytes(text, enable_fallback=False).best()
    # Encodings of EBCDIC and UTF-7 fit any bytes; no file that can be read as CSV is in one.
    return match.encoding if match is not None and _keeps_ascii(match.encoding) else best


def _keeps_ascii(codec: str) -> bool:
    return b'sku,"1"\n'.decode(codec, errors="replace") == 'sku,"1"\n'


def _lines_to_rate(sample: bytes) -> bytes:
    """Return lines of the sample that have non-ASCII characters."""
    lines = []
    size = 0
    for line in _LINE_END.split(sample):
        if not line.isascii():
            lines.append(line[:_SAMPLE_SIZE])
            size += len(line)
            if size > _SAMPLE_SIZE:
                break
    return b"\n".join(lines)


def _rate(sample: bytes, codec: str) -> float:
    """Return how much of the non-ASCII text is words and symbols in this encoding, from 0 to 1."""
    text = codecs.getincrementaldecoder(codec)("replace").decode(sample)
    total = len(_NON_ASCII.findall(text)) + (_WRONG_BYTE - 1) * text.count("\ufffd")
    if not total:
        return 0
    rate: Callable[[str, str], float] = _rate_latin
    if codec in _SCRIPTS:
        rate = _rate_script
    elif codec in _COMMON_CHARACTERS:
        rate = _rate_east_asian
    rating = rate(text, codec) / total
    return rating * _RARE_ENCODING if codec in _RARE else rating


def _rate_latin(text: str, codec: str) -> float:
    """Count symbols, and the letters in words that are mostly ASCII and have only the letters of one language."""
    symbols = _count_symbols(text)
    letters: Counter[str] = Counter()
    for word in _WORD.findall(text):
        special = _NON_ASCII.findall(word)
        if special and (len(word) <= 2 or 3 * len(special) <= 2 * len(word)) and _has_normal_case(word):  # noqa: PLR2004 - "à"
            letters.update("".join(special).lower())
    alphabets = _ALPHABETS[codec]
    one = max(sum(letters[letter] for letter in alphabet) for alphabet in alphabets)
    all_together = sum(letters[letter] for letter in set("".join(alphabets)))
    return symbols + max(one, _MIXED_LANGUAGES * all_together)


def _rate_script(text: str, codec: str) -> float:
    """Count symbols, and the letters in words of the alphabet that are not mixed with Latin ones."""
    symbols = _count_symbols(text)
    script = _SCRIPTS[codec]
    return symbols + sum(len(word) for word in _WORD.findall(text) if script.fullmatch(word) and _has_normal_case(word))


def _count_symbols(text: str) -> int:
    """Count symbols where they belong: no letter follows a trademark sign, or precedes an inverted question mark."""
    count = 0
    for match in _NON_ASCII.finditer(text):
        before, symbol, after = text[match.start() - 1 : match.start()], match[0], text[match.end() : match.end() + 1]
        if symbol in _SIGNS:
            count += not after.isalpha() or (before.isdecimal() and symbol in "°£€")
        else:
            count += symbol in _PUNCTUATION or (symbol in _OPENING_MARKS and not before.isalpha())
    return count


def _has_normal_case(word: str) -> bool:
    """Return whether no letter within a word is upper case, unless all are."""
    return word[1:] == word[1:].lower() or word == word.upper()


def _rate_east_asian(text: str, codec: str) -> float:
    """Count symbols, kana, hangul, and the ideographs that are in daily use by the order of the encoding."""
    common, letters = _COMMON_CHARACTERS[codec]
    count = float(len(_EAST_ASIAN_SYMBOLS.findall(text)))
    kana = 0.0
    for run in letters.findall(text):
        for character in run:
            if "\u3041" <= character <= "\u30ff":
                kana += 1
            elif "\uff66" <= character <= "\uff9f":
                kana += _HALF_WIDTH if len(run) > 1 else 0
            elif character.encode(codec)[0] in common:
                count += 1
    # Without any kana, text that could be Japanese in EUC is more likely Chinese.
    return count * _RARE_ENCODING if codec == "euc_jp" and not kana else count + kana
