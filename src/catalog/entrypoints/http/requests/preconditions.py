"""Conditional requests (RFC 9110, section 13): ETag, If-Match, If-None-Match.

An ETag names the row and its version, `"<id>.<version>"`, and after a semicolon what else distinguishes a
representation. If-None-Match compares all of it; If-Match only the row and the version.

Proxies that compress on the way change ETags: nginx makes them weak (`W/"…"`), Apache and others append the coding (`"…-gzip"`,
`"…;gzip"`). Such a tag still names a row and its version, so If-Match takes it, and no update can be lost by that. (RFC 9110,
section 13.1.1, wants the strong comparison for tags that name nothing but bytes.)
"""

import re
from typing import Any, NamedTuple
from uuid import UUID

from litestar.exceptions import HTTPException

from catalog.application.writes.commit import Expected
from catalog.domain.change import Versioned
from catalog.domain.errors import Malformed
from catalog.entrypoints.http.requests.headers import header

_ELEMENT = re.compile(r'(?:W/)?+"([\x21\x23-\x7e\x80-\xff]*+)"[ \t]*+(?:,|\Z)')
_EMPTY = re.compile(r"[ \t,]*+")
_ETAG = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]{0,18})(?:[^0-9].*)?+", re.DOTALL)

_CODINGS = ("gzip", "br", "zstd", "deflate")
"""What proxies append to the tags of answers that they compress, after one of these signs."""

_JOINTS = "-;:+_."


def etag(subject: Versioned, representation: str = "") -> str:
    """Return the strong ETag of an item or category; `representation` says what else its bytes depend on."""
    return f'"{subject.id.hex}.{subject.version}{representation and ";" + representation}"'


def parse_if_match(scope: Any, *, required: bool) -> Expected:  # noqa: ANN401 - an ASGI scope
    """Return the revisions that If-Match names; None when there is no such header, or it says `*`.

    Weak tags, and those that a proxy marked, name a revision as well. Raises Malformed; an HTTPException with 428 (RFC 6585,
    section 3) when the header is `required` and missing.
    """
    if required and header(scope, b"if-match") is None:
        raise HTTPException(status_code=428)
    tags = _tags(scope, b"if-match")
    if tags is None:
        return None
    matches = [_ETAG.fullmatch(tag) for tag in tags]
    return {(UUID(match[1]), int(match[2])) for match in matches if match}


class PutConditions(NamedTuple):
    """Where something may be put: on these revisions, only where there is something (`present`), or nothing (`absent`)."""

    expected: Expected
    present: bool
    absent: bool


def parse_put_conditions(scope: Any, *, required: bool) -> PutConditions:  # noqa: ANN401 - an ASGI scope
    """Return the condition of a PUT: If-Match, or If-None-Match with `*`. Raises what `expected` raises."""
    absent = header(scope, b"if-none-match")
    if absent is not None and absent.strip() != "*":
        message = "On PUT, the header If-None-Match is *: create, and replace nothing."
        raise Malformed(message)
    revisions = parse_if_match(scope, required=required and absent is None)
    return PutConditions(revisions, header(scope, b"if-match") is not None, absent is not None)


def has_preconditions(scope: Any) -> bool:  # noqa: ANN401 - an ASGI scope
    """Whether a request has If-None-Match at all."""
    return any(name == b"if-none-match" for name, _ in scope["headers"])


def is_not_modified(scope: Any, current: str) -> bool:  # noqa: ANN401 - an ASGI scope
    """Whether If-None-Match names the representation that would be sent, compressed or not. The comparison is weak.

    Raises Malformed.
    """
    tags = _tags(scope, b"if-none-match")
    sent = current.removeprefix("W/").strip('"')
    return tags is None or any(tag == sent or _without_coding(tag) == sent for tag in tags)


def _without_coding(tag: str) -> str:
    """Take off what a proxy appended when it compressed the answer."""
    for coding in _CODINGS:
        stem = tag.removesuffix(coding)
        if stem != tag:
            return stem.rstrip(_JOINTS)
    return tag


def _tags(scope: Any, name: bytes) -> list[str] | None:  # noqa: ANN401 - an ASGI scope
    """Read a list of tags, weak or strong; None for `*`, or for no header. No part of it is read twice, whatever it is."""
    value = header(scope, name)
    if value is None or value.strip() == "*":
        return None
    tags = []
    position = _gap_end(value, 0)
    while position < len(value):
        match = _ELEMENT.match(value, position)
        if match is None:
            raise _no_tags(name)
        tags.append(match[1])
        position = _gap_end(value, match.end())
    if not tags:
        raise _no_tags(name)
    return tags


def _gap_end(value: str, start: int) -> int:
    """Return where the white space and empty elements that begin at `start` end."""
    match = _EMPTY.match(value, start)
    return match.end() if match else start


def _no_tags(name: bytes) -> Malformed:
    return Malformed(f'The header {name.decode().title()} is * or a list of entity tags in double quotes: "abc", "def".')
