"""Preferences (RFC 7240): what a caller would like, and may be told that he got."""

from http import HTTPStatus
from typing import Any

from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.responses.prepared import Header, PreparedResponse, no_content
from catalog.ports.cache import ResponseContent

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


def preference_applied(*names: str) -> Header:
    """Say which preferences were honoured."""
    return b"preference-applied", ", ".join(names).encode()


def write_response(scope: Any, status: int, content: ResponseContent, *headers: Header) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    """Answer a write with what there is now, or without it, as the caller prefers."""
    preferred = preferences(scope)
    if MINIMAL in preferred:
        tags = [its for its in content.headers if its[0] == b"etag"]
        if status == HTTPStatus.OK:
            return PreparedResponse(HTTPStatus.NO_CONTENT, no_content(*tags), *headers, preference_applied(MINIMAL))
        return PreparedResponse(status, no_content(*tags, (b"content-length", b"0")), *headers, preference_applied(MINIMAL))
    if REPRESENTATION in preferred:
        headers = (*headers, preference_applied(REPRESENTATION))
    return PreparedResponse(status, content, *headers)
