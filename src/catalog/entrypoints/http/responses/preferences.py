"""The request header Prefer and the response header Preference-Applied (RFC 7240)."""

from http import HTTPStatus
from typing import Any

from catalog.entrypoints.http.requests.header_parameters import PREFER
from catalog.entrypoints.http.responses.prepared import Header, PreparedResponse, no_content
from catalog.ports.cache import ResponseContent

MINIMAL = "return=minimal"
REPRESENTATION = "return=representation"
ASYNCHRONOUS = "respond-async"


def preferences(scope: Any) -> list[str]:  # noqa: ANN401 - an ASGI scope
    """Return the preferences of a request, without their parameters. Of several for the same name, the first counts."""
    value = PREFER.read(scope)
    if value is None:
        return []
    parsed = [part.partition(";")[0].replace('"', "").replace(" ", "").lower() for part in value.split(",")]
    by_name: dict[str, str] = {}
    for preference in parsed:
        by_name.setdefault(preference.partition("=")[0], preference)
    return list(by_name.values())


def preference_applied(*names: str) -> Header:
    """Return the header that lists the preferences that were honored."""
    return b"preference-applied", ", ".join(names).encode()


def write_response(scope: Any, status: int, content: ResponseContent, *headers: Header) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    """Return the response to a write: with the new representation, or without it if the client prefers return=minimal."""
    preferred = preferences(scope)
    if MINIMAL in preferred:
        etags = [header for header in content.headers if header[0] == b"etag"]
        if status == HTTPStatus.OK:
            return PreparedResponse(HTTPStatus.NO_CONTENT, no_content(*etags), *headers, preference_applied(MINIMAL))
        return PreparedResponse(status, no_content(*etags, (b"content-length", b"0")), *headers, preference_applied(MINIMAL))
    if REPRESENTATION in preferred:
        headers = (*headers, preference_applied(REPRESENTATION))
    return PreparedResponse(status, content, *headers)
