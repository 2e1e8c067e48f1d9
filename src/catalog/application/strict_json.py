"""JSON read strictly (RFC 8259), as the catalog takes it from callers: nothing is lost, guessed or quietly dropped.

Numbers that an int cannot hold as written become Numerals. A member named twice, NaN, bytes that are no UTF-8 and
documents nested too deep are refused.
"""

import json
import re
from itertools import accumulate
from typing import Any

from catalog.domain.errors import Malformed, shorten
from catalog.domain.values.decimal_literal import DecimalLiteral

MAX_DEPTH = 32
"""How deep arrays and objects may be nested."""

_LONGEST_INT = 20
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_OTHER = bytes(set(range(256)) - {*_STEPS, ord('"')})
"""What the depth of a document does not depend on."""

_TOO_DEEP = f"The document is nested more than {MAX_DEPTH} deep."
_GAP = re.compile(r"[ \t\n\r]*")


def read_json(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Read a document. Raises Malformed."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        message = f"The document is not UTF-8: byte {error.start} is wrong."
        raise Malformed(message) from error
    if text.startswith("\ufeff"):
        message = "The document begins with a byte order mark; leave it out."
        raise Malformed(message)
    return parse_json(text)


def parse_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read a document from text. Raises Malformed."""
    _refuse_depth(text)
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        message = f"The document is no JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise Malformed(message) from error


def next_value(text: str, start: int) -> tuple[Any, int] | None:
    """Read the value at or after `start` of a stretch of JSON, and say where it ends; None when it is not whole yet.

    A number at the very end is taken as not whole. Raises Malformed for what no
    continuation could mend.
    """
    begin = skip_whitespace(text, start)
    try:
        value, end = _decoder.raw_decode(text, begin)
    except json.JSONDecodeError:
        return None
    except RecursionError as error:
        raise Malformed(_TOO_DEEP) from error
    _refuse_depth(text[begin:end])
    return None if end == len(text) and text[-1:] not in '}]"' else (value, end)


def skip_whitespace(text: str, start: int) -> int:
    """Return where the white space that begins at `start` ends."""
    match = _GAP.match(text, start)
    return match.end() if match else start


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object, unless it names a member twice."""
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        message = f"The document names the member {shorten(twice)!r} twice in one object."
        raise Malformed(message)
    return members


def _integer(text: str) -> int | DecimalLiteral:
    """Keep an integer as it is; one without end stays digits (Python reads those in quadratic time)."""
    return int(text) if len(text) <= _LONGEST_INT else DecimalLiteral(text)


def _constant(text: str) -> Any:  # noqa: ANN401 - never returns
    """Refuse NaN and the infinities, which Python's reader would take."""
    message = f"The document is no JSON: {text} is not a number that JSON has."
    raise Malformed(message)


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_float=DecimalLiteral, parse_int=_integer, parse_constant=_constant)


def _refuse_depth(text: str) -> None:
    """Refuse a document nested too deep, before the reader recurses into it."""
    if text.count("[") + text.count("{") > MAX_DEPTH and depth(text) > MAX_DEPTH:
        raise Malformed(_TOO_DEEP)


def depth(text: str) -> int:
    """Return how deep arrays and objects are nested in a document, in a few passes over the text, whatever it is.

    Once escaped backslashes and escaped quotes are gone, every quote begins or ends a string, and so every other piece between
    quotes stands outside of strings; two quotes side by side change nothing about that. What is no JSON is measured as far as a
    reader would get.
    """
    signs = text.encode(errors="surrogatepass").replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHER)
    outside = b"".join(signs.replace(b'""', b"").split(b'"')[::2])
    return max(accumulate(map(_STEPS.__getitem__, outside)), default=0)
