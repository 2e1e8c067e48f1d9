"""Preferences (RFC 7240): what a caller would like, and may be told that he got."""

from http import HTTPStatus
from typing import Any

from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.responses.prepared import Answer, Header, no_content
from catalog.ports.cache import Content

MINIMAL = "return=minimal"
REPRESENTATION = "return=representation"
ASYNCHRONOUS = "respond-async"


def preferences(scope: Any) -> list[str]:  # noqa: ANN401 - an ASGI scope
    """Return the preferences of a request, without their parameters; of those that contradict, the first counts."""
    said = header(scope, b"prefer")
    if said is None:
        return []
    found = [part.partition(";")[0].replace('"', "").replace(" ", "").lower() for part in said.split(",")]
    kept: dict[str, str] = {}
    for one in found:
        kept.setdefault(one.partition("=")[0], one)
    return list(kept.values())


def applied(*names: str) -> Header:
    """Say which preferences were honoured."""
    return b"preference-applied", ", ".join(names).encode()


def written(scope: Any, status: int, content: Content, *headers: Header) -> Answer:  # noqa: ANN401 - an ASGI scope
    """Answer a write with what there is now, or without it, as the caller prefers."""
    preferred = preferences(scope)
    if MINIMAL in preferred:
        tags = [its for its in content.headers if its[0] == b"etag"]
        if status == HTTPStatus.OK:
            return Answer(HTTPStatus.NO_CONTENT, no_content(*tags), *headers, applied(MINIMAL))
        return Answer(status, no_content(*tags, (b"content-length", b"0")), *headers, applied(MINIMAL))
    if REPRESENTATION in preferred:
        headers = (*headers, applied(REPRESENTATION))
    return Answer(status, content, *headers)
