"""The encoding of a text file, from its first bytes.

UTF-8, UTF-16 and UTF-32 are recognized with certainty. Anything else is a guess (see `legacy_encodings`), reported as a warning.
"""

import codecs
import re
from dataclasses import dataclass
from difflib import get_close_matches
from encodings.aliases import aliases

from catalog.application.files.legacy_encodings import guess_codec
from catalog.domain.errors import FieldError, InvalidQuery

_MARKS = (
    # UTF-32 first: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_NAMES = {"utf-8-sig": "utf-8", "cp932": "shift-jis", "cp949": "euc-kr"} | {
    f"cp{page}": f"windows-{page}" for page in (874, *range(1250, 1259))
}
"""The usual names of encodings that Python calls otherwise."""

_MAX_DAMAGE = 0.25
"""Share of sequences that are not UTF-8, up to which a file counts as damaged UTF-8. By chance, few legacy texts are so close."""

_WIDE = ("utf-16", "utf-32")

_PATTERN_SIZE = 64 * 1024
"""Bytes in which UTF-16 and UTF-32 without a mark are recognized."""

_MIN_ASCII = 0.1
"""Minimum share of ASCII characters in UTF-16 without a mark. In any language, delimiters and digits alone are about as many."""

_SEPARATORS = frozenset(",;|\t\n\r:")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")

_NOT_TEXT = frozenset(
    f"{name}{suffix}"
    for name in (
        *("base64", "bz2", "hex", "quopri", "rot_13", "rot13", "uu", "zlib"),
        *("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"),
    )
    for suffix in ("", "_codec")
)
"""Python's codecs that decode no text, or none that files have."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding: Python's name of it, its usual name, and whether it is a guess."""

    codec: str
    name: str
    guessed: bool = False


UTF_8 = Encoding("utf-8", "utf-8")


def parse_encoding(text: str) -> Encoding:
    """Parse the name of an encoding that the caller gives, for reading: in UTF-8, a byte order mark is optional.

    Raises: InvalidQuery.
    """
    encoding = parse_output_encoding(text)
    return Encoding("utf-8-sig", encoding.name) if encoding.codec == "utf-8" else encoding


def parse_output_encoding(text: str) -> Encoding:
    """Parse the name of an encoding for writing: utf-8-sig, but not utf-8, has a byte order mark.

    Raises: InvalidQuery.
    """
    try:
        codec = codecs.lookup(text.strip()).name
    except (LookupError, ValueError):
        codec = ""
    if not codec or codec.replace("-", "_") in _NOT_TEXT:
        names = sorted({name.replace("_", "-") for name in {*aliases.values()} - _NOT_TEXT})
        matches = get_close_matches(text.strip().lower(), names, 1)
        hint = f" Did you mean {matches[0]}?" if matches else " Use a name such as utf-8, utf-16, windows-1252 or shift-jis."
        message = f"Unknown encoding {text!r:.50}.{hint}"
        raise InvalidQuery([FieldError(("encoding",), "unknown_encoding", message)])
    return Encoding(codec, _NAMES.get(codec, codec))


def given_encoding(text: str, sample: bytes) -> Encoding:
    """Return the encoding that the caller gives, for a file that begins with these bytes.

    A byte order mark is skipped, and decides the byte order of UTF-16 and UTF-32. Without one, they are as most computers write
    them, unless the zero bytes show otherwise.

    Raises: InvalidQuery.
    """
    encoding = parse_encoding(text)
    family = encoding.codec.removesuffix("-le").removesuffix("-be")
    if family not in _WIDE:
        return encoding
    marked = next((codec for mark, codec in _MARKS if codec == family and sample.startswith(mark)), None)
    if marked is not None:
        return Encoding(marked, marked)
    if encoding.codec != family:
        return encoding
    unmarked = _unmarked_unicode(sample)
    return unmarked if unmarked is not None and unmarked.codec.startswith(family) else Encoding(f"{family}-le", f"{family}-le")


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
    codec = guess_codec(sample)
    return Encoding(codec, _NAMES.get(codec, codec.replace("_", "-")), guessed=True)


def _unmarked_unicode(sample: bytes) -> Encoding | None:
    """Recognize UTF-16 and UTF-32 by the zero bytes of their ASCII characters, which are at fixed positions."""
    start = sample[: min(_PATTERN_SIZE, len(sample) // 2 * 2)]
    zeros = [start[offset::4].count(0) for offset in range(4)]
    quarter = len(start) // 4
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if not even + odd:
        return None
    wide = quarter > 0 and len(start) % 4 == 0
    for codec, fits in (
        # Beyond the first 65,536 characters, which tables hardly use, the second byte is not zero.
        ("utf-32-le", wide and zeros[2] == zeros[3] == quarter),
        ("utf-32-be", wide and zeros[0] == zeros[1] == quarter),
        ("utf-16-le", even == 0 and odd > len(start) // 2 * _MIN_ASCII),
        ("utf-16-be", odd == 0 and even > len(start) // 2 * _MIN_ASCII),
    ):
        if fits and _is_text(start, codec):
            return Encoding(codec, codec)
    return None


def _is_text(start: bytes, codec: str) -> bool:
    """Return whether bytes are a table in an encoding: with a separator, without control characters other than white space."""
    try:
        text = codecs.getincrementaldecoder(codec)().decode(start)
    except UnicodeDecodeError:
        return False
    return not _CONTROLS.search(text) and not _SEPARATORS.isdisjoint(text)


def _is_utf8(sample: bytes, *, is_whole: bool) -> bool:
    """Return whether the bytes are UTF-8, perhaps with a few damaged ones, whose rows are refused."""
    if sample.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text = decoder.decode(sample, final=is_whole)
    others = [char for char in text if char > "\x7f"]
    damaged = sum("\udc80" <= char <= "\udcff" for char in others)
    return damaged <= len(others) * _MAX_DAMAGE
