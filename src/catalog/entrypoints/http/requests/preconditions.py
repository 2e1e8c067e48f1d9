"""Conditional requests (RFC 9110, section 13): ETag, If-Match, If-None-Match.

An ETag has the form `"<id>.<version>"`, optionally followed by a semicolon and whatever else the representation depends on.
If-None-Match compares the whole tag; If-Match compares only id and version.

Proxies that compress responses change ETags: nginx makes them weak (`W/"…"`), Apache and others append the coding (`"…-gzip"`,
`"…;gzip"`). If-Match accepts such tags, because they still identify an id and a version, so no update can be lost. (RFC 9110,
section 13.1.1, requires strong comparison, which is meant for tags that identify nothing but bytes.)
"""

import re
from typing import Any, NamedTuple
from uuid import UUID

from litestar.exceptions import HTTPException

from catalog.application.writes.write import Expected
from catalog.domain.change import Versioned
from catalog.domain.errors import Malformed
from catalog.entrypoints.http.requests.header_parameters import IF_ABSENT, IF_MATCH, IF_NONE_MATCH, HeaderParameter

_LIST_ELEMENT = re.compile(r'(?:W/)?+"([\x21\x23-\x7e\x80-\xff]*+)"[ \t]*+(?:,|\Z)')
_EMPTY_ELEMENTS = re.compile(r"[ \t,]*+")
_ETAG = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]{0,18})(?:[^0-9].*)?+", re.DOTALL)

_CODINGS = ("gzip", "br", "zstd", "deflate")
"""Content codings that proxies append to the ETags of responses they compress, after one of `_SEPARATORS`."""

_SEPARATORS = "-;:+_."


def etag(subject: Versioned, representation: str = "") -> str:
    """Return the strong ETag of an item or category; `representation` names whatever else the bytes depend on."""
    return f'"{subject.id.hex}.{subject.version}{representation and ";" + representation}"'


def parse_if_match(scope: Any, *, required: bool) -> Expected:  # noqa: ANN401 - an ASGI scope
    """Return the revisions in If-Match, as pairs of id and version; None if the header is missing or `*`.

    Weak tags, and tags that a proxy has changed, are accepted. Raises: Malformed; an HTTPException with 428 (RFC 6585,
    section 3) if the header is `required` and missing.
    """
    if required and IF_MATCH.read(scope) is None:
        raise HTTPException(status_code=428)
    tags = _parse_tags(scope, IF_MATCH)
    if tags is None:
        return None
    matches = [_ETAG.fullmatch(tag) for tag in tags]
    return {(UUID(match[1]), int(match[2])) for match in matches if match}


class PutConditions(NamedTuple):
    """The conditions of a PUT: replace only these revisions; the resource must exist (`present`), or must not (`absent`)."""

    expected: Expected
    present: bool
    absent: bool


def parse_put_conditions(scope: Any, *, required: bool) -> PutConditions:  # noqa: ANN401 - an ASGI scope
    """Parse If-Match, or `If-None-Match: *`. Raises what `parse_if_match` raises."""
    if_none_match = IF_ABSENT.read(scope)
    if if_none_match is not None and if_none_match.strip() != "*":
        message = "On PUT, the only valid value of If-None-Match is *, which creates the resource and never replaces one."
        raise Malformed(message)
    revisions = parse_if_match(scope, required=required and if_none_match is None)
    return PutConditions(revisions, IF_MATCH.read(scope) is not None, if_none_match is not None)


def has_preconditions(scope: Any) -> bool:  # noqa: ANN401 - an ASGI scope
    """Return whether a request has If-None-Match."""
    return IF_NONE_MATCH.read(scope) is not None


def is_not_modified(scope: Any, current: str) -> bool:  # noqa: ANN401 - an ASGI scope
    """Return whether If-None-Match matches the ETag of the response, compressed or not, by weak comparison. Raises Malformed."""
    tags = _parse_tags(scope, IF_NONE_MATCH)
    current_tag = current.removeprefix("W/").strip('"')
    return tags is None or any(tag == current_tag or _without_coding(tag) == current_tag for tag in tags)


def _without_coding(tag: str) -> str:
    """Remove the content coding that a proxy appended when it compressed the response."""
    for coding in _CODINGS:
        original = tag.removesuffix(coding)
        if original != tag:
            return original.rstrip(_SEPARATORS)
    return tag


def _parse_tags(scope: Any, parameter: HeaderParameter) -> list[str] | None:  # noqa: ANN401 - an ASGI scope
    """Parse a list of weak or strong tags, in linear time; None if the header is missing or `*`. Raises Malformed."""
    value = parameter.read(scope)
    if value is None or value.strip() == "*":
        return None
    tags = []
    position = _skip_empty_elements(value, 0)
    while position < len(value):
        match = _LIST_ELEMENT.match(value, position)
        if match is None:
            raise _invalid_tags(parameter)
        tags.append(match[1])
        position = _skip_empty_elements(value, match.end())
    if not tags:
        raise _invalid_tags(parameter)
    return tags


def _skip_empty_elements(value: str, start: int) -> int:
    """Return the end of the white space and empty list elements that begin at `start`."""
    match = _EMPTY_ELEMENTS.match(value, start)
    return match.end() if match else start


def _invalid_tags(parameter: HeaderParameter) -> Malformed:
    return Malformed(f'The header {parameter.name} must be * or a list of entity tags in double quotes: "abc", "def".')
