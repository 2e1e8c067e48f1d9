"""The encoding of a text file, from its first bytes.

UTF-8, UTF-16 and UTF-32 are recognized with certainty. Anything else is a guess by charset-normalizer, reported as a warning.
"""

import codecs
from dataclasses import dataclass
from difflib import get_close_matches
from encodings.aliases import aliases

from catalog.domain.errors import FieldError, InvalidQuery

_MARKS = (
    # UTF-32 first: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_NAMES = {"utf-8-sig": "utf-8", "cp932": "shift-jis"} | {f"cp{page}": f"windows-{page}" for page in range(1250, 1259)}
"""The usual names of encodings that Python calls otherwise."""

_CANDIDATES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2", "koi8_r", "mac_roman"),
    *("cp932", "euc_jp", "gb18030", "big5", "euc_kr"),
)
"""The legacy encodings that are considered, in the order in which ties are broken."""

_GUESS_SIZE = 64 * 1024
"""Bytes from which a legacy encoding is guessed. More text does not make the guess better, and takes longer."""

_MAX_DAMAGE = 0.25
"""Share of sequences that are not UTF-8, up to which a file counts as damaged UTF-8. By chance, few legacy texts are so close."""

_MAX_NOISE = 0.3
"""Texts that look more like noise than this, by charset-normalizer's measure, are not considered."""

_NOT_TEXT = frozenset(("base64", "bz2", "hex", "quopri", "rot_13", "uu", "zlib", "idna", "punycode", "undefined"))


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding: Python's name of it, its usual name, and whether it is a guess."""

    codec: str
    name: str
    guessed: bool = False


UTF_8 = Encoding("utf-8", "utf-8")


def parse_encoding(text: str) -> Encoding:
    """Parse the name of an encoding that the caller gives.

    Raises: InvalidQuery.
    """
    try:
        codec = codecs.lookup(text.strip()).name
    except (LookupError, ValueError):
        codec = ""
    if not codec or codec.replace("-", "_") in _NOT_TEXT:
        names = sorted({name.replace("_", "-") for name in aliases.values()} - _NOT_TEXT)
        matches = get_close_matches(text.strip().lower(), names, 1)
        hint = f" Did you mean {matches[0]}?" if matches else " Use a name such as utf-8, utf-16, windows-1252 or shift-jis."
        message = f"Unknown encoding {text!r:.50}.{hint}"
        raise InvalidQuery([FieldError(("encoding",), "unknown_encoding", message)])
    if codec == "utf-8":
        codec = "utf-8-sig"  # a mark is optional in UTF-8
    return Encoding(codec, _NAMES.get(codec, codec))


def detect_encoding(sample: bytes, *, is_whole: bool) -> Encoding:
    """Detect the encoding of a text that begins with these bytes; `is_whole` if it has no others."""
    for mark, codec in _MARKS:
        if sample.startswith(mark):
            return Encoding(codec, _NAMES.get(codec, codec))
    without_mark = _unmarked_unicode(sample)
    if without_mark is not None:
        return without_mark
    if _is_utf8(sample, is_whole=is_whole):
        return UTF_8
    return _guess(sample[:_GUESS_SIZE])


def _unmarked_unicode(sample: bytes) -> Encoding | None:
    """Recognize UTF-16 and UTF-32 by the zero bytes of their ASCII characters, which are at fixed positions."""
    start = sample[:4096]
    if start.count(0) < len(start) // 4 or not start:
        return None
    zeros = [start[offset::4].count(0) * 4 / len(start) for offset in range(4)]
    for codec, pattern in (
        ("utf-32-le", (0, 1, 1, 1)),
        ("utf-32-be", (1, 1, 1, 0)),
        ("utf-16-le", (0, 1, 0, 1)),
        ("utf-16-be", (1, 0, 1, 0)),
    ):
        if all(share > 0.5 if is_zero else share < 0.5 for share, is_zero in zip(zeros, pattern, strict=True)):  # noqa: PLR2004 - half
            return Encoding(codec, codec)
    return None


def _is_utf8(sample: bytes, *, is_whole: bool) -> bool:
    """Return whether the bytes are UTF-8, perhaps with a few damaged ones, whose rows are refused."""
    if sample.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text = decoder.decode(sample, final=is_whole)
    others = [char for char in text if char > "\x7f"]
    damaged = sum("\udc80" <= char <= "\udcff" for char in others)
    return damaged <= len(others) * _MAX_DAMAGE


def _guess(sample: bytes) -> Encoding:
    """Guess a legacy encoding: the one in which the text looks least like noise, or else Windows-1252, the most frequent one."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - takes 50 ms to import, and is rarely needed

    noise = {
        codec: match.chaos
        for match in from_bytes(sample, cp_isolation=list(_CANDIDATES), threshold=_MAX_NOISE)
        if not _is_half_width(str(match))
        for codec in match.could_be_from_charset
        if codec in _CANDIDATES
    }
    codec = min(noise, key=lambda codec: (round(noise[codec], 2), _CANDIDATES.index(codec)), default="cp1252")
    return Encoding(codec, _NAMES.get(codec, codec.replace("_", "-")), guessed=True)


def _is_half_width(text: str) -> bool:
    """Return whether most letters are half-width katakana: as Shift-JIS, Chinese texts look like that, but no Japanese ones."""
    half_width = sum("\uff61" <= char <= "\uff9f" for char in text)
    return half_width * 2 > sum(char > "\x7f" for char in text)
