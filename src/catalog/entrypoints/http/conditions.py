"""Conditional requests (RFC 9110, section 13): ETag, If-Match, If-None-Match.

An ETag names the row and its version, `"<id>.<version>"`, and after a semicolon what else distinguishes a
representation. If-None-Match compares all of it; If-Match only what stands before the semicolon.
"""

import re
from typing import Any, NamedTuple
from uuid import UUID

from litestar.exceptions import HTTPException

from catalog.application.changing import Expected
from catalog.domain.change import Versioned
from catalog.domain.errors import Malformed
from catalog.entrypoints.http.headers import header

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_LIST = re.compile(rf"[ \t,]*(?:{_TAG.pattern})(?:[ \t]*,[ \t,]*(?:{_TAG.pattern}))*[ \t,]*")
_OURS = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]{0,18})(?:;.*)?")


def etag(subject: Versioned, representation: str = "") -> str:
    """Return the strong ETag of an item or category; `representation` says what else its bytes depend on."""
    return f'"{subject.id.hex}.{subject.version}{representation and ";" + representation}"'


def expected(scope: Any, *, required: bool) -> Expected:  # noqa: ANN401 - an ASGI scope
    """Return the revisions that If-Match names; None when there is no such header, or it says `*`.

    The comparison is strong: a weak tag matches nothing. Raises Malformed; an HTTPException with 428 (RFC 6585, section 3)
    when the header is `required` and missing.
    """
    if required and header(scope, b"if-match") is None:
        raise HTTPException(status_code=428)
    tags = _tags(scope, b"if-match")
    if tags is None:
        return None
    matches = [_OURS.fullmatch(tag) for weak, tag in tags if not weak]
    return {(UUID(match[1]), int(match[2])) for match in matches if match}


class Placing(NamedTuple):
    """Where something may be put: on these revisions, only where there is something (`present`), or nothing (`absent`)."""

    expected: Expected
    present: bool
    absent: bool


def placing(scope: Any, *, required: bool) -> Placing:  # noqa: ANN401 - an ASGI scope
    """Return the condition of a PUT: If-Match, or If-None-Match with `*`. Raises what `expected` raises."""
    absent = header(scope, b"if-none-match")
    if absent is not None and absent.strip() != "*":
        message = "On PUT, the header If-None-Match is *: create, and replace nothing."
        raise Malformed(message)
    revisions = expected(scope, required=required and absent is None)
    return Placing(revisions, header(scope, b"if-match") is not None, absent is not None)


def conditional(scope: Any) -> bool:  # noqa: ANN401 - an ASGI scope
    """Whether a request has If-None-Match at all."""
    return any(name == b"if-none-match" for name, _ in scope["headers"])


def unchanged(scope: Any, current: str) -> bool:  # noqa: ANN401 - an ASGI scope
    """Whether If-None-Match names the representation that would be sent. The comparison is weak. Raises Malformed."""
    tags = _tags(scope, b"if-none-match")
    return tags is None or current.removeprefix("W/").strip('"') in [tag for _, tag in tags]


def _tags(scope: Any, name: bytes) -> list[tuple[bool, str]] | None:  # noqa: ANN401 - an ASGI scope
    """Read a list of tags as (weak, tag); None for `*`, or for no header."""
    value = header(scope, name)
    if value is None or value.strip() == "*":
        return None
    if not _LIST.fullmatch(value):
        message = f'The header {name.decode().title()} is * or a list of entity tags in double quotes: "abc", "def".'
        raise Malformed(message)
    return [(bool(weak), tag) for weak, tag in _TAG.findall(value)]
