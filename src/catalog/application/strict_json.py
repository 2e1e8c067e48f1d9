"""Strict JSON parsing (RFC 8259) for input: nothing is lost, guessed or silently dropped.

Numbers with a fraction or exponent, and very long integers, become DecimalLiterals, so no digit is lost. Duplicate member
names, NaN, invalid UTF-8 and documents nested too deeply are refused.
"""

import json
import re
from itertools import accumulate
from typing import Any

from catalog.domain.errors import Malformed, shorten
from catalog.domain.text.normalization import visible
from catalog.domain.values.decimal_literal import DecimalLiteral

MAX_DEPTH = 32
"""The maximum nesting depth of arrays and objects."""

_MAX_INT_LENGTH = 20
"""The maximum length of an integer in characters, including the sign: int64 needs 20."""

_DEPTH_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_IGNORED_BYTES = bytes(set(range(256)) - {*_DEPTH_STEPS, ord('"')})
"""The bytes that do not affect the depth of a document."""

_TOO_DEEP = f"Invalid JSON: nested more than {MAX_DEPTH} levels deep."
_WHITESPACE = re.compile(r"[ \t\n\r]*")


def read_json(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse a document from UTF-8 bytes. Raises Malformed."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        message = f"Invalid JSON: not UTF-8 at byte {error.start}."
        raise Malformed(message) from error
    if text.startswith("\ufeff"):
        message = "Invalid JSON: the document starts with a byte order mark; remove it."
        raise Malformed(message)
    return parse_json(text)


def parse_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Parse a document from text. Raises Malformed."""
    _check_depth(text)
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        message = f"Invalid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise Malformed(message) from error


def next_value(text: str, start: int) -> tuple[Any, int] | None:
    """Parse the value at or after `start` in a part of a document. Return the value and its end, or None if it is incomplete.

    A number at the very end counts as incomplete, because more digits may follow. Raises Malformed if no continuation of the
    text could make the value valid.
    """
    begin = skip_whitespace(text, start)
    try:
        value, end = _decoder.raw_decode(text, begin)
    except json.JSONDecodeError:
        return None
    except RecursionError as error:
        raise Malformed(_TOO_DEEP) from error
    _check_depth(text[begin:end])
    return None if end == len(text) and text[-1:] not in '}]"' else (value, end)


def to_json(value: object) -> str:
    """Encode a value that was parsed here. Numbers stay as they were written, and lone surrogates are escaped."""
    return visible(_encode(value))


def _encode(value: object) -> str:
    if isinstance(value, DecimalLiteral):
        return value.text
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(name, ensure_ascii=False)}: {_encode(member)}' for name, member in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_encode, value))}]"
    return json.dumps(value, ensure_ascii=False)


def skip_whitespace(text: str, start: int) -> int:
    """Return the end of the whitespace that starts at `start`."""
    match = _WHITESPACE.match(text, start)
    return match.end() if match else start


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object. Raises Malformed if a member name is repeated."""
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        message = f"Invalid JSON: an object has the member {shorten(repeated)!r} twice."
        raise Malformed(message)
    return members


def _parse_integer(text: str) -> int | DecimalLiteral:
    """Parse an integer. A very long one stays text, because Python parses it in quadratic time."""
    return int(text) if len(text) <= _MAX_INT_LENGTH else DecimalLiteral(text)


def _refuse_constant(text: str) -> Any:  # noqa: ANN401 - never returns
    """Refuse NaN and the infinities, which Python's parser accepts."""
    message = f"Invalid JSON: {text} is not a JSON number."
    raise Malformed(message)


_decoder = json.JSONDecoder(
    object_pairs_hook=_build_object, parse_float=DecimalLiteral, parse_int=_parse_integer, parse_constant=_refuse_constant
)


def _check_depth(text: str) -> None:
    """Refuse a document nested too deeply before the parser recurses into it. Raises Malformed."""
    if text.count("[") + text.count("{") > MAX_DEPTH and depth(text) > MAX_DEPTH:
        raise Malformed(_TOO_DEEP)


def depth(text: str) -> int:
    """Return the nesting depth of arrays and objects, in a few passes over the text, whatever it contains.

    Without escaped backslashes and escaped quotes, every quote starts or ends a string, so every second piece between quotes
    is outside of strings. Two adjacent quotes can be dropped without changing that. The depth of an invalid document is that
    of the part a parser would read.
    """
    structure = text.encode(errors="surrogatepass").replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _IGNORED_BYTES)
    outside = b"".join(structure.replace(b'""', b"").split(b'"')[::2])
    return max(accumulate(map(_DEPTH_STEPS.__getitem__, outside)), default=0)
