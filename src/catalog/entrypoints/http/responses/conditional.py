"""Conditional responses: 304 if the client has the current representation (RFC 9110, section 13)."""

from typing import Any

from catalog.entrypoints.http.requests.preconditions import has_preconditions, is_not_modified
from catalog.entrypoints.http.responses.prepared import PreparedResponse, no_content
from catalog.ports.cache import ResponseContent

HIT = (b"x-cache", b"HIT")
"""Header of a response from the cache; the request middleware adds MISS to all others."""


def respond_if_modified(scope: Any, content: ResponseContent, *, hit: bool = False) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    """Return a response with this content, or 304 if If-None-Match names its ETag. Raises Malformed."""
    status = 200
    if has_preconditions(scope):
        tag = next((header for header in content.headers if header[0] == b"etag"), None)
        if tag is not None and is_not_modified(scope, tag[1].decode()):
            status, content = 304, no_content(tag)
    return PreparedResponse(status, content, HIT) if hit else PreparedResponse(status, content)
